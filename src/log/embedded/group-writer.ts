import type { Clock } from '../../lib/clock.ts';
import { type Disk, type DiskFile, diskErrorCode } from '../../lib/disk.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import type { Random } from '../../lib/random.ts';
import type { Append, LogEntry } from '../log.ts';
import { encodeSeal, recordBytes, writeRecord } from './format.ts';
import { createSegment, type Segment } from './recovery.ts';

const MAX_GROUP_BYTES = 8 << 20;
const PROBE_EVERY_MS = 1000;

interface Batch {
  readonly records: readonly Append[];
  readonly bytes: number;
  resolve(offsets: readonly number[]): void;
  reject(error: AtalaiaError): void;
}

export interface WriterOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly lingerMs: number;
  readonly segmentBytes: number;
  readonly maxQueuedBytes: number;
}

interface WriterEvents {
  /** A record became durable, at this position of the newest segment. */
  durable(entry: LogEntry, position: number): void;
  /** All records of a group were told of. */
  groupDone(): void;
}

/** Queues appends and writes them in groups, one write and one datasync each, at most one group at a time. */
export class GroupWriter {
  readonly #options: WriterOptions;
  readonly #segments: Segment[];
  readonly #events: WriterEvents;
  #file: DiskFile;
  #queue: Batch[] = [];
  #queuedBytes = 0;
  #state: 'open' | 'full' | 'failed' | 'closed' = 'open';
  #cause: unknown;
  #probedAt = 0;
  #startedAt = Number.NEGATIVE_INFINITY;
  #scheduled = false;
  #writing: Promise<void> | undefined;

  /** `segments` is shared with the reader; the last one is written to. */
  constructor(options: WriterOptions, segments: Segment[], file: DiskFile, events: WriterEvents) {
    this.#options = options;
    this.#segments = segments;
    this.#file = file;
    this.#events = events;
  }

  get #active(): Segment {
    return this.#segments.at(-1)!;
  }

  append(records: readonly Append[]): Promise<readonly number[]> {
    const { clock, maxQueuedBytes, directory } = this.#options;
    if (this.#state === 'closed' || this.#state === 'failed') return Promise.reject(this.#refusal());
    if (this.#state === 'full' && clock.monotonicMs() - this.#probedAt < PROBE_EVERY_MS)
      return Promise.reject(this.#refusal());
    const bytes = records.reduce((sum, record) => sum + recordBytes(record), 0);
    if (bytes > maxQueuedBytes) {
      return Promise.reject(
        new AtalaiaError(
          'ATL_TOO_LARGE',
          `One append of ${bytes} bytes is over the log's queue of ${maxQueuedBytes}. Append fewer records at a time.`,
        ),
      );
    }
    if (this.#queuedBytes + bytes > maxQueuedBytes) {
      return Promise.reject(
        new AtalaiaError(
          'ATL_BUSY',
          `${this.#queuedBytes} bytes already wait to be written to the log in ${directory}. Try again shortly.`,
        ),
      );
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ records, bytes, resolve, reject });
      this.#queuedBytes += bytes;
      this.#schedule();
    });
  }

  /** Writes what is queued, seals the segment and closes it. */
  async close(): Promise<void> {
    while (this.#writing || (this.#queue.length > 0 && this.#state === 'open'))
      await (this.#writing ?? this.#startGroup());
    if (this.#state === 'open') {
      const active = this.#active;
      // A hint for the next open, which can tell damage from a torn tail by it; its loss does no harm.
      await this.#file.write(encodeSeal(active.end, active.salt)).catch(() => undefined);
      await this.#file.datasync().catch(() => undefined);
    }
    this.#rejectQueue();
    this.#state = 'closed';
    await this.#file.close().catch(() => undefined);
  }

  /** Groups begin at least `lingerMs` apart, so that under load many appends share one sync. */
  #schedule(): void {
    if (this.#scheduled || this.#writing || this.#queue.length === 0) return;
    this.#scheduled = true;
    const wait = this.#startedAt + this.#options.lingerMs - this.#options.clock.monotonicMs();
    const start = (): void => {
      this.#scheduled = false;
      if (!this.#writing) void this.#startGroup();
    };
    if (wait > 0) this.#options.clock.after(wait, start);
    else queueMicrotask(start);
  }

  #startGroup(): Promise<void> {
    this.#writing = this.#runGroup().finally(() => {
      this.#writing = undefined;
      this.#schedule();
    });
    return this.#writing;
  }

  async #runGroup(): Promise<void> {
    this.#startedAt = this.#options.clock.monotonicMs();
    if (this.#queue.length === 0) return;
    if (this.#state === 'full') await this.#probe();
    if (this.#state !== 'open') return this.#rejectQueue();
    const group: Batch[] = [];
    let bytes = 0;
    while (
      this.#queue.length > group.length &&
      (group.length === 0 || bytes + this.#queue[group.length]!.bytes <= MAX_GROUP_BYTES)
    ) {
      bytes += this.#queue[group.length]!.bytes;
      group.push(this.#queue[group.length]!);
    }
    this.#queue = this.#queue.slice(group.length);
    try {
      await this.#roll();
      await this.#write(group, bytes);
    } catch (error) {
      await this.#fail(error);
      for (const batch of group) batch.reject(this.#refusal());
      this.#rejectQueue();
    } finally {
      this.#queuedBytes -= bytes;
    }
  }

  async #roll(): Promise<void> {
    const { disk, directory, segmentBytes, random } = this.#options;
    const active = this.#active;
    if (active.end < segmentBytes) return;
    const segment = await createSegment(disk, directory, active.sequence + 1, active.next, random);
    await this.#file.close();
    this.#file = await disk.openAppend(segment.path);
    this.#segments.push(segment);
  }

  async #write(group: readonly Batch[], bytes: number): Promise<void> {
    const active = this.#active;
    const buffer = Buffer.allocUnsafeSlow(bytes);
    const next = [...active.next];
    const entries: LogEntry[] = [];
    const positions: number[] = [];
    const offsets = group.map((batch) => batch.records.map((record) => next[record.partition]!++));
    let at = 0;
    group.forEach((batch, b) => {
      batch.records.forEach((record, r) => {
        const offset = offsets[b]![r]!;
        positions.push(active.end + at);
        at = writeRecord(buffer, at, record, offset, active.end, active.salt);
        const { partition, key } = record;
        entries.push({
          partition,
          offset,
          key,
          payload: new Uint8Array(buffer.buffer, at - record.payload.length, record.payload.length),
        });
      });
    });
    await this.#file.write(buffer);
    await this.#sync();
    next.forEach((offset, p) => {
      active.next[p] = offset;
    });
    active.end += bytes;
    entries.forEach((entry, i) => void this.#events.durable(entry, positions[i]!));
    this.#events.groupDone();
    group.forEach((batch, b) => void batch.resolve(offsets[b]!));
  }

  async #sync(): Promise<void> {
    try {
      await this.#file.datasync();
    } catch (error) {
      throw new AtalaiaError('ATL_LOG_CLOSED', 'sync failed', { cause: error });
    }
  }

  /** Takes back what was written since the last sync; no space is passing, everything else ends appending. */
  async #fail(error: unknown): Promise<void> {
    const { disk, clock } = this.#options;
    this.#cause = error;
    let takenBack = true;
    try {
      await disk.truncate(this.#active.path, this.#active.end);
      if (diskErrorCode(error) !== 'ENOSPC') await this.#file.datasync();
    } catch {
      takenBack = false;
    }
    const isFull = diskErrorCode(error) === 'ENOSPC' && takenBack;
    this.#state = isFull ? 'full' : 'failed';
    this.#probedAt = clock.monotonicMs();
  }

  /** Tries whether there is room again for what waits. */
  async #probe(): Promise<void> {
    const { disk, directory, clock } = this.#options;
    const path = `${directory}/probe`;
    this.#probedAt = clock.monotonicMs();
    try {
      const file = await disk.openAppend(path);
      try {
        await file.write(new Uint8Array(Math.max(65536, this.#queuedBytes)));
        await file.datasync();
      } finally {
        await file.close();
        await disk.remove(path);
      }
      this.#state = 'open';
    } catch (error) {
      this.#cause = error;
    }
  }

  #rejectQueue(): void {
    for (const batch of this.#queue.splice(0)) {
      this.#queuedBytes -= batch.bytes;
      batch.reject(this.#refusal());
    }
  }

  #refusal(): AtalaiaError {
    const { directory } = this.#options;
    if (this.#state === 'full') {
      return new AtalaiaError(
        'ATL_LOG_FULL',
        `No space is left for the log in ${directory}. Free some; appends go on by themselves within a second.`,
        { cause: this.#cause },
      );
    }
    const why =
      this.#state === 'failed'
        ? 'a write to the disk failed. Check the disk, then start again'
        : 'it was closed. Open it again';
    return new AtalaiaError('ATL_LOG_CLOSED', `The log in ${directory} takes no more records: ${why}.`, {
      cause: this.#cause,
    });
  }
}

import type { Clock } from '../../lib/clock.ts';
import type { Disk } from '../../lib/disk.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import { type Random, systemRandom } from '../../lib/random.ts';
import type { Append, Log, LogEntry } from '../log.ts';
import { MAX_KEY_BYTES } from './format.ts';
import { GroupWriter } from './group-writer.ts';
import { lockDirectory } from './lock.ts';
import { gap, isGone, MAX_READ_BYTES, segmentOf } from './reader.ts';
import {
  agreeOnPartitions,
  createSegment,
  readGroups,
  recover,
  type Segment,
  type TornTailEvent,
  writeGroups,
} from './recovery.ts';
import { MAX_BODY_BYTES } from './scan.ts';
import { SharedReader } from './shared-reader.ts';
import { SparseIndex } from './sparse-index.ts';
import { TailCache } from './tail-cache.ts';

export { quarantine, type TornTailEvent } from './recovery.ts';

const GROUPS_EVERY_MS = 1000;
const MAX_GROUPS = 1000;

export interface EmbeddedLogOptions {
  readonly directory: string;
  /** Fixed when the log is created. */
  readonly partitions: number;
  readonly disk: Disk;
  readonly clock: Clock;
  /** Groups of appends begin at least this far apart, ms; default 2. */
  readonly lingerMs?: number;
  /** A new segment begins after this many bytes; default 64 MiB. */
  readonly segmentBytes?: number;
  /** Bound of what waits to be written; over it appends reject with ATL_BUSY. Default 64 MiB. */
  readonly maxQueuedBytes?: number;
  /** Bound of the newest entries kept in memory for readers; default 16 MiB. */
  readonly cacheBytes?: number;
  /** Salts of segments; default the system's. */
  readonly random?: Random;
  readonly onEvent?: (event: TornTailEvent) => void;
}

/**
 * Opens the log in a directory and creates it when there is none; format: docs/formats/log.md.
 * Rejects with ATL_CONFIG (another number of partitions), ATL_CONFLICT (in use), ATL_LOG_DAMAGED (file and byte named).
 */
export async function openEmbeddedLog(options: EmbeddedLogOptions): Promise<Log> {
  const { directory, partitions, disk, random = systemRandom } = options;
  if (!Number.isInteger(partitions) || partitions < 1 || partitions > 65536) {
    throw new AtalaiaError(
      'ATL_CONFIG',
      `pipeline.partitions is ${partitions}. Give a whole number from 1 to 65536.`,
    );
  }
  await disk.makeDirectory(directory);
  const unlock = await lockDirectory(disk, directory);
  try {
    await agreeOnPartitions(disk, directory, partitions);
    const index = new SparseIndex();
    const segments = await recover(disk, directory, partitions, index, options.onEvent ?? (() => undefined));
    if (segments.length === 0)
      segments.push(await createSegment(disk, directory, 1, new Array<number>(partitions).fill(0), random));
    const file = await disk.openAppend(segments.at(-1)!.path);
    // What a killed process wrote may be in the page cache only: nothing is served before it is durable.
    await file.datasync();
    const groups = await readGroups(disk, directory);
    const full = {
      ...options,
      random,
      lingerMs: options.lingerMs ?? 2,
      segmentBytes: options.segmentBytes ?? 64 << 20,
      maxQueuedBytes: options.maxQueuedBytes ?? 64 << 20,
    };
    return new EmbeddedLog(
      full,
      segments,
      index,
      groups,
      unlock,
      (events) => new GroupWriter(full, segments, file, events),
    );
  } catch (error) {
    await unlock();
    throw error;
  }
}

type MakeWriter = (events: ConstructorParameters<typeof GroupWriter>[3]) => GroupWriter;

class EmbeddedLog implements Log {
  readonly partitions: number;
  readonly #options: EmbeddedLogOptions;
  readonly #segments: Segment[];
  readonly #index: SparseIndex;
  readonly #cache: TailCache;
  readonly #reader: SharedReader;
  readonly #groups: Map<string, Map<number, number>>;
  readonly #writer: GroupWriter;
  readonly #unlock: () => Promise<void>;
  /** Woken when their partition grows. */
  readonly #waiting = new Map<number, Set<() => void>>();
  readonly #grown = new Set<number>();
  #cancelGroups: (() => void) | undefined;
  #groupsWritten: Promise<void> = Promise.resolve();
  #trimming: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;
  #isClosed = false;

  constructor(
    options: EmbeddedLogOptions,
    segments: Segment[],
    index: SparseIndex,
    groups: Map<string, Map<number, number>>,
    unlock: () => Promise<void>,
    makeWriter: MakeWriter,
  ) {
    this.partitions = options.partitions;
    this.#options = options;
    this.#segments = segments;
    this.#index = index;
    this.#reader = new SharedReader(options.disk, index);
    this.#groups = groups;
    this.#unlock = unlock;
    this.#cache = new TailCache(options.partitions, options.cacheBytes ?? 16 << 20);
    this.#writer = makeWriter({
      durable: (entry, position) => {
        this.#index.note(segments.at(-1)!.sequence, entry.partition, entry.offset, position);
        this.#cache.add(entry);
        this.#grown.add(entry.partition);
      },
      groupDone: () => this.#wakeReaders(),
    });
  }

  async append(records: readonly Append[]): Promise<readonly number[]> {
    this.#checkOpen();
    for (const { partition, key, payload } of records) {
      this.#checkPartition(partition);
      if (Buffer.byteLength(key) > MAX_KEY_BYTES)
        throw new AtalaiaError(
          'ATL_TOO_LARGE',
          `A key of the log has over ${MAX_KEY_BYTES} bytes. Use a shorter one.`,
        );
      if (payload.length > MAX_BODY_BYTES - MAX_KEY_BYTES) {
        throw new AtalaiaError(
          'ATL_TOO_LARGE',
          `A record of ${payload.length} bytes is over the log's ${MAX_BODY_BYTES - MAX_KEY_BYTES}. Split it.`,
        );
      }
    }
    return records.length === 0 ? [] : this.#writer.append(records);
  }

  async read(partition: number, offset: number, limit: number, waitMs = 0): Promise<readonly LogEntry[]> {
    this.#checkOpen();
    this.#checkPartition(partition);
    if (!Number.isSafeInteger(offset) || offset < 0)
      throw new AtalaiaError('ATL_USAGE', `${offset} is no offset of the log. Give a whole number from 0.`);
    if (limit < 1) return [];
    if (offset >= this.#next(partition) && waitMs > 0) {
      await this.#grow(partition, offset, waitMs);
      this.#checkOpen();
    }
    const entries: LogEntry[] = [];
    let bytes = 0;
    while (
      entries.length < limit &&
      bytes < MAX_READ_BYTES &&
      offset + entries.length < this.#next(partition)
    ) {
      const more = await this.#readSome(
        partition,
        offset + entries.length,
        limit - entries.length,
        entries.length > 0,
      );
      if (more.length === 0) break;
      for (const entry of more) {
        entries.push(entry);
        bytes += entry.payload.length;
      }
    }
    if (offset < this.#oldest(partition) && entries.length === 0)
      throw gap(partition, offset, this.#oldest(partition));
    return entries;
  }

  async bounds(partition: number): Promise<{ readonly oldest: number; readonly next: number }> {
    this.#checkOpen();
    this.#checkPartition(partition);
    return { oldest: this.#oldest(partition), next: this.#next(partition) };
  }

  async commit(group: string, partition: number, offset: number): Promise<void> {
    this.#checkOpen();
    this.#checkPartition(partition);
    let positions = this.#groups.get(group);
    if (!positions) {
      if (this.#groups.size >= MAX_GROUPS)
        throw new AtalaiaError(
          'ATL_USAGE',
          `The log knows ${MAX_GROUPS} reader groups already. Use one of those.`,
        );
      positions = new Map();
      this.#groups.set(group, positions);
    }
    positions.set(partition, offset);
    this.#cancelGroups ??= this.#options.clock.after(GROUPS_EVERY_MS, () => void this.#writeGroups());
  }

  async lag(group: string): Promise<number> {
    this.#checkOpen();
    const positions = this.#groups.get(group);
    let behind = 0;
    for (let p = 0; p < this.partitions; p++)
      behind += Math.max(0, this.#next(p) - Math.max(this.#oldest(p), positions?.get(p) ?? 0));
    return behind;
  }

  trim(oldest: readonly number[]): Promise<void> {
    const run = this.#trimming.then(() => this.#trim(oldest));
    this.#trimming = run.catch(() => undefined);
    return run;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#isClosed = true;
    for (const wakes of this.#waiting.values()) for (const wake of [...wakes]) wake();
    await this.#writer.close();
    await this.#trimming;
    if (this.#cancelGroups) {
      this.#cancelGroups();
      void this.#writeGroups();
    }
    await this.#groupsWritten;
    await this.#unlock().catch(() => undefined);
  }

  async #trim(oldest: readonly number[]): Promise<void> {
    this.#checkOpen();
    const { disk, directory } = this.#options;
    while (this.#segments.length > 1) {
      const segment = this.#segments[0]!;
      if (!segment.next.every((next, p) => next === segment.base[p] || next <= (oldest[p] ?? 0))) return;
      // One by one, each durable: what is left has no hole whenever the power goes.
      await disk.remove(segment.path);
      await disk.syncDirectory(directory);
      this.#segments.shift();
      this.#index.forget(segment.sequence);
    }
  }

  async #readSome(
    partition: number,
    offset: number,
    limit: number,
    mayEnd: boolean,
  ): Promise<readonly LogEntry[]> {
    const cached = this.#cache.read(partition, offset, limit, MAX_READ_BYTES);
    if (cached && offset >= this.#oldest(partition)) return cached;
    const segment = segmentOf(this.#segments, partition, offset);
    const kept = segment?.base[partition] ?? this.#next(partition);
    if (!segment || kept > offset) {
      if (mayEnd) return [];
      throw gap(partition, offset, kept);
    }
    try {
      return await this.#reader.read(segment, partition, offset, limit);
    } catch (error) {
      if (isGone(error) && offset < this.#oldest(partition))
        throw gap(partition, offset, this.#oldest(partition));
      if (error instanceof AtalaiaError) throw error;
      throw new AtalaiaError('ATL_STORE', `${segment.path} cannot be read. Check the disk.`, {
        cause: error,
      });
    }
  }

  /** Resolves when the partition reaches beyond `offset`, the time is over or the log closes. */
  #grow(partition: number, offset: number, waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wakes = this.#waiting.get(partition) ?? new Set();
      this.#waiting.set(partition, wakes);
      const end = (): void => {
        cancel();
        wakes.delete(wake);
        resolve();
      };
      const wake = (): void => {
        if (this.#isClosed || this.#next(partition) > offset) end();
      };
      const cancel = this.#options.clock.after(waitMs, end);
      wakes.add(wake);
    });
  }

  #wakeReaders(): void {
    for (const partition of this.#grown) for (const wake of [...(this.#waiting.get(partition) ?? [])]) wake();
    this.#grown.clear();
  }

  #writeGroups(): Promise<void> {
    this.#cancelGroups = undefined;
    const { disk, directory } = this.#options;
    // A hint only: that it could not be written is no failure of the log.
    this.#groupsWritten = this.#groupsWritten
      .then(() => writeGroups(disk, directory, this.#groups))
      .catch(() => undefined);
    return this.#groupsWritten;
  }

  #oldest(partition: number): number {
    return this.#segments[0]!.base[partition]!;
  }

  #next(partition: number): number {
    return this.#segments.at(-1)!.next[partition]!;
  }

  #checkOpen(): void {
    if (this.#isClosed)
      throw new AtalaiaError(
        'ATL_LOG_CLOSED',
        `The log in ${this.#options.directory} was closed. Open it again.`,
      );
  }

  #checkPartition(partition: number): void {
    if (!Number.isInteger(partition) || partition < 0 || partition >= this.partitions) {
      throw new AtalaiaError(
        'ATL_USAGE',
        `Partition ${partition} is not in the log: it has 0 to ${this.partitions - 1}.`,
      );
    }
  }
}

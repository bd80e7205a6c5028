import type { Disk } from '../../lib/disk.ts';
import type { LogEntry } from '../log.ts';
import { isIntact, RECORD_HEADER_BYTES, type RecordView, segmentHeaderBytes } from './format.ts';
import { entryAt, MAX_READ_BYTES } from './reader.ts';
import { damaged, type Segment } from './recovery.ts';
import { FileWindow } from './scan.ts';
import type { SparseIndex } from './sparse-index.ts';

/** Payload that one scan gathers for all readers; over it whoever has something is answered. */
const MAX_SCAN_BYTES = 4 * MAX_READ_BYTES;
/** So often, in bytes of the stream, it is looked whether a reader has passed over enough. */
const CHECK_BYTES = 1 << 20;

/** What one reader wants of a segment. */
interface Ask {
  readonly partition: number;
  /** Where its first record lies, or one before it. */
  readonly start: number;
  /** Next offset wanted; from `last` on the segment has none. */
  wanted: number;
  readonly last: number;
  readonly limit: number;
  readonly entries: LogEntry[];
  bytes: number;
  readonly resolve: (entries: readonly LogEntry[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Reads segments for many readers at once: whoever asks while a segment is scanned is served by the next scan of it
 * together with all others. So partitions that come back together read the stream once, not once each.
 */
export class SharedReader {
  readonly #disk: Disk;
  readonly #index: SparseIndex;
  /** Per segment that is being scanned, who waits for the next scan. */
  readonly #waiting = new Map<number, Ask[]>();

  constructor(disk: Disk, index: SparseIndex) {
    this.#disk = disk;
    this.#index = index;
  }

  /** Up to `limit` entries of one partition from one segment; the segment holds `offset`. */
  read(segment: Segment, partition: number, offset: number, limit: number): Promise<readonly LogEntry[]> {
    const { sequence, base, next } = segment;
    return new Promise((resolve, reject) => {
      const start = this.#index.find(sequence, partition, offset) ?? segmentHeaderBytes(base.length);
      const place = { partition, start, wanted: offset, last: next[partition] as number };
      const ask: Ask = { ...place, limit, entries: [], bytes: 0, resolve, reject };
      const waiting = this.#waiting.get(sequence);
      if (waiting) waiting.push(ask);
      else {
        this.#waiting.set(sequence, [ask]);
        void this.#scanAll(segment);
      }
    });
  }

  async #scanAll(segment: Segment): Promise<void> {
    // Who asks in the same turn is served by the same scan.
    await undefined;
    for (;;) {
      const asks = this.#waiting.get(segment.sequence) as Ask[];
      if (asks.length === 0) break;
      this.#waiting.set(segment.sequence, []);
      try {
        const file = await this.#disk.openRead(segment.path);
        try {
          await new Scan(segment, new FileWindow(file, segment.end), asks).run();
        } finally {
          await file.close();
        }
      } catch (error) {
        // Who has its answer already does not hear of it.
        for (const ask of asks) ask.reject(error);
      }
    }
    this.#waiting.delete(segment.sequence);
  }
}

/** One pass over a segment, from the first place that an ask needs to the last. */
class Scan {
  readonly #segment: Segment;
  readonly #window: FileWindow;
  readonly #end: number;
  /** Those that begin further on, the nearest last. */
  readonly #pending: Ask[];
  readonly #active = new Map<number, Ask[]>();
  #bytes = 0;

  constructor(segment: Segment, window: FileWindow, asks: readonly Ask[]) {
    this.#segment = segment;
    this.#window = window;
    this.#end = segment.end;
    this.#pending = [...asks].sort((a, b) => b.start - a.start);
  }

  async run(): Promise<void> {
    let at = 0;
    let checkAt = 0;
    for (;;) {
      if (this.#active.size === 0) {
        const next = this.#pending.at(-1);
        if (!next) return;
        at = Math.max(at, next.start);
      }
      this.#begin(at);
      const found =
        at < this.#end ? (this.#window.present(at) ?? (await this.#window.record(at))) : undefined;
      if (!found) {
        this.#fail([...this.#active.values()].flat(), at);
        // Whoever begins behind what is damaged does not need it.
        at++;
        continue;
      }
      const { view, index } = found;
      for (const ask of this.#active.get(view.partition) ?? []) this.#take(ask, view, index, at);
      at += RECORD_HEADER_BYTES + view.bodyBytes;
      if (at < checkAt) continue;
      checkAt = at + CHECK_BYTES;
      for (const ask of [...this.#active.values()].flat()) if (this.#hasEnough(ask, at)) this.#answer(ask);
    }
  }

  #begin(at: number): void {
    for (let ask = this.#pending.at(-1); ask && ask.start <= at; ask = this.#pending.at(-1)) {
      this.#pending.pop();
      this.#active.set(ask.partition, [...(this.#active.get(ask.partition) ?? []), ask]);
    }
  }

  #take(ask: Ask, view: RecordView, index: number, at: number): void {
    if (view.offset > ask.wanted || !isIntact(this.#window.bytes, index, view, this.#segment.salt)) {
      this.#fail([ask], at);
      return;
    }
    if (view.offset < ask.wanted) return;
    ask.entries.push(entryAt(this.#window.bytes, index, view));
    ask.wanted++;
    ask.bytes += view.bodyBytes;
    this.#bytes += view.bodyBytes;
    if (ask.wanted >= ask.last || ask.entries.length >= ask.limit || this.#hasEnough(ask, at))
      this.#answer(ask);
  }

  #hasEnough({ entries, bytes, start }: Ask, at: number): boolean {
    if (entries.length === 0) return false;
    return bytes > MAX_READ_BYTES || at - start > 2 * MAX_READ_BYTES || this.#bytes > MAX_SCAN_BYTES;
  }

  #answer(ask: Ask): void {
    this.#leave(ask);
    ask.resolve(ask.entries);
  }

  #fail(asks: readonly Ask[], at: number): void {
    for (const ask of asks) {
      this.#leave(ask);
      ask.reject(damaged(this.#segment.path, at, 'the record is not what was written'));
    }
  }

  #leave(ask: Ask): void {
    const others = (this.#active.get(ask.partition) as Ask[]).filter((other) => other !== ask);
    if (others.length > 0) this.#active.set(ask.partition, others);
    else this.#active.delete(ask.partition);
  }
}

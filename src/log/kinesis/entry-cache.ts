import type { LogEntry } from '../log.ts';

interface Lane {
  entries: LogEntry[];
  head: number;
}

// About what an entry object and its key cost beside the payload.
const cost = (entry: LogEntry): number => entry.payload.length + entry.key.length + 150;

/**
 * Entries of some partitions in memory, each partition's without a hole. Bounded in bytes; what came first goes first.
 */
export class EntryCache {
  readonly #maxBytes: number;
  readonly #lanes = new Map<number, Lane>();
  #order: LogEntry[] = [];
  #head = 0;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Adds an entry; after a hole the partition begins anew with it. */
  add(entry: LogEntry): void {
    let lane = this.#lanes.get(entry.partition);
    if (!lane) {
      lane = { entries: [], head: 0 };
      this.#lanes.set(entry.partition, lane);
    }
    const last = lane.entries.at(-1);
    if (last && last.offset !== entry.offset - 1) {
      for (const gone of lane.entries.slice(lane.head)) this.#bytes -= cost(gone);
      const dropped = new Set(lane.entries.slice(lane.head));
      this.#order = this.#order.slice(this.#head).filter((one) => !dropped.has(one));
      this.#head = 0;
      lane.entries = [];
      lane.head = 0;
    }
    lane.entries.push(entry);
    this.#order.push(entry);
    this.#bytes += cost(entry);
    while (this.#bytes > this.#maxBytes && this.#head < this.#order.length) this.#dropOldest();
  }

  /** Entries from `offset` on, up to `limit`; undefined when the first of them is not here. */
  read(partition: number, offset: number, limit: number): readonly LogEntry[] | undefined {
    const lane = this.#lanes.get(partition);
    const first = lane?.entries[lane.head];
    if (!lane || !first || first.offset > offset) return undefined;
    const from = lane.head + offset - first.offset;
    return from < lane.entries.length ? lane.entries.slice(from, from + limit) : undefined;
  }

  #dropOldest(): void {
    const oldest = this.#order[this.#head++] as LogEntry;
    this.#bytes -= cost(oldest);
    const lane = this.#lanes.get(oldest.partition) as Lane;
    lane.head++;
    if (lane.head * 2 > lane.entries.length) {
      lane.entries = lane.entries.slice(lane.head);
      lane.head = 0;
    }
    if (this.#head * 2 > this.#order.length) {
      this.#order = this.#order.slice(this.#head);
      this.#head = 0;
    }
  }
}

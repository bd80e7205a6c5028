import type { LogEntry } from '../log.ts';

interface Tail {
  entries: LogEntry[];
  head: number;
}

/** The newest entries in memory, so that readers at the end need no disk. Bounded in bytes; the oldest go first. */
export class TailCache {
  readonly #maxBytes: number;
  readonly #tails: readonly Tail[];
  #order: LogEntry[] = [];
  #orderHead = 0;
  #bytes = 0;

  constructor(partitions: number, maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.#tails = Array.from({ length: partitions }, () => ({ entries: [], head: 0 }));
  }

  add(entry: LogEntry): void {
    this.#tails[entry.partition]!.entries.push(entry);
    this.#order.push(entry);
    this.#bytes += cost(entry);
    while (this.#bytes > this.#maxBytes) this.#dropOldest();
  }

  /** Entries from `offset` on, up to `limit`; undefined when the first of them is not here. */
  read(partition: number, offset: number, limit: number, maxBytes: number): readonly LogEntry[] | undefined {
    const tail = this.#tails[partition]!;
    const first = tail.entries[tail.head];
    if (!first || first.offset > offset) return undefined;
    const from = tail.head + offset - first.offset;
    let to = from;
    let bytes = 0;
    while (to < tail.entries.length && to - from < limit && (to === from || bytes < maxBytes)) {
      bytes += tail.entries[to++]!.payload.length;
    }
    return tail.entries.slice(from, to);
  }

  #dropOldest(): void {
    const oldest = this.#order[this.#orderHead++]!;
    this.#bytes -= cost(oldest);
    const tail = this.#tails[oldest.partition]!;
    tail.head++;
    if (tail.head * 2 > tail.entries.length) {
      tail.entries = tail.entries.slice(tail.head);
      tail.head = 0;
    }
    if (this.#orderHead * 2 > this.#order.length) {
      this.#order = this.#order.slice(this.#orderHead);
      this.#orderHead = 0;
    }
  }
}

// About what an entry object and its key cost beside the payload.
const cost = (entry: LogEntry): number => entry.payload.length + entry.key.length + 150;

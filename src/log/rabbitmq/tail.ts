/** A record of a stream. */
export interface Found {
  readonly offset: number;
  readonly key: string;
  readonly payload: Uint8Array;
}

/** Longest answer of one read, bytes of payload. */
export const MAX_READ_BYTES = 8 << 20;
// About what a record object and its key cost beside the payload.
const OVERHEAD = 150;

/** The newest records of one stream in memory, without holes, so that readers at the end cost nothing. Bounded in bytes. */
export class Tail {
  readonly #maxBytes: number;
  #found: Found[] = [];
  #head = 0;
  #bytes = 0;
  /** Every record from here to {@link next} is in memory. */
  from = 0;
  /** The offset behind the newest record. */
  next = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  add(found: Found): void {
    if (found.offset !== this.next) this.#clear(found.offset);
    this.#found.push(found);
    this.next = found.offset + 1;
    this.#bytes += costOf(found);
    while (this.#bytes > this.#maxBytes) this.#dropOldest();
  }

  /** Records from `offset` on; undefined when the first of them is not here. */
  read(offset: number, limit: number): readonly Found[] | undefined {
    if (offset < this.from || offset >= this.next) return undefined;
    return takeSome(this.#found, this.#head + offset - this.from, limit);
  }

  #dropOldest(): void {
    const oldest = this.#found[this.#head++] as Found;
    this.#bytes -= costOf(oldest);
    this.from = oldest.offset + 1;
    if (this.#head * 2 > this.#found.length) {
      this.#found = this.#found.slice(this.#head);
      this.#head = 0;
    }
  }

  #clear(from: number): void {
    this.#found = [];
    this.#head = 0;
    this.#bytes = 0;
    this.from = from;
  }
}

const costOf = (found: Found): number => found.payload.length + found.key.length + OVERHEAD;

/** As many as fit one answer, at least one where there is one. */
export function takeSome(found: readonly Found[], start: number, limit: number): readonly Found[] {
  let to = start;
  let bytes = 0;
  while (to < found.length && to - start < limit && (to === start || bytes < MAX_READ_BYTES))
    bytes += (found[to++] as Found).payload.length;
  return found.slice(start, to);
}

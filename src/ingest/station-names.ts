const QUOTE = 34;
const MAX_LENGTH = 64;
/** Names kept before the table starts anew: names that nobody adopted must not fill the memory. */
const MAX_NAMES = 1 << 18;
const FIRST_NAMES = 1 << 10;
/** Two numbers an entry: hash, and place in the lists plus 1 (0 is empty). */
const ENTRY = 2;

const isNameByte = new Uint8Array(256);
for (const c of Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-'))
  isNameByte[c] = 1;

/**
 * Strings of the station names that stand in bytes, each made once: a table by hash with open addressing, and before it
 * the guess that stations report in the order in which they first did.
 */
export class StationNames {
  /** Names by place. */
  readonly names: string[] = [];
  /** A number to be noted beside each name; NaN at first. */
  readonly notes: number[] = [];
  #table = new Int32Array(2 * FIRST_NAMES * ENTRY);
  /** Bytes of all names, close together: name i stands in [begins[i], begins[i + 1]). */
  #bytes = new Uint8Array(FIRST_NAMES * MAX_LENGTH);
  #begins = new Int32Array(FIRST_NAMES + 1);
  #expected = 0;
  /** Length of the name found last. */
  length = 0;

  /**
   * The place of the name from `from` up to the quote after it, which stands at `from` + its length; -1 unless it is 1
   * to 64 letters, digits or . _ : - and then a quote. A place holds until the next call.
   */
  find(bytes: Buffer, from: number): number {
    if (this.#expected >= this.names.length) this.#expected = 0;
    let place = this.#expected;
    const length = (this.#begins[place + 1] as number) - (this.#begins[place] as number);
    if (length > 0 && bytes[from + length] === QUOTE && this.#isAt(place, bytes, from, length)) {
      this.length = length;
    } else {
      place = this.#findByHash(bytes, from);
      if (place < 0) return place;
    }
    this.#expected = place + 1;
    return place;
  }

  #findByHash(bytes: Buffer, from: number): number {
    const stop = Math.min(from + MAX_LENGTH + 1, bytes.length);
    let hash = 0;
    let at = from;
    for (; at < stop; at++) {
      const c = bytes[at] as number;
      if (c === QUOTE) break;
      hash = Math.imul(hash ^ c, 0x01000193);
    }
    if (at === stop || at === from) return -1;
    hash ^= hash >>> 15;
    const length = at - from;
    this.length = length;
    const table = this.#table;
    const mask = table.length - 1;
    for (let entry = (hash * ENTRY) & mask; ; entry = (entry + ENTRY) & mask) {
      const place = (table[entry + 1] as number) - 1;
      if (place < 0) return this.#add(bytes, from, at, hash);
      if (table[entry] === hash && this.#isAt(place, bytes, from, length)) return place;
    }
  }

  #isAt(place: number, bytes: Buffer, from: number, length: number): boolean {
    const known = this.#bytes;
    const base = this.#begins[place] as number;
    if ((this.#begins[place + 1] as number) - base !== length) return false;
    for (let i = length - 1; i >= 0; i--) if (known[base + i] !== bytes[from + i]) return false;
    return true;
  }

  #add(bytes: Buffer, from: number, to: number, hash: number): number {
    for (let at = from; at < to; at++) if (isNameByte[bytes[at] as number] !== 1) return -1;
    if (this.names.length >= MAX_NAMES) this.#clear();
    if (2 * (this.names.length + 1) * ENTRY > this.#table.length) this.#grow();
    const place = this.names.length;
    this.names.push(bytes.toString('latin1', from, to));
    this.notes.push(Number.NaN);
    const begin = this.#begins[place] as number;
    const end = begin + to - from;
    if (end > this.#bytes.length) this.#bytes = doubled(this.#bytes);
    // Byte by byte: a view of so few costs more than they do.
    for (let at = from; at < to; at++) this.#bytes[begin + at - from] = bytes[at] as number;
    this.#begins[place + 1] = end;
    enter(this.#table, hash, place);
    return place;
  }

  #clear(): void {
    this.names.length = 0;
    this.notes.length = 0;
    this.#table.fill(0);
    this.#begins.fill(0);
  }

  #grow(): void {
    const table = new Int32Array(2 * this.#table.length);
    for (let entry = 0; entry < this.#table.length; entry += ENTRY) {
      const place = (this.#table[entry + 1] as number) - 1;
      if (place >= 0) enter(table, this.#table[entry] as number, place);
    }
    const begins = new Int32Array(table.length / ENTRY / 2 + 1);
    begins.set(this.#begins);
    this.#table = table;
    this.#begins = begins;
  }
}

function doubled(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const grown = new Uint8Array(2 * bytes.length);
  grown.set(bytes);
  return grown;
}

function enter(table: Int32Array, hash: number, place: number): void {
  const mask = table.length - 1;
  let entry = (hash * ENTRY) & mask;
  while (table[entry + 1] !== 0) entry = (entry + ENTRY) & mask;
  table[entry] = hash;
  table[entry + 1] = place + 1;
}

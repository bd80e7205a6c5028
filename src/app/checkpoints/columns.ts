import { invariant } from '../../lib/errors.ts';

const FIRST_BYTES = 1 << 16;
/** Bytes of the longest number: a zigzag of 54 bits in sevens. */
const MAX_NUMBER = 10;
const SMALL = 0x40000000;

/**
 * Columns of safe integers as LEB128 numbers of zigzag differences: `order` 0 as they are, 1 differences, 2 differences
 * of differences. Equal steps become zeros of one byte, and a regular series costs about five bytes a reading.
 */
export class ColumnWriter {
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #at = 0;

  write(column: readonly number[], order: 0 | 1 | 2): void {
    this.#reserve(column.length * MAX_NUMBER);
    let before = 0;
    let step = 0;
    for (let i = 0; i < column.length; i++) {
      const value = column[i] as number;
      if (order === 0) this.#put(value);
      else if (order === 1) this.#put(value - before);
      else {
        this.#put(value - before - step);
        // The first value is a difference from 0: it is no step.
        step = i === 0 ? 0 : value - before;
      }
      before = value;
    }
  }

  #put(n: number): void {
    const bytes = this.#bytes;
    if (n < SMALL && n > -SMALL) {
      let zigzag = (n << 1) ^ (n >> 31);
      while (zigzag > 127) {
        bytes[this.#at++] = (zigzag & 127) | 128;
        zigzag >>>= 7;
      }
      bytes[this.#at++] = zigzag;
      return;
    }
    // Beyond 31 bits by BigInt: the first instant of a series, hardly ever more.
    let zigzag = n >= 0 ? BigInt(n) * 2n : BigInt(-n) * 2n - 1n;
    for (; zigzag > 127n; zigzag >>= 7n) bytes[this.#at++] = Number(zigzag & 127n) | 128;
    bytes[this.#at++] = Number(zigzag);
  }

  #reserve(more: number): void {
    if (this.#at + more <= this.#bytes.length) return;
    const bytes = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#at + more));
    bytes.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = bytes;
  }

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }
}

/** Reads what {@link ColumnWriter} wrote. */
export class ColumnReader {
  readonly #bytes: Uint8Array;
  /** Place of the next byte. */
  at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  read(length: number, order: 0 | 1 | 2): number[] {
    // Every number has a byte at least: a length that lies cannot ask for more memory than the file has.
    invariant(length >= 0 && length <= this.#bytes.length - this.at, 'a column is longer than its file');
    const column = new Array<number>(length);
    let before = 0;
    let step = 0;
    for (let i = 0; i < length; i++) {
      const n = this.#next();
      const value = order === 0 ? n : before + step + n;
      if (order === 2) step = i === 0 ? 0 : value - before;
      before = value;
      column[i] = value;
    }
    return column;
  }

  #next(): number {
    const bytes = this.#bytes;
    let byte = bytes[this.at++] as number;
    if (byte < 128) return byte & 1 ? -(byte >>> 1) - 1 : byte >>> 1;
    let n = byte & 127;
    let place = 128;
    for (let i = 1; i < MAX_NUMBER; i++) {
      byte = bytes[this.at++] as number;
      if (byte === undefined) break;
      // Beyond 53 bits a double is no longer exact: the halves are added after the zigzag is undone.
      if (byte < 128 && place * 128 <= 2 ** 53) {
        n += byte * place;
        return n % 2 === 1 ? -(n + 1) / 2 : n / 2;
      }
      if (place * 128 > 2 ** 53) return this.#nextWide(i);
      n += (byte & 127) * place;
      place *= 128;
    }
    invariant(false, 'a number of a column has no end');
  }

  /** The same by BigInt, from the number's first byte: `read` bytes were taken after it. */
  #nextWide(read: number): number {
    let at = this.at - read - 1;
    let n = 0n;
    for (let place = 0n; place < 70n; place += 7n) {
      const byte = this.#bytes[at++];
      invariant(byte !== undefined, 'a number of a column has no end');
      n |= BigInt(byte & 127) << place;
      if (byte > 127) continue;
      this.at = at;
      return Number(n & 1n ? -(n + 1n) / 2n : n / 2n);
    }
    invariant(false, 'a number of a column has no end');
  }
}

import { AtalaiaError } from '../../../lib/errors.ts';

/** Widest number that is exact in a double. */
export const MAX_WIDTH = 53;

/** Where in a BUFR message something is wrong, and what; bytes of a section count from 1, as in WMO-No. 306. */
export const damaged = (section: number, byte: number, what: string): AtalaiaError =>
  new AtalaiaError(
    'ATL_UNREADABLE',
    `The BUFR message cannot be read at section ${section}, byte ${byte}: ${what}.`,
  );

/** Reads section 4 bit by bit, the highest first. Beyond its end it throws ATL_UNREADABLE. */
export class BitReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at: number;

  /** @param start first byte of the data behind the head of the section, which is `headBytes` long */
  constructor(bytes: Uint8Array, headBytes: number) {
    this.#bytes = bytes;
    this.#end = bytes.length * 8;
    this.#at = headBytes * 8;
  }

  /** Byte of the section that is read next, from 1. */
  get byte(): number {
    return Math.floor(this.#at / 8) + 1;
  }

  fail(what: string): AtalaiaError {
    return damaged(4, this.byte, what);
  }

  /** An unsigned number of at most 53 bits. */
  number(width: number): number {
    if (width < 0 || width > MAX_WIDTH)
      throw this.fail(`a number of ${width} bits is beyond ${MAX_WIDTH} bits`);
    this.#claim(width);
    let value = 0;
    let left = width;
    while (left > 0) {
      const offset = this.#at % 8;
      const taken = Math.min(left, 8 - offset);
      const byte = this.#bytes[Math.floor(this.#at / 8)] as number;
      value = value * 2 ** taken + ((byte >> (8 - offset - taken)) & (2 ** taken - 1));
      this.#at += taken;
      left -= taken;
    }
    return value;
  }

  /** Text of CCITT IA5; undefined where all bits are set, which means missing. */
  text(length: number): string | undefined {
    const bytes = this.#octets(length);
    if (length > 0 && bytes.every((byte) => byte === 0xff)) return undefined;
    return String.fromCharCode(...bytes.map((byte) => (byte >= 0x20 && byte < 0x7f ? byte : 0x20))).trim();
  }

  skip(width: number): void {
    this.#claim(width);
    this.#at += width;
  }

  #octets(length: number): number[] {
    if (this.#at + length * 8 > this.#end) this.#claim(length * 8);
    return Array.from({ length }, () => this.number(8));
  }

  #claim(width: number): void {
    if (this.#at + width > this.#end)
      throw this.fail(`${width} bits are expected, but ${this.#end - this.#at} are left`);
  }
}

import type { Report } from '../model/report.ts';

/** A table of this many slots, each of one name: bounded, and a name that shares a slot is only made anew. */
const NAME_SLOTS = 1 << 16;
const MAX_NAME = 64;
const MAX_LAYOUTS = 4096;
/** More digits could be no safe integer. */
const MAX_DIGITS = 15;
const START = '["r","';
const QUOTE = 34;
const COMMA = 44;
const MINUS = 45;
const ZERO = 48;
const NINE = 57;
const ONE = 49;
const OPEN = 91;
const CLOSE = 93;
/** Printable ASCII without quote and backslash: what JSON writes as it stands. */
const PLAIN = /^[ !#-[\]-~]*$/;
/** The same without brackets and separators, so that the first closing bracket ends a list of such names. */
const SIMPLE = /^[A-Za-z0-9_.-]+$/;

export interface ReportFields {
  readonly report: Report;
  readonly isNeighbour: boolean;
}

interface Layout {
  readonly text: string;
  readonly quantities: readonly string[];
}

/**
 * Reads the fields of a report record from its bytes without `JSON.parse`, given that they stand as `encodeRecord`
 * writes them and their layout was taught. What was seen before makes it faster and changes no result.
 */
export class ReportBytes {
  private readonly names: string[] = new Array<string>(NAME_SLOTS).fill('');
  private readonly layouts = new Map<number, Layout>();
  private bytes: Uint8Array = new Uint8Array();
  private at = 0;
  private failed = false;

  /** Remembers a list of quantities; of two with one hash the newer stays, and the other is left to the general path. */
  learn(quantities: readonly string[]): void {
    if (quantities.length === 0 || !quantities.every((name) => SIMPLE.test(name))) return;
    const text = JSON.stringify(quantities);
    let hash = 0;
    for (let i = 0; i < text.length - 1; i++) hash = mix(hash, text.charCodeAt(i));
    if (this.layouts.size >= MAX_LAYOUTS) this.layouts.clear();
    this.layouts.set(hash, { text, quantities });
  }

  /** The report whose JSON begins at `from` and ends with the bytes; undefined where anything is unusual. */
  read(bytes: Uint8Array, from: number): ReportFields | undefined {
    if (!hasText(bytes, from, START)) return undefined;
    this.bytes = bytes;
    this.at = from + START.length;
    this.failed = false;
    const station = this.name();
    this.expect(COMMA);
    const observedAt = this.integer();
    this.expect(COMMA);
    const intervalMs = this.integer();
    this.expect(COMMA);
    const receivedAt = this.integer();
    this.expect(COMMA);
    if (this.failed || station === undefined) return undefined;
    const quantities = this.layout();
    if (quantities === undefined) return undefined;
    this.expect(COMMA);
    const values = this.values(quantities.length);
    const isNeighbour = bytes[this.at] === COMMA;
    if (isNeighbour) {
      this.at++;
      this.expect(ONE);
    }
    this.expect(CLOSE);
    if (this.failed || this.at !== bytes.length) return undefined;
    return { report: { station, observedAt, intervalMs, receivedAt, quantities, values }, isNeighbour };
  }

  private expect(byte: number): void {
    if (this.bytes[this.at] === byte) this.at++;
    else this.failed = true;
  }

  /** A name behind its opening quote, as the one string that stands for it. */
  private name(): string | undefined {
    const { bytes, at: start } = this;
    const limit = Math.min(bytes.length, start + MAX_NAME + 1);
    let hash = 0;
    let at = start;
    for (; at < limit; at++) {
      const c = bytes[at] as number;
      if (c === QUOTE) break;
      if (c < 32 || c > 126 || c === 92) return undefined;
      hash = mix(hash, c);
    }
    if (at === limit) return undefined;
    this.at = at + 1;
    const slot = (hash ^ (hash >>> 16)) & (NAME_SLOTS - 1);
    const known = this.names[slot] as string;
    if (known.length === at - start && hasText(bytes, start, known)) return known;
    const name = String.fromCharCode(...bytes.subarray(start, at));
    this.names[slot] = name;
    return name;
  }

  private integer(): number {
    const { bytes } = this;
    let { at } = this;
    const isNegative = bytes[at] === MINUS;
    if (isNegative) at++;
    const start = at;
    let value = 0;
    for (; at < bytes.length; at++) {
      const c = bytes[at] as number;
      if (c < ZERO || c > NINE) break;
      value = value * 10 + (c - ZERO);
    }
    const digits = at - start;
    // JSON has no leading zeros; a zero with a sign is another number.
    if (digits === 0 || digits > MAX_DIGITS || (bytes[start] === ZERO && (digits > 1 || isNegative)))
      this.failed = true;
    this.at = at;
    return isNegative ? -value : value;
  }

  private layout(): readonly string[] | undefined {
    const { bytes, at: start } = this;
    let hash = 0;
    let at = start;
    for (; at < bytes.length && bytes[at] !== CLOSE; at++) hash = mix(hash, bytes[at] as number);
    const known = this.layouts.get(hash);
    if (known === undefined || known.text.length !== at + 1 - start || !hasText(bytes, start, known.text))
      return undefined;
    this.at = at + 1;
    return known.quantities;
  }

  private values(count: number): number[] {
    const values: number[] = [];
    this.expect(OPEN);
    for (let i = 0; i < count && !this.failed; i++) {
      if (i > 0) this.expect(COMMA);
      values.push(this.integer());
    }
    this.expect(CLOSE);
    return values;
  }
}

/** The text that `JSON.stringify` would write of a report, when that needs no escape; else undefined. */
export function plainReportText(report: Report, isNeighbour: boolean): string | undefined {
  const { station, observedAt, intervalMs, receivedAt, values } = report;
  if (!PLAIN.test(station)) return undefined;
  if (![observedAt, intervalMs, receivedAt].every(Number.isSafeInteger)) return undefined;
  if (!values.every(Number.isSafeInteger)) return undefined;
  const layout = layoutText(report.quantities);
  if (layout === undefined) return undefined;
  return `${START}${station}",${observedAt},${intervalMs},${receivedAt},${layout},[${values.join(',')}]${isNeighbour ? ',1' : ''}]`;
}

const texts = new WeakMap<readonly string[], string>();

/** Only of frozen lists, which stay what they are. */
function layoutText(quantities: readonly string[]): string | undefined {
  const known = texts.get(quantities);
  if (known !== undefined) return known;
  const text = JSON.stringify(quantities);
  if (!PLAIN.test(text.replaceAll('"', ''))) return undefined;
  if (Object.isFrozen(quantities)) texts.set(quantities, text);
  return text;
}

const mix = (hash: number, byte: number): number => (Math.imul(hash, 31) + byte) | 0;

function hasText(bytes: Uint8Array, from: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[from + i] !== text.charCodeAt(i)) return false;
  return true;
}

import { parseInstant, parseSpan } from '../model/time.ts';
import { INSTANT_LENGTH } from './instant-reader.ts';
import { layoutOf } from './layout.ts';
import { planReading, type ReadingPlan } from './reading-plan.ts';

/** What stands after the fixed bytes of a slot; the second and third last are read past, the last ends the line. */
export const STATION = 0;
export const TIME = 1;
export const NUMBER = 2;
export const OTHER_NUMBER = 3;
export const OTHER_TEXT = 4;
export const END = 5;

const WORD = 8;
/** Longer lines, and lines with more places that differ, stay with the strict path. */
const MAX_LENGTH = 8192;
const MAX_SLOTS = 256;

/**
 * Fixed bytes and what follows them. The bytes are compared eight at a time as doubles: where all are ASCII, doubles
 * are equal exactly when the bytes are, for none is a NaN or a zero. Everything is flat, for this is the hottest data
 * of ingest.
 */
export class Slot {
  readonly kind: number;
  /** Count of fixed bytes. */
  readonly length: number;
  /** The fixed bytes by eights, the last eight last; empty when there are under 8. */
  readonly words: Float64Array;
  /** Of fewer than eight, the last four and the four before them under masks. */
  readonly high: number;
  readonly highMask: number;
  readonly low: number;
  readonly lowMask: number;
  /** For a number: its place in the values, and how it is scaled. */
  readonly place: number;
  readonly plan: ReadingPlan | undefined;

  constructor(bytes: Uint8Array, kind: number, place: number, plan: ReadingPlan | undefined) {
    this.kind = kind;
    this.length = bytes.length;
    const padded = new Uint8Array(WORD + bytes.length);
    padded.set(bytes, WORD);
    const mask = new Uint8Array(padded.length).fill(0xff, WORD);
    const view = new DataView(padded.buffer);
    const masks = new DataView(mask.buffer);
    const end = padded.length;
    const count = bytes.length < WORD ? 0 : Math.ceil(bytes.length / WORD);
    this.words = Float64Array.from({ length: count }, (_, i) =>
      view.getFloat64(Math.min(WORD * (i + 1), end - WORD), true),
    );
    this.high = view.getInt32(end - 4, true);
    this.low = view.getInt32(end - 8, true);
    this.highMask = masks.getInt32(end - 4, true);
    this.lowMask = masks.getInt32(end - 8, true);
    this.place = place;
    this.plan = plan;
  }

  /** Whether the fixed bytes stand in [at, end). The view must hold them, and of under eight the eight before `end`. */
  standsAt(view: DataView, at: number, end: number): boolean {
    const { words } = this;
    const last = words.length - 1;
    if (last < 0)
      return (
        (view.getInt32(end - 4, true) & this.highMask) === this.high &&
        (view.getInt32(end - 8, true) & this.lowMask) === this.low
      );
    if (view.getFloat64(end - WORD, true) !== words[last]) return false;
    for (let i = 0, from = at; i < last; i++, from += WORD)
      if (view.getFloat64(from, true) !== words[i]) return false;
    return true;
  }
}

export interface Template {
  readonly slots: readonly Slot[];
  readonly quantities: readonly string[];
  /** As many zeros as quantities. */
  readonly blank: readonly number[];
  /** Numbers whose range depends on the interval. */
  readonly spans: readonly Slot[];
  /** As fixed in the layout; undefined when its lines give none. */
  readonly intervalMs: number | undefined;
  /** Added to the instant's fixed-width part: its fraction and zone are fixed in the layout. */
  readonly offsetMs: number;
  /** The template that read the line after the last one of this: senders take turns. */
  next: Template | undefined;
  /** When it last read a line, by the parser's count. */
  usedAt: number;
}

interface Found {
  kind: number;
  from: number;
  to: number;
  quantity: string;
}

const TOKEN = /"[^"]*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|[{}[\]:,]|[a-z]+/g;

/** Learns the layout of a line that the strict path has accepted; undefined for unusual ones, which stay with it. */
export function learnTemplate(bytes: Buffer): Template | undefined {
  if (bytes.length > MAX_LENGTH) return undefined;
  const text = bytes.toString('latin1');
  // Escapes and anything beyond ASCII stay with the strict path.
  if (!/^[\t -Z^-~\r[\]]*$/.test(text)) return undefined;
  const found: Found[] = [];
  const units = new Map<string, string>();
  const path: string[] = [];
  let key: string | undefined;
  let interval: string | undefined;
  for (const match of text.matchAll(TOKEN)) {
    const token = match[0];
    const from = match.index;
    const to = from + token.length;
    if (token === '[' || token === ']') return undefined;
    if (token === '{') {
      path.push(key ?? '');
      key = undefined;
    } else if (token === '}') {
      path.pop();
      key = undefined;
    } else if (token === ',') key = undefined;
    else if (token !== ':' && key === undefined) key = token.slice(1, -1);
    else if (token !== ':') {
      const isText = token[0] === '"';
      const isTop = path.length === 1;
      const quantity = path[2] ?? (key as string);
      const inside = { from: from + 1, to: to - 1, quantity };
      if (isTop && key === 'station') found.push({ kind: STATION, ...inside });
      else if (isTop && key === 'observedAt')
        found.push({ kind: TIME, from: from + 1, to: from + 1 + INSTANT_LENGTH, quantity });
      else if (isTop && key === 'interval') interval = isText ? token.slice(1, -1) : undefined;
      else if (path[1] === 'values') {
        if (path.length === 3 && key === 'unit') units.set(quantity, token.slice(1, -1));
        else if (path.length === 2 || (path.length === 3 && key === 'value'))
          found.push({ kind: NUMBER, from, to, quantity });
      } else if (isText) found.push({ kind: OTHER_TEXT, ...inside });
      else if (/^[-\d]/.test(token)) found.push({ kind: OTHER_NUMBER, from, to, quantity });
    }
  }
  return build(bytes, found, units, interval, offsetOf(text, found));
}

/** What the fixed rest of an instant, its fraction and zone, adds to the part before it, ms. */
function offsetOf(text: string, found: readonly Found[]): number {
  const time = found.find(({ kind }) => kind === TIME);
  if (time === undefined) return Number.NaN;
  const plain = text.slice(time.from, time.to);
  const whole = text.slice(time.from, text.indexOf('"', time.from));
  return (parseInstant(whole) ?? Number.NaN) - (parseInstant(`${plain}Z`) ?? Number.NaN);
}

function build(
  bytes: Buffer,
  found: readonly Found[],
  units: ReadonlyMap<string, string>,
  interval: string | undefined,
  offsetMs: number,
): Template | undefined {
  const intervalMs = interval === undefined ? undefined : parseSpan(interval);
  if ((interval !== undefined && intervalMs === undefined) || found.length > MAX_SLOTS) return undefined;
  const names = found.filter((slot) => slot.kind === NUMBER).map((slot) => slot.quantity);
  const count = (kind: number): number => found.filter((slot) => slot.kind === kind).length;
  if (count(STATION) !== 1 || count(TIME) !== 1 || Number.isNaN(offsetMs)) return undefined;
  if (names.length === 0 || new Set(names).size !== names.length) return undefined;
  const quantities = layoutOf(names);
  // Masks reach back eight bytes, which the first fixed bytes must hold.
  if ((found[0] as Found).from < WORD) return undefined;
  const slots: Slot[] = [];
  let at = 0;
  for (const { kind, from, to, quantity } of found) {
    const plan = kind === NUMBER ? planReading(quantity, units.get(quantity)) : undefined;
    if (kind === NUMBER && plan === undefined) return undefined;
    slots.push(new Slot(bytes.subarray(at, from), kind, quantities.indexOf(quantity), plan));
    at = to;
  }
  slots.push(new Slot(Buffer.concat([bytes.subarray(at), Buffer.from('\n')]), END, -1, undefined));
  return {
    slots,
    quantities,
    blank: quantities.map(() => 0),
    spans: slots.filter(({ plan }) => plan?.isInterval),
    intervalMs,
    offsetMs,
    next: undefined,
    usedAt: 0,
  };
}

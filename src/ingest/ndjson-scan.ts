import type { Report } from '../model/report.ts';
import { DAY_MS, HOUR_MS } from '../model/time.ts';
import { type CheckContext, FUTURE_MS } from './decode/report.ts';
import { checkReading } from './gate.ts';
import { INSTANT_LENGTH, InstantReader } from './instant-reader.ts';
import { END, NUMBER, OTHER_NUMBER, type Slot, STATION, type Template, TIME } from './ndjson-template.ts';
import { MAX_FACTORED, MAX_PLANNED_DIGITS, maxOver, type ReadingPlan, scaledBy } from './reading-plan.ts';
import { StationNames } from './station-names.ts';

const LF = 10;
const QUOTE = 34;
const MINUS = 45;
const DOT = 46;
const BACKSLASH = 92;
/** A position that says: this line is not as the template has it. */
const NOWHERE = -1;
/** Bytes without sign of a number whose digits stay within 31 bits. */
const MAX_PLAIN = 9;
/** Longer numbers stay with the strict path. */
const MAX_NUMBER = 400;
/** The longest interval there is (model/time.ts). */
const LONGEST_MS = 4000 * DAY_MS;
/** In place of a scaled integer: no range reaches so low. */
const REFUSED = -0x80000000;

const NO_VALUES: number[] = [];

/** Reads lines by templates, with every check of the strict path; what surprises it is left to that one. */
export class LineScanner {
  /** Where the line just read ends, after its LF. */
  end = 0;
  readonly #stations = new StationNames();
  #registryVersion: number | undefined;
  readonly #instants = new InstantReader();
  #context: CheckContext = { receivedAt: Number.NaN };
  #bytes: Buffer = Buffer.alloc(0);
  #limit = 0;
  #view: DataView = new DataView(new ArrayBuffer(0));
  /** Where the number just read ends. */
  #stop = 0;

  /** The lines to be read; the last byte must be an LF, which bounds every loop here. */
  open(bytes: Buffer, context: CheckContext): void {
    this.#context = context;
    this.#bytes = bytes;
    this.#limit = bytes.length;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Whether the line at `start` begins like those of a template: cheap, and false for most others. */
  begins(start: number, template: Template): boolean {
    const first = template.slots[0] as Slot;
    const end = start + first.length;
    return end <= this.#limit && first.standsAt(this.#view, start, end);
  }

  /** Reads the line at `start` by a template; undefined is a surprise. */
  read(start: number, template: Template): Report | undefined {
    const view = this.#view;
    const limit = this.#limit;
    const { slots } = template;
    let values = NO_VALUES;
    let station = '';
    let place = NOWHERE;
    let observedAt = Number.NaN;
    let at = start;
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i] as Slot;
      const end = at + slot.length;
      if (end > limit || !slot.standsAt(view, at, end)) return undefined;
      at = end;
      const { kind } = slot;
      if (kind === NUMBER) {
        const value = this.#readValue(end, slot.plan as ReadingPlan);
        if (value === REFUSED) return undefined;
        // Made only here: most lines of another layout have failed before.
        if (values === NO_VALUES) values = template.blank.slice();
        values[slot.place] = value;
        at = this.#stop;
      } else if (kind === STATION) {
        place = this.#stations.find(this.#bytes, end);
        if (place < 0) return undefined;
        station = this.#stations.names[place] as string;
        at += this.#stations.length;
      } else if (kind === TIME) {
        at += INSTANT_LENGTH;
        if (at >= limit) return undefined;
        observedAt = this.#instants.read(view, end) + template.offsetMs;
      } else if (kind !== END) {
        at = kind === OTHER_NUMBER ? this.#skipNumber(end) : this.#skipText(end);
        if (at === NOWHERE) return undefined;
      }
    }
    const { receivedAt } = this.#context;
    if (!(observedAt <= receivedAt + FUTURE_MS)) return undefined;
    const intervalMs = template.intervalMs ?? this.#intervalOf(place);
    if (!areInRange(template.spans, values, intervalMs)) return undefined;
    this.end = at;
    return { station, observedAt, intervalMs, receivedAt, quantities: template.quantities, values };
  }

  /** The scaled integer of the JSON number at `from`, which ends at #stop; {@link REFUSED} when the strict path must look. */
  #readValue(from: number, plan: ReadingPlan): number {
    const bytes = this.#bytes;
    let at = bytes[from] === MINUS ? from + 1 : from;
    const first = at;
    let mantissa = (bytes[at] as number) - 48;
    if (!(mantissa >= 0 && mantissa <= 9)) return REFUSED;
    let c = bytes[++at] as number;
    for (; c >= 48 && c <= 57; c = bytes[++at] as number) {
      if (mantissa === 0) return REFUSED;
      // Wraps around where there are too many digits, which are counted below.
      mantissa = (Math.imul(mantissa, 10) + c - 48) | 0;
    }
    let digits = 0;
    if (c === DOT) {
      const point = at;
      for (c = bytes[++at] as number; c >= 48 && c <= 57; c = bytes[++at] as number)
        mantissa = (Math.imul(mantissa, 10) + c - 48) | 0;
      digits = at - point - 1;
      if (digits === 0) return REFUSED;
    }
    this.#stop = at;
    if (at - first > MAX_PLAIN || digits > MAX_PLANNED_DIGITS) return this.#checkAt(from, at, plan);
    const signed = first === from ? mantissa : -mantissa;
    const factor = plan.factor[digits] as number;
    if (factor !== 0 && mantissa <= MAX_FACTORED) {
      const value = Math.imul(signed, factor);
      return value >= plan.min && value <= plan.max ? value : REFUSED;
    }
    if (mantissa > (plan.limit[digits] as number)) return this.#checkAt(from, at, plan);
    const value = scaledBy(plan, signed, digits);
    // As a small integer: a list of doubles costs more to make and to read.
    return value >= plan.min && value <= plan.max ? value | 0 : REFUSED;
  }

  /** The number in [from, to) by the gate itself. The interval is not known yet: ranges for an hour are looked at when it is. */
  #checkAt(from: number, to: number, plan: ReadingPlan): number {
    if (to - from > MAX_NUMBER) return REFUSED;
    const number = Number(this.#bytes.toString('latin1', from, to));
    const result = checkReading(plan.quantity, number, plan.unit, plan.isPerHour ? LONGEST_MS : HOUR_MS);
    return 'value' in result && result.value <= plan.max ? result.value | 0 : REFUSED;
  }

  #intervalOf(place: number): number {
    const context = this.#context;
    const { names, notes } = this.#stations;
    const { registryVersion } = context;
    if (registryVersion === undefined) return context.stationInterval?.(names[place] as string) ?? HOUR_MS;
    if (registryVersion !== this.#registryVersion) {
      this.#registryVersion = registryVersion;
      notes.fill(Number.NaN);
    }
    let intervalMs = notes[place] as number;
    if (Number.isNaN(intervalMs)) {
      intervalMs = context.stationInterval?.(names[place] as string) ?? HOUR_MS;
      notes[place] = intervalMs;
    }
    return intervalMs;
  }

  /** The end of a JSON number without exponent, whatever its size. */
  #skipNumber(from: number): number {
    const bytes = this.#bytes;
    let at = bytes[from] === MINUS ? from + 1 : from;
    const first = at;
    while (isDigit(bytes[at] as number)) at++;
    if (at === first || (at > first + 1 && bytes[first] === 48)) return NOWHERE;
    if (bytes[at] !== DOT) return at;
    const point = at++;
    while (isDigit(bytes[at] as number)) at++;
    return at === point + 1 ? NOWHERE : at;
  }

  /** The quote that ends a string of plain ASCII. */
  #skipText(from: number): number {
    const bytes = this.#bytes;
    let at = from;
    for (let c = bytes[at] as number; c !== QUOTE; c = bytes[++at] as number)
      if (c === LF || c < 32 || c > 126 || c === BACKSLASH) return NOWHERE;
    return at;
  }
}

const isDigit = (c: number): boolean => c >= 48 && c <= 57;

/** Readings measured over a span need one, and some a range that grows with it. */
function areInRange(spans: readonly Slot[], values: readonly number[], intervalMs: number): boolean {
  if (spans.length > 0 && !(intervalMs > 0)) return false;
  for (let i = 0; i < spans.length; i++) {
    const { plan, place } = spans[i] as Slot;
    const known = plan as ReadingPlan;
    if (known.isPerHour && !((values[place] as number) <= maxOver(known, intervalMs))) return false;
  }
  return true;
}

import { HOUR_MS, MINUTE_MS } from '../../../model/time.ts';
import { increments, periods, type Reading, readings } from './elements.ts';
import { shownId } from './tables.ts';
import type { Cell, Value } from './values.ts';

/** A mean wind of a longer time says nothing of the wind at its end. */
const LONGEST_AVERAGE_MS = HOUR_MS;

/** A value that may become a reading. */
export interface Candidate {
  readonly path: string;
  readonly reading: Reading;
  readonly value: number;
  /** What it covers, ms; undefined for an instant. */
  readonly spanMs: number | undefined;
  /** A period or displacement was said before it, of which an instant should have none. */
  readonly isDisplaced: boolean;
}

/** What one subset says. */
export interface Subset {
  readonly candidates: readonly Candidate[];
  /** Why by element, of those that have a value and give no reading. */
  readonly ignored: ReadonlyMap<string, string>;
  /** First value of each element that says place, time or identity. */
  readonly said: ReadonlyMap<number, Value>;
}

const TIME_SIGNIFICANCE = 8021;
const STATISTICS = 8023;
/** Time averaged, accumulated; time of observation, nominal and actual (code table 0 08 021). */
const OBSERVED = new Set<Value>([undefined, 2, 3, 25, 26]);
const MEAN = 4;
/** Identity and place, date and time, and what tells how the values that follow are meant. */
const isContext = (id: number): boolean => id < 10_000 || Math.floor(id / 1000) === 31;

/** Walks one subset in the order of its elements: coordinates (classes 1 to 9) hold until they are said anew. */
export function readSubset(cells: readonly Cell[], lane: number): Subset {
  const candidates: Candidate[] = [];
  const ignored = new Map<string, string>();
  const said = new Map<number, Value>();
  const context = new Context();
  for (const { element, values, isSuspect } of cells) {
    const { id, name } = element;
    const value = values[lane];
    context.hear(id, value, said.has(id) && said.get(id) !== value);
    if (isContext(id)) {
      if (value !== undefined && !said.has(id)) said.set(id, value);
      continue;
    }
    if (value === undefined) continue;
    const path = `${shownId(id)} ${name}`;
    const reading = readings.get(id);
    const found =
      reading === undefined || typeof value !== 'number'
        ? 'no quantity is known for this element'
        : isSuspect?.[lane]
          ? 'the producer calls the value suspect or bad'
          : context.place(path, reading, value);
    if (typeof found === 'string') ignored.set(path, found);
    else candidates.push(found);
  }
  return { candidates, ignored, said };
}

/** The coordinates that hold where a value stands. */
class Context {
  #from: number | undefined;
  #to: number | undefined;
  #isPair = false;
  #significance: Value;
  #statistics: Value;
  #isOtherTime = false;

  /** Takes notice of a coordinate; `isOther` when it was another one before. */
  hear(id: number, value: Value, isOther: boolean): void {
    const unit = periods.get(id);
    if (unit !== undefined) {
      const ms = typeof value === 'number' ? value * unit : undefined;
      // Two in a row are the beginning and the end of a period; one alone ends at the time of the observation.
      if (this.#isPair) this.#to = ms;
      else [this.#from, this.#to] = [ms, 0];
      this.#isPair = !this.#isPair;
      return;
    }
    this.#isPair = false;
    if (id === TIME_SIGNIFICANCE) this.#significance = value;
    else if (id === STATISTICS) this.#statistics = value;
    else if (increments.has(id) && value !== undefined && value !== 0) this.#isOtherTime = true;
    else if (id >= 4001 && id <= 4006 && value !== undefined && isOther) this.#isOtherTime = true;
  }

  /** The value in its place, or why it has none. */
  place(path: string, reading: Reading, raw: number): Candidate | string {
    if (this.#isOtherTime) return 'its time is another than that of the observation';
    if (!OBSERVED.has(this.#significance))
      return `it is no observation (time significance ${this.#significance})`;
    if (this.#statistics !== undefined && this.#statistics !== MEAN)
      return `it is a statistic of many values (${this.#statistics} of code table 008023)`;
    const value = raw < 0 ? (reading.negative?.[String(raw)] ?? raw) : raw;
    if (typeof value === 'string') return value;
    const hasPeriod = this.#from !== undefined && this.#from !== 0;
    const { over } = reading;
    const made = { path, reading, value, spanMs: undefined, isDisplaced: hasPeriod && over === 'instant' };
    if (over === 'instant') return made;
    if (typeof over === 'number') return { ...made, spanMs: over };
    if (over === 'average') {
      const [from, to] = [this.#from ?? 0, this.#to ?? 0];
      const isUsual = to === 0 && from <= 0 && -from <= LONGEST_AVERAGE_MS;
      return isUsual
        ? made
        : 'it is a mean of a period of over an hour, or of one that does not end at the observation';
    }
    return this.#ofPeriod(made);
  }

  #ofPeriod(made: Candidate): Candidate | string {
    if (this.#from === undefined || this.#to === undefined) return made;
    if (this.#to !== 0) return `its period ends ${-this.#to / MINUTE_MS} min before the observation`;
    return this.#from < 0 ? { ...made, spanMs: -this.#from } : 'its period does not begin before its end';
  }
}

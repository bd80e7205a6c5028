import { dayOfYear, dayStart, localDay } from '../model/local-day.ts';
import type { AggregateName, Window } from '../model/rule.ts';
import { climatologyValue, returnPeriodOf } from './climatology-reader.ts';
import { isIntervalQuantity } from './compiled-rule.ts';
import { InstantReader } from './evaluation.ts';
import type { RuleInput } from './rule-input.ts';
import type { ReadingSeries } from './series.ts';
import type { StationState } from './station-state.ts';
import type { Predicate, Reader, TOO_MANY, Truth, Value } from './truth.ts';
import { slidingWindow, type WindowScan, type WindowStatistics } from './window.ts';

/** The first instant after `at` at which a sliding window may hold other readings that count, without new readings. */
export function slidingUntil(
  series: ReadingSeries | undefined,
  at: number,
  spanMs: number,
  isInterval: boolean,
  firstCounted: number,
): number {
  if (!series) return Number.POSITIVE_INFINITY;
  const next = series.firstAfter(at);
  const arrives = next < series.length ? series.at(next) : Number.POSITIVE_INFINITY;
  if (firstCounted < 0) return arrives;
  // What measures an interval leaves when its start does, an instantaneous reading one span after it.
  return Math.min(arrives, series.from(firstCounted) + spanMs + (isInterval ? 1 : 0));
}

/**
 * A station at one instant, that finds out how long what it was asked stays as it is: no window of its has other
 * readings or falls below coverage before `until`.
 */
class LastingReader implements Reader {
  readonly at: number;
  readonly coverage: number;
  until = Number.POSITIVE_INFINITY;
  /** It was asked what it cannot tell the end of. */
  isFleeting = false;
  readonly #state: StationState;
  readonly #asked: Asked;

  constructor(state: StationState, at: number, asked: Asked) {
    this.#state = state;
    this.at = at;
    this.coverage = asked.coverage;
    this.#asked = asked;
  }

  window(quantity: string, window: Window): WindowStatistics {
    if (window.kind !== 'sliding') return this.#fleeting().window(quantity, window);
    const series = this.#state.series.get(quantity);
    const isInterval = isIntervalQuantity(quantity);
    const { spanMs } = window;
    const found = slidingWindow(series, this.at, spanMs, isInterval);
    let until = slidingUntil(series, this.at, spanMs, isInterval, found.firstCounted);
    if (series && !isInterval && found.firstCounted >= 0)
      until = Math.min(until, this.#coveredUntil(series, found, spanMs));
    if (until < this.until) this.until = until;
    return found;
  }

  /** The cover of the first of instantaneous readings shrinks from some instant on, and may end below the rule's share. */
  #coveredUntil(series: ReadingSeries, found: WindowScan, spanMs: number): number {
    const first = found.firstCounted;
    const leavesAt = series.at(first) + spanMs;
    const neededMs = this.coverage * spanMs;
    if (found.coveredMs < neededMs - 1) return Number.POSITIVE_INFINITY;
    const restMs = series.covered(first + 1, found.lastCounted);
    // A little early does no harm: it is only asked again.
    return Math.max(this.at + 1, Math.floor(leavesAt + restMs - neededMs));
  }

  #fleeting(): InstantReader {
    this.isFleeting = true;
    const { clockAt, delayMs, coverage, inputs } = this.#asked;
    const reader = new InstantReader(this.#state, this.at, clockAt, delayMs);
    reader.coverage = coverage;
    reader.inputs = inputs;
    return reader;
  }

  silent(quantity: string | null, spanMs: number): boolean {
    return this.#fleeting().silent(quantity, spanMs);
  }

  earlier(withinMs: number): Iterable<Reader | typeof TOO_MANY> {
    return this.#fleeting().earlier(withinMs);
  }

  get dayOfYear(): number {
    const { timeZone } = this.#state.station;
    this.until = Math.min(this.until, dayStart(localDay(this.at, timeZone) + 1, timeZone));
    return dayOfYear(this.at, timeZone);
  }

  climatology(quantity: string, percent: number, day: number): Value {
    return climatologyValue(this.#state.climatology, quantity, percent, day);
  }

  returnPeriod(aggregate: AggregateName, quantity: string, window: Window, value: Value): Value {
    return returnPeriodOf(this.#state.climatology, aggregate, quantity, window, value);
  }
}

/** A condition of `stations where`, and how it is asked. */
export interface Asked {
  readonly predicate: Predicate;
  readonly coverage: number;
  readonly inputs: readonly RuleInput[];
  readonly clockAt: number;
  readonly delayMs: number;
}

/**
 * The truth of one condition at one station over event time, as far as it has been asked for: the instants at which it
 * changes. It follows from the station's readings; a new reading cuts it off at the reading's own instant.
 */
export class StationTruths {
  readonly #state: StationState;
  /** Known in [from, to): from `starts[i]` on `truths[i]` holds. */
  #starts: number[] = [];
  #truths: Truth[] = [];
  #to = Number.NEGATIVE_INFINITY;
  /** The truth last given holds before this instant, at least. */
  until = 0;

  constructor(state: StationState) {
    this.#state = state;
  }

  at(at: number, asked: Asked): Truth {
    const from = this.#starts[0];
    if (from === undefined) this.#begin(at, asked);
    else if (at < from) this.#prepend(at, from, asked);
    else if (at >= this.#to) this.#extend(at, asked);
    else return this.#known(at);
    if (this.#starts.length > 0) return this.#known(at);
    // Nothing can be kept: it is asked again at every instant.
    const { truth } = evaluate(this.#state, at, asked);
    this.until = at + 1;
    return truth;
  }

  #known(at: number): Truth {
    const starts = this.#starts;
    let low = 0;
    let high = starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((starts[middle] as number) <= at) low = middle + 1;
      else high = middle;
    }
    this.until = starts[low] ?? this.#to;
    return this.#truths[low - 1] as Truth;
  }

  #begin(at: number, asked: Asked): void {
    const found = evaluate(this.#state, at, asked);
    if (found.isFleeting) {
      this.#clear();
      return;
    }
    this.#starts = [at];
    this.#truths = [found.truth];
    this.#to = found.until;
  }

  #extend(at: number, asked: Asked): void {
    while (this.#to <= at) {
      const found = evaluate(this.#state, this.#to, asked);
      if (found.isFleeting) {
        this.#clear();
        this.#begin(at, asked);
        return;
      }
      if (this.#truths.at(-1) !== found.truth) {
        this.#starts.push(this.#to);
        this.#truths.push(found.truth);
      }
      this.#to = found.until;
    }
  }

  #prepend(at: number, from: number, asked: Asked): void {
    const starts: number[] = [];
    const truths: Truth[] = [];
    for (let next = at; next < from; ) {
      const found = evaluate(this.#state, next, asked);
      if (found.isFleeting) {
        this.#clear();
        return;
      }
      if (truths.at(-1) !== found.truth) {
        starts.push(next);
        truths.push(found.truth);
      }
      next = found.until;
    }
    const isGoingOn = truths.at(-1) === this.#truths[0];
    this.#starts = [...starts, ...this.#starts.slice(isGoingOn ? 1 : 0)];
    this.#truths = [...truths, ...this.#truths.slice(isGoingOn ? 1 : 0)];
  }

  #clear(): void {
    this.#starts = [];
    this.#truths = [];
    this.#to = Number.NEGATIVE_INFINITY;
  }

  /** Readings changed at `at`: windows that end before it are as they were. */
  cut(at: number): void {
    if (at >= this.#to) return;
    this.#to = at;
    while (this.#starts.length > 0 && (this.#starts.at(-1) as number) >= at) {
      this.#starts.pop();
      this.#truths.pop();
    }
    if (this.#starts.length === 0) this.#clear();
  }

  /** Forgets what was before an instant. */
  forget(before: number): void {
    const starts = this.#starts;
    if (starts.length === 0 || (starts[0] as number) >= before) return;
    if (this.#to <= before) {
      this.#clear();
      return;
    }
    let keep = 0;
    while (keep + 1 < starts.length && (starts[keep + 1] as number) <= before) keep++;
    starts.splice(0, keep);
    this.#truths.splice(0, keep);
    starts[0] = before;
  }
}

function evaluate(
  state: StationState,
  at: number,
  asked: Asked,
): { truth: Truth; until: number; isFleeting: boolean } {
  const reader = new LastingReader(state, at, asked);
  const truth = asked.predicate(reader);
  return { truth, until: Math.max(reader.until, at + 1), isFleeting: reader.isFleeting };
}

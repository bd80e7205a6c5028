import type { ReadingSeries } from './series.ts';
import { type Reading, readingsOf, slidingWindow, type WindowStatistics } from './window.ts';

/**
 * A sliding window of one station that follows its newest instant. It gives what {@link slidingWindow} gives, without
 * a scan: sum and coverage by running sums, minimum and maximum from the ones before while these are still inside.
 */
export class MovingWindow implements WindowStatistics {
  count = 0;
  sum = 0;
  first = 0;
  last = 0;
  coveredMs = 0;
  uncounted = 0;
  uncountedSum = 0;
  /** A reading arrived or left wholly at the instant. */
  isTouched = false;
  /** Where it stands; minus infinity before it was moved. */
  at = Number.NEGATIVE_INFINITY;
  #isAlone = true;
  readonly #series: ReadingSeries;
  readonly #spanMs: number;
  readonly #isInterval: boolean;
  /** Readings of the window as [begin, end) of the series; equal when a scan filled it. */
  #begin = 0;
  #end = 0;
  #firstSerial = 0;
  #min = 0;
  #max = 0;
  /** The instant of the last scan: its readings are looked for again only when one asks for them. */
  #scannedAt = 0;
  readonly #lowest = new Extreme(-1);
  readonly #highest = new Extreme(1);

  constructor(series: ReadingSeries, spanMs: number, isInterval: boolean) {
    this.#series = series;
    this.#spanMs = spanMs;
    this.#isInterval = isInterval;
  }

  get min(): number {
    return this.#end > this.#begin ? this.#lowest.of(this.#series, this.#begin, this.#end) : this.#min;
  }
  get max(): number {
    return this.#end > this.#begin ? this.#highest.of(this.#series, this.#begin, this.#end) : this.#max;
  }

  readings(): readonly Reading[] {
    if (this.#end > this.#begin)
      return readingsOf(this.#series, this.#begin, this.#end, Number.NEGATIVE_INFINITY);
    if (this.count === 0) return [];
    return slidingWindow(this.#series, this.#scannedAt, this.#spanMs, this.#isInterval).readings();
  }

  /**
   * Moves to `to`, at or after every reading of the series.
   * @returns false when a reading left the window between `since` and `to`: that instant must be evaluated, too
   */
  moveTo(to: number, since: number): boolean {
    if (this.at === to) return this.#isAlone;
    this.at = to;
    this.#isAlone = this.#move(to, since);
    return this.#isAlone;
  }

  #move(to: number, since: number): boolean {
    const series = this.#series;
    const from = to - this.#spanMs;
    const end = series.length;
    let begin = this.#firstAfter(from);
    this.isTouched = end > 0 && series.at(end - 1) === to;
    for (let i = begin - 1; i >= 0; i--) {
      const at = series.at(i);
      if (at + this.#spanMs <= since) break;
      if (at !== from) return false;
      this.isTouched = true;
    }
    if (!series.countsAll) {
      this.#scan(to);
      return true;
    }
    this.uncounted = 0;
    this.uncountedSum = 0;
    // Where all count, intervals do not overlap: only the first can begin before the window.
    if (begin < end && series.from(begin) < from) {
      this.uncounted = 1;
      this.uncountedSum = series.value(begin);
      begin++;
    }
    this.#fill(begin, end, from);
    return true;
  }

  /** As the series' own, but goes on from where the window began before: instants mostly ascend. */
  #firstAfter(from: number): number {
    const series = this.#series;
    let i = Math.max(0, this.#firstSerial - series.forgotten);
    if (i > series.length || (i > 0 && series.at(i - 1) > from)) i = series.firstAfter(from);
    while (i < series.length && series.at(i) <= from) i++;
    this.#firstSerial = i + series.forgotten;
    return i;
  }

  #fill(begin: number, end: number, from: number): void {
    const series = this.#series;
    this.#begin = begin;
    this.#end = end;
    this.count = end - begin;
    if (this.count === 0) {
      this.#min = this.#max = this.sum = this.first = this.last = this.coveredMs = 0;
      return;
    }
    this.first = series.value(begin);
    this.last = series.value(end - 1);
    this.sum = series.sum(begin, end - 1);
    this.coveredMs = this.#isInterval
      ? series.covered(begin, end - 1)
      : Math.min(series.cover(begin), series.at(begin) - from) + series.covered(begin + 1, end - 1);
  }

  #scan(to: number): void {
    const { min, max, ...rest } = slidingWindow(this.#series, to, this.#spanMs, this.#isInterval);
    Object.assign(this, rest);
    this.#min = min;
    this.#max = max;
    this.#scannedAt = to;
    this.#begin = this.#end = 0;
  }
}

/** The least (sign -1) or greatest (1) value of a range that moves on; looks at all of it only when the last one left. */
class Extreme {
  readonly #sign: number;
  #version = -1;
  #serial = -1;
  #value = 0;
  #nextSerial = 0;

  constructor(sign: -1 | 1) {
    this.#sign = sign;
  }

  /** Over readings [begin, end), which all count and are not fewer at the end than before. */
  of(series: ReadingSeries, begin: number, end: number): number {
    const { forgotten } = series;
    const isInside = this.#version === series.version && this.#serial >= forgotten + begin;
    let i = isInside ? this.#nextSerial - forgotten : begin;
    if (!isInside) this.#value = series.value(begin);
    for (; i < end; i++) {
      const value = series.value(i);
      // On a tie the later one stays longer.
      if ((value - this.#value) * this.#sign >= 0) {
        this.#value = value;
        this.#serial = forgotten + i;
      }
    }
    this.#version = series.version;
    this.#nextSerial = forgotten + end;
    return this.#value;
  }
}

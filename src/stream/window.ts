import type { ReadingSeries } from './series.ts';

/** What a window over one series holds; values are scaled integers, spans ms. */
export interface WindowStatistics {
  /** Readings that lie wholly in the window and count. */
  count: number;
  sum: number;
  min: number;
  max: number;
  first: number;
  last: number;
  coveredMs: number;
  /** Readings that overlap the window in part or another reading: together they could add this much. */
  uncounted: number;
  uncountedSum: number;
  /** Where the window lies, unless it is a sliding one: that lies before its instant. */
  readonly extent?: WindowExtent | undefined;
  /** The readings counted, in order of observation, for the aggregates that need each of them. */
  readings?(): readonly Reading[];
}

export interface WindowExtent {
  readonly from: number;
  readonly to: number;
  /** What `coveredMs` is measured against. A window by count has 1000 of both for each of its readings. */
  readonly neededMs: number;
}

export interface Reading {
  readonly at: number;
  readonly value: number;
}

/** A window filled by a scan. */
export class WindowScan implements WindowStatistics {
  count = 0;
  sum = 0;
  first = 0;
  last = 0;
  coveredMs = 0;
  uncounted = 0;
  uncountedSum = 0;
  /** Not a number: nobody has asked yet. */
  #min = 0;
  #max = 0;
  #extent: WindowExtent | undefined;
  #series: ReadingSeries | null = null;
  #from = 0;
  #firstCounted = -1;
  #lastCounted = -1;

  get min(): number {
    if (Number.isNaN(this.#min)) this.#findExtremes();
    return this.#min;
  }
  get max(): number {
    if (Number.isNaN(this.#max)) this.#findExtremes();
    return this.#max;
  }
  #findExtremes(): void {
    const series = this.#series as ReadingSeries;
    let min = this.first;
    let max = min;
    for (let i = this.#firstCounted + 1; i <= this.#lastCounted; i++) {
      const value = series.value(i);
      if (value < min) min = value;
      else if (value > max) max = value;
    }
    this.#min = min;
    this.#max = max;
  }

  get extent(): WindowExtent | undefined {
    return this.#extent;
  }
  set extent(extent: WindowExtent | undefined) {
    this.#extent = extent;
  }
  /** Indices of the first and the last reading counted; -1 when there is none. */
  get firstCounted(): number {
    return this.#firstCounted;
  }
  get lastCounted(): number {
    return this.#lastCounted;
  }

  readings(): readonly Reading[] {
    return this.#series && this.#firstCounted >= 0
      ? readingsOf(this.#series, this.#firstCounted, this.#lastCounted + 1, this.#from)
      : [];
  }

  /**
   * Fills it from readings [begin, end) of a series: those count that begin at `from` or later. The series must not
   * change while the window is in use.
   */
  scan(series: ReadingSeries, begin: number, end: number, from: number): void {
    this.#series = series;
    this.#from = from;
    if (series.countsAll) this.#takeAll(series, begin, end, from);
    else this.#takeCounted(series, begin, end, from);
    if (this.#firstCounted < 0) return;
    this.first = series.value(this.#firstCounted);
    this.last = series.value(this.#lastCounted);
    this.sum = series.sum(this.#firstCounted, this.#lastCounted);
  }

  /** Where all count, intervals do not overlap: only the first can begin before the window. */
  #takeAll(series: ReadingSeries, begin: number, end: number, from: number): void {
    let first = begin;
    if (first < end && series.from(first) < from) {
      this.uncounted++;
      this.uncountedSum += series.value(first);
      first++;
    }
    if (first >= end) return;
    this.#firstCounted = first;
    this.#lastCounted = end - 1;
    this.count += end - first;
    this.#min = Number.NaN;
    this.#max = Number.NaN;
  }

  #takeCounted(series: ReadingSeries, begin: number, end: number, from: number): void {
    for (let i = begin; i < end; i++) {
      const value = series.value(i);
      if (!series.counts(i) || series.from(i) < from) {
        this.uncounted++;
        this.uncountedSum += value;
        continue;
      }
      if (this.#firstCounted < 0) {
        this.#firstCounted = i;
        this.#min = value;
        this.#max = value;
      } else if (value < this.#min) this.#min = value;
      else if (value > this.#max) this.#max = value;
      this.#lastCounted = i;
      this.count++;
    }
  }
}

/** Readings [begin, end) of a series that count and begin at `from` or later. */
export function readingsOf(series: ReadingSeries, begin: number, end: number, from: number): Reading[] {
  const readings: Reading[] = [];
  for (let i = begin; i < end; i++)
    if (series.counts(i) && series.from(i) >= from)
      readings.push({ at: series.at(i), value: series.value(i) });
  return readings;
}

/**
 * Statistics of the sliding window (to - span, to]: exact, by running sums for sum and coverage and a scan for the rest.
 * A reading that measures an interval lies in it only when the whole interval does.
 */
export function slidingWindow(
  series: ReadingSeries | undefined,
  to: number,
  spanMs: number,
  isInterval: boolean,
): WindowScan {
  const result = new WindowScan();
  if (!series || series.length === 0) return result;
  const from = to - spanMs;
  result.scan(series, series.firstAfter(from), series.firstAfter(to), from);
  const { firstCounted, lastCounted } = result;
  if (firstCounted < 0) return result;
  result.coveredMs = isInterval
    ? series.covered(firstCounted, lastCounted)
    : Math.min(series.cover(firstCounted), series.at(firstCounted) - from) +
      series.covered(firstCounted + 1, lastCounted);
  return result;
}

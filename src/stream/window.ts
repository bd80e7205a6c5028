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
): WindowStatistics {
  const result: WindowStatistics = {
    count: 0,
    sum: 0,
    min: 0,
    max: 0,
    first: 0,
    last: 0,
    coveredMs: 0,
    uncounted: 0,
    uncountedSum: 0,
  };
  if (!series || series.length === 0) return result;
  const from = to - spanMs;
  const end = series.firstAfter(to);
  const begin = series.firstAfter(from);
  let firstCounted = -1;
  let lastCounted = -1;
  for (let i = begin; i < end; i++) {
    const value = series.value(i);
    if (!series.counts(i) || series.from(i) < from) {
      result.uncounted++;
      result.uncountedSum += value;
      continue;
    }
    if (firstCounted < 0) {
      firstCounted = i;
      result.min = value;
      result.max = value;
      result.first = value;
    } else if (value < result.min) result.min = value;
    else if (value > result.max) result.max = value;
    lastCounted = i;
    result.count++;
  }
  if (firstCounted < 0) return result;
  result.last = series.value(lastCounted);
  result.sum = series.sum(firstCounted, lastCounted);
  result.coveredMs = isInterval
    ? series.covered(firstCounted, lastCounted)
    : Math.min(series.cover(firstCounted), series.at(firstCounted) - from) +
      series.covered(firstCounted + 1, lastCounted);
  return result;
}

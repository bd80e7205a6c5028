import { FEWEST_MAXIMA, gevByLMoments, gevReturnLevel } from '../../statistics/gev.ts';
import { quantile } from '../../statistics/verification.ts';
import type { StationHistory } from './history.ts';

/** Days of which the worst value lies below the threshold, %, and the return periods, years. */
const PERCENTS = [99, 99.9] as const;
const PERIODS = [2, 10] as const;
/** The smallest value that at least a share of the days of these years do not exceed; a year given twice counts twice. */
export function dayQuantile(
  stations: readonly StationHistory[],
  years: readonly number[],
  share: number,
): number | undefined {
  const sets = years.flatMap((year) => stations.flatMap(({ days }) => days.get(year) ?? []));
  const all = sets.reduce((sum, { length }) => sum + length, 0);
  if (all === 0) return undefined;
  let low = Math.min(...sets.map((set) => set[0] as number));
  let high = Math.max(...sets.map((set) => set.at(-1) as number));
  const reaches = (value: number): boolean =>
    sets.reduce((sum, set) => sum + upTo(set, value), 0) >= share * all;
  if (reaches(low)) return low;
  for (let i = 0; i < 60 && high - low > 1e-9; i++) {
    const middle = (low + high) / 2;
    if (reaches(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/** How many of a sorted list are at most `value`. */
function upTo(sorted: Float64Array, value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as number) <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Middle of the stations' return levels by the GEV; undefined where none has ten years. */
function returnLevel(
  stations: readonly StationHistory[],
  years: readonly number[],
  period: number,
): number | undefined {
  const levels = stations.flatMap(({ extremes }) => {
    const maxima = years.flatMap((year) => extremes.get(year) ?? []);
    const fit = maxima.length < FEWEST_MAXIMA ? undefined : gevByLMoments(maxima);
    return fit ? [gevReturnLevel(fit, period)] : [];
  });
  return (
    quantile(
      levels.toSorted((a, b) => a - b),
      0.5,
    ) ?? undefined
  );
}

/** A way from the stations' own history to a threshold; values with the sign of the history. */
export interface Method {
  readonly method: 'percentile' | 'return-period';
  readonly parameter: number;
  of(stations: readonly StationHistory[], years: readonly number[]): number | undefined;
}
export const methods: readonly Method[] = [
  ...PERCENTS.map(
    (percent): Method => ({
      method: 'percentile',
      parameter: percent,
      of: (stations, years) => dayQuantile(stations, years, percent / 100),
    }),
  ),
  ...PERIODS.map(
    (period): Method => ({
      method: 'return-period',
      parameter: period,
      of: (stations, years) => returnLevel(stations, years, period),
    }),
  ),
];

import { HOUR_MS } from '../model/time.ts';
import type { HourSeries } from './hour-series.ts';
import { minimise } from './minimise.ts';

const HOURS = 24;
const ALPHAS = [0.02, 0.1, 0.3, 0.6, 0.95];
const GAMMAS = [0.002, 0.02, 0.1, 0.4];

/** A level and a daily cycle of 24 hours UTC that adds to it, and how fast each follows. */
export interface Smoothing {
  readonly alpha: number;
  readonly gamma: number;
  /** Where the filter begins. */
  readonly level: number;
  readonly season: readonly number[];
}

/**
 * Additive seasonal exponential smoothing without trend (Winters 1960, Management Science 6, 324-342), fitted by least
 * squares of the forecasts `horizon` hours ahead. Missing hours are passed over: level and cycle stay.
 */
export function fitSmoothing(series: HourSeries, horizon: number): Smoothing {
  const sums = new Array<number>(HOURS).fill(0);
  const counts = new Array<number>(HOURS).fill(0);
  series.values.forEach((value, i) => {
    if (Number.isNaN(value)) return;
    const hour = hourOf(series, i);
    sums[hour] = (sums[hour] as number) + value;
    counts[hour] = (counts[hour] as number) + 1;
  });
  const n = counts.reduce((a, b) => a + b, 0);
  const level = sums.reduce((a, b) => a + b, 0) / n;
  const season = sums.map((sum, hour) => (counts[hour] ? sum / (counts[hour] as number) - level : 0));
  const loss = ([alpha, gamma]: readonly number[]): number => {
    if (!(alpha !== undefined && gamma !== undefined && alpha > 0 && alpha <= 1 && gamma >= 0 && gamma <= 1))
      return Number.POSITIVE_INFINITY;
    const forecasts = smoothed(series, { alpha, gamma, level, season }, horizon);
    let sum = 0;
    series.values.forEach((value, i) => {
      const forecast = forecasts[i - horizon];
      if (forecast !== undefined && !Number.isNaN(value)) sum += (value - forecast) ** 2;
    });
    return sum;
  };
  // The loss has more than one valley: the search begins in the deepest that a grid finds.
  const starts = ALPHAS.flatMap((alpha) =>
    GAMMAS.map((gamma) => ({ at: [alpha, gamma], loss: loss([alpha, gamma]) })),
  );
  const [first] = starts.sort((a, b) => a.loss - b.loss) as [(typeof starts)[number]];
  const steps = first.at.map((value) => -value / 4);
  const [alpha, gamma] = minimise(loss, first.at, steps).at as [number, number];
  return { alpha, gamma, level, season };
}

/** Forecasts made at each hour of the series, after it was seen, for `horizon` hours later. */
export function smoothed(
  series: HourSeries,
  { alpha, gamma, level: first, season: cycle }: Smoothing,
  horizon: number,
): Float64Array {
  const season = Float64Array.from(cycle);
  let level = first;
  return series.values.map((value, i) => {
    const hour = hourOf(series, i);
    const held = season[hour] as number;
    if (!Number.isNaN(value)) {
      const before = level;
      level += alpha * (value - held - level);
      season[hour] = held + gamma * (value - before - held);
    }
    return level + (season[(hour + horizon) % HOURS] as number);
  });
}

const hourOf = ({ start }: HourSeries, i: number): number =>
  (((start / HOUR_MS + i) % HOURS) + HOURS) % HOURS;

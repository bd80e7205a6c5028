import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HOUR_MS } from '../model/time.ts';
import { type HourSeries, hourSeries, seriesBefore } from './hour-series.ts';
import { fitNowcast, forecastNext, scoreNowcast, taus } from './nowcast.ts';
import { dot, pinball, quantileRegression } from './quantile-regression.ts';
import { fitSmoothing, smoothed } from './smoothing.ts';

const START = Date.UTC(2024, 0, 1);
/** Normal noise of a seed (Park & Miller, Box & Muller). */
function noise(seed: number): () => number {
  let state = seed;
  const next = (): number => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
  return () => Math.sqrt(-2 * Math.log(next())) * Math.cos(2 * Math.PI * next());
}
const seriesOf = (n: number, value: (i: number) => number): HourSeries => ({
  start: START,
  values: Float64Array.from({ length: n }, (_, i) => value(i)),
});
const cycle = (i: number): number => 20 + 6 * Math.sin((2 * Math.PI * i) / 24);

describe('quantile regression', () => {
  const lossOf = (
    rows: readonly number[][],
    y: readonly number[],
    tau: number,
    at: readonly number[],
  ): number => rows.reduce((sum, row, i) => sum + pinball(tau, y[i] as number, dot(row, at)), 0);

  test('the pinball loss weighs what is above by tau and what is below by the rest', () => {
    expect([pinball(0.9, 10, 8), pinball(0.9, 8, 10), pinball(0.5, 1, 1)]).toEqual([
      1.8,
      expect.closeTo(0.2, 12),
      0,
    ]);
  });

  test('is as good as the best line through two of the points, which is the optimum of the linear programme', () => {
    const point = fc.tuple(fc.integer({ min: -50, max: 50 }), fc.integer({ min: -50, max: 50 }));
    fc.assert(
      fc.property(
        fc.array(point, { minLength: 4, maxLength: 14 }),
        fc.constantFrom(...taus),
        (points, tau) => {
          const rows = points.map(([x]) => [1, x]);
          const y = points.map(([, value]) => value);
          fc.pre(new Set(points.map(([x]) => x)).size > 1);
          let best = Number.POSITIVE_INFINITY;
          for (const [x1, y1] of points)
            for (const [x2, y2] of points) {
              if (x1 === x2) continue;
              const slope = (y2 - y1) / (x2 - x1);
              best = Math.min(best, lossOf(rows, y, tau, [y1 - slope * x1, slope]));
            }
          const found = lossOf(rows, y, tau, quantileRegression(rows, y, tau));
          expect(found).toBeLessThanOrEqual(best * 1.02 + 0.05);
        },
      ),
      { numRuns: 100 },
    );
  });

  test('a constant alone is the quantile; a predictor that says nothing new is no harm', () => {
    const y = Array.from({ length: 101 }, (_, i) => (i * 37) % 101);
    for (const tau of taus) {
      const [level] = quantileRegression(
        y.map(() => [1]),
        y,
        tau,
      );
      expect(Math.abs((level as number) - tau * 100)).toBeLessThan(1);
      const twice = quantileRegression(
        y.map(() => [1, 1]),
        y,
        tau,
      );
      expect(Math.abs(dot([1, 1], twice) - tau * 100)).toBeLessThan(1);
    }
  });
});

describe('smoothing', () => {
  test('a cycle without noise is forecast to the last digit, over missing hours too', () => {
    const series = seriesOf(24 * 20, (i) => (i % 7 === 3 ? Number.NaN : cycle(i)));
    const fitted = fitSmoothing(series, 5);
    const forecasts = smoothed(series, fitted, 5);
    for (let i = 24 * 15; i < 24 * 19; i++) expect(forecasts[i]).toBeCloseTo(cycle(i + 5), 6);
  });

  test('the filter is that of its equations', () => {
    const season = new Array(24).fill(0);
    const forecasts = smoothed(
      seriesOf(3, (i) => [10, 14, Number.NaN][i] as number),
      { alpha: 0.5, gamma: 0.25, level: 8, season },
      24,
    );
    // Levels 9 and 11.5; cycle of hours 0 and 1: 0.25 (10 - 8), 0.25 (14 - 9).
    expect([...forecasts]).toEqual([9 + 0.5, 11.5 + 1.25, 11.5]);
  });
});

describe('nowcast', () => {
  const split = START + 24 * 60 * HOUR_MS;
  const scored = (series: HourSeries, horizon: number, least: number | null = null) => {
    const nowcast = fitNowcast(seriesBefore(series, split), horizon, least);
    return nowcast && scoreNowcast(nowcast, series, split);
  };

  test('out of sample, a daily cycle is forecast better than by persistence, with intervals that hold', () => {
    const random = noise(7);
    const scores = scored(
      seriesOf(24 * 90, (i) => cycle(i) + random()),
      6,
    );
    expect(scores?.n).toBe(24 * 30 - 6);
    const { persistence, smoothing, regression } = scores as NonNullable<typeof scores>;
    expect(smoothing.mae).toBeLessThan(0.3 * persistence.mae);
    expect(regression.mae).toBeLessThan(0.5 * persistence.mae);
    for (const { pinball: loss, within } of [smoothing, regression]) {
      expect(loss).toBeLessThan(0.5 * persistence.pinball);
      expect(Math.abs(within - 0.8)).toBeLessThan(0.08);
    }
  });

  test('nothing is better than persistence for a random walk, and nothing claims to be', () => {
    const random = noise(11);
    let at = 0;
    const series = seriesOf(24 * 90, () => {
      at += random();
      return at;
    });
    const { persistence, smoothing, regression } = scored(series, 1) as NonNullable<
      ReturnType<typeof scored>
    >;
    for (const { mae } of [smoothing, regression]) expect(mae).toBeGreaterThan(0.97 * persistence.mae);
    expect(regression.mae).toBeLessThan(1.1 * persistence.mae);
  });

  test('what comes after the fit does not touch the fit, nor a forecast what comes after it', () => {
    const random = noise(3);
    const series = seriesOf(24 * 70, (i) => cycle(i) + random());
    const spoiled = { ...series, values: series.values.map((value, i) => (i >= 24 * 60 ? 1e6 : value)) };
    const fits = [series, spoiled].map((one) => fitNowcast(seriesBefore(one, split), 3, null));
    expect(fits[0]).toEqual(fits[1]);
    const nowcast = fits[0] as NonNullable<(typeof fits)[0]>;
    expect(forecastNext(nowcast, seriesBefore(series, split))).toEqual(
      forecastNext(nowcast, seriesBefore(spoiled, split)),
    );
    expect(forecastNext(nowcast, seriesBefore(series, split))?.at).toBe(split - HOUR_MS + 3 * HOUR_MS);
  });

  test('no forecast is below the least value; quantiles are in order', () => {
    const random = noise(5);
    const series = seriesOf(24 * 70, () => Math.max(0, random() - 1));
    const nowcast = fitNowcast(series, 1, 0) as NonNullable<ReturnType<typeof fitNowcast>>;
    for (let end = 24 * 60; end < 24 * 61; end++) {
      const { persistence, smoothing, regression } = forecastNext(nowcast, {
        start: START,
        values: series.values.subarray(0, end),
      }) as NonNullable<ReturnType<typeof forecastNext>>;
      for (const quantiles of [persistence, smoothing, regression]) {
        expect(Math.min(...quantiles)).toBeGreaterThanOrEqual(0);
        expect(quantiles).toEqual(quantiles.toSorted((a, b) => a - b));
      }
    }
  });

  test('hours with holes are a series with holes; too few of them are no nowcast', () => {
    const column = (...values: number[]): Float64Array => Float64Array.from(values);
    const hours = {
      at: column(START, START + 3 * HOUR_MS),
      sum: column(4, 9),
      ...{ min: column(1, 2), max: column(3, 7), count: column(2, 3), coveredMs: column(0, 0) },
    };
    expect(hourSeries(hours, 'mean')).toEqual({ start: START, values: column(2, Number.NaN, Number.NaN, 3) });
    const few = seriesOf(350, (i) => i);
    expect(fitNowcast(few, 1, null)).toBeUndefined();
    expect(scored(few, 1)).toBeUndefined();
  });
});

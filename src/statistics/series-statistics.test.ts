import fc from 'fast-check';
import { expect, test } from 'vitest';
import { standardisedAnomalies } from './anomaly.ts';
import { percentilesByDay } from './day-of-year.ts';
import { durationCurves, idfEquation } from './idf.ts';
import { normalCdf } from './special-functions.ts';
import { spellsOf, wavesOf } from './spells.ts';
import { trendOf, varianceOfS } from './trend.ts';
import { windRose } from './wind-rose.ts';

const yearly = (values: readonly number[]) => values.map((value, at) => ({ at, value }));

test('Mann-Kendall by hand: five values that rise', () => {
  const trend = trendOf(yearly([1, 2, 3, 4, 5]));
  expect(trend?.s).toBe(10);
  // n (n - 1) (2 n + 5) / 18 = 16.667; z = 9 / 4.0825.
  expect(trend?.z).toBeCloseTo(2.2045, 4);
  expect(trend?.p).toBeCloseTo(0.0275, 4);
  expect(trend?.slope).toBe(1);
  expect(trend?.slopeInterval).toEqual([1, 1]);
  expect(normalCdf(1.959963984540054)).toBeCloseTo(0.975, 12);
  expect(normalCdf(-1)).toBeCloseTo(0.15865525393145707, 12);
});

test('the variance of S is that over all orders of the values, ties and all', () => {
  const orders = (values: readonly number[]): number[][] =>
    values.length === 0
      ? [[]]
      : values.flatMap((value, i) => orders(values.toSpliced(i, 1)).map((rest) => [value, ...rest]));
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 4, maxLength: 6 }), (values) => {
      const squares = orders(values).map((order) => (trendOf(yearly(order))?.s ?? Number.NaN) ** 2);
      const variance = squares.reduce((sum, s) => sum + s, 0) / squares.length;
      expect(varianceOfS(values)).toBeCloseTo(variance, 9);
    }),
    { numRuns: 25 },
  );
});

test("Sen's slope: an outlier does not move it, a line gives its own, gaps in time count", () => {
  const line = [0, 1, 2, 5, 6, 9].map((at) => ({ at, value: 3 - 0.5 * at }));
  expect(trendOf(line)?.slope).toBeCloseTo(-0.5, 12);
  expect(trendOf([...line.slice(0, 5), { at: 9, value: 1000 }])?.slope).toBeLessThan(0);
  expect(trendOf(yearly([1, 2, 3]))).toBeUndefined();
  expect(trendOf(yearly([7, 7, 7, 7, 7]))).toMatchObject({ s: 0, z: 0, p: 1, slope: 0 });
});

test('spells: a gap or an end leaves them open', () => {
  const rain = [0, 0, 5, 0, undefined, 0, 0, 0, 2, 0];
  expect(spellsOf(rain, (value) => value < 1)).toEqual([
    { from: 0, days: 2, open: true },
    { from: 3, days: 1, open: true },
    { from: 5, days: 3, open: true },
    { from: 9, days: 1, open: true },
  ]);
  expect(spellsOf([5, 0, 0, 5], (value) => value < 1)).toEqual([{ from: 1, days: 2, open: false }]);
  expect(spellsOf([], () => true)).toEqual([]);
});

test('waves are spells beyond the threshold of each day, at least so long', () => {
  const days = [30, 36, 37, 36, 30, 36, undefined, 40];
  const limits = [35, 35, 35, 35, 35, 35, 35, null];
  expect(wavesOf(days, limits, 'above', 3)).toEqual([{ from: 1, days: 3, open: false, excess: 4, peak: 2 }]);
  expect(wavesOf(days, limits, 'above', 1)).toHaveLength(2);
  expect(wavesOf([5, -2, -3, 4], [0, 0, 0, 0], 'below', 2)).toEqual([
    { from: 1, days: 2, open: false, excess: 5, peak: 3 },
  ]);
});

test('percentiles by day: the window runs over the end of the year', () => {
  const data = { days: [366, 1, 2, 100], values: [10, 20, 30, 99] };
  const [median, high] = percentilesByDay(data, [50, 100], { halfWindow: 1, fewest: 3 });
  expect(median?.[0]).toBe(20);
  expect(high?.[0]).toBe(30);
  expect(median?.[365]).toBeNull();
  expect(median).toHaveLength(366);
  expect(percentilesByDay(data, [50], { halfWindow: 0, fewest: 1 })[0]?.[99]).toBe(99);
});

test('wind rose: north is the middle of its sector, calm has no direction, nothing is lost', () => {
  const rose = windRose([
    { direction: 355, speed: 1 },
    { direction: 5, speed: 3 },
    { direction: 360, speed: 20 },
    { direction: 11.25, speed: 4 },
    { direction: 90, speed: 0.4 },
  ]);
  expect(rose.calm).toBe(1);
  expect(rose.sectors[0]).toEqual([1, 1, 0, 0, 0, 0, 1]);
  expect(rose.sectors[1]).toEqual([0, 0, 1, 0, 0, 0, 0]);
  expect(rose.sectors.flat().reduce((sum, count) => sum + count, rose.calm)).toBe(rose.n);
});

test('standardised anomalies: by season, of the years of reference', () => {
  const values = [1, 10, 2, 20, 3, 30, undefined, 100];
  const seasons = [1, 2, 1, 2, 1, 2, 1, 2];
  const found = standardisedAnomalies(values, seasons, { fewest: 3, isReference: (i) => i < 6 });
  expect(found).toEqual([-1, -1, 0, 0, 1, 1, undefined, 8]);
  expect(standardisedAnomalies([5, 5, 5], [1, 1, 1], { fewest: 3 })).toEqual(Array(3).fill(undefined));
});

test('the equation of intensities gives back the one that the curves were made of', () => {
  const periods = [2, 10, 50];
  const curves = [1, 3, 6, 12, 24].map((hours) => ({
    hours,
    years: 30,
    fit: { mu: 0, sigma: 1, xi: 0 },
    intensities: periods.map((years) => (1200 * years ** 0.18) / (hours * 60 + 12) ** 0.77),
  }));
  const equation = idfEquation(curves, periods);
  expect(equation?.k).toBeCloseTo(1200, -1);
  expect(equation?.a).toBeCloseTo(0.18, 3);
  expect(equation?.c).toBeCloseTo(0.77, 3);
  expect(equation?.logError).toBeLessThan(1e-3);
  expect(idfEquation(curves.slice(0, 2), periods)).toBeUndefined();
});

test('a curve is the return level of its duration by the hour', () => {
  const values = Array.from({ length: 30 }, (_, i) => 40 + i);
  const [curve] = durationCurves([{ hours: 24, values }], [10]);
  const [wide] = durationCurves([{ hours: 48, values }], [10], 'gumbel');
  expect(curve?.intensities[0]).toBeCloseTo(2 * (wide?.intensities[0] as number), 9);
  expect(durationCurves([{ hours: 1, values: [1, 2] }], [10])).toEqual([]);
});

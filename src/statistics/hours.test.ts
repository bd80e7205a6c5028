import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DAY_MS, HOUR_MS } from '../model/time.ts';
import { climatologyTable } from './climatology.ts';
import { annualMaxima, basisOf, type Hours, naturalMeasure, paceOf, periodsOf, yearOf } from './hours.ts';

const T0 = Date.UTC(2001, 0, 1);
const ZONE = 'America/Sao_Paulo';

/** Hours from (hour since T0, value), one reading each that measures `intervalMs`. */
const hoursFrom = (rows: readonly (readonly [number, number])[], intervalMs = HOUR_MS): Hours => {
  const values = Float64Array.from(rows, ([, value]) => value);
  return {
    at: Float64Array.from(rows, ([hour]) => T0 + hour * HOUR_MS),
    sum: values,
    min: values,
    max: values,
    count: new Float64Array(rows.length).fill(1),
    coveredMs: new Float64Array(rows.length).fill(intervalMs),
  };
};

test('days are local: an hour after midnight UTC still belongs to the day before in Brazil', () => {
  const hours = hoursFrom([
    [1, 5],
    [3, 7],
    [4, 2],
  ]);
  // 2001 had summer time there: UTC-2.
  expect(
    periodsOf(hours, 'sum', 'day', ZONE).map(({ day, value }) => [(day * DAY_MS - T0) / DAY_MS, value]),
  ).toEqual([
    [-1, 5],
    [0, 9],
  ]);
  expect(periodsOf(hours, 'sum', 'month', 'UTC').map(({ value, n }) => [value, n])).toEqual([[14, 3]]);
  expect(periodsOf(hours, 'max', 'year', 'UTC')[0]).toMatchObject({ value: 7, at: T0 + 4 * HOUR_MS });
  expect(periodsOf(hours, 'min', 'year', 'UTC')[0]).toMatchObject({ value: 2, at: T0 + 5 * HOUR_MS });
});

test('coverage: what is measured of the time, by the interval or by the pace', () => {
  const whole = Array.from({ length: 24 }, (_, i) => [i, 1] as const);
  expect(periodsOf(hoursFrom(whole), 'sum', 'day', 'UTC')[0]?.coverage).toBe(1);
  expect(periodsOf(hoursFrom(whole.slice(0, 12)), 'sum', 'day', 'UTC')[0]?.coverage).toBe(0.5);
  const synoptic = hoursFrom(
    [0, 3, 6, 9, 12, 15, 18, 21].map((hour) => [hour, 20] as const),
    0,
  );
  expect(paceOf(synoptic)).toBe(3 * HOUR_MS);
  expect(periodsOf(synoptic, 'mean', 'day', 'UTC')[0]).toMatchObject({ coverage: 1, value: 20, n: 8 });
  expect(basisOf(hoursFrom(whole.filter(([hour]) => hour % 4 !== 2)))).toMatchObject({
    n: 18,
    missing: 0.25,
  });
  expect(basisOf(hoursFrom([]))).toEqual({ n: 0, from: null, to: null, missing: null });
  expect(naturalMeasure('rainfall')).toBe('sum');
  expect(naturalMeasure('windGust')).toBe('max');
  expect(naturalMeasure('airTemperature')).toBe('mean');
});

test('annual maxima of a moving sum equal those of every window, one by one', () => {
  const rows = fc.uniqueArray(
    fc.tuple(fc.integer({ min: 8700, max: 8820 }), fc.integer({ min: 0, max: 50 })),
    {
      selector: ([hour]) => hour,
      minLength: 1,
      maxLength: 60,
    },
  );
  fc.assert(
    fc.property(rows, fc.integer({ min: 1, max: 12 }), (given, span) => {
      const sorted = given.toSorted((a, b) => a[0] - b[0]);
      const found = annualMaxima(hoursFrom(sorted), 'sum', span * HOUR_MS, 'UTC');
      const best = new Map<number, number>();
      for (const [last] of sorted) {
        const year = yearOf((T0 + last * HOUR_MS) / DAY_MS);
        const sum = sorted
          .filter(([hour]) => hour <= last && hour > last - span)
          .reduce((total, [, value]) => total + value, 0);
        best.set(year, Math.max(best.get(year) ?? 0, sum));
      }
      expect(found.map(({ year, value }) => [year, value])).toEqual([...best]);
    }),
  );
});

test('a daily reading says nothing of one hour, and everything of its day', () => {
  const daily = hoursFrom(
    [12, 36, 60].map((hour, i) => [hour, 10 + i] as const),
    DAY_MS,
  );
  expect(annualMaxima(daily, 'sum', HOUR_MS, 'UTC')).toEqual([]);
  expect(annualMaxima(daily, 'sum', DAY_MS, 'UTC')[0]?.value).toBe(12);
  expect(annualMaxima(daily, 'sum', 2 * DAY_MS, 'UTC')[0]?.value).toBe(23);
});

test('a table holds what rules read and nothing that too few years say', () => {
  const years = (count: number) =>
    hoursFrom(
      Array.from(
        { length: count * 365 },
        (_, day) => [day * 24 + 12, 20 + (day % 365) / 10 + (day % 7)] as const,
      ),
      DAY_MS,
    );
  const reads = {
    percentiles: [{ quantity: 'airTemperature', percent: 90 }],
    returnPeriods: [
      { quantity: 'airTemperature', aggregate: 'max', spanMs: DAY_MS },
      { quantity: 'airTemperature', aggregate: 'max', spanMs: 90_000 },
    ],
  } as const;
  const options = { halfWindow: 7, leastYears: 10 };
  const table = climatologyTable(() => years(12), reads, 'UTC', options);
  expect(table.percentiles).toHaveLength(1);
  expect(table.percentiles[0]?.byDay[199]).toBeGreaterThan(table.percentiles[0]?.byDay[20] as number);
  // Around 19 July (day 201): 20 + 20 + the upper end of 0..6, in thousandths.
  expect(table.percentiles[0]?.byDay[200]).toBeGreaterThan(45_000);
  expect(table.percentiles[0]?.byDay[200]).toBeLessThan(47_000);
  expect(climatologyTable(() => years(9), reads, 'UTC', options)).toEqual({ percentiles: [], extremes: [] });
  const strict = { ...options, leastYears: 15 };
  expect(table.extremes).toHaveLength(1);
  expect(climatologyTable(() => years(12), reads, 'UTC', strict)).toEqual({ percentiles: [], extremes: [] });
  expect(climatologyTable(() => undefined, reads, 'UTC', options)).toEqual({ percentiles: [], extremes: [] });
});

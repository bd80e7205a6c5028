import { expect, test } from 'vitest';
import { HOUR_MS } from '../model/time.ts';
import { monthByHour, yearCourse } from './cycle.ts';
import type { Hours } from './hours.ts';

/** Hours from an instant on, one value each; undefined: not measured. */
function hoursOf(from: number, count: number, valueAt: (at: number) => number | undefined): Hours {
  const rows = Array.from({ length: count }, (_, i) => from + i * HOUR_MS).flatMap((at) => {
    const value = valueAt(at);
    return value === undefined ? [] : [[at, value] as const];
  });
  const column = (of: (row: readonly [number, number]) => number): Float64Array =>
    Float64Array.from(rows, of);
  const values = column(([, value]) => value);
  return {
    ...{ at: column(([at]) => at), sum: values, min: values, max: values },
    ...{ count: column(() => 1), coveredMs: column(() => HOUR_MS) },
  };
}

test('hours have their local name, on days of 23 and 25 hours too', () => {
  // São Paulo went from UTC-3 to UTC-2 on 4 November 2018 (the hour 0 was missing), and back on 18 February 2018 (the hour 23 came twice).
  const zone = 'America/Sao_Paulo';
  const names = new Intl.DateTimeFormat('en-GB', { timeZone: zone, hour: '2-digit', hourCycle: 'h23' });
  for (const [month, day] of [
    [10, 4],
    [1, 17],
  ] as const) {
    const from = Date.UTC(2018, month, day - 1, 12);
    const table = monthByHour(
      hoursOf(from, 72, (at) => Number(names.format(at))),
      'mean',
      zone,
    );
    const row = table[month] as (typeof table)[number];
    expect(row.map(({ value }) => value)).toEqual(Array.from({ length: 24 }, (_, hour) => hour));
    expect(row.reduce((sum, { n }) => sum + n, 0)).toBe(72);
  }
});

test('with a threshold a cell is the share of its hours that reach it', () => {
  const rain = hoursOf(Date.UTC(2023, 0, 1), 10 * 24, (at) => {
    const date = new Date(at);
    return date.getUTCHours() === 17 ? date.getUTCDate() * 0.05 : 0;
  });
  const [january, february] = monthByHour(rain, 'sum', 'UTC', 0.2);
  expect(january?.[17]).toEqual({ n: 10, value: 0.7 });
  expect(january?.[16]).toEqual({ n: 10, value: 0 });
  expect(february?.[17]).toEqual({ n: 0, value: null });
});

test('amounts of a year add up beside those of the full years, which it is none of', () => {
  // 1, 2, 3 mm an hour in three years; the fourth has 5 and ends on 10 January; the fifth, of 2024, has gaps.
  const rate: Record<number, number> = { 2019: 1, 2020: 2, 2021: 3, 2022: 5, 2018: 100 };
  const from = Date.UTC(2018, 0, 1);
  const rain = hoursOf(from, (Date.UTC(2022, 0, 11) - from) / HOUR_MS, (at) => {
    const year = new Date(at).getUTCFullYear();
    const isHalf = year === 2018 && new Date(at).getUTCMonth() > 5;
    return isHalf ? undefined : rate[year];
  });
  const { years, days } = yearCourse(rain, 'sum', 'UTC', 2022);
  expect(years).toEqual([2019, 2020, 2021]);
  expect(days[0]).toEqual({ value: 120, others: [24, expect.closeTo(28.8), 48, expect.closeTo(67.2), 72] });
  expect(days[9]?.value).toBe(1200);
  expect(days[10]).toEqual({
    value: null,
    others: [11 * 24, expect.closeTo(11 * 28.8), 11 * 48, expect.closeTo(11 * 67.2), 11 * 72],
  });
  // 31 December is the last day of years with and without 29 February, which is the 60th.
  expect(days[365]?.others).toEqual([
    24 * 365,
    expect.closeTo(24 * 365 + 0.2 * (48 * 366 - 24 * 365)),
    48 * 366,
    expect.closeTo(48 * 366 + 0.8 * (72 * 365 - 48 * 366)),
    72 * 365,
  ]);
  expect(days[59]?.others).toEqual([24 * 59, expect.anything(), 48 * 60, expect.anything(), 72 * 59]);
});

test('a day that is hardly measured has no value and adds nothing', () => {
  const rain = hoursOf(Date.UTC(2023, 0, 1), 5 * 24, (at) => {
    const date = new Date(at);
    return date.getUTCDate() === 3 && date.getUTCHours() < 8 ? undefined : 1;
  });
  const { years, days } = yearCourse(rain, 'sum', 'UTC', 2023);
  expect(years).toEqual([]);
  expect(days.slice(0, 6).map(({ value }) => value)).toEqual([24, 48, 48, 72, 96, null]);
  const mean = yearCourse(rain, 'mean', 'UTC', 2023);
  expect(mean.days.slice(0, 6).map(({ value }) => value)).toEqual([1, 1, null, 1, 1, null]);
});

test('a sum begins with the first day that was measured, not with nothing on 1 January', () => {
  const rain = hoursOf(Date.UTC(2024, 0, 3), 2 * 24, () => 1);
  const { days } = yearCourse(rain, 'sum', 'UTC', 2024);
  expect(days.slice(0, 5).map(({ value }) => value)).toEqual([null, null, 24, 48, null]);
});

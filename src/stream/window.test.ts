import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MINUTE_MS } from '../model/time.ts';
import { ReadingSeries } from './series.ts';
import { slidingWindow, type WindowStatistics } from './window.ts';

const reading = fc.record({
  at: fc.integer({ min: 0, max: 60 }).map((n) => n * 10 * MINUTE_MS),
  interval: fc.constantFrom(10, 30, 60, 360).map((n) => n * MINUTE_MS),
  value: fc.integer({ min: -90_000, max: 500_000 }),
});
type Reading = typeof reading extends fc.Arbitrary<infer T> ? T : never;

/** The window computed anew from plain rows: the newest value of each (at, interval) in order of both. */
function plainWindow(
  arrived: readonly Reading[],
  to: number,
  spanMs: number,
  isInterval: boolean,
): WindowStatistics {
  const newest = new Map<string, Reading>();
  const replaced = new Map<string, Set<number>>();
  for (const one of arrived) {
    const key = `${one.at}/${one.interval}`;
    const seen = replaced.get(key) ?? new Set<number>();
    if (seen.has(one.value)) continue;
    replaced.set(key, seen.add(one.value));
    newest.set(key, one);
  }
  const rows = [...newest.values()].sort((a, b) => a.at - b.at || a.interval - b.interval);
  let end = Number.NEGATIVE_INFINITY;
  const counted: Reading[] = [];
  const rest: Reading[] = [];
  let coveredMs = 0;
  const from = to - spanMs;
  for (const row of rows) {
    const counts = isInterval ? row.at - row.interval >= end : row.at !== end;
    const before = end;
    if (counts) end = row.at;
    if (row.at <= from || row.at > to) continue;
    if (!counts || (isInterval && row.at - row.interval < from)) {
      rest.push(row);
      continue;
    }
    counted.push(row);
    coveredMs += isInterval ? row.interval : row.at - Math.max(row.at - row.interval, before, from);
  }
  const values = counted.map((row) => row.value);
  const total = (all: readonly Reading[]): number => all.reduce((sum, row) => sum + row.value, 0);
  const any = values.length > 0;
  return {
    count: values.length,
    sum: total(counted),
    min: any ? Math.min(...values) : 0,
    max: any ? Math.max(...values) : 0,
    first: values[0] ?? 0,
    last: values.at(-1) ?? 0,
    coveredMs,
    uncounted: rest.length,
    uncountedSum: total(rest),
  };
}

const fill = (isInterval: boolean, arrived: readonly Reading[]): ReadingSeries => {
  const series = new ReadingSeries(isInterval);
  for (const { at, interval, value } of arrived) series.insert(at, interval, interval, value);
  return series;
};

/** With the extremes, which are found when they are asked for. */
const allOf = (window: WindowStatistics): WindowStatistics => ({
  ...window,
  min: window.min,
  max: window.max,
});

test('a sliding window is what a plain recomputation finds, in any order of arrival, with overlaps and corrections', () => {
  fc.assert(
    fc.property(
      fc.array(reading, { maxLength: 60 }),
      fc.boolean(),
      fc.integer({ min: 0, max: 70 }),
      fc.constantFrom(1, 6, 24, 144),
      (arrived, isInterval, end, spans) => {
        const to = end * 10 * MINUTE_MS;
        const spanMs = spans * 10 * MINUTE_MS;
        expect(allOf(slidingWindow(fill(isInterval, arrived), to, spanMs, isInterval))).toEqual(
          plainWindow(arrived, to, spanMs, isInterval),
        );
      },
    ),
    { numRuns: 500 },
  );
});

test('what was forgotten still overlaps, before and after a checkpoint', () => {
  fc.assert(
    fc.property(
      fc.array(reading, { maxLength: 60 }),
      fc.integer({ min: 0, max: 40 }),
      fc.array(reading, { maxLength: 10 }),
      (arrived, cut, later) => {
        const series = fill(true, arrived);
        const whole = fill(true, arrived);
        series.forget(cut * 10 * MINUTE_MS);
        const again = ReadingSeries.restore(
          true,
          JSON.parse(JSON.stringify(series.snapshot())) as ReturnType<ReadingSeries['snapshot']>,
        );
        for (const one of later.filter((r) => r.at > cut * 10 * MINUTE_MS)) {
          for (const each of [series, whole, again])
            each.insert(one.at, one.interval, one.interval, one.value);
        }
        const from = cut * 10 * MINUTE_MS;
        const windows = [series, whole, again].map((each) =>
          allOf(slidingWindow(each, from + 240 * MINUTE_MS, 240 * MINUTE_MS, true)),
        );
        expect(windows[0]).toEqual(windows[1]);
        expect(windows[2]).toEqual(windows[1]);
      },
    ),
    { numRuns: 300 },
  );
});

test('nothing there: no reading, no coverage', () => {
  expect(slidingWindow(undefined, 0, 1000, true)).toMatchObject({ count: 0, coveredMs: 0 });
});

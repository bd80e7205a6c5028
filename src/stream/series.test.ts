import { expect, test } from 'vitest';
import { ReadingSeries } from './series.ts';

test('the same value again is a repeat, another a correction, a replaced one stale', () => {
  const series = new ReadingSeries(true);
  const put = (value: number): string => series.insert(60, 60, 60, value);
  expect([put(1), put(1), put(2), put(1), put(2)]).toEqual([
    'new',
    'repeat',
    'correction',
    'stale-repeat',
    'repeat',
  ]);
  expect([series.length, series.value(0)]).toEqual([1, 2]);
});

test('another interval is another key; the earlier of overlapping intervals counts', () => {
  const series = new ReadingSeries(true);
  expect([series.insert(60, 60, 60, 5), series.insert(60, 10, 10, 1), series.insert(70, 20, 20, 2)]).toEqual([
    'new',
    'new',
    'new',
  ]);
  expect([0, 1, 2].map((i) => series.counts(i))).toEqual([true, false, false]);
});

test('running sums stay exact through growth, insertion in the middle and forgetting', () => {
  const series = new ReadingSeries(true);
  for (let i = 1000; i > 0; i--) series.insert(i, 1, 1, i);
  expect(series.sum(0, 999)).toBe(500_500);
  series.forget(900);
  expect([series.length, series.sum(0, 99), series.covered(0, 99)]).toEqual([100, 95_050, 100]);
  for (let i = 1001; i <= 1200; i++) series.insert(i, 1, 1, i);
  expect(series.sum(0, 299)).toBe((901 + 1200) * 150);
});

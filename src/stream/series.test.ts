import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CellPool } from './cell-pool.ts';
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

interface Row {
  readonly at: number;
  readonly interval: number;
  value: number;
  counts: boolean;
}

/** The same by hand: rows sorted anew, and counted anew from the first, each time. */
class PlainSeries {
  rows: Row[] = [];
  floor = Number.NEGATIVE_INFINITY;

  insert(at: number, interval: number, value: number): void {
    const known = this.rows.find((row) => row.at === at && row.interval === interval);
    if (known) known.value = value;
    else this.rows.push({ at, interval, value, counts: true });
    this.rows.sort((a, b) => a.at - b.at || a.interval - b.interval);
    let before = this.floor;
    for (const row of this.rows) {
      row.counts = row.at - row.interval >= before;
      if (row.counts) before = row.at;
    }
  }
  forget(at: number): void {
    for (const row of this.rows) if (row.at <= at && row.counts) this.floor = row.at;
    this.rows = this.rows.filter((row) => row.at > at);
  }
}

test('even or uneven, grown, cut and forgotten: rows, counts and sums are those of a plain list', () => {
  const step = fc.record({
    back: fc.oneof({ weight: 6, arbitrary: fc.constant(-10) }, fc.integer({ min: -20, max: 150 })),
    interval: fc.oneof({ weight: 9, arbitrary: fc.constant(10) }, fc.constantFrom(5, 30)),
    forget: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, fc.constant(200)),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 200, size: 'max' }), (steps) => {
      const pool = new CellPool();
      const series = new ReadingSeries(true, pool);
      const plain = new PlainSeries();
      // Its neighbour in the pool must not feel anything of it.
      const other = new ReadingSeries(true, pool);
      let newest = 0;
      steps.forEach(({ back, interval, forget }, i) => {
        const at = newest - back;
        other.insert(i, 1, 1, i);
        if (at > newest - 180 && at > plain.floor) {
          series.insert(at, interval, interval, i);
          plain.insert(at, interval, i);
          newest = Math.max(newest, at);
        }
        if (forget > 0) {
          series.forget(newest - forget);
          plain.forget(newest - forget);
        }
        const found = Array.from({ length: series.length }, (_, k) => [
          series.at(k),
          series.at(k) - series.from(k),
          series.value(k),
          series.counts(k),
        ]);
        expect(found).toEqual(plain.rows.map((row) => [row.at, row.interval, row.value, row.counts]));
        const counted = plain.rows.filter(({ counts }) => counts);
        const last = series.length - 1;
        expect(series.sum(0, last)).toBe(counted.reduce((sum, { value }) => sum + value, 0));
        expect(series.covered(0, last)).toBe(counted.reduce((sum, { interval: ms }) => sum + ms, 0));
        expect(series.countsAll).toBe(counted.length === plain.rows.length);
      });
      expect(other.sum(0, other.length - 1)).toBe((steps.length * (steps.length - 1)) / 2);
    }),
    { numRuns: 120 },
  );
});

import { expect, test } from 'vitest';
import { CellPool } from './cell-pool.ts';

test('runs never overlap, and one given back is given out again', () => {
  const pool = new CellPool();
  const runs = Array.from({ length: 300 }, (_, i) => {
    const length = 2 ** (3 + (i % 13));
    pool.take(length);
    pool.cells.fill(i, pool.offset, pool.offset + length);
    return { cells: pool.cells, offset: pool.offset, segment: pool.segment, length, i };
  });
  for (const { cells, offset, length, i } of runs)
    expect(cells.subarray(offset, offset + length).every((value) => value === i)).toBe(true);
  const one = runs[200] as (typeof runs)[number];
  pool.give(one.segment, one.offset, one.length);
  pool.take(one.length);
  expect([pool.cells, pool.offset]).toEqual([one.cells, one.offset]);
});

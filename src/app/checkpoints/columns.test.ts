import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ColumnReader, ColumnWriter } from './columns.ts';

const orders = [0, 1, 2] as const;

test('what was written is read, in any order of differences', () => {
  const column = fc.array(
    fc.oneof(
      fc.integer({ min: -200, max: 200 }),
      fc.integer({ min: 1_600_000_000_000, max: 1_800_000_000_000 }),
      // A difference of two of these is a safe integer still.
      fc.integer({ min: -(2 ** 50), max: 2 ** 50 }),
    ),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(column, fc.constantFrom(...orders)), { maxLength: 5 }), (columns) => {
      const writer = new ColumnWriter();
      for (const [values, order] of columns) writer.write(values, order);
      const bytes = writer.bytes();
      const reader = new ColumnReader(bytes, 0);
      for (const [values, order] of columns) expect(reader.read(values.length, order)).toEqual(values);
      expect(reader.at).toBe(bytes.length);
    }),
  );
});

test('an hourly series costs a byte a reading, and the edges are exact', () => {
  const writer = new ColumnWriter();
  writer.write(
    Array.from({ length: 1000 }, (_, i) => 1_714_456_800_000 + i * 3_600_000),
    2,
  );
  expect(writer.bytes().length).toBeLessThan(1020);
  const edges = [0, -0, 63, 64, -64, -65, 2 ** 30 - 1, 2 ** 30, -(2 ** 30), 2 ** 31, 2 ** 48];
  const values = [...edges, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER];
  const edge = new ColumnWriter();
  edge.write(values, 0);
  expect(new ColumnReader(edge.bytes(), 0).read(values.length, 0).map((n) => n + 0)).toEqual(
    values.map((n) => n + 0),
  );
});

test('a column that is cut short, or says it is longer than its file, is no column', () => {
  const writer = new ColumnWriter();
  writer.write([1, 300, 2 ** 40], 0);
  const bytes = writer.bytes();
  expect(() => new ColumnReader(bytes.subarray(0, bytes.length - 1), 0).read(3, 0)).toThrow(/column/);
  expect(() => new ColumnReader(bytes, 0).read(1_000_000_000, 0)).toThrow(/column/);
});

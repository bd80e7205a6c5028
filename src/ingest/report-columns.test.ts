import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Report } from '../model/report.ts';
import { compareReports, ReportColumns } from './report-columns.ts';

const layouts = [['rainfall'], ['airTemperature', 'relativeHumidity'], []];
const report = fc
  .record({
    station: fc.constantFrom('A801', 'A802', 'estação'),
    observedAt: fc.integer({ min: -1e12, max: 2e12 }),
    receivedAt: fc.integer({ min: 0, max: 20 }),
    intervalMs: fc.constantFrom(0, 600_000, 86_400_000),
    layout: fc.nat(2),
    value: fc.integer({ min: -1e9, max: 1e9 }),
  })
  .map(({ layout, value, ...rest }): Report => {
    const quantities = layouts[layout] as string[];
    return { ...rest, quantities, values: quantities.map((_, i) => value + i) };
  });
const walk = (columns: ReportColumns): Report[] => [...columns.blocks()].flat();

test('what was added comes again, in its order, as often as it is walked', () => {
  fc.assert(
    fc.property(fc.array(report), (reports) => {
      const columns = ReportColumns.of(reports);
      expect(walk(columns)).toEqual(reports);
      expect(walk(columns)).toEqual(reports);
      expect(columns.length).toBe(reports.length);
      expect(columns.stations).toEqual([...new Set(reports.map(({ station }) => station))]);
      const at = reports.map(({ observedAt }) => observedAt);
      expect(columns.span).toEqual(
        at.length > 0 ? { from: Math.min(...at), to: Math.max(...at) } : undefined,
      );
    }),
  );
});

test('sorts as a list does, and is itself where nothing is to be done', () => {
  fc.assert(
    fc.property(fc.array(report), (reports) => {
      const sorted = ReportColumns.of(reports).sorted();
      expect(walk(sorted)).toEqual(reports.toSorted(compareReports));
      expect(sorted.sorted()).toBe(sorted);
      expect(sorted.firstAt).toBe(Math.min(...reports.map(({ receivedAt }) => receivedAt)));
    }),
  );
});

test('goes over the blocks of its memory, and reports of one layout share the array that names it', () => {
  const columns = new ReportColumns();
  const of = (i: number): Report => ({
    station: `S${i % 7}`,
    observedAt: i,
    receivedAt: i,
    intervalMs: i % 3,
    quantities: [...(layouts[i % 2] as string[])],
    values: Array.from({ length: (i % 2) + 1 }, (_, k) => i + k),
  });
  for (let i = 0; i < 140_000; i++) columns.add(of(i));
  const all = walk(columns);
  expect(all.length).toBe(140_000);
  expect(all.every((one, i) => JSON.stringify(one.values) === JSON.stringify(of(i).values))).toBe(true);
  expect([0, 65_535, 65_536, 139_999].map((i) => all[i])).toEqual([0, 65_535, 65_536, 139_999].map(of));
  expect(new Set(all.map(({ quantities }) => quantities)).size).toBe(2);
});

test('takes another time of receiving than the report says', () => {
  const columns = new ReportColumns();
  columns.add({ station: 'A', observedAt: 1, receivedAt: 2, intervalMs: 0, quantities: [], values: [] }, 5);
  expect(walk(columns)[0]?.receivedAt).toBe(5);
});

import { expect, test } from 'vitest';
import { observationsIn } from '../../model/effect.ts';
import { packRows, RowPacker } from './packed.ts';

test('a report packs to the rows of its observations, across growth', () => {
  const quantities = ['rainfall', 'airTemperature', 'windGust'];
  const reports = Array.from({ length: 300 }, (_, i) => ({
    station: `S${i % 7}`,
    observedAt: i * 60_000,
    intervalMs: 60_000,
    receivedAt: i * 60_000 + 1000,
    quantities: quantities.slice(i % 3),
    values: [i, -i, 2 * i].slice(i % 3),
  }));
  const packer = new RowPacker();
  for (const report of reports) packer.addReport(report, 'late');
  const single = reports.flatMap((report) => observationsIn({ kind: 'readings', report, arrival: 'late' }));
  expect(packer.rows()).toEqual(packRows(single));
});

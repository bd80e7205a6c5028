import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { Report } from '../model/report.ts';
import { openFiles } from './files.ts';
import { decodeGrid, encodeGrid, openScenario, STORM_FILE } from './scenario.ts';

async function gather<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

const directory = join(import.meta.dirname, '../../scenarios/rs-2024');
const raw = join(import.meta.dirname, '../../../shared/data/weather/inmet-hourly/rs-2024');

describe('scenario rs-2024', () => {
  it('has the bytes that were made from the raw files, under 300 kB', () => {
    const bytes = gunzipSync(readFileSync(join(directory, STORM_FILE)));
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(
      '08c47ed103826b0c4239e35fb010b3a6a0828e7ffc755c202c061f4b4334f032',
    );
    expect(statSync(join(directory, STORM_FILE)).size).toBeLessThan(300_000);
    expect(Buffer.compare(encodeGrid(decodeGrid(bytes, 'storm')), bytes)).toBe(0);
  });

  it('knows the flood: 44 stations, 207.0 mm at Santa Maria on 30 April', () => {
    const scenario = openScenario(directory);
    expect(scenario).toMatchObject({
      name: 'rs-2024',
      startAt: Date.UTC(2024, 3, 26),
      endAt: Date.UTC(2024, 4, 6, 23),
    });
    expect(scenario.stations).toHaveLength(44);
    expect(scenario.stations.every((station) => /^43\d{5}$/.test(station.region))).toBe(true);
    let rain = 0;
    for (const report of scenario.reports()) {
      const day = new Date(report.observedAt).toISOString().slice(0, 10);
      if (report.station === 'A803' && day === '2024-04-30')
        rain += report.values[report.quantities.indexOf('rainfall')] ?? 0;
    }
    expect(rain).toBe(207_000);
  });

  it.skipIf(!existsSync(raw))(
    'equals the raw yearly files (skipped where the raw files are not at hand)',
    async () => {
      const scenario = openScenario(directory);
      const paths = readdirSync(raw).map((name) => join(raw, name));
      const files = await openFiles(paths, { from: scenario.startAt, to: scenario.endAt });
      const expected: Report[] = await gather(files);
      expect([...scenario.reports()]).toEqual(expected);
    },
  );

  it('refuses damaged bytes and a folder without a storm', () => {
    const bytes = gunzipSync(readFileSync(join(directory, STORM_FILE)));
    expect(() => decodeGrid(bytes.subarray(0, bytes.length - 1), 'storm')).toThrow(/damaged/);
    expect(() => openScenario(join(directory, 'none'))).toThrow(/needs stations.csv/);
  });
});

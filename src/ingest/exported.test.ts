import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { Report } from '../model/report.ts';
import { openFiles } from './files.ts';

const folder = mkdtempSync(join(tmpdir(), 'atalaia-exported-'));
afterAll(() => rmSync(folder, { recursive: true }));
const header = 'station,quantity,observedAt,intervalMs,receivedAt,value,unit,flag,arrival';
const file = (...rows: string[]): string => {
  const path = join(folder, `${rows.length}-${Math.abs(rows.join().length)}.csv`);
  writeFileSync(path, `${[header, ...rows].join('\n')}\n`);
  return path;
};
const read = async (path: string, options = {}): Promise<Report[]> => {
  const reports: Report[] = [];
  for await (const report of await openFiles([path], options)) reports.push(report);
  return reports;
};
const rows = [
  'A801,airTemperature,2024-04-30T01:00:00Z,0,2024-04-30T01:00:05.250Z,21.5,°C,good,on-time',
  'A801,rainfall,2024-04-30T00:00:00Z,3600000,2024-04-30T03:00:00Z,7.0,mm,suspect,late',
  'A801,rainfall,2024-04-30T01:00:00Z,3600000,2024-04-30T01:00:05.250Z,1.2,mm,good,on-time',
  'A801,windGust,2024-04-30T01:00:00Z,3600000,2024-04-30T01:00:05.250Z,9.5,m/s,good,on-time',
  'A802,rainfall,2024-04-30T01:00:00Z,600000,2024-04-30T01:00:06Z,0.0,mm,bad,correction',
];

test('readings that came together are one report again, in the order of their arrival', async () => {
  const reports = await read(file(...rows));
  expect(
    reports.map(({ station, intervalMs, receivedAt, quantities, values }) => [
      ...[station, intervalMs, new Date(receivedAt).toISOString()],
      Object.fromEntries(quantities.map((name, i) => [name, values[i]])),
    ]),
  ).toEqual([
    ['A801', 0, '2024-04-30T01:00:05.250Z', { airTemperature: 21_500 }],
    ['A801', 3_600_000, '2024-04-30T01:00:05.250Z', { rainfall: 1200, windGust: 9500 }],
    ['A802', 600_000, '2024-04-30T01:00:06.000Z', { rainfall: 0 }],
    ['A801', 3_600_000, '2024-04-30T03:00:00.000Z', { rainfall: 7000 }],
  ]);
});

test('a delay that is told replaces the recorded arrival', async () => {
  const reports = await read(file(...rows), { delayMs: 60_000 });
  expect(reports.every(({ observedAt, receivedAt }) => receivedAt === observedAt + 60_000)).toBe(true);
});

test.each([
  [[rows[0], rows[4], rows[1]], /line 4: A801 comes a second time/],
  [[rows[0], 'A801,rainfall,2024'], /line 3: 3 fields, the header has 9/],
  [
    ['A801,rainfall,2024-04-30T00:00:00Z,-5,2024-04-30T03:00:00Z,7.0,mm,good,late'],
    /line 2: receivedAt must be/,
  ],
])('names the place of what is wrong', async (bad, why) => {
  await expect(read(file(...(bad as string[])))).rejects.toThrow(why);
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDuckdbArchive } from '../app/stores/archive-file.ts';
import { readForecasts } from '../ingest/forecasts.ts';
import type { Observation } from '../model/observation.ts';
import { HOUR_MS } from '../model/time.ts';
import { nowcastCommand } from './nowcast.ts';

const START = Date.UTC(2024, 0, 1);
const DAYS = 80;
let folder: string;
let file: string;

async function run(...argv: string[]): Promise<{ status: number; out: string; err: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const status = await nowcastCommand.run([...argv, '--config', file], { stdout, stderr });
  return { status, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') };
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'atalaia-cli-nowcast-'));
  file = join(folder, 'atalaia.yaml');
  writeFileSync(file, 'environment: test\ndata: ./data\nstations: { file: stations.csv }\n');
  const station = (id: string) => `${id},${id},-30,-51,4,4314902,America/Sao_Paulo,1h\n`;
  const header = 'id,name,latitude,longitude,altitude,region,timeZone,interval\n';
  writeFileSync(join(folder, 'stations.csv'), `${header}${station('A')}${station('NONE')}`);
  // A day's cycle with an error that no model can know.
  const observations = Array.from({ length: DAYS * 24 }, (_, i): Observation => {
    const observedAt = START + (i + 1) * HOUR_MS;
    const value = Math.round(20_000 + 6000 * Math.sin((2 * Math.PI * i) / 24) + ((i * 7919) % 1000));
    return {
      ...{ station: 'A', quantity: 'airTemperature', observedAt, intervalMs: 0, receivedAt: observedAt },
      ...{ value, flag: 'good', arrival: 'on-time' },
    };
  });
  const archive = await openDuckdbArchive({ path: join(folder, 'data', 'archive.duckdb') });
  await archive.commit([{ partition: 0, epoch: 1, from: 0, to: 1, observations }]);
  await archive.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const asked = ['--quantity', 'airTemperature'];

test('fitted from the archive, kept by its content, scored on later hours, newest forecasts marked as such', async () => {
  await expect(run('score', ...asked)).rejects.toMatchObject({ code: 'ATL_NOT_FOUND' });
  const fits = [await run('fit', ...asked), await run('fit', ...asked)];
  expect(fits[0]).toEqual(fits[1]);
  // Three quarters of 80 days.
  expect(fits[0]?.err).toMatch(
    /^nowcast [0-9a-f]{12} of airTemperature at 1 stations, fitted to hours before 2024-03-01T00:00:00Z\n$/,
  );

  const scored = JSON.parse((await run('score', ...asked, '--json')).out);
  expect(scored.nowcast.slice(0, 12)).toBe(fits[0]?.err.split(' ')[1]);
  expect(
    scored.scores.map((row: { station: string; horizon: number }) => [row.station, row.horizon]),
  ).toEqual(['all', 'A'].flatMap((station) => [1, 3, 6].map((horizon) => [station, horizon])));
  for (const { horizon, scores } of scored.scores) {
    expect(scores.n).toBe(20 * 24 - horizon);
    for (const name of ['smoothing', 'regression']) {
      expect(scores[name].mae).toBeLessThan(0.5 * scores.persistence.mae);
      expect(scores[name].pinball).toBeLessThan(0.7 * scores.persistence.pinball);
    }
  }
  const lines = (await run('score', ...asked, '--from', '2024-03-10T00:00:00Z')).out.trimEnd().split('\n');
  expect(lines).toHaveLength(1 + 2 * 3 * 3);
  expect(lines[1]).toMatch(/^all\t1h\tpersistence\t\d+\t[\d.]+\t[\d.]+\t[\d.]+\t0\.000$/);

  const end = '2024-03-21T00:00:00Z';
  const forecasts = (await run('forecast', ...asked, '--to', end)).out.split('\n');
  expect(forecasts[1]).toMatch(
    /^forecast\tA\t2024-03-21T00:00:00Z\t2024-03-21T01:00:00Z\t1h\t[\d.]+\t[\d.]+\t[\d.]+$/,
  );
  // The truth of 06:00 is near the sine's top.
  const six = forecasts[3]?.split('\t').slice(-3).map(Number) as [number, number, number];
  expect(Math.abs(six[1] - (20.5 + 6 * Math.sin((2 * Math.PI * 5) / 24)))).toBeLessThan(1);
  expect(JSON.parse((await run('forecast', ...asked, '--json', '--to', end)).out)[0]).toMatchObject({
    ...{ kind: 'forecast', quantity: 'airTemperature', station: 'A', observedAt: '2024-03-21T01:00:00Z' },
  });
  const ndjson = (await run('forecast', ...asked, '--ndjson', '--to', end)).out;
  const read = readForecasts(ndjson);
  expect(read.refusals).toEqual([]);
  expect(read.forecasts[0]).toMatchObject({ station: 'A', issuer: 'nowcast', quantity: 'airTemperature' });
  expect(read.forecasts[0]?.validAt[0]).toBe((read.forecasts[0]?.issuedAt ?? 0) + 3_600_000);
  // Of hours long past there is no forecast.
  expect((await run('forecast', ...asked)).out.trimEnd().split('\n')).toHaveLength(1);
});

test('a score on hours that were fitted to, and what cannot be, are refused', async () => {
  await run('fit', ...asked, '--to', '2024-03-01T00:00:00Z', '--horizons', '2h');
  await expect(run('score', ...asked, '--from', '2024-02-28T00:00:00Z')).rejects.toMatchObject({
    code: 'ATL_USAGE',
  });
  await expect(run('fit', '--quantity', 'rainfall')).rejects.toMatchObject({ code: 'ATL_INPUT' });
  await expect(run('fit', ...asked, '--to', '2024-01-10T00:00:00Z')).rejects.toMatchObject({
    code: 'ATL_INPUT',
  });
  for (const argv of [
    ['fit'],
    ['guess', ...asked],
    ['fit', '--quantity', 'windDirection'],
    ['fit', '--quantity', 'nothing'],
    ['fit', ...asked, '--horizons', '90m'],
    ['fit', ...asked, '--to', 'tomorrow'],
  ])
    await expect(run(...argv), argv.join(' ')).rejects.toMatchObject({ code: 'ATL_USAGE' });
});

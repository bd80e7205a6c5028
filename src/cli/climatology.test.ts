import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CLIMATOLOGY_META } from '../app/climatology.ts';
import { loadConfig } from '../app/config/config.ts';
import { openDuckdbArchive } from '../app/stores/archive-file.ts';
import { openStore } from '../app/stores/store-kinds.ts';
import { systemClock } from '../lib/clock.ts';
import type { Observation } from '../model/observation.ts';
import { DAY_MS } from '../model/time.ts';
import { climatologyCommand } from './climatology.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'atalaia-cli-climatology-'));
  file = join(folder, 'atalaia.yaml');
  mkdirSync(join(folder, 'rules'));
  writeFileSync(file, 'environment: test\ndata: ./data\nstations: { file: stations.csv }\nrules: [rules]\n');
  writeFileSync(
    join(folder, 'stations.csv'),
    'id,name,latitude,longitude,altitude,region,timeZone,interval\nA,A,-30,-51,4,4314902,America/Sao_Paulo,24h\n',
  );
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const rule = (yellow: string): void =>
  writeFileSync(
    join(folder, 'rules', 'r.yaml'),
    `rule: r\ntitle: { pt-BR: R, en: R }\nhazard: rain\nlevels:\n  yellow: ${yellow}\nexpires: 48h\n`,
  );

async function run(...argv: string[]): Promise<{ status: number; out: string; err: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const status = await climatologyCommand.run(argv, { stdout, stderr });
  return { status, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') };
}

test('from the archive of a data directory to the table that its ledger names', async () => {
  rule('returnPeriod(sum(rainfall, 24h)) >= 5 years');
  await expect(run('build', '--config', file)).rejects.toMatchObject({ code: 'ATL_NOT_FOUND' });
  const archive = await openDuckdbArchive({ path: join(folder, 'data', 'archive.duckdb') });
  const from = Date.UTC(2001, 0, 1, 15);
  const observations = Array.from({ length: 365 * 11 + 3 }, (_, i): Observation => {
    const observedAt = from + i * DAY_MS;
    return {
      ...{ station: 'A', quantity: 'rainfall', observedAt, intervalMs: DAY_MS, receivedAt: observedAt },
      ...{ value: ((i * 7919) % 60_000) + 1, flag: 'good', arrival: 'on-time' },
    };
  });
  await archive.commit([{ partition: 0, epoch: 1, from: 0, to: 1, observations }]);
  await archive.close();

  const made = await run('build', '--config', file);
  expect([made.status, made.out]).toEqual([0, 'A\t0\t1\n']);
  expect(made.err).toMatch(/^climatology [0-9a-f]{12} of 1 stations is in force from the next start on\n$/);
  await expect(run('build', '--config', file, '--years', '30')).rejects.toMatchObject({ code: 'ATL_INPUT' });
  const config = loadConfig(file, {});
  const stores = await openStore(config.store, { config, clock: systemClock, log: { warn: () => {} } });
  try {
    const hash = await stores.ledger.meta(CLIMATOLOGY_META);
    expect(hash?.slice(0, 12)).toBe(made.err.split(' ')[1]);
    expect(await stores.ledger.document(hash as string)).toBeDefined();
  } finally {
    await stores.archive.close();
    await stores.ledger.close();
  }
});

test('rules that read no climatology need none; arguments that are wrong are named', async () => {
  rule('sum(rainfall, 24h) >= 50 mm');
  await expect(run('build', '--config', file)).rejects.toMatchObject({ code: 'ATL_INPUT' });
  for (const wrong of [[], ['make'], ['build', '--years', '1'], ['build', '--from', 'yesterday']])
    await expect(run(...wrong, '--config', file)).rejects.toMatchObject({ code: 'ATL_USAGE' });
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, expect, it } from 'vitest';
import type { Command } from './command.ts';
import { replayCommand } from './replay.ts';
import { startCommand } from './start.ts';

async function run(command: Command, ...argv: string[]): Promise<{ code: number; out: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  stderr.resume();
  const told = text(stdout);
  const code = await command.run(argv, { stdout, stderr }).finally(() => {
    stdout.end();
    stderr.end();
  });
  return { code, out: await told };
}

const folder = mkdtempSync(join(tmpdir(), 'atalaia-replay-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, content: string): string => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};
const stations = file(
  'stations.csv',
  'id,name,latitude,longitude,region,interval\nA,A,-30,-51,r1,PT1H\nB,B,-30,-51,r2,PT1H\n',
);
const reports = file(
  'storm.ndjson',
  ['A', 'B']
    .map((station) =>
      JSON.stringify({
        station,
        observedAt: '2024-04-30T06:00:00Z',
        interval: 'PT1H',
        values: { rainfall: 25 },
      }),
    )
    .join('\n'),
);
const rule = file(
  'vale.yaml',
  [
    'rule: vale',
    'hazard: rain',
    'subject: area',
    'area: { name: vale }',
    'levels:',
    '  yellow: count(stations where sum(rainfall, 1h) >= 20 mm) >= 2',
  ].join('\n'),
);
const heavy = file(
  'pesada.yaml',
  'rule: pesada\nhazard: rain\nlevels:\n  yellow: avg(airTemperature, 366d) > 20 °C\n',
);
const fast = file('fast.csv', 'id,name,latitude,longitude,region,interval\nA,A,-30,-51,r1,PT1M\n');

it('takes named areas from a file', async () => {
  const areas = file('areas.yaml', 'areas:\n  - { id: vale, name: Vale, region: r1, stations: [A, B] }\n');
  const { code, out } = await run(
    replayCommand,
    ...[reports, '--rules', rule, '--stations', stations, '--areas', areas],
  );
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ event: 'raised', subject: { kind: 'area', id: 'vale' } });
  const strange = file('strange.yaml', 'areas:\n  - { id: vale, stations: [Z] }\n');
  await expect(
    run(replayCommand, ...[reports, '--rules', rule, '--stations', stations, '--areas', strange]),
  ).rejects.toMatchObject({ code: 'ATL_INPUT', message: expect.stringContaining('strange.yaml, line') });
});

it('reads forecasts from a file, beside the reports; a refused one counts as a refused row', async () => {
  const ahead = file(
    'previsao.yaml',
    'rule: previsao\nhazard: rain\nlevels:\n  yellow: max(forecast(rainfall, 6h)) >= 40 mm\n',
  );
  const line = (value: number) =>
    JSON.stringify({
      ...{ station: 'A', issuer: 'gfs', issuedAt: '2024-04-30T05:00:00Z', quantity: 'rainfall' },
      ...{ interval: 'PT1H', values: [{ validAt: '2024-04-30T08:00:00Z', value }] },
    });
  const good = file('forecasts.ndjson', line(45));
  const options = ['--rules', ahead, '--stations', stations, '--strict'];
  const { code, out } = await run(replayCommand, reports, ...options, '--forecasts', good);
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({
    ...{ event: 'raised', forecast: true, at: '2024-04-30T05:00:00Z', subject: { id: 'A' } },
    evidence: [{ value: 45, forecast: { issuer: 'gfs', issuedAt: '2024-04-30T05:00:00Z' } }],
  });
  const none = await run(replayCommand, reports, ...options);
  expect(none).toEqual({ code: 0, out: '' });
  const bad = file('bad.ndjson', line(-1));
  expect((await run(replayCommand, reports, ...options, '--forecasts', bad)).code).toBe(1);
});

it('refuses rules that would need more than there is, with the figure', async () => {
  await expect(run(replayCommand, reports, '--rules', heavy, '--stations', fast)).rejects.toMatchObject({
    code: 'ATL_RULE',
    message: expect.stringMatching(/station A would hold \d+ MiB/),
  });
});

it('does not start with such rules', async () => {
  const config = file(
    'atalaia.yaml',
    `environment: test\nlisten: 127.0.0.1:0\ndata: ${join(folder, 'data')}\nstations: { file: ${fast} }\nrules: [${heavy}]\n`,
  );
  await expect(run(startCommand, '--config', config)).rejects.toMatchObject({
    code: 'ATL_CONFIG',
    message: expect.stringMatching(/station A would hold \d+ MiB/),
  });
});

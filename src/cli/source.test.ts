import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { notificationOf } from '../ingest/sources/wis2/fixture.ts';
import { sourceCommand } from './source.ts';

async function run(...argv: string[]): Promise<{ status: number; out: string }> {
  const stdout = new PassThrough();
  const status = await sourceCommand.run(['test', ...argv], { stdout, stderr: new PassThrough() });
  stdout.end();
  return { status, out: await text(stdout) };
}

const file = (content: string): string => {
  const path = join(mkdtempSync(join(tmpdir(), 'atalaia-source-')), 'message');
  writeFileSync(path, content);
  return path;
};

test('a post is shown field by field, its format found', async () => {
  const { status, out } = await run(
    file('PASSKEY=AB&dateutc=2024-05-01+00:00:00&tempf=68&tempinf=70&rainratein=0'),
  );
  expect(status).toBe(0);
  expect(out).toContain(': ecowitt\n  station ecowitt:AB at 2024-05-01T00:00:00Z\n');
  expect(out).toContain('    airTemperature       20 °C\n');
  expect(out).toContain('  left out tempinf: measured indoors\n');
  expect(out).toContain('  1 readings taken, 0 refused; 0 fields ignored, 4 left out on purpose\n');
});

test('a source of the configuration says how its messages are read', async () => {
  const table = file('Quando;mm\n01/05/2024 06:00;1,5\n');
  const config = file(
    JSON.stringify({
      sources: [
        { kind: 'udp', port: 1, format: 'weatherflow' },
        {
          ...{ kind: 'http', name: 'prefeitura', format: 'csv', timeZone: 'America/Sao_Paulo' },
          ...{
            table: { time: 'Quando', dates: 'day-first' },
            quantities: { mm: 'rainfall' },
            interval: 'PT1H',
          },
        },
      ],
    }),
  );
  const { status, out } = await run(table, '--source', 'prefeitura', '--config', config, '--topic', 'P1.csv');
  expect(status, out).toBe(0);
  expect(out).toContain('  station csv:P1 at 2024-05-01T09:00:00Z\n    rainfall             1.5 mm\n');
  await expect(run(table, '--source', 'nobody', '--config', config)).rejects.toThrow(
    /no source of the config/,
  );
});

test('a field that is not known is told as ignored, and can be given a meaning', async () => {
  const body = 'PASSKEY=AB&dateutc=2024-05-01+00:00:00&tempf=68&soil=20';
  expect((await run(file(body))).out).toContain('  ignored soil: no quantity is known for this field\n');
  const { out } = await run(file(body), '--quantity', 'soil=relativeHumidity', '--unit', 'soil=%');
  expect(out).toContain('    relativeHumidity     20 %\n');
});

test('a refused reading ends with 1 and its reason', async () => {
  const { status, out } = await run(file('PASSKEY=AB&dateutc=2024-05-01+00:00:00&tempf=68&humidity=300'));
  expect(status).toBe(1);
  expect(out).toContain('refused relativeHumidity: relativeHumidity 300 % is outside 0 to 105 %');
});

test('units, stations and the zone are those of the options', async () => {
  const line = '{"time":"2024-05-01 09:00:00","model":"X","id":1,"temperature_C":20}';
  const { status, out } = await run(
    file(line),
    ...['--format', 'rtl_433', '--time-zone', 'America/Sao_Paulo', '--station', 'X-1=A801', '--json'],
  );
  expect(status).toBe(0);
  expect(JSON.parse(out)).toMatchObject({
    format: 'rtl_433',
    reports: [{ station: 'A801', observedAt: Date.parse('2024-05-01T12:00:00Z'), values: [20_000] }],
  });
});

test('an address is asked', async () => {
  const body = { latitude: 1, longitude: 2, utc_offset_seconds: 0, current_units: { temperature_2m: '°C' } };
  const answer = JSON.stringify({
    ...body,
    current: { time: '2024-05-01T00:00', interval: 900, temperature_2m: 12 },
  });
  const server = createServer((_, response) => response.end(answer)).listen(0, '127.0.0.1');
  await new Promise((listening) => server.once('listening', listening));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  try {
    const { out } = await run(url);
    expect(out).toContain(': open-meteo\n');
  } finally {
    server.close();
  }
  await expect(run(url)).rejects.toThrow(/does not answer/);
});

test('of a WIS2 notification the data are read that it carries or, where that is allowed, links to', async () => {
  const csv =
    'wsi_series,wsi_issuer,wsi_issue_number,wsi_local,year,month,day,hour,minute,air_temperature\n0,454,2,AWSLOBI,2024,5,1,0,0,290.15\n';
  const carried = notificationOf(csv, undefined, {
    content: { encoding: 'utf-8', value: csv },
    data_id: 'lobi',
  });
  const { status, out } = await run(file(carried.toString()));
  expect(status).toBe(0);
  expect(out).toContain(
    ': notification of lobi: wis2box\n  station wis2box:0-454-2-AWSLOBI at 2024-05-01T00:00:00Z\n',
  );
  const server = createServer((_, response) => response.end(csv)).listen(0, '127.0.0.1');
  await new Promise((listening) => server.once('listening', listening));
  const linked = notificationOf(csv, `http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const access = { urls: ['mqtt://broker'], topics: ['cache/#'], format: 'wis2box', allowPrivate: true };
  const config = file(JSON.stringify({ sources: [{ kind: 'wis2', name: 'malawi', ...access }] }));
  try {
    const allowed = await run(file(linked.toString()), '--source', 'malawi', '--config', config);
    expect(allowed.out).toContain('    airTemperature       17 °C\n');
    await expect(run(file(linked.toString()))).rejects.toThrow(/not a public address/);
  } finally {
    server.close();
  }
});

test.each([
  [['nothing such'], /cannot be read/],
  [['x', '--format', 'acme'], /cannot be read|no known format/],
  [['x', '--time-zone', 'Mars'], /no known time zone/],
  [['x', '--unit', 'tempf'], /form A=B/],
])('%j is refused', async (argv, reason) => {
  await expect(run(...argv)).rejects.toThrow(reason);
});

test('a message that nothing reads says what each format expected', async () => {
  await expect(run(file('hello'))).rejects.toThrow(/ecowitt: .*PASSKEY/);
});

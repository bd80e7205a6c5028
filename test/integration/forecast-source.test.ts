import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { Program, temporaryFolder, until } from './server.ts';

// A service that answers as Open-Meteo does with hours to come, a dry station, and a rule that reads what is expected.

const HOUR_MS = 3_600_000;
const folder = temporaryFolder();
let program: Program | undefined;
const hour = Math.floor(Date.now() / HOUR_MS) * HOUR_MS;
const local = (at: number): string => new Date(at).toISOString().slice(0, 16);
const server = createServer((_, response) => {
  const time = Array.from({ length: 24 }, (_, i) => local(hour + (i - 6) * HOUR_MS));
  const precipitation = time.map((_, i) => (i < 7 ? 0 : 12.5));
  const place = {
    latitude: -30,
    longitude: -51,
    utc_offset_seconds: 0,
    hourly_units: { precipitation: 'mm' },
  };
  response.end(JSON.stringify({ ...place, hourly: { time, precipitation } }));
}).listen(0, '127.0.0.1');
afterAll(async () => {
  if (program && !program.hasEnded) await program.signal('SIGKILL');
  server.close();
  folder.remove();
});

const RULE = `rule: expected-rain
hazard: rain
levels: { yellow: "sum(forecast(rainfall, 6h)) >= 50 mm" }
clear: "sum(rainfall, 6h) < 5 mm"
`;

async function post(base: string): Promise<void> {
  const observedAt = `${new Date().toISOString().slice(0, 19)}Z`;
  const report = { station: 'POA-3', observedAt, interval: 'PT1M', values: { rainfall: 0 } };
  const { status } = await fetch(`${base}/api/v1/observations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(report),
  });
  expect(status).toBe(202);
}

test('a forecast that is asked for raises an alert that is marked as one', async () => {
  if (!server.listening) await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  writeFileSync(join(folder.path, 'rule.yaml'), RULE);
  writeFileSync(
    join(folder.path, 'atalaia.yaml'),
    `environment: exercise
rules: [rule.yaml]
stations: { unknown: accept }
sources: [ { kind: poll, name: ahead, format: open-meteo, url: "${url}", every: 200ms, stations: { "-30_-51": POA-3 } } ]
`,
  );
  program = new Program(['start', '--port', '0'], { cwd: folder.path, env: {} });
  const base = await program.listening();
  // Before the station is known its forecasts are refused, told, and not kept.
  const counts = async (what: string): Promise<number> => {
    const text = await (await fetch(`${base}/metrics`)).text();
    return Number(new RegExp(`^atalaia_records_total\\{what="${what}"\\} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
  };
  await until(
    async () => (await counts('refused-unknown-station')) > 0,
    30_000,
    'a forecast of an unknown station',
  );
  expect(await counts('quarantined')).toBe(0);

  // Rules look at a forecast where a station has reported since: the first report makes the station known, the second asks.
  await post(base);
  await until(async () => (await counts('forecasts')) > 0, 30_000, 'a forecast of the station');
  const issued = Date.now();
  await until(() => Date.now() - issued > 1000, 5000, 'the next second');
  await post(base);
  let alerts: { rule: string; forecast?: boolean; evidence: { forecast?: { issuer: string } }[] }[] = [];
  await until(
    async () => {
      const answer = await fetch(`${base}/api/v1/alerts`);
      alerts = ((await answer.json()) as { items: typeof alerts }).items;
      return alerts.length > 0;
    },
    60_000,
    'the alert',
  );
  expect(alerts).toMatchObject([{ rule: 'expected-rain', forecast: true }]);
  expect(alerts[0]?.evidence[0]?.forecast?.issuer).toBe('open-meteo');
  expect(await program.signal('SIGTERM'), program.stderr).toBe(0);
});

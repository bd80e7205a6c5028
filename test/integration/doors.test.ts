import { createSocket } from 'node:dgram';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, expect, test } from 'vitest';
import { freePort, Program, root, run, temporaryFolder, until } from './server.ts';

// One process with a door of each kind: what producers send in their own words becomes observations.

const folder = temporaryFolder();
const programs: Program[] = [];
const closing: (() => unknown)[] = [];
afterAll(async () => {
  for (const program of programs) if (!program.hasEnded) await program.signal('SIGKILL');
  for (const close of closing) close();
  folder.remove();
});

const HOUR_MS = 3_600_000;
/** The hour that has just passed, so that nothing lies in the future or beyond lateness. */
const hour = new Date(Math.floor(Date.now() / HOUR_MS) * HOUR_MS);
const iso = `${hour.toISOString().slice(0, 19)}Z`;
const wall = iso.slice(0, 19).replace('T', ' ');

/** A service that answers as Open-Meteo does, and counts how often it is asked. */
async function service(): Promise<{ url: string; asked: () => number }> {
  let asked = 0;
  const answer = JSON.stringify({
    ...{ latitude: -30, longitude: -51, utc_offset_seconds: 0, current_units: { temperature_2m: '°C' } },
    current: { time: iso.slice(0, 16), interval: 900, temperature_2m: 17.5 },
  });
  const server = createServer((_, response) => {
    asked++;
    response.end(answer);
  }).listen(0, '127.0.0.1');
  await new Promise((listening) => server.once('listening', listening));
  closing.push(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, asked: () => asked };
}

async function latest(url: string, station: string): Promise<Record<string, { value: number }> | undefined> {
  const answer = await fetch(`${url}/api/v1/stations/${station}`);
  if (!answer.ok) return undefined;
  const { latest: values } = (await answer.json()) as { latest: Record<string, { value: number }> };
  return values;
}

async function datagram(port: number, text: string): Promise<void> {
  const socket = createSocket('udp4');
  await new Promise<void>((sent, failed) =>
    socket.send(text, port, '127.0.0.1', (error) => (error ? failed(error) : sent())),
  );
  socket.close();
}

test('messages of producers become observations, each at its own door', async () => {
  const { url: asked, asked: times } = await service();
  const udpPort = await freePort();
  mkdirSync(join(folder.path, 'drop'));
  writeFileSync(
    join(folder.path, 'atalaia.yaml'),
    `environment: exercise
rules: [${join(root, 'rules/inmet')}]
stations: { unknown: accept }
sources:
  - { kind: http, name: ecowitt, format: ecowitt, stations: { AB12: POA-1 } }
  - { kind: http, name: garden, format: wunderground, key: open-sesame }
  - { kind: poll, name: meteo, format: open-meteo, url: "${asked}", every: 200ms, stations: { "-30_-51": POA-3 } }
  - { kind: udp, port: ${udpPort}, format: weatherflow, stations: { ST-1: POA-4 } }
  - { kind: folder, directory: ${join(folder.path, 'drop')} }
  - { kind: folder, directory: ${join(folder.path, 'inmet')}, format: inmet-file }
`,
  );
  const program = new Program(['start', '--port', '0'], { cwd: folder.path, env: {} });
  programs.push(program);
  await program.listening();
  const url = program.url as string;
  writeFileSync(join(folder.path, 'doctor.yaml'), `listen: ${new URL(url).host}\n`);

  const post = await fetch(`${url}/in/ecowitt`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ PASSKEY: 'AB12', dateutc: wall, tempf: '68', humidity: '71' }).toString(),
  });
  expect([post.status, await post.text()]).toEqual([200, 'success\n']);
  const upload = `/in/garden?ID=IPOA2&dateutc=${encodeURIComponent(wall)}&tempf=50`;
  expect((await fetch(url + upload)).status).toBe(401);
  expect((await fetch(`${url + upload}&key=open-sesame`)).status).toBe(200);
  await datagram(
    udpPort,
    JSON.stringify({
      ...{ serial_number: 'ST-1', type: 'obs_air' },
      obs: [[hour.getTime() / 1000, 1013.2, 21.5, 60, 0, 0, 3.3, 1]],
    }),
  );
  writeFileSync(
    join(folder.path, 'drop/hour.csv'),
    `station,observedAt,quantity,value,unit,interval\nPOA-5,${iso},airTemperature,19,degC,PT1H\n`,
  );

  const [day, time] = [iso.slice(0, 10).replaceAll('-', '/'), `${iso.slice(11, 13)}00 UTC`];
  const head = ['REGIAO:;S', 'UF:;RS', 'ESTACAO:;RIO GRANDE', 'CODIGO (WMO):;A802', 'LATITUDE:;-32,07'];
  const year = [
    ...head,
    'LONGITUDE:;-52,16',
    'ALTITUDE:;4,92',
    'DATA DE FUNDACAO:;16/11/01',
    'Data;Hora UTC;…',
  ];
  const row = `${day};${time};,8;1009,5;;;;16,5;;;;;;;;80;;;;`;
  writeFileSync(
    join(folder.path, 'inmet/A802.CSV.gz'),
    gzipSync(Buffer.from([...year, row].join('\n'), 'latin1')),
  );

  const expected = {
    A802: 16.5,
    'POA-1': 20,
    'wunderground:IPOA2': 10,
    'POA-3': 17.5,
    'POA-4': 21.5,
    'POA-5': 19,
  };
  for (const [station, value] of Object.entries(expected))
    await until(
      async () => (await latest(url, station))?.airTemperature?.value === value,
      30_000,
      `${value} °C at ${station}`,
    );
  expect((await latest(url, 'POA-1'))?.relativeHumidity?.value).toBe(71);
  await until(async () => times() > 2, 10_000, 'the service to be asked again');
  await until(
    async () => readdirSync(join(folder.path, 'drop/done')).length === 1,
    10_000,
    'the file to be moved',
  );

  const wrong = await fetch(`${url}/in/ecowitt`, {
    method: 'POST',
    headers: { 'content-type': 'text/plain' },
    body: 'x=1',
  });
  expect([wrong.status, ((await wrong.json()) as { detail: string }).detail]).toEqual([
    400,
    expect.stringContaining('PASSKEY'),
  ]);
  const bad = await fetch(`${url}/in/ecowitt?PASSKEY=AB12&dateutc=${encodeURIComponent(wall)}&tempf=900`);
  expect(bad.status).toBe(422);
  expect((await fetch(`${url}/in/nowhere?a=1`)).status).toBe(404);

  // A clock that is two hours ahead: what it sends is refused, and the station says why.
  const ahead = new Date(Date.now() + 2 * HOUR_MS).toISOString().slice(0, 19).replace('T', ' ');
  const early = await fetch(`${url}/in/ecowitt?PASSKEY=AB12&dateutc=${encodeURIComponent(ahead)}&tempf=68`);
  expect([early.status, await early.text()]).toEqual([
    422,
    expect.stringContaining("check the station's clock"),
  ]);
  const { clock } = (await (await fetch(`${url}/api/v1/stations/POA-1`)).json()) as {
    clock: { offsetSeconds: number; reports: number };
  };
  expect(clock.reports).toBe(2);
  expect(Math.abs(clock.offsetSeconds - 7200)).toBeLessThan(60);
  const told = await run(['doctor', '--ntp', 'none', '--config', 'doctor.yaml'], { cwd: folder.path });
  expect(told.stdout).toMatch(/^warn\tstation clocks\t.*POA-1 7\d+(\.\d+)? s ahead/m);
  expect(await program.signal('SIGTERM'), program.stderr).toBe(0);
});

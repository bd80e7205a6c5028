import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import mqtt, { type MqttClient } from 'mqtt';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { notificationOf } from '../../src/ingest/sources/wis2/fixture.ts';
import { encode } from '../bufr/encoder.ts';
import { Mosquitto, whyNoMosquitto } from '../servers/mosquitto.ts';
import { Program, root, temporaryFolder, until } from './server.ts';

// WIS2 as a whole process meets it: two Global Brokers, a Global Cache that serves files, and what goes wrong between them.

const reason = whyNoMosquitto();
const TOPIC = 'cache/a/wis2/mw-malawi/data/core/weather/surface-based-observations/synop';
const folder = temporaryFolder();
const brokers: Mosquitto[] = [];
const clients: MqttClient[] = [];
const files = new Map<string, string | Buffer>();
const asked: string[] = [];
let isCacheAway = false;
let cache: Server;
let base = '';
beforeAll(async () => {
  if (reason) return;
  for (let i = 0; i < 2; i++) {
    const broker = await Mosquitto.start();
    brokers.push(broker);
    clients.push(await mqtt.connectAsync(broker.url, { protocolVersion: 5, reconnectPeriod: 100 }));
  }
  cache = createServer((request, response) => {
    asked.push(request.url ?? '');
    const file = files.get(request.url ?? '');
    response.writeHead(isCacheAway ? 503 : file === undefined ? 404 : 200).end(file);
  }).listen(0, '127.0.0.1');
  await new Promise((done) => cache.once('listening', done));
  base = `http://127.0.0.1:${(cache.address() as AddressInfo).port}`;
}, 60_000);
afterAll(async () => {
  await Promise.all(clients.map((client) => client.endAsync(true)));
  await Promise.all(brokers.map((broker) => broker.stop()));
  cache?.close();
  folder.remove();
});

const hour = new Date(Math.floor(Date.now() / 3_600_000) * 3_600_000);
/** An hour of a station as its wis2box is given it. */
const csvOf = (kelvin: number): string =>
  `wsi_series,wsi_issuer,wsi_issue_number,wsi_local,year,month,day,hour,minute,air_temperature\n0,454,2,AWSLOBI,${hour.getUTCFullYear()},${hour.getUTCMonth() + 1},${hour.getUTCDate()},${hour.getUTCHours()},0,${kelvin}\n`;

/** The same in BUFR, in hundredths. */
const bufrOf = (kelvin: number): Buffer =>
  encode({
    descriptors: [301_150, 301_011, 301_012, 12_101],
    subsets: [
      {
        ...{ 1125: [0], 1126: [454], 1127: [2], 1128: ['AWSLOBI'] },
        ...{ 4001: [hour.getUTCFullYear()], 4002: [hour.getUTCMonth() + 1], 4003: [hour.getUTCDate()] },
        ...{ 4004: [hour.getUTCHours()], 4005: [0], 12101: [Math.round(kelvin * 100)] },
      },
    ],
  });

async function publish(body: Buffer, to: readonly MqttClient[] = clients): Promise<void> {
  await Promise.all(to.map((client) => client.publishAsync(TOPIC, body, { qos: 1 })));
}

const json = async (url: string) => (await fetch(url)).json();
const temperature = async (url: string, format = 'wis2box'): Promise<number | undefined> =>
  (
    (await json(`${url}/api/v1/stations/${format}:0-454-2-AWSLOBI`)) as {
      latest?: Record<string, { value: number }>;
    }
  ).latest?.airTemperature?.value;
const counted = async (url: string, what: string): Promise<number> => {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(new RegExp(`what="${what}"[^}]*} (\\d+)`).exec(text)?.[1] ?? 0);
};

test.skipIf(reason !== undefined)(
  `data are taken once whoever announces them, over an outage and a kill${reason ? ` (skipped: ${reason})` : ''}`,
  async () => {
    writeFileSync(
      join(folder.path, 'atalaia.yaml'),
      `environment: exercise
rules: [${join(root, 'rules/inmet')}]
stations: { unknown: accept }
sources:
  - kind: wis2
    name: malawi
    urls: [${brokers.map(({ url }) => `"${url}"`).join(', ')}]
    topics: ["cache/a/wis2/+/data/core/weather/surface-based-observations/synop"]
    format: wis2box
    allowPrivate: true
`,
    );
    let program = new Program(['start', '--port', '0'], { cwd: folder.path });
    try {
      let url = await program.listening();
      files.set('/first.csv', csvOf(290.15));
      await publish(notificationOf(csvOf(290.15), `${base}/first.csv`));
      await until(async () => (await temperature(url)) === 17, 20_000, 'the first value');
      // The second broker's message may come later than the value.
      await until(async () => (await counted(url, 'wis2-repeats')) === 1, 5000, 'the repeat');
      expect([asked, await counted(url, 'accepted')]).toEqual([['/first.csv'], 1]);

      // Its correction cannot be had while the cache is away, and we are killed meanwhile: it was not acknowledged.
      isCacheAway = true;
      files.set('/second.csv', csvOf(291.15));
      const pubtime = new Date(hour.getTime() + 60_000).toISOString();
      await publish(notificationOf(csvOf(291.15), `${base}/second.csv`, { pubtime }, 'update'));
      await until(() => asked.includes('/second.csv'), 20_000, 'the question for it');
      await program.signal('SIGKILL');
      isCacheAway = false;
      program = new Program(['start', '--port', '0'], { cwd: folder.path });
      url = await program.listening();
      await until(async () => (await temperature(url)) === 18, 20_000, 'the correction');

      // One broker is enough; what is none, or not read here, lies in the quarantine.
      await brokers[1]?.kill();
      const [first] = clients as [MqttClient];
      await publish(Buffer.from('{"type":"Feature"}'), [first]);
      const grib = { encoding: 'base64', value: Buffer.from('GRIB\0\0').toString('base64') };
      await publish(notificationOf('GRIB\0\0', undefined, { data_id: 'grib', content: grib }), [first]);
      const content = { encoding: 'utf-8', value: csvOf(292.15) };
      await publish(notificationOf(csvOf(292.15), undefined, { data_id: 'third', content }), [first]);
      await until(async () => (await temperature(url)) === 19, 20_000, 'the value inside');

      // BUFR tells itself, whatever the source's format, behind a link and inside.
      files.set('/fourth.bufr4', bufrOf(293.15));
      const fourth = { data_id: 'fourth' };
      await publish(notificationOf(bufrOf(293.15), `${base}/fourth.bufr4`, fourth), [first]);
      await until(async () => (await temperature(url, 'bufr')) === 20, 20_000, 'the value behind the link');
      const inside = { encoding: 'base64', value: bufrOf(294.15).toString('base64') };
      const fifth = { data_id: 'fifth', content: inside };
      await publish(notificationOf(bufrOf(294.15), undefined, fifth), [first]);
      await until(async () => (await temperature(url, 'bufr')) === 21, 20_000, 'the value in BUFR inside');
      const { items } = (await json(`${url}/api/v1/quarantine`)) as { items: { reason: string }[] };
      expect(items.map(({ reason: text }) => text).sort()).toEqual([
        expect.stringMatching(/^wis2:malawi: topic cache\/a.*synop, grib: The data of grib are GRIB/),
        expect.stringMatching(/^wis2:malawi: topic cache.*synop: The message is no WIS2 notification/),
      ]);
      expect(await program.signal('SIGTERM'), program.stderr).toBe(0);
    } finally {
      if (!program.hasEnded) await program.signal('SIGKILL');
    }
  },
);

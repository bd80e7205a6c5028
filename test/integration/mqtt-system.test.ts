import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import mqtt, { type MqttClient } from 'mqtt';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSqliteLedger } from '../../src/store/ledger/sqlite/ledger.ts';
import { Mosquitto, whyNoMosquitto } from '../servers/mosquitto.ts';
import { Feeder, LoadedSystem, type Send, seeded, tellSeed } from './fault-load.ts';
import { freePort, Program, pause, temporaryFolder, until } from './server.ts';

// Stations that publish to a broker of their own: a whole process takes them in, while it is killed, and sirens hear of it.

const reason = whyNoMosquitto();
const KILLS = process.env.ATALAIA_TEST === 'all' ? 6 : 3;
const folder = temporaryFolder();
let broker: Mosquitto;
let client: MqttClient;
let system: LoadedSystem | undefined;
beforeAll(async () => {
  if (reason) return;
  broker = await Mosquitto.start();
  client = await mqtt.connectAsync(broker.url, { protocolVersion: 5, reconnectPeriod: 100 });
}, 60_000);
afterAll(async () => {
  await system?.kill();
  await client?.endAsync(true);
  await broker?.stop();
  folder.remove();
});

test.skipIf(reason !== undefined)(
  `nothing that the broker has is lost when we are killed, and poison is kept aside${reason ? ` (skipped: ${reason})` : ''}`,
  async () => {
    const random = seeded(tellSeed('source MQTT'));
    const configuration = `sources: [ { kind: mqtt, name: field, urls: ["${broker.url}"], topics: ["reports/#"] } ]\n`;
    system = new LoadedSystem(folder.path, 'source', configuration);
    await system.start();
    let poisoned = 0;
    const send: Send = async (batch) => {
      const texts = [JSON.stringify(batch.slice(0, 100)), JSON.stringify(batch.slice(100))];
      if (random() < 0.5) texts.push(`{"poison":${++poisoned}`);
      await Promise.all(texts.map((text) => client.publishAsync(`reports/${random()}`, text, { qos: 1 })));
      return true;
    };
    const feeder = new Feeder(send);
    await feeder.more(3);
    for (let round = 0; round < KILLS; round++) {
      await feeder.sending();
      await pause(random() * 100);
      await system.kill();
      await system.start();
      await feeder.more(2);
    }
    poisoned++;
    await client.publishAsync('reports/x', `{"poison":${poisoned}`, { qos: 1 });
    await system.end(feeder);
    await system.verifyLog(feeder);
    const ledger = await openSqliteLedger({ path: join(system.data, 'ledger.sqlite') });
    const held = await ledger.held({ kind: 'quarantine', limit: 1000 });
    await ledger.close();
    const texts = new Set(held.map(({ payload }) => Buffer.from(payload).toString()));
    expect(texts.size).toBe(poisoned);
    expect(held[0]?.reason).toMatch(/^mqtt:field: topic reports\//);
  },
);

test.skipIf(reason !== undefined)(
  `a station's own JSON becomes an alert, and a siren hears it${reason ? ` (skipped: ${reason})` : ''}`,
  async () => {
    const cwd = join(folder.path, 'siren');
    const template = new LoadedSystem(folder.path, 'siren', '');
    writeFileSync(
      join(cwd, 'atalaia.yaml'),
      `environment: exercise
stations: { file: stations.csv }
rules: [rules]
sources:
  - kind: mqtt
    name: field
    urls: ["${broker.url}"]
    version: "3.1.1"
    topics: ["weather/+/data"]
    format: json
    stations: { S1: S1 }
    message: { stationTopic: 2, time: ts }
    quantities: { wind.gust: windGust }
    units: { wind.gust: km/h }
    interval: PT1S
channels: { sirens: { kind: mqtt, urls: ["${broker.url}"], topic: "sirens/{subject}" } }
subscriptions: [ { name: sirens, channel: sirens, level: red, areas: all } ]
`,
    );
    const heard: string[] = [];
    client.on('message', (topic, body) => heard.push(`${topic} ${JSON.parse(body.toString()).level}`));
    await client.subscribeAsync('sirens/#', { qos: 1 });
    const program = new Program(['start', '--port', String(await freePort())], {
      cwd,
      env: { ATALAIA_LOG_LEVEL: 'warn' },
    });
    await program.listening();
    for (let second = 0; second < 6 && heard.length === 0; second++) {
      const ts = Math.floor(Date.now() / 1000);
      await client.publishAsync('weather/S1/data', JSON.stringify({ ts, wind: { gust: 126 } }), { qos: 1 });
      await pause(1000);
    }
    await until(() => heard.length > 0, 20_000, `the siren: ${program.stderr}`);
    expect(heard[0]).toBe('sirens/S1 red');
    expect(await program.signal('SIGTERM'), program.stderr).toBe(0);
    await template.kill();
  },
);

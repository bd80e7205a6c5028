import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import mqtt, { type MqttClient } from 'mqtt';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Mosquitto, whyNoMosquitto } from '../servers/mosquitto.ts';
import { freePort, Program, temporaryFolder, until } from './server.ts';

// One client of the broker sends what nobody should, as fast as it can; memory stays bounded, all of it is told, and a station of
// the same topics comes through.

const reason = whyNoMosquitto();
const MIB = 1024 * 1024;
const MOST_GROWTH = 512 * MIB;
const FLOOD = 5000;
/** One a minute up to now: a slow flood must not bring the good station into the future, nor beyond a page of the API. */
const MOST_REPORTS = 900;
const folder = temporaryFolder();
const iso = `${new Date(Math.floor(Date.now() / 1000) * 1000).toISOString().slice(0, 19)}Z`;
let broker: Mosquitto;
let bad: MqttClient;
let good: MqttClient;
let program: Program | undefined;
beforeAll(async () => {
  if (reason) return;
  broker = await Mosquitto.start();
  bad = await mqtt.connectAsync(broker.url, { protocolVersion: 5 });
  good = await mqtt.connectAsync(broker.url, { protocolVersion: 5 });
}, 60_000);
afterAll(async () => {
  if (program && !program.hasEnded) await program.signal('SIGKILL');
  await bad?.endAsync(true);
  await good?.endAsync(true);
  await broker?.stop();
  folder.remove();
});

/** What is no message, by the rows of what hostile senders do. */
const junk: readonly (string | Buffer)[] = [
  '',
  '{"a":[1,2',
  `{"station":"X","observedAt":"${iso}","values":{"rainfall":NaN}}`,
  `{"station":"X","observedAt":"${iso}","values":{"rainfall":"12,5x"}}`,
  Buffer.from(`\ufeff{"station":"X"}`, 'utf16le'),
  Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
  `${'['.repeat(200_000)}${']'.repeat(200_000)}`,
  '{"__proto__":{"isAdmin":true},"constructor":{"prototype":{}}}',
  gzipSync(Buffer.alloc(100 * MIB)),
  `{"station":"${'x'.repeat(MIB)}"}`,
];

test.skipIf(reason !== undefined)(
  `a flood of junk leaves memory bounded and a good station unharmed${reason ? ` (skipped: ${reason})` : ''}`,
  async () => {
    writeFileSync(
      join(folder.path, 'atalaia.yaml'),
      `stations: { unknown: accept }
sources: [ { kind: mqtt, name: field, urls: ["${broker.url}"], topics: ["reports/#"] } ]
`,
    );
    program = new Program(['start', '--port', String(await freePort())], {
      cwd: folder.path,
      env: { ATALAIA_LOG_LEVEL: 'error' },
    });
    const url = await program.listening();
    const metric = async (line: string): Promise<number> => {
      const text = await (await fetch(`${url}/metrics`)).text();
      return Number(
        text
          .split('\n')
          .find((one) => one.startsWith(`${line} `))
          ?.split(' ')
          .at(-1) ?? 0,
      );
    };
    const isUp = async (): Promise<boolean> =>
      /^atalaia_source_up\{source="[^"]*field"\} 1$/m.test(await (await fetch(`${url}/metrics`)).text());
    await until(isUp, 30_000, 'the source');
    const before = await metric('process_resident_memory_bytes');
    let most = before;
    // The long ones a few times; the rest is short.
    const long = junk.filter((one) => one.length > 10_000);
    const short = junk.filter((one) => one.length <= 10_000);
    let sent = 0;
    const flood = (async () => {
      for (const one of Array.from({ length: 10 }, () => long).flat()) {
        await bad.publishAsync(`reports/bad/${sent++ % 5}`, one, { qos: 1 });
      }
      while (sent < FLOOD) {
        const batch = Array.from({ length: 500 }, () => short[sent++ % short.length] as string);
        await Promise.all(batch.map((one, i) => bad.publishAsync(`reports/bad/${i % 5}`, one, { qos: 1 })));
      }
    })();
    let reports = 0;
    let isDone = false;
    void flood.finally(() => {
      isDone = true;
    });
    while ((!isDone && reports < MOST_REPORTS) || reports < 5) {
      const values = { airTemperature: reports / 10 };
      const at = new Date(Date.parse(iso) - (MOST_REPORTS - reports) * 60_000).toISOString();
      const message = JSON.stringify({ station: 'GOOD', observedAt: `${at.slice(0, 19)}Z`, values });
      await good.publishAsync('reports/good', message, { qos: 1 });
      const posted = await fetch(`${url}/api/v1/observations`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: message.replace('GOOD', 'POSTS'),
      });
      expect(posted.status).toBe(202);
      reports++;
      most = Math.max(most, await metric('process_resident_memory_bytes'));
    }
    await flood;
    const heard = async (station: string): Promise<number> => {
      const query = `from=${new Date(Date.parse(iso) - (MOST_REPORTS + 1) * 60_000).toISOString().slice(0, 19)}Z`;
      const answer = await fetch(`${url}/api/v1/stations/${station}/observations?${query}`);
      if (!answer.ok) return 0;
      return ((await answer.json()) as { items: unknown[] }).items.length;
    };
    await until(async () => (await heard('GOOD')) === reports, 120_000, 'the good station');
    expect(await heard('POSTS')).toBe(reports);
    const kept = (): Promise<number> => metric('atalaia_records_total{what="quarantined"}');
    await until(async () => (await kept()) >= sent, 120_000, `all ${sent} to be told`).catch(
      async (cause) => {
        throw new Error(`${await kept()} were kept aside`, { cause });
      },
    );
    most = Math.max(most, await metric('process_resident_memory_bytes'));
    console.log(
      `${sent} messages of junk, ${reports} good ones, ${Math.round((most - before) / MIB)} MiB more`,
    );
    expect(most - before).toBeLessThan(MOST_GROWTH);
    expect(await program.signal('SIGTERM'), program.stderr).toBe(0);
  },
);

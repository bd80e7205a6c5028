import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openMqttSource } from '../src/ingest/sources/mqtt/source.ts';
import { systemClock } from '../src/lib/clock.ts';
import { nodeDisk } from '../src/lib/disk.ts';
import { AtalaiaError } from '../src/lib/errors.ts';
import { connectMqtt, makeMqttClient } from '../src/lib/mqtt.ts';
import { openEmbeddedLog } from '../src/log/embedded/embedded-log.ts';
import { median, round3 } from './figures.ts';

const TOPICS = 100;
const IN_FLIGHT = 64;
const LIMIT_MS = 600_000;
const access = { version: '5', inFlight: IN_FLIGHT, retryMs: 1000, sessionS: 3600 } as const;

export interface MqttBenchOptions {
  readonly messages: number;
  readonly runs: number;
}

/**
 * Messages that wait at a Mosquitto until the embedded log has them, each a record that is synced before it is acknowledged:
 * of one topic, which go one after the other, and of a hundred.
 */
export async function benchMqtt({ messages, runs }: MqttBenchOptions) {
  const { Mosquitto, whyNoMosquitto } = await import('../test/servers/mosquitto.ts');
  const reason = whyNoMosquitto();
  if (reason) throw new AtalaiaError('ATL_CONFIG', reason);
  const broker = await Mosquitto.start();
  const ms: [one: number[], many: number[]] = [[], []];
  try {
    for (let run = 0; run < runs; run++)
      for (const [i, topics] of [1, TOPICS].entries())
        ms[i]?.push(await taken(broker.url, `${run}-${i}`, messages, topics));
  } finally {
    await broker.stop();
  }
  return {
    ...{ messages, runs, topics: TOPICS, inFlight: IN_FLIGHT },
    /** Messages a second of a hundred topics over those of one, runs in turn. */
    ratioToOneAfterTheOther: round3(median(ms[0]) / median(ms[1])),
  };
}

/** From opening to the last acknowledgement's record, ms. */
async function taken(url: string, name: string, messages: number, topics: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'atalaia-bench-'));
  const log = await openEmbeddedLog({ directory: folder, partitions: 4, disk: nodeDisk, clock: systemClock });
  const all = Promise.withResolvers<void>();
  let count = 0;
  const options = {
    ...access,
    ...{ urls: [url], clientId: `bench-${name}`, topics: [`bench-${name}/#`], takesRetained: false },
    onMessage: async ({ body, topic }: { body: Uint8Array; topic: string }) => {
      await log.append([{ partition: topic.length % 4, key: topic, payload: body }]);
      if (++count === messages) all.resolve();
    },
  };
  try {
    // Its session is there before they come.
    await (await openMqttSource(options)).close();
    await publish(url, name, messages, topics);
    const from = performance.now();
    const source = await openMqttSource(options);
    const late = setTimeout(() => all.reject(new Error('the messages did not come')), LIMIT_MS);
    await all.promise;
    const ms = performance.now() - from;
    clearTimeout(late);
    await source.close();
    return ms;
  } finally {
    await log.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function publish(url: string, name: string, messages: number, topics: number): Promise<void> {
  const client = await makeMqttClient({
    ...access,
    urls: [url],
    clientId: `bench-from-${name}`,
    sessionS: 0,
  });
  await connectMqtt(client, [url], 10_000);
  const body = JSON.stringify({ ts: 1_714_456_800, wind: { avg: 36 }, tips: 3, t: 64.4 });
  await Promise.all(
    Array.from({ length: messages }, (_, i) =>
      client.publishAsync(`bench-${name}/${i % topics}`, body, { qos: 1 }),
    ),
  );
  await client.endAsync();
}

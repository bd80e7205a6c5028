import { createServer } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { formatAlertEvent } from '../../src/alerts/event-json.ts';
import { DocumentCache } from '../../src/app/documents.ts';
import { compareEvents } from '../../src/app/replay.ts';
import { openKafkaLog } from '../../src/log/kafka/kafka-log.ts';
import type { LogEntry } from '../../src/log/log.ts';
import { decodeRecord } from '../../src/log/record-codec.ts';
import { formatInstant } from '../../src/model/time.ts';
import { PartitionFold } from '../../src/stream/fold.ts';
import { KafkaCluster, whyNoKafka } from '../servers/kafka.ts';
import { findPostgresql, PostgresqlServer, postgresqlHint } from '../servers/postgresql.ts';
import { ClusterRun, entriesOf, PARTITIONS } from './cluster-run.ts';
import { temporaryFolder, until } from './server.ts';

// A live system of two processes: what is done at one door is known at the other, and done once.

const reason = whyNoKafka() ?? (findPostgresql() ? undefined : postgresqlHint.trim());
const folder = temporaryFolder();
const STATIONS = 12;
let cluster: KafkaCluster;
let server: PostgresqlServer;
let run: ClusterRun;

/** Counts the webhooks that come, by their key. */
async function receiver(): Promise<{ url: string; keys: string[]; close: () => void }> {
  const keys: string[] = [];
  const http = createServer((request, response) => {
    request.resume().on('end', () => {
      keys.push(String(request.headers['webhook-id']));
      response.writeHead(204).end();
    });
  }).listen(0, '127.0.0.1');
  await new Promise((done) => http.once('listening', done));
  const { port } = http.address() as { port: number };
  return { url: `http://127.0.0.1:${port}/`, keys, close: () => http.close() };
}

/** The ids of the alert events that come by a stream, as they come. */
function listen(url: string): { ids: Set<string>; close: () => void } {
  const control = new AbortController();
  const ids = new Set<string>();
  void (async () => {
    const answer = await fetch(`${url}/api/v1/stream`, { signal: control.signal });
    let text = '';
    for await (const chunk of answer.body as ReadableStream<Uint8Array>) {
      text += Buffer.from(chunk).toString('utf8');
      for (const [, alert] of text.matchAll(/^data: \{"alert":"(\w+)","revision":1,/gm))
        ids.add(String(alert));
    }
  })().catch(() => {});
  return { ids, close: () => control.abort() };
}

const station = (i: number): string => `L${i}`;
async function put(url: string, i: number): Promise<number> {
  const answer = await fetch(`${url}/api/v1/stations/${station(i)}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      name: `Station ${i}`,
      latitude: -30,
      longitude: -51,
      altitude: null,
      region: `43000${String(i).padStart(2, '0')}`,
      timeZone: 'America/Sao_Paulo',
      interval: 'PT1H',
    }),
  });
  return answer.status;
}
async function report(url: string, ids: readonly number[]): Promise<{ accepted: number }> {
  const observedAt = formatInstant(Math.floor(Date.now() / 1000) * 1000 - 5000);
  const answer = await fetch(`${url}/api/v1/observations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(
      ids.map((i) => ({ station: station(i), observedAt, interval: 'PT1H', values: { rainfall: 35 } })),
    ),
  });
  expect(answer.status).toBe(202);
  return (await answer.json()) as { accepted: number };
}
async function items(url: string, path: string): Promise<Record<string, unknown>[]> {
  const answer = await fetch(`${url}/api/v1/${path}`);
  return ((await answer.json()) as { items: Record<string, unknown>[] }).items;
}

/** The events that the log gives to a fold of its own. */
async function folded(entries: readonly LogEntry[]): Promise<string[]> {
  return run.ledger(async (ledger) => {
    const documents = new DocumentCache((hash) => ledger.document(hash));
    const folds = Array.from({ length: PARTITIONS }, () => new PartitionFold(documents.foldOptions()));
    const events = [];
    for (const { partition, payload } of entries) {
      const record = decodeRecord(payload);
      if (record.kind === 'command' && 'hash' in record.command) await documents.ensure(record.command.hash);
      for (const effect of folds[partition]?.apply(record) ?? [])
        if (effect.kind === 'alert') events.push(effect.revision.event);
    }
    return events.sort(compareEvents).map(formatAlertEvent);
  });
}

describe.skipIf(reason !== undefined)(
  `two live processes that share Kafka and PostgreSQL${reason ? ` (skipped: ${reason})` : ''}`,
  () => {
    beforeAll(async () => {
      [cluster, server] = await Promise.all([KafkaCluster.start(1), PostgresqlServer.start()]);
    }, 300_000);
    afterEach(() => run?.kill());
    afterAll(async () => {
      await cluster?.stop();
      await server?.stop();
      folder.remove();
    });

    test('stations, reports, alerts, the stream and webhooks are one, whichever process is asked', async () => {
      const webhooks = await receiver();
      const brokers = cluster.brokers.map((broker) => `"${broker}"`).join(', ');
      run = new ClusterRun({
        folder: folder.path,
        name: 'live',
        log: `{ kind: kafka, brokers: [${brokers}], topic: live, sessionTimeout: 3s }`,
        server,
        seconds: 0,
        more: `channels: { ops: { kind: webhook, url: "${webhooks.url}", secret: a-secret-of-two-processes, allowPrivate: true } }
subscriptions: [ { name: ops, channel: ops, level: yellow, areas: all } ]
`,
      });
      await run.start(2);
      await run.shared();
      const [one, two] = run.programs.map(({ url }) => url) as [string, string];
      const streams = [listen(one), listen(two)];

      // Reports at the second door of stations that nobody knows yet are held, and folded when the first adopts them.
      const all = Array.from({ length: STATIONS }, (_, i) => i);
      const early = all.slice(0, 4);
      await report(two, early);
      for (const i of all) expect(await put(i % 2 === 0 ? one : two, i)).toBe(201);
      for (const url of [one, two])
        await until(async () => (await items(url, 'stations')).length === STATIONS, 60_000, 'all stations');
      await report(one, all.slice(4, 8));
      await report(two, all.slice(8));

      for (const url of [one, two]) {
        await until(
          async () => (await items(url, 'alerts?limit=100')).length === STATIONS,
          60_000,
          'all alerts',
        );
        expect(new Set((await items(url, 'alerts?limit=100')).map(({ level }) => level))).toEqual(
          new Set(['orange']),
        );
        await until(async () => (await fetch(`${url}/readyz`)).status === 200, 60_000, `${url} to be ready`);
      }
      for (const { ids } of streams)
        await until(() => ids.size === STATIONS, 60_000, 'all alerts by the stream');
      await until(() => new Set(webhooks.keys).size === STATIONS, 60_000, 'all webhooks');
      expect(webhooks.keys).toHaveLength(STATIONS);

      // Both processes have folded some of it.
      for (const program of run.programs) expect(run.held(program).length).toBeGreaterThan(0);
      for (const program of run.programs) expect(await program.signal('SIGTERM'), program.stderr).toBe(0);
      for (const { close } of streams) close();
      webhooks.close();
      const log = await openKafkaLog({ brokers: cluster.brokers, topic: 'live', partitions: PARTITIONS });
      const entries = await entriesOf(log);
      await log.close();
      expect(await run.events()).toEqual(await folded(entries));
      const records = entries.map((entry) => ({ ...entry, record: decodeRecord(entry.payload) }));
      expect(records.filter(({ record }) => record.kind === 'report')).toHaveLength(STATIONS);
      for (let partition = 0; partition < PARTITIONS; partition++) {
        const ticks = records.flatMap(({ partition: p, record }) =>
          p === partition && record.kind === 'tick' ? [record] : [],
        );
        expect(ticks.length).toBeGreaterThan(1);
        // One a second, by whoever holds the partition, and nobody was away.
        expect(ticks.map(({ at }) => at)).toEqual([...new Set(ticks.map(({ at }) => at))].sort());
        expect(ticks.filter(({ gap }) => gap)).toEqual([]);
      }
    });
  },
);

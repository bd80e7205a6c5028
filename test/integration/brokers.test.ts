import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatAlertEvent } from '../../src/alerts/event-json.ts';
import { openPostgresLedger } from '../../src/store/ledger/postgresql/ledger.ts';
import { KafkaCluster, whyNoKafka } from '../servers/kafka.ts';
import { findPostgresql, PostgresqlServer, postgresqlHint } from '../servers/postgresql.ts';
import {
  archivedRows,
  caughtUp,
  freePort,
  Program,
  pause,
  recordedEvents,
  root,
  run,
  temporaryFolder,
  until,
} from './server.ts';

// The same program on other stores: the recorded storm over Kafka into PostgreSQL gives the bytes that it gives embedded.

const reason = whyNoKafka() ?? (findPostgresql() ? undefined : postgresqlHint.trim());
const ENDED = 'The recording has ended';
const PARTITIONS = 8;

const folder = temporaryFolder();
const programs: Program[] = [];
let cluster: KafkaCluster;
let server: PostgresqlServer;

/** A folder with the configuration of one system; the database's address comes by the environment. */
function place(name: string, stores: string, seconds = 6): string {
  const path = join(folder.path, name);
  mkdirSync(path);
  writeFileSync(
    join(path, 'atalaia.yaml'),
    `environment: exercise
rules: [${join(root, 'rules/inmet')}]
pipeline: { partitions: ${PARTITIONS} }
sources: [ { kind: scenario, directory: ${join(root, 'scenarios/rs-2024')}, duration: ${seconds}s } ]
${stores}`,
  );
  return path;
}

const onBrokers = (name: string, more = ''): string =>
  `log: { kind: kafka, brokers: [${cluster.brokers.map((broker) => `"${broker}"`).join(', ')}], topic: ${name} }
store: { kind: postgresql, url: { env: TEST_DATABASE }, schema: ${name}${more} }
`;

async function start(cwd: string): Promise<Program> {
  const program = new Program(['start', '--port', String(await freePort())], {
    cwd,
    env: { ATALAIA_LOG_LEVEL: 'warn', TEST_DATABASE: server?.url ?? '' },
  });
  programs.push(program);
  return program;
}

/** Plays on to the end of the recording and stops in order. */
async function playToTheEnd(cwd: string, check = async (_url: string): Promise<void> => {}): Promise<void> {
  const program = await start(cwd);
  const url = await program.listening();
  await until(
    () => program.stdout.includes(ENDED) || program.hasEnded,
    120_000,
    `the end of the recording: ${program.stderr}`,
  );
  await caughtUp(url);
  await check(url);
  expect(await program.signal('SIGTERM'), program.stderr).toBe(0);
}

/** What PostgreSQL holds of a system: the events as lines, and the counts of its archive. */
async function stored(schema: string): Promise<{ events: string[]; rows: number; inHours: number }> {
  const ledger = await openPostgresLedger({ url: server.url, schema: `${schema}_ledger` });
  const events: string[] = [];
  for await (const event of ledger.events()) events.push(formatAlertEvent(event));
  await ledger.close();
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  const count = async (sql: string): Promise<number> => Number((await client.query(sql)).rows[0].n);
  const rows = await count(`SELECT count(*) AS n FROM ${schema}_archive.observations`);
  const good = await count(`SELECT count(*) AS n FROM ${schema}_archive.observations WHERE flag <> 'bad'`);
  const inHours = await count(`SELECT sum(count) AS n FROM ${schema}_archive.hourly`);
  await client.end();
  expect(inHours).toBe(good);
  return { events, rows, inHours };
}

describe.skipIf(reason !== undefined)(
  `start on Kafka and PostgreSQL${reason ? ` (skipped: ${reason})` : ''}`,
  () => {
    let embedded: { events: string[]; rows: number };

    beforeAll(async () => {
      [cluster, server] = await Promise.all([KafkaCluster.start(1), PostgresqlServer.start()]);
      const cwd = place('embedded', 'log: { kind: embedded }\nstore: { kind: embedded }\n');
      await playToTheEnd(cwd);
      const { rows, keys } = await archivedRows(join(cwd, 'data'));
      expect(rows).toBe(keys);
      embedded = { events: await recordedEvents(join(cwd, 'data')), rows };
      expect(embedded.events.length).toBeGreaterThan(300);
    }, 400_000);
    afterAll(async () => {
      for (const program of programs) if (!program.hasEnded) await program.signal('SIGKILL');
      await cluster?.stop();
      await server?.stop();
      folder.remove();
    });

    test('the storm gives the same events, byte for byte, and the API shows them', async () => {
      await playToTheEnd(place('whole', onBrokers('whole')), async (url) => {
        const { items } = (await (await fetch(`${url}/api/v1/alerts?limit=5`)).json()) as {
          items: unknown[];
        };
        expect(items).toHaveLength(5);
      });
      const { events, rows } = await stored('whole');
      expect(events.join('\n')).toBe(embedded.events.join('\n'));
      expect(rows).toBe(embedded.rows);
    });

    test('a kill -9 in the middle loses nothing and makes nothing twice', async () => {
      const cwd = place('killed', onBrokers('killed'));
      const first = await start(cwd);
      await first.listening();
      await until(() => (first.stdout.match(/EXERCISE/g) ?? []).length > 40, 60_000, 'some alerts');
      await pause(300);
      await first.signal('SIGKILL');
      expect(first.stdout).not.toContain(ENDED);
      const before = (await stored('killed')).events.length;
      expect(before).toBeGreaterThan(20);
      expect(before).toBeLessThan(embedded.events.length);
      await playToTheEnd(cwd);
      const { events, rows } = await stored('killed');
      expect(events.join('\n')).toBe(embedded.events.join('\n'));
      expect(rows).toBe(embedded.rows);
    });

    test('a crash of the database and of the broker in the middle are waited for, and change nothing', async () => {
      const cwd = place('crashed', onBrokers('crashed'));
      const program = await start(cwd);
      const url = await program.listening();
      await until(() => (program.stdout.match(/EXERCISE/g) ?? []).length > 20, 60_000, 'some alerts');
      await server.kill(true);
      await server.restart();
      await cluster.kill(1);
      await pause(1000);
      await cluster.startNode(1);
      expect(program.stdout).not.toContain(ENDED);
      await until(
        () => program.stdout.includes(ENDED) || program.hasEnded,
        120_000,
        `the end: ${program.stderr}`,
      );
      expect(program.hasEnded, program.stderr).toBe(false);
      await caughtUp(url);
      expect(await program.signal('SIGTERM'), program.stderr).toBe(0);
      const { events, rows } = await stored('crashed');
      expect(events.join('\n')).toBe(embedded.events.join('\n'));
      expect(rows).toBe(embedded.rows);
    });

    test('stores of another log, and another number of shards, are refused: 78', async () => {
      const env = { TEST_DATABASE: server.url };
      const other = place('other', onBrokers('whole').replace('topic: whole', 'topic: another'));
      const refused = await run(['start', '--port', '0'], { cwd: other, env });
      expect(refused.stderr).toMatch(/kafka-whole.*kafka-another/s);
      expect(refused.status).toBe(78);
      const sharded = place('sharded', onBrokers('whole', `, shards: ["${server.url}", "${server.url}"]`));
      const cut = await run(['start', '--port', '0'], { cwd: sharded, env });
      expect(cut.stderr).toMatch(/store\.shards: .* 0 .* 2 /s);
      expect(cut.status).toBe(78);
    });
  },
);

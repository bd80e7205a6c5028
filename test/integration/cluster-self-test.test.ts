import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openReceiver } from '../../src/delivery/channels/fixture.ts';
import { KafkaCluster, whyNoKafka } from '../servers/kafka.ts';
import { findPostgresql, PostgresqlServer, postgresqlHint } from '../servers/postgresql.ts';
import { ClusterRun } from './cluster-run.ts';
import { type Program, pause, temporaryFolder, until } from './server.ts';

// The daily test where three processes share log and ledger: one message a day, whoever begins it, lives or comes.

const reason = whyNoKafka() ?? (findPostgresql() ? undefined : postgresqlHint.trim());
const folder = temporaryFolder();
let cluster: KafkaCluster;
let server: PostgresqlServer;
let run: ClusterRun | undefined;
let ops: Awaited<ReturnType<typeof openReceiver>>;

describe.skipIf(reason !== undefined)(
  `the daily test of several processes${reason ? ` (skipped: ${reason})` : ''}`,
  () => {
    beforeAll(async () => {
      [cluster, server] = await Promise.all([KafkaCluster.start(1), PostgresqlServer.start()]);
      ops = await openReceiver(() => ({ status: 204 }));
    }, 300_000);
    afterEach(() => run?.kill());
    afterAll(async () => {
      await ops?.close();
      await cluster?.stop();
      await server?.stop();
      folder.remove();
    });

    test('three processes that start at once begin one test, and each knows what came of it', async () => {
      const day = new Date().toISOString().slice(0, 10);
      const brokers = cluster.brokers.map((broker) => `"${broker}"`).join(', ');
      run = new ClusterRun({
        ...{ folder: folder.path, name: 'selftest', server, seconds: 0 },
        log: `{ kind: kafka, brokers: [${brokers}], topic: selftest, sessionTimeout: 3s }`,
        more: `channels: { ops: { kind: webhook, url: "${ops.url}", allowPrivate: true } }
selfTest: { at: "00:00", timeZone: UTC, deadline: 2m }
`,
      });
      const state = async ({ url }: Program): Promise<string> => {
        const answer = await fetch(`${url}/api/v1/self-test`);
        return ((await answer.json()) as { state: string }).state;
      };
      const allPassed = async (): Promise<boolean> =>
        (await Promise.all((run as ClusterRun).alive.map(state))).every((one) => one === 'passed');
      await run.start(3);
      await until(allPassed, 90_000, 'each process to know that the test passed');
      await run.alive[0]?.signal('SIGKILL');
      await run.start(1);
      await until(allPassed, 90_000, 'the new process to know it, too');
      await pause(2500);
      const keys = ops.seen.map(({ headers }) => headers['idempotency-key']);
      // Unless midnight fell into the test: then there is one of the new day.
      if (new Date().toISOString().slice(0, 10) === day) expect(keys).toHaveLength(1);
    });
  },
);

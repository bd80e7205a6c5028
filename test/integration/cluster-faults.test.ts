import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { seededRandom } from '../../src/lib/random.ts';
import { KafkaCluster, whyNoKafka } from '../servers/kafka.ts';
import { findPostgresql, PostgresqlServer, postgresqlHint } from '../servers/postgresql.ts';
import { ClusterRun } from './cluster-run.ts';
import { pause, temporaryFolder, until } from './server.ts';
import { type Expected, expectedOf, STORM } from './storm.ts';

// Several processes on Kafka and PostgreSQL while members come and go without rest, and while the database is killed.

const reason = whyNoKafka() ?? (findPostgresql() ? undefined : postgresqlHint.trim());
const seed = Number(process.env.ATALAIA_TEST_SEED ?? Date.now() % 1_000_000);
const LEAST_MOVES = 6;
const folder = temporaryFolder();
let cluster: KafkaCluster;
let server: PostgresqlServer;
let expected: Expected;
let running: ClusterRun | undefined;

function runOf(name: string, seconds: number): ClusterRun {
  const brokers = cluster.brokers.map((broker) => `"${broker}"`).join(', ');
  const log = `{ kind: kafka, brokers: [${brokers}], topic: ${name}, sessionTimeout: 3s }`;
  running = new ClusterRun({ folder: folder.path, name, log, server, seconds });
  return running;
}

describe.skipIf(reason !== undefined)(
  `faults of processes that share Kafka and PostgreSQL${reason ? ` (skipped: ${reason})` : ''}`,
  () => {
    beforeAll(async () => {
      expected = expectedOf(STORM);
      [cluster, server] = await Promise.all([KafkaCluster.start(1), PostgresqlServer.start()]);
    }, 300_000);
    afterEach(() => running?.kill());
    afterAll(async () => {
      await cluster?.stop();
      await server?.stop();
      folder.remove();
    });

    test(`members come and go without rest: the events of a replay, none twice, seed ${seed}`, async () => {
      const random = seededRandom(seed);
      const run = runOf('storm', 60);
      await run.start(2);
      let moves = 0;
      const told = (): Promise<number> => run.query('SELECT count(*) AS n FROM {}_ledger.revisions');
      // On a slow machine some come after the end of the recording.
      while (moves < LEAST_MOVES || ((await told()) < expected.events.length * 0.8 && moves < 24)) {
        moves++;
        const { alive } = run;
        const leaver = alive[Math.floor(random() * alive.length)];
        if (alive.length < 2 || (alive.length < 4 && random() < 0.5)) await run.start(1);
        // Half of those that leave take their leave.
        else if (random() < 0.5) expect(await leaver?.signal('SIGTERM'), leaver?.stderr).toBe(0);
        else await leaver?.signal('SIGKILL');
        await pause(random() * 1500);
      }
      await run.end();
      await run.verify(expected);
      console.log(`${moves} joins and leaves in one recording: as in replay, none twice`);
    });

    test('PostgreSQL is killed and started again: three processes go on, nothing is lost and nothing there twice', async () => {
      const run = runOf('database', 40);
      await run.start(3);
      await run.shared();
      const told = (): Promise<number> => run.query('SELECT count(*) AS n FROM {}_ledger.revisions');
      await until(async () => (await told()) > 60, 60_000, 'some alerts');
      await server.kill(true);
      await pause(4000);
      await server.restart();
      const began = performance.now();
      const before = await told();
      await until(async () => (await told()) > before, 60_000, 'the alerts to go on');
      console.log(
        `PostgreSQL away for 4 s: alerts again ${Math.round(performance.now() - began)} ms after its start`,
      );
      await run.end();
      await run.verify(expected);
    });
  },
);

import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { findPostgresql, PostgresqlServer, postgresqlHint } from '../servers/postgresql.ts';
import { RabbitmqCluster, whyNoRabbitmq } from '../servers/rabbitmq.ts';
import { ClusterRun } from './cluster-run.ts';
import { temporaryFolder, until } from './server.ts';
import { cutStormDay, type Expected, expectedOf, STORM } from './storm.ts';

// The same as on Kafka, with streams of RabbitMQ as the log.

const reason = whyNoRabbitmq() ?? (findPostgresql() ? undefined : postgresqlHint.trim());
const folder = temporaryFolder();
let cluster: RabbitmqCluster;
let server: PostgresqlServer;
let expected: Expected;
let day: string;
let running: ClusterRun | undefined;

function runOf(name: string, seconds: number, scenario = STORM): ClusterRun {
  const log = `{ kind: rabbitmq, urls: [${cluster.urls.map((url) => `"${url}"`).join(', ')}], name: ${name} }`;
  running = new ClusterRun({ folder: folder.path, name, log, server, seconds, scenario });
  return running;
}

describe.skipIf(reason !== undefined)(
  `processes that share RabbitMQ and PostgreSQL${reason ? ` (skipped: ${reason})` : ''}`,
  () => {
    beforeAll(async () => {
      expected = expectedOf(STORM);
      day = cutStormDay(join(folder.path, 'day'));
      [cluster, server] = await Promise.all([RabbitmqCluster.start(1), PostgresqlServer.start()]);
    }, 300_000);
    afterEach(() => running?.kill());
    afterAll(async () => {
      await cluster?.stop();
      await server?.stop();
      folder.remove();
    });

    test.each([1, 3, 8])('%i of them started at once give the events of a replay', async (count) => {
      // Many processes on few processors: one day of it shows the same.
      const scenario = count > 3 ? day : STORM;
      const run = runOf(`together_${count}`, 6, scenario);
      await run.start(count);
      await run.end();
      for (const program of run.programs) expect(run.taken(program).length).toBeGreaterThan(0);
      await run.verify(scenario === STORM ? expected : expectedOf(scenario));
      console.log(`${count} on RabbitMQ: ${run.cost()}`);
    });

    test('one of three is killed in the middle: the others go on, nothing is lost and nothing there twice', async () => {
      const run = runOf('killed', 25);
      await run.start(3);
      await run.shared();
      const told = (): Promise<number> => run.query('SELECT count(*) AS n FROM {}_ledger.revisions');
      await until(async () => (await told()) > 60, 60_000, 'some alerts');
      const victim = run.programs.find((program) => run.held(program).includes(0));
      if (!victim) throw new Error('nobody holds partition 0');
      await victim.signal('SIGKILL');
      const began = performance.now();
      await run.shared();
      console.log(
        `kill -9 of one of three: its partitions are held again after ${Math.round(performance.now() - began)} ms`,
      );
      await run.end();
      await run.verify(expected);
    });
  },
);

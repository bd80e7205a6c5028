import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { KafkaCluster, whyNoKafka } from '../servers/kafka.ts';
import { findPostgresql, PostgresqlServer, postgresqlHint } from '../servers/postgresql.ts';
import { ClusterRun, PARTITIONS, type RunOptions, topicEvents } from './cluster-run.ts';
import { temporaryFolder, until } from './server.ts';
import { cutStormDay, type Expected, expectedOf, STORM } from './storm.ts';

// Several processes of one system share the partitions of a topic, and PostgreSQL: the recorded storm gives what it gives
// in one process, whoever comes, goes, dies, or stands still for a while.

const reason = whyNoKafka() ?? (findPostgresql() ? undefined : postgresqlHint.trim());
const folder = temporaryFolder();
let cluster: KafkaCluster;
let server: PostgresqlServer;
let expected: Expected;
let day: string;
let running: ClusterRun | undefined;

function runOf(name: string, seconds: number, options: Partial<RunOptions> = {}): ClusterRun {
  const brokers = cluster.brokers.map((broker) => `"${broker}"`).join(', ');
  const log = `{ kind: kafka, brokers: [${brokers}], topic: ${name}, sessionTimeout: 3s }`;
  running = new ClusterRun({ folder: folder.path, name, log, server, seconds, ...options });
  return running;
}

describe.skipIf(reason !== undefined)(
  `processes that share Kafka and PostgreSQL${reason ? ` (skipped: ${reason})` : ''}`,
  () => {
    beforeAll(async () => {
      expected = expectedOf(STORM);
      day = cutStormDay(join(folder.path, 'day'));
      [cluster, server] = await Promise.all([KafkaCluster.start(1), PostgresqlServer.start()]);
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
      const run = runOf(`together_${count}`, 6, { scenario });
      await run.start(count);
      await run.end();
      const takers = run.programs.filter((program) => run.taken(program).length > 0);
      expect(takers).toHaveLength(count);
      await run.verify(scenario === STORM ? expected : expectedOf(scenario));
      console.log(`${count} on Kafka: ${run.cost()}`);
      // Rules, registry and recording were put in force once, whoever was first.
      expect(await run.query('SELECT count(*) AS n FROM {}_ledger.commands')).toBe(3);
    });

    test('one of three is killed in the middle: the others go on, nothing is lost and nothing there twice', async () => {
      const run = runOf('killed', 25, { more: 'sinks: { topic: { name: killed.alerts } }' });
      await run.start(3);
      await run.inTheMiddle(expected);
      // The one that plays the recording too.
      const victim = run.programs.find((program) => run.held(program).includes(0));
      if (!victim) throw new Error('nobody holds partition 0');
      const orphans = run.held(victim);
      await victim.signal('SIGKILL');
      const recovered = await run.recovery(orphans);
      const tookMs = await recovered();
      await run.shared();
      await run.end();
      await run.verify(expected);
      expect(await topicEvents(cluster.brokers, 'killed.alerts')).toEqual([...expected.events].sort());
      console.log(
        `kill -9 of one of three: ${orphans.length} of ${PARTITIONS} partitions fold again after ${Math.round(tookMs)} ms; the brokers' session is 3000 ms`,
      );
    });

    test('one of three stands still past its session and wakes up: it writes nothing, and gets its share again', async () => {
      const run = runOf('zombie', 40, { more: 'sinks: { topic: { name: zombie.alerts } }' });
      await run.start(3);
      await run.inTheMiddle(expected);
      const zombie = run.programs.find((program) => run.held(program).includes(0));
      if (!zombie) throw new Error('nobody holds partition 0');
      const orphans = run.held(zombie);
      zombie.freeze(true);
      const recovered = await run.recovery(orphans);
      const tookMs = await recovered();
      const before = run.taken(zombie).length;
      zombie.freeze(false);
      await until(() => run.taken(zombie).length > before, 60_000, `its share: ${zombie.stderr}`);
      expect(zombie.stderr).toMatch(/partitions lost|took the partition over/);
      await run.end();
      await run.verify(expected);
      expect(await topicEvents(cluster.brokers, 'zombie.alerts')).toEqual([...expected.events].sort());
      console.log(
        `SIGSTOP of one of three: its ${orphans.length} partitions fold again after ${Math.round(tookMs)} ms, awake it was given ${run.taken(zombie).length - before}`,
      );
    });
  },
);

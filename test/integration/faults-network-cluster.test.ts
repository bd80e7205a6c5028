import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { KafkaCluster, whyNoKafka } from '../servers/kafka.ts';
import { CuttableNetwork, whyNoNetwork } from '../servers/network.ts';
import { findPostgresql, PostgresqlServer, postgresqlHint } from '../servers/postgresql.ts';
import { ClusterRun, PARTITIONS, topicEvents } from './cluster-run.ts';
import { temporaryFolder, until } from './server.ts';
import { type Expected, expectedOf, STORM } from './storm.ts';

// One of three processes is cut off from Kafka and from PostgreSQL past its session, while the others go on: it comes back
// as a zombie, with commits and appends under way to servers that have given its partitions away.

const reason = whyNoNetwork() ?? whyNoKafka() ?? (findPostgresql() ? undefined : postgresqlHint.trim());
const SESSION_MS = 3000;
const folder = temporaryFolder();
let network: CuttableNetwork | undefined;
let cluster: KafkaCluster;
let server: PostgresqlServer;
let expected: Expected;
let run: ClusterRun | undefined;

describe.skipIf(reason !== undefined)(
  `the network of one of three processes${reason ? ` (skipped: ${reason})` : ''}`,
  () => {
    beforeAll(async () => {
      expected = expectedOf(STORM);
      network = new CuttableNetwork();
      [cluster, server] = await Promise.all([
        KafkaCluster.start(1, undefined, network.here),
        PostgresqlServer.start(undefined, network.here),
      ]);
    }, 300_000);
    afterEach(() => run?.kill());
    afterAll(async () => {
      await cluster?.stop();
      await server?.stop();
      network?.remove();
      folder.remove();
    });

    test('is cut past its session: the others go on, it comes back and writes nothing old, nothing is lost or there twice', async () => {
      const brokers = cluster.brokers.map((broker) => `"${broker}"`).join(', ');
      const log = `{ kind: kafka, brokers: [${brokers}], topic: cut, sessionTimeout: ${SESSION_MS / 1000}s }`;
      const more = 'sinks: { topic: { name: cut.alerts } }';
      run = new ClusterRun({ folder: folder.path, name: 'cut', log, server, seconds: 40, more });
      await Promise.all([run.start(1, network), run.start(2)]);
      await run.inTheMiddle(expected);
      // The order of the starts is not that of the list.
      const zombie = run.programs.find(({ place }) => place === network);
      if (!zombie) throw new Error('no process is in the network');
      const orphans = run.held(zombie);
      network?.cut();
      const recovered = await run.recovery(orphans);
      const tookMs = await recovered();
      // It knows by itself that it is alone, and has let everything go.
      await until(() => run?.held(zombie).length === 0, 30_000, `the loss to be seen: ${zombie.stderr}`);
      expect(zombie.hasEnded, zombie.stderr).toBe(false);
      const before = run.taken(zombie).length;
      const healedAt = performance.now();
      network?.heal();
      await until(
        () => run !== undefined && run.taken(zombie).length > before,
        60_000,
        `its share: ${zombie.stderr}`,
      );
      const backMs = performance.now() - healedAt;
      await run.shared();
      await run.end();
      await run.verify(expected);
      expect(await topicEvents(cluster.brokers, 'cut.alerts')).toEqual([...expected.events].sort());
      console.log(
        `cut off, one of three: its ${orphans.length} of ${PARTITIONS} partitions fold again after ${Math.round(tookMs)} ms (session ${SESSION_MS} ms); back, it has a share after ${Math.round(backMs)} ms`,
      );
    });
  },
);

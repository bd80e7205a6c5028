import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KafkaCluster, whyNoKafka } from '../servers/kafka.ts';
import { byHttp, Feeder, LoadedSystem, seeded, storedInFiles, tellSeed } from './fault-load.ts';
import { temporaryFolder } from './server.ts';

// A whole process on three brokers, replication 3, two copies needed: brokers that lead partitions are killed under load.

const reason = whyNoKafka();

describe.skipIf(reason !== undefined)(
  `a process on three brokers of Kafka${reason ? ` (skipped: ${reason})` : ''}`,
  () => {
    const folder = temporaryFolder();
    let cluster: KafkaCluster;
    let system: LoadedSystem | undefined;
    beforeAll(async () => {
      cluster = await KafkaCluster.start(3);
    }, 300_000);
    afterAll(async () => {
      await system?.kill();
      await cluster?.stop();
      folder.remove();
    });

    test('leaders killed with SIGKILL: nothing acknowledged is lost, the alerts are those of replay', async () => {
      const random = seeded(tellSeed('Kafka leaders'));
      const brokers = cluster.brokers.map((broker) => `"${broker}"`).join(', ');
      system = new LoadedSystem(
        folder.path,
        'kafka',
        `log: { kind: kafka, brokers: [${brokers}], topic: storm, replication: 3, minInSyncReplicas: 2 }\n`,
      );
      await system.start();
      const feeder = new Feeder(byHttp(system.url));
      await feeder.more(4);
      // With eight partitions on three brokers each leads some.
      const first = 1 + Math.floor(random() * 3);
      const order = [first, 1 + (first % 3)];
      for (const id of order) {
        await new Promise((done) => setTimeout(done, random() * 1000));
        const killedAt = performance.now();
        await cluster.kill(id);
        const { acknowledgedMs, alertMs } = await system.recovered(feeder, killedAt);
        console.log(
          `broker ${id} killed: acknowledged again after ${Math.round(acknowledgedMs)} ms, alerts again after ${Math.round(alertMs)} ms`,
        );
        await cluster.startNode(id);
        // Until it is in sync again: with one copy more the next loss is one that two copies carry.
        await feeder.more(6);
      }
      await system.end(feeder);
      await system.verify(feeder, await storedInFiles(system.data));
      expect(feeder.acknowledged.length).toBeGreaterThan(20);
    });
  },
);

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { streamOf } from '../../src/log/rabbitmq/streams.ts';
import { RabbitmqCluster, whyNoRabbitmq } from '../servers/rabbitmq.ts';
import { byHttp, Feeder, LoadedSystem, seeded, storedInFiles, tellSeed } from './fault-load.ts';
import { pause, temporaryFolder, until } from './server.ts';

// A whole process on three nodes of RabbitMQ: the one that leads a stream is killed under load.

const reason = whyNoRabbitmq();

describe.skipIf(reason !== undefined)(
  `a process on three nodes of RabbitMQ${reason ? ` (skipped: ${reason})` : ''}`,
  () => {
    const folder = temporaryFolder();
    let cluster: RabbitmqCluster;
    let system: LoadedSystem | undefined;
    beforeAll(async () => {
      cluster = await RabbitmqCluster.start(3);
    }, 300_000);
    afterAll(async () => {
      await system?.kill();
      await cluster?.stop();
      folder.remove();
    });

    test('leaders killed with SIGKILL: nothing acknowledged is lost, the alerts are those of replay', async () => {
      const random = seeded(tellSeed('RabbitMQ leaders'));
      const urls = cluster.urls.map((url) => `"${url}"`).join(', ');
      system = new LoadedSystem(
        folder.path,
        'rabbitmq',
        `log: { kind: rabbitmq, urls: [${urls}], name: storm }\n`,
      );
      await system.start();
      const feeder = new Feeder(byHttp(system.url));
      await feeder.more(4);
      for (let kill = 0, alive = 0; kill < 2; kill++) {
        const stream = streamOf('storm', Math.floor(random() * 8));
        let leader = -1;
        const asked = alive;
        await until(
          async () => {
            leader = await cluster.leaderOf(stream, asked);
            return leader >= 0;
          },
          60_000,
          `a leader of ${stream}`,
        );
        await pause(random() * 1000);
        const killedAt = performance.now();
        await cluster.kill(leader);
        const { acknowledgedMs, alertMs } = await system.recovered(feeder, killedAt);
        console.log(
          `node ${leader}, leader of ${stream}, killed: acknowledged again after ${Math.round(acknowledgedMs)} ms, alerts again after ${Math.round(alertMs)} ms`,
        );
        await cluster.startNode(leader);
        alive = (leader + 1) % 3;
        // Until its replicas have caught up: two of three are needed.
        await feeder.more(8);
      }
      await system.end(feeder);
      await system.verify(feeder, await storedInFiles(system.data));
      expect(feeder.acknowledged.length).toBeGreaterThan(20);
    });
  },
);

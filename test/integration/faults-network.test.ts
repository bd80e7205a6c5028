import { afterEach, describe, expect, test } from 'vitest';
import { KafkaCluster, whyNoKafka } from '../servers/kafka.ts';
import { CuttableNetwork, whyNoNetwork } from '../servers/network.ts';
import { findPostgresql, PostgresqlServer } from '../servers/postgresql.ts';
import { RabbitmqCluster, whyNoRabbitmq } from '../servers/rabbitmq.ts';
import {
  byHttp,
  Feeder,
  LoadedSystem,
  type Stored,
  seeded,
  storedInFiles,
  storedInPostgresql,
  tellSeed,
} from './fault-load.ts';
import { pause, temporaryFolder } from './server.ts';

// The network between a whole process and its server is cut: packets go nowhere, and no end is told that the other is gone.

const isLong = process.env.ATALAIA_TEST === 'all';
/** Spans of the cuts, s, from and to: what connections outlive, what they do not, and what no request waits for. */
const CUTS: readonly (readonly [number, number])[] = [
  [1, 4],
  [12, 20],
  ...(isLong ? [[35, 45] as const] : []),
];

interface Server {
  stop(): Promise<void>;
}
interface Case {
  readonly why: string | undefined;
  start(network: CuttableNetwork): Promise<{
    readonly server: Server;
    readonly configuration: string;
    stored(data: string): Promise<Stored>;
  }>;
}

const cases: Readonly<Record<string, Case>> = {
  Kafka: {
    why: whyNoKafka(),
    async start(network) {
      const server = await KafkaCluster.start(1, undefined, network);
      const configuration = `log: { kind: kafka, brokers: ["${server.brokers[0]}"], topic: storm }\n`;
      return { server, configuration, stored: storedInFiles };
    },
  },
  RabbitMQ: {
    why: whyNoRabbitmq(),
    async start(network) {
      const server = await RabbitmqCluster.start(1, network);
      const configuration = `log: { kind: rabbitmq, urls: ["${server.urls[0]}"], name: storm }\n`;
      return { server, configuration, stored: storedInFiles };
    },
  },
  PostgreSQL: {
    why: findPostgresql() ? undefined : 'PostgreSQL is not installed',
    async start(network) {
      const server = await PostgresqlServer.start(undefined, network);
      const configuration = `store: { kind: postgresql, url: "${server.url}", schema: cut }\n`;
      return { server, configuration, stored: () => storedInPostgresql(server.url, 'cut') };
    },
  },
};

describe.each(Object.entries(cases))('the network to %s', (name, { why, start }) => {
  const reason = whyNoNetwork() ?? why;
  const folder = temporaryFolder();
  let network: CuttableNetwork | undefined;
  let server: Server | undefined;
  let system: LoadedSystem | undefined;
  afterEach(async () => {
    await system?.kill();
    await server?.stop();
    network?.remove();
    folder.remove();
  });

  test.skipIf(reason !== undefined)(
    `is cut and comes back: nothing acknowledged is lost, the alerts are those of replay${reason ? ` (skipped: ${reason})` : ''}`,
    async () => {
      const random = seeded(tellSeed(`network to ${name}`));
      network = new CuttableNetwork();
      const started = await start(network);
      server = started.server;
      system = new LoadedSystem(folder.path, 'cut', started.configuration);
      await system.start();
      const feeder = new Feeder(byHttp(system.url));
      await feeder.more(4);
      for (const [least, most] of CUTS) {
        await pause(random() * 1000);
        const forMs = 1000 * (least + random() * (most - least));
        const cutAt = performance.now();
        network.cut();
        await pause(forMs);
        network.heal();
        const { acknowledgedMs, alertMs } = await system.recovered(feeder, cutAt);
        const acknowledged =
          acknowledgedMs < forMs
            ? 'acknowledged meanwhile'
            : `acknowledged again after ${Math.round(acknowledgedMs - forMs)} ms`;
        console.log(
          `${name} cut off for ${Math.round(forMs)} ms: ${acknowledged}, alerts again after ${Math.round(alertMs - forMs)} ms, counted from its end`,
        );
        await feeder.more(5);
      }
      await system.end(feeder);
      await system.verify(feeder, await started.stored(system.data));
      expect(feeder.acknowledged.length).toBeGreaterThan(15);
    },
  );
});

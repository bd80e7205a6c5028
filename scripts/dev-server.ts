import { parseArgs } from 'node:util';
import { KafkaCluster, whyNoKafka } from '../test/servers/kafka.ts';
import { KinesisServer, whyNoKinesis } from '../test/servers/kinesis.ts';
import { findPostgresql, PostgresqlServer, postgresqlHint } from '../test/servers/postgresql.ts';
import { RabbitmqCluster, whyNoRabbitmq } from '../test/servers/rabbitmq.ts';

const usage = `Usage: npm run dev:kafka | dev:kinesis | dev:rabbitmq | dev:postgres [-- --nodes N]

Starts a server on free ports of the loopback interface, with its files in a temporary folder, and tells what to write
into atalaia.yaml. Ctrl-C stops it and removes the folder. The tests start their servers by the same code.

  --nodes N   kafka and rabbitmq: nodes of the cluster, 1 (default) or 3; postgres: 2 adds a streaming replica
`;

interface Started {
  /** Lines of atalaia.yaml. */
  readonly configuration: string;
  /** What to set in the shell before the start. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly stop: () => Promise<void>;
}

interface Kind {
  readonly why: () => string | undefined;
  readonly nodes: readonly number[];
  start(nodes: number): Promise<Started>;
}

const quoted = (texts: readonly string[]): string => texts.map((text) => `"${text}"`).join(', ');

const kinds: Readonly<Record<string, Kind>> = {
  kafka: {
    why: whyNoKafka,
    nodes: [1, 3],
    async start(nodes) {
      const cluster = await KafkaCluster.start(nodes);
      const copies = nodes === 3 ? ', replication: 3, minInSyncReplicas: 2' : '';
      return {
        configuration: `log: { kind: kafka, brokers: [${quoted(cluster.brokers)}], topic: atalaia${copies} }`,
        stop: () => cluster.stop(),
      };
    },
  },
  kinesis: {
    why: whyNoKinesis,
    nodes: [1],
    async start() {
      const server = await KinesisServer.start();
      const { region, endpoint } = server.access;
      return {
        configuration: `log: { kind: kinesis, stream: atalaia, region: ${region}, endpoint: "${endpoint}", shards: 2 }`,
        // The emulator takes any; the client wants some.
        environment: { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' },
        stop: () => server.stop(),
      };
    },
  },
  rabbitmq: {
    why: whyNoRabbitmq,
    nodes: [1, 3],
    async start(nodes) {
      const cluster = await RabbitmqCluster.start(nodes);
      return {
        configuration: `log: { kind: rabbitmq, urls: [${quoted(cluster.urls)}], name: atalaia }`,
        stop: () => cluster.stop(),
      };
    },
  },
  postgres: {
    why: () => (findPostgresql() ? undefined : postgresqlHint.trim()),
    nodes: [1, 2],
    async start(nodes) {
      const server = await PostgresqlServer.start();
      const replica = nodes === 2 ? await PostgresqlServer.start(server) : undefined;
      const read = replica ? `, readUrl: "${replica.url}"` : '';
      return {
        configuration: `store: { kind: postgresql, url: "${server.url}"${read} }`,
        async stop() {
          await replica?.stop();
          await server.stop();
        },
      };
    },
  },
};

function wanted(): { kind: Kind; nodes: number } | number {
  const { values, positionals } = parseArgs({
    options: { nodes: { type: 'string', default: '1' }, help: { type: 'boolean', short: 'h' } },
    allowPositionals: true,
  });
  const kind = Object.hasOwn(kinds, positionals[0] ?? '') ? kinds[positionals[0] as string] : undefined;
  const nodes = Number(values.nodes);
  if (!values.help && kind?.nodes.includes(nodes)) return { kind, nodes };
  console.log(usage);
  return values.help ? 0 : 2;
}

async function main(): Promise<number> {
  const given = wanted();
  if (typeof given === 'number') return given;
  const why = given.kind.why();
  if (why !== undefined) {
    console.error(`It cannot be started here: ${why}`);
    return 1;
  }
  // Listened for from the first moment: a Ctrl-C while it starts must leave nothing behind.
  const stopping = Promise.withResolvers<void>();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopping.resolve());
  console.error('Starting …');
  const { configuration, environment = {}, stop } = await given.kind.start(given.nodes);
  console.error('It runs. Write this into atalaia.yaml:\n');
  console.log(configuration);
  for (const [name, value] of Object.entries(environment))
    console.error(`\nand set ${name}=${value} in the environment.`);
  console.error('\nCtrl-C stops it and removes its files.');
  // A timer keeps the process alive where the server's own handles do not.
  const waiting = setInterval(() => undefined, 60_000);
  await stopping.promise;
  clearInterval(waiting);
  await stop();
  console.error('Stopped.');
  return 0;
}

process.exitCode = await main();

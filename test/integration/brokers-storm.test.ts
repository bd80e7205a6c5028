import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KafkaCluster, whyNoKafka } from '../servers/kafka.ts';
import { KinesisServer, whyNoKinesis } from '../servers/kinesis.ts';
import { RabbitmqCluster, whyNoRabbitmq } from '../servers/rabbitmq.ts';
import { caughtUp, freePort, Program, recordedEvents, root, temporaryFolder, until } from './server.ts';
import { cutStormDay, expectedOf, STORM } from './storm.ts';

// The recorded storm through each log gives the events of a replay of the same reports, byte for byte.

const PARTITIONS = 8;
const LIMIT_MS = 480_000;
const folder = temporaryFolder();
let day: string;

interface Server {
  /** `log` of the configuration. */
  readonly log: string;
  readonly env?: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}
interface Kind {
  readonly reason: string | undefined;
  /** An append waits until it is read, so that the days of a recording add up: one of them is played. */
  readonly isSlow?: true;
  start(): Promise<Server>;
}

const kinds: Readonly<Record<string, Kind>> = {
  embedded: {
    reason: undefined,
    start: async () => ({ log: '{ kind: embedded }', stop: async () => undefined }),
  },
  kafka: {
    reason: whyNoKafka(),
    async start() {
      const cluster = await KafkaCluster.start(1);
      const brokers = cluster.brokers.map((broker) => `"${broker}"`).join(', ');
      return { log: `{ kind: kafka, brokers: [${brokers}], topic: storm }`, stop: () => cluster.stop() };
    },
  },
  kinesis: {
    reason: whyNoKinesis(),
    isSlow: true,
    async start() {
      const server = await KinesisServer.start();
      const { region, endpoint, credentials } = server.access;
      return {
        log: `{ kind: kinesis, stream: storm, region: ${region}, endpoint: "${endpoint}", shards: 2 }`,
        env: {
          AWS_ACCESS_KEY_ID: credentials?.accessKeyId ?? '',
          AWS_SECRET_ACCESS_KEY: credentials?.secretAccessKey ?? '',
        },
        stop: () => server.stop(),
      };
    },
  },
  rabbitmq: {
    reason: whyNoRabbitmq(),
    async start() {
      const cluster = await RabbitmqCluster.start(1);
      const urls = cluster.urls.map((url) => `"${url}"`).join(', ');
      return { log: `{ kind: rabbitmq, urls: [${urls}], name: storm }`, stop: () => cluster.stop() };
    },
  },
};

/** Plays a recording through a log, stops in order, and reads what the ledger holds. */
async function play(name: string, { log, env = {} }: Server, scenario: string): Promise<string[]> {
  const cwd = join(folder.path, name);
  mkdirSync(cwd);
  writeFileSync(
    join(cwd, 'atalaia.yaml'),
    `environment: exercise
rules: [${join(root, 'rules/inmet')}]
pipeline: { partitions: ${PARTITIONS} }
sources: [ { kind: scenario, directory: ${scenario}, duration: 6s } ]
log: ${log}
store: { kind: embedded }
`,
  );
  const program = new Program(['start', '--port', String(await freePort())], {
    cwd,
    env: { ATALAIA_LOG_LEVEL: 'warn', ...env },
  });
  try {
    const url = await program.listening();
    const hasPlayed = (): boolean => program.stdout.includes('The recording has ended') || program.hasEnded;
    await until(hasPlayed, LIMIT_MS, `the end of the recording: ${program.stderr}`);
    await caughtUp(url);
    expect(await program.signal('SIGTERM'), program.stderr).toBe(0);
  } finally {
    if (!program.hasEnded) await program.signal('SIGKILL');
  }
  return recordedEvents(join(cwd, 'data'));
}

describe('the recorded storm through each log', () => {
  beforeAll(() => {
    day = cutStormDay(join(folder.path, 'day'));
  });
  afterAll(() => folder.remove());

  for (const [name, { reason, start, isSlow }] of Object.entries(kinds))
    test.skipIf(reason !== undefined)(
      `${name}: the same events as replay, byte for byte${reason ? ` (skipped: ${reason})` : ''}`,
      { timeout: 600_000 },
      async () => {
        const server = await start();
        try {
          const scenario = isSlow ? day : STORM;
          const { events } = expectedOf(scenario);
          expect(events.length).toBeGreaterThan(200);
          expect((await play(name, server, scenario)).join('\n')).toBe(events.join('\n'));
        } finally {
          await server.stop();
        }
      },
    );
});

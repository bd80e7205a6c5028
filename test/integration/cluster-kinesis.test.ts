import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { KinesisServer, whyNoKinesis } from '../servers/kinesis.ts';
import { findPostgresql, PostgresqlServer, postgresqlHint } from '../servers/postgresql.ts';
import { ClusterRun } from './cluster-run.ts';
import { temporaryFolder } from './server.ts';
import { cutStormDay, type Expected, expectedOf } from './storm.ts';

// The same as on Kafka, with a stream of Kinesis as the log: leases in PostgreSQL say who holds which partition.

const reason = whyNoKinesis() ?? (findPostgresql() ? undefined : postgresqlHint.trim());
const folder = temporaryFolder();
let kinesis: KinesisServer;
let server: PostgresqlServer;
let expected: Expected;
let day: string;
let running: ClusterRun | undefined;

describe.skipIf(reason !== undefined)(
  `processes that share Kinesis and PostgreSQL${reason ? ` (skipped: ${reason})` : ''}`,
  () => {
    beforeAll(async () => {
      // Each of its hours waits until it is read: a day is played, the one with the most alerts.
      day = cutStormDay(join(folder.path, 'day'));
      expected = expectedOf(day);
      [kinesis, server] = await Promise.all([KinesisServer.start(), PostgresqlServer.start()]);
    }, 300_000);
    afterEach(() => running?.kill());
    afterAll(async () => {
      await kinesis?.stop();
      await server?.stop();
      folder.remove();
    });

    test.each([1, 3, 8])('%i of them started at once give the events of a replay', async (count) => {
      const { region, endpoint, credentials } = kinesis.access;
      const env = {
        AWS_ACCESS_KEY_ID: credentials?.accessKeyId ?? '',
        AWS_SECRET_ACCESS_KEY: credentials?.secretAccessKey ?? '',
      };
      const name = `together_${count}`;
      // The emulator polls much faster than it pushes, so not all of them are subscribed.
      const more = count === 3 ? ', consumer: atalaia' : '';
      const log = `{ kind: kinesis, stream: ${name}, region: ${region}, endpoint: "${endpoint}", shards: 2${more} }`;
      running = new ClusterRun({ folder: folder.path, name, log, server, seconds: 4, env, scenario: day });
      await running.start(count);
      await running.end();
      for (const program of running.programs) expect(running.taken(program).length).toBeGreaterThan(0);
      await running.verify(expected);
      console.log(`${count} on Kinesis: ${running.cost()}`);
    });
  },
);

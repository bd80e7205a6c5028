import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { logConformance } from '../../src/log/conformance.ts';
import { openKinesisLog } from '../../src/log/kinesis/kinesis-log.ts';
import type { Log } from '../../src/log/log.ts';
import type { Coordination } from '../../src/store/ledger/coordination.ts';
import { openPostgresCoordination } from '../../src/store/ledger/postgresql/coordination.ts';
import { openSqliteCoordination } from '../../src/store/ledger/sqlite/coordination.ts';
import { KinesisServer, whyNoKinesis } from '../servers/kinesis.ts';
import { findPostgresql, PostgresqlServer, postgresqlHint } from '../servers/postgresql.ts';
import { temporaryFolder } from './server.ts';

const reason = whyNoKinesis();
const folder = temporaryFolder();
let server: KinesisServer;
let database: PostgresqlServer;
let streams = 0;

/** A log whose places lie in tables of its own connection, as a process has them. */
async function open(stream: string, tables: Promise<Coordination>, more: object = {}): Promise<Log> {
  const { index, close } = await tables;
  try {
    const log = await openKinesisLog({
      ...server.access,
      ...{ stream, partitions: 4, shards: 2, pollMs: 10, index },
      ...more,
    });
    let closing: Promise<void> | undefined;
    const own = log.close.bind(log);
    log.close = () => {
      closing ??= own().then(close);
      return closing;
    };
    return log;
  } catch (error) {
    await close();
    throw error;
  }
}

describe.skipIf(reason !== undefined)(`the log on AWS Kinesis${reason ? ` (${reason})` : ''}`, () => {
  beforeAll(async () => {
    server = await KinesisServer.start();
  });
  afterAll(async () => {
    await server?.stop();
    folder.remove();
  });

  const sqlite = (stream: string) => openSqliteCoordination({ path: join(folder.path, `${stream}.sqlite`) });

  logConformance('AWS Kinesis, two shards, places in SQLite', {
    open: () => open(`sqlite-${++streams}`, sqlite(`sqlite-${streams}`)),
    reopen: () => open(`sqlite-${streams}`, sqlite(`sqlite-${streams}`)),
    cleanup: async () => {},
  });

  describe.skipIf(!findPostgresql())(`with PostgreSQL${postgresqlHint}`, () => {
    beforeAll(async () => {
      database = await PostgresqlServer.start();
    });
    afterAll(() => database?.stop());
    const schema = `s${randomBytes(6).toString('hex')}`;
    const postgresql = () => openPostgresCoordination({ url: database.url, schema });

    logConformance('AWS Kinesis, two shards, places in PostgreSQL', {
      open: () => open(`postgresql-${++streams}`, postgresql()),
      reopen: () => open(`postgresql-${streams}`, postgresql()),
      cleanup: async () => {},
    });
  });

  test('one that begins while another has come no further than the first shard counts the second from its start', async () => {
    const events: unknown[] = [];
    const more = { onEvent: (event: unknown) => events.push(event) };
    await (await open('beginning', sqlite('beginning'))).close();
    const { index, close } = await sqlite('beginning');
    const anchors = await index.list('');
    const second = anchors.map(([key]) => key).filter((key) => /anchor\/shardId-0*1\//.test(key));
    expect(second.length).toBeGreaterThan(0);
    await index.remove(second);
    await close();
    const log = await open('beginning', sqlite('beginning'), more);
    const all = Array.from({ length: 4 }, (_, partition) => ({
      partition,
      key: 'k',
      payload: Uint8Array.of(1),
    }));
    await log.append(all);
    for (let partition = 0; partition < 4; partition++)
      expect((await log.read(partition, 0, 10)).map(({ offset }) => offset)).toEqual([0]);
    expect(events).toEqual([]);
    await log.close();
  });

  test('another number of partitions is refused, and names both', async () => {
    await (await open('counted', sqlite('counted'))).close();
    await expect(open('counted', sqlite('counted'), { partitions: 5 })).rejects.toMatchObject({
      code: 'ATL_CONFIG',
      message: expect.stringMatching(/\b4\b.*\b5\b/),
    });
  });
});

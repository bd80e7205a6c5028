import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { batch, observation } from '../../src/store/archive/conformance.ts';
import { openPostgresArchive } from '../../src/store/archive/postgresql/archive.ts';
import { askPostgresql } from '../../src/store/archive/postgresql/question.ts';
import { findPostgresql, PostgresqlServer, postgresqlHint } from '../servers/postgresql.ts';

describe.skipIf(!findPostgresql())(`questions to PostgreSQL${postgresqlHint}`, () => {
  let server: PostgresqlServer;
  let reader: string;
  beforeAll(async () => {
    server = await PostgresqlServer.start();
    const archive = await openPostgresArchive({ url: server.url, schema: 'w_archive' });
    await archive.commit([
      batch(0, 1, [observation(1, 1500), observation(2, 2500), observation(3, 500, { station: 'B' })]),
    ]);
    await archive.close();
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    // As docs/sql.md says.
    await client.query("CREATE ROLE reader LOGIN PASSWORD 'reader'");
    await client.query('GRANT USAGE ON SCHEMA w_archive TO reader');
    await client.query('GRANT SELECT ON ALL TABLES IN SCHEMA w_archive TO reader');
    // A right that the transaction itself has to keep back.
    await client.query('GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA w_archive TO reader');
    await client.end();
    const url = new URL(server.url);
    url.username = 'reader';
    url.password = 'reader';
    reader = url.href;
  });
  afterAll(() => server?.stop());

  const ask = (sql: string, change: object = {}, url = reader) =>
    askPostgresql(
      { url, schema: 'w_archive' },
      { sql, timeoutMs: 10_000, limit: 100, memoryMb: 64, ...change },
    );

  test('answers with numbers, texts and nothing', async () => {
    const sql =
      'SELECT station, count(*) AS n, sum(value) / 1000.0 AS mm, NULL AS nothing, true AS yes, 9007199254740993 AS big, 1 AS x, 2 AS x FROM readings GROUP BY station ORDER BY 1 -- so';
    expect(await ask(sql)).toEqual({
      columns: ['station', 'n', 'mm', 'nothing', 'yes', 'big', 'x', 'x:1'],
      rows: [
        ['A801', 2, 4, null, true, '9007199254740993', 1, 2],
        ['B', 1, 0.5, null, true, '9007199254740993', 1, 2],
      ],
      isCut: false,
    });
    const many = await ask('SELECT a FROM generate_series(1, 100000) AS t(a) ORDER BY a;', { limit: 2500 });
    expect([many.rows.length, many.rows.at(-1), many.isCut]).toEqual([2500, [2500], true]);
  });

  test('nothing else than one question is taken', async () => {
    for (const sql of [
      "COPY observations TO '/tmp/x.csv'",
      "COPY observations TO PROGRAM 'id'",
      'DELETE FROM observations',
      'WITH x AS (DELETE FROM observations RETURNING *) SELECT * FROM x',
      'WITH x AS (INSERT INTO positions VALUES (9, 9, 9) RETURNING *) SELECT * FROM x',
      'SELECT 1; DELETE FROM observations',
      'SELECT 1; COMMIT; DELETE FROM observations',
      'SELECT * INTO taken FROM observations',
      'SELECT * FROM observations FOR UPDATE',
      "SELECT set_config('transaction_read_only', 'off', true)",
      "SELECT pg_read_file('/etc/passwd')",
      "SELECT pg_ls_dir('/')",
      "SELECT lo_import('/etc/passwd')",
      'TABLE pg_authid',
      'SET statement_timeout = 0',
      'BEGIN',
      'EXPLAIN ANALYZE SELECT 1',
      'CREATE EXTENSION dblink',
      'DO $$ BEGIN PERFORM 1; END $$',
      'VACUUM',
      '',
    ])
      await expect(
        ask(sql).then(() => `taken: ${sql}`),
        sql,
      ).rejects.toMatchObject({ code: 'ATL_INPUT' });
    expect((await ask('SELECT count(*) FROM observations')).rows).toEqual([[3]]);
  });

  test('endless recursion and waiting end with a sentence', async () => {
    for (const sql of [
      'WITH RECURSIVE r AS (SELECT 1 AS a UNION ALL SELECT a FROM r) SELECT count(*) FROM r',
      'SELECT pg_sleep(3600)',
      "SELECT set_config('statement_timeout', '0', false), pg_sleep(3600)",
    ])
      await expect(ask(sql, { timeoutMs: 500 }), sql).rejects.toThrow('longer than 0.5 s');
  });

  test('a role that could read files of the server is refused with the way out', async () => {
    await expect(ask('SELECT 1', {}, server.url)).rejects.toMatchObject({
      code: 'ATL_CONFIG',
      message: expect.stringContaining('store.readUrl'),
    });
  });
});

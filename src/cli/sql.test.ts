import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeLake } from '../app/lake/write.ts';
import { AtalaiaError, errorCodes } from '../lib/errors.ts';
import { batch, observation } from '../store/archive/conformance.ts';
import { openDuckdbArchive } from '../store/archive/duckdb/archive.ts';
import { openLakeFolder } from '../store/lake/folder/medium.ts';
import { sqlCommand } from './sql.ts';

/** What must be refused, whatever is asked: files, addresses, settings, writing, more than one statement. */
const hostile = (folder: string): readonly string[] => [
  `COPY readings TO '${folder}/out.csv'`,
  `COPY observations FROM '/etc/passwd'`,
  `ATTACH '${folder}/other.duckdb'`,
  'DETACH archive',
  'INSTALL httpfs',
  'LOAD httpfs',
  "SELECT * FROM read_csv('/etc/passwd')",
  "SELECT * FROM read_text('/etc/passwd')",
  "SELECT * FROM read_blob('/etc/passwd')",
  "SELECT * FROM '/etc/passwd'",
  "FROM '/etc/hosts.csv'",
  "SELECT * FROM glob('/etc/*')",
  "SELECT * FROM sniff_csv('/etc/passwd')",
  `SELECT * FROM read_text('${folder}/lake/../secret.txt')`,
  "SELECT * FROM read_parquet('s3://bucket/file.parquet')",
  "SELECT * FROM read_csv('https://example.org/file.csv')",
  'SELECT * FROM duckdb_secrets()',
  "SELECT * FROM query('COPY readings TO ''/tmp/x.csv''')",
  'PRAGMA database_list',
  'PRAGMA enable_profiling',
  "SET memory_limit = '100GB'",
  'SET enable_external_access = true',
  'RESET lock_configuration',
  'CALL pragma_version()',
  'EXPLAIN ANALYZE SELECT 1',
  'DELETE FROM observations',
  'INSERT INTO observations SELECT * FROM observations',
  'UPDATE positions SET "offset" = 0',
  'DROP TABLE observations',
  'CREATE TABLE x AS SELECT 1',
  'CREATE TEMP TABLE x AS SELECT 1',
  'CREATE MACRO f() AS 1',
  `EXPORT DATABASE '${folder}/all'`,
  'CHECKPOINT',
  'BEGIN',
  'SELECT 1; SELECT 2',
  'SELECT 1; DROP TABLE observations',
  "SELECT 1; COPY (SELECT 1) TO '/tmp/x.csv'",
  '/* SELECT */ DROP TABLE observations',
  '\n-- SELECT 1\nDROP TABLE observations',
  'WITH x AS (DELETE FROM observations RETURNING *) SELECT * FROM x',
  '',
  ';',
  'SELECT * FROM nothing',
  'SELEC 1',
];

describe('atalaia sql', () => {
  let data: string;
  beforeAll(async () => {
    data = mkdtempSync(join(tmpdir(), 'atalaia-sql-'));
    writeFileSync(join(data, 'secret.txt'), 'secret');
    const archive = await openDuckdbArchive({ path: join(data, 'archive.duckdb') });
    await archive.commit([
      batch(0, 1, [
        observation(1, 1500),
        observation(2, 2500),
        observation(3, 500, { station: 'a,"b\u001b[2J' }),
      ]),
    ]);
    await writeLake({
      ...{
        archive,
        format: 'parquet',
        regions: new Map([['A801', '43']]),
        medium: await openLakeFolder(join(data, 'lake')),
      },
      ...{ server: 'here', work: join(data, 'work'), now: 0 },
    });
    await archive.close();
  });
  afterAll(() => rmSync(data, { recursive: true, force: true }));

  async function run(...argv: string[]) {
    const io = { stdout: new PassThrough(), stderr: new PassThrough() };
    const [out, err] = [text(io.stdout), text(io.stderr)];
    const status = await sqlCommand.run(argv, io).catch((error: AtalaiaError) => {
      if (!(error instanceof AtalaiaError)) throw error;
      io.stderr.write(error.message);
      return errorCodes[error.code].exit;
    });
    io.stdout.end();
    io.stderr.end();
    return { status, out: await out, err: await err };
  }
  const ask = (sql: string, ...more: string[]) => run(sql, '--data', data, ...more);
  const question =
    'SELECT station, count(*) AS n, sum(value) / 1000.0 AS mm, NULL AS nothing FROM readings GROUP BY station ORDER BY station';

  test('a table, CSV and JSON', async () => {
    expect(await ask(question)).toEqual({
      status: 0,
      out: 'station   n   mm  nothing\n--------  -  ---  -------\nA801      2    4\na,"b [2J  1  0.5\n',
      err: '',
    });
    expect((await ask(question, '--format', 'csv')).out).toBe(
      'station,n,mm,nothing\nA801,2,4,\n"a,""b\u001b[2J",1,0.5,\n',
    );
    expect(JSON.parse((await ask(question, '--format', 'json')).out)).toEqual([
      { station: 'A801', n: 2, mm: 4, nothing: null },
      { station: 'a,"b\u001b[2J', n: 1, mm: 0.5, nothing: null },
    ]);
    const kinds =
      "SELECT 9007199254740993 AS big, make_timestamptz(0) AS at, 'NaN'::DOUBLE AS nan, [1, 2] AS list, true AS yes, 1 AS x, 2 AS x";
    expect(JSON.parse((await ask(kinds, '--format', 'json')).out)).toEqual([
      {
        big: '9007199254740993',
        at: '1970-01-01 00:00:00+00',
        nan: 'NaN',
        list: '[1, 2]',
        yes: true,
        x: 1,
        'x:1': 2,
      },
    ]);
    expect((await ask('SELECT 1 WHERE false', '--format', 'json')).out).toBe('[\n]\n');
  });

  test('rows beyond the limit are left out, and that is said', async () => {
    const cut = await ask('SELECT a FROM range(5000) AS t(a) ORDER BY a;', '--limit', '3', '--format', 'csv');
    expect(cut).toMatchObject({ status: 0, out: 'a\n0\n1\n2\n' });
    expect(cut.err).toContain('only the first 3 rows');
    expect((await ask('SELECT a FROM range(3) AS t(a)', '--limit', '3')).err).toBe('');
  });

  test('nothing else than one question is taken, of the archive and of a lake; nothing is written', async () => {
    const before = readdirSync(data);
    for (const place of [
      ['--data', data],
      ['--lake', join(data, 'lake')],
    ]) {
      for (const sql of hostile(data)) {
        const { status, out } = await run(sql, ...place);
        expect([sql, status, out]).toEqual([sql, 1, '']);
      }
    }
    expect(readdirSync(data)).toEqual(before);
    expect((await ask('SELECT count(*) AS n FROM observations', '--format', 'csv')).out).toBe('n\n3\n');
  });

  test('endless recursion and more than its memory end with a sentence', async () => {
    const endless = 'WITH RECURSIVE r AS (SELECT 1 AS a UNION ALL SELECT a FROM r) SELECT count(*) FROM r';
    const late = await ask(endless, '--timeout', '300ms');
    expect(late).toMatchObject({ status: 1, out: '' });
    expect(late.err).toContain('longer than 0.3 s');
    const large = await ask(
      "SELECT list(a || repeat('x', 10000)) FROM range(100000) AS t(a)",
      '--memory',
      '64MiB',
    );
    expect(large).toMatchObject({ status: 1, out: '' });
    expect(large.err).toContain('--memory');
  });

  test('a lake is asked by month and region', async () => {
    const sql = 'SELECT year, month, region, sum(value) AS mm FROM observations GROUP BY ALL ORDER BY region';
    expect((await run(sql, '--lake', join(data, 'lake'), '--format', 'csv')).out).toBe(
      'year,month,region,mm\n2024,4,43,4\n2024,4,,0.5\n',
    );
  });

  test('while the archive is open for writing, the remedy', async () => {
    const archive = await openDuckdbArchive({ path: join(data, 'archive.duckdb') });
    try {
      // The lock is one between processes.
      const main = join(import.meta.dirname, '../main.ts');
      const asked = spawnSync(process.execPath, [main, 'sql', 'SELECT 1', '--data', data], {
        encoding: 'utf8',
      });
      expect(asked).toMatchObject({ status: 1, stdout: '' });
      expect(asked.stderr).toContain('--lake DIR');
    } finally {
      await archive.close();
    }
  });

  test('wrong usage is 2, what is not there 1', async () => {
    for (const argv of [
      [],
      ['SELECT 1', 'SELECT 2'],
      ['SELECT 1', '--format', 'xml'],
      ['SELECT 1', '--timeout', '2h'],
      ['SELECT 1', '--timeout', 'soon'],
      ['SELECT 1', '--limit', '0'],
      ['SELECT 1', '--memory', '1MiB'],
    ])
      expect([argv, (await run(...argv)).status]).toEqual([argv, 2]);
    expect((await run('SELECT 1', '--data', join(data, 'missing'))).status).toBe(1);
    expect((await run('SELECT 1', '--lake', join(data, 'missing'))).status).toBe(1);
    expect((await run('SELECT 1', '--lake', data)).err).toContain('No lake in');
    expect(existsSync(join(data, 'missing'))).toBe(false);
  });
});

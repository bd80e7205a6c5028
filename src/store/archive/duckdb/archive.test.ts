import { execFile } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { archiveConformance, batch, observation } from '../conformance.ts';
import { packRows } from '../packed.ts';
import { openDuckdbArchive } from './archive.ts';
import type { ArchiveEvent } from './protocol.ts';

archiveConformance('duckdb', (folder) => openDuckdbArchive({ path: join(folder, 'archive.duckdb') }));

describe('duckdb archive file', () => {
  let folder: string;
  let path: string;
  let events: ArchiveEvent[];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'atalaia-duckdb-'));
    path = join(folder, 'archive.duckdb');
    events = [];
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const open = (file = path) => openDuckdbArchive({ path: file, onEvent: (event) => events.push(event) });

  test('a close leaves no write-ahead log and no other file', async () => {
    const archive = await open();
    await archive.commit([batch(0, 1, [observation(1, 1000)])]);
    expect(existsSync(`${path}.wal`)).toBe(true);
    await archive.close();
    expect(readdirSync(folder)).toEqual(['archive.duckdb']);
  });

  /** Files as a crash would leave them: checkpoint up to 10, two commits in the log. */
  async function crashed(): Promise<string> {
    const first = await open();
    await first.commit([batch(0, 10, [observation(1, 1000), observation(2, 2000)])]);
    await first.close();
    const second = await open();
    await second.commit([batch(10, 20, [observation(2, 2500, { arrival: 'correction' })])]);
    await second.commit([batch(20, 30, [observation(3, 3000)])]);
    expect(await second.durablePositions()).toEqual([{ partition: 0, offset: 10 }]);
    const copy = join(folder, 'copy.duckdb');
    copyFileSync(path, copy);
    copyFileSync(`${path}.wal`, `${copy}.wal`);
    await second.close();
    return copy;
  }
  const all = { station: 'A801', from: 0, to: 2 ** 42, everyMs: null, limit: 100 };

  test('an undamaged log is replayed, and durable after opening', async () => {
    const copy = await crashed();
    const archive = await open(copy);
    expect(events).toEqual([]);
    expect(await archive.durablePositions()).toEqual([{ partition: 0, offset: 30 }]);
    await archive.close();
  });

  test.each([
    [
      'a flipped byte',
      (bytes: Buffer) =>
        bytes.fill((bytes[bytes.length >> 1] as number) ^ 0xff, bytes.length >> 1, (bytes.length >> 1) + 1),
    ],
    ['a zero-filled tail', (bytes: Buffer) => bytes.fill(0, bytes.length - 200)],
  ])('%s in the log: put aside, told, and folded again', async (_, damage) => {
    const copy = await crashed();
    writeFileSync(`${copy}.wal`, damage(readFileSync(`${copy}.wal`)));
    const archive = await open(copy);
    expect(events.map((event) => event.kind)).toEqual(['wal-damaged']);
    expect(existsSync(`${copy}.wal.damaged-1`)).toBe(true);
    expect(await archive.positions()).toEqual([{ partition: 0, epoch: 1, offset: 10 }]);
    await archive.commit([
      batch(10, 20, [observation(2, 2500, { arrival: 'correction' })]),
      batch(20, 30, [observation(3, 3000)]),
    ]);
    const again = [await archive.series(all), await archive.latest()];
    await archive.close();
    const whole = await open();
    expect(again).toEqual([await whole.series(all), await whole.latest()]);
    expect(again[0]).toHaveLength(3);
    await whole.close();
  });

  test('a damaged main file is put aside and a new one begun', async () => {
    await (await open()).close();
    writeFileSync(path, Buffer.alloc(statSync(path).size, 7));
    const archive = await open();
    expect(events.map((event) => event.kind)).toEqual(['archive-damaged']);
    expect(existsSync(`${path}.damaged-1`)).toBe(true);
    expect(await archive.positions()).toEqual([]);
    await archive.close();
  });

  test('a second opening, in this process or another, is refused with the remedy', async () => {
    const archive = await open();
    await expect(open()).rejects.toMatchObject({
      code: 'ATL_STORE',
      message: expect.stringContaining('already open'),
    });
    const script = `import { openDuckdbArchive } from ${JSON.stringify(new URL('./archive.ts', import.meta.url).href)};
      await openDuckdbArchive({ path: ${JSON.stringify(path)} }).catch((error) => console.log(error.code, error.message));`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
    expect(stdout).toMatch(/^ATL_STORE .*open in another process\. Stop/);
    await archive.close();
    expect(readdirSync(folder)).toEqual(['archive.duckdb']);
  });

  test('a newer schema is refused and left alone', async () => {
    await (await open()).close();
    const instance = await DuckDBInstance.create(path);
    const connection = await instance.connect();
    await connection.run('INSERT INTO schema_version VALUES (99)');
    connection.closeSync();
    instance.closeSync();
    await expect(open()).rejects.toMatchObject({ code: 'ATL_STORE_VERSION' });
    expect(readdirSync(folder)).toEqual(['archive.duckdb']);
  });

  test('aggregates agree with the readings, and Parquet is read back', async () => {
    const archive = await open();
    let offset = 0;
    for (let round = 0; round < 5; round++) {
      const rows = Array.from({ length: 600 }, (_, i) =>
        observation((i * 7 + round * 13) % 97, i * 10 + round, {
          station: `S${i % 3}`,
          arrival: round === 0 ? 'on-time' : 'correction',
          flag: i % 11 === round ? 'bad' : 'good',
        }),
      );
      await archive.commit([batch(offset, offset + 5, rows)]);
      offset += 5;
    }
    const parquet = join(folder, 'all.parquet');
    const { rows } = await archive.export({ path: parquet, format: 'parquet' });
    await archive.close();
    await sumsAgree(path);
    const file = await DuckDBInstance.create();
    const connection = await file.connect();
    const query = async (sql: string) => (await connection.runAndReadAll(sql)).getRows();
    expect(await query(`SELECT count(*)::INT, any_value(typeof("observedAt")) FROM '${parquet}'`)).toEqual([
      [rows, 'TIMESTAMP WITH TIME ZONE'],
    ]);
    expect(rows).toBe(97 * 3);
    connection.closeSync();
    file.closeSync();
  });

  /** Reads a closed file as any client of DuckDB does. */
  async function ask(file: string, ...statements: string[]): Promise<unknown[][]> {
    const instance = await DuckDBInstance.create(file);
    const connection = await instance.connect();
    let rows: unknown[][] = [];
    for (const sql of statements) rows = (await connection.runAndReadAll(sql)).getRows();
    connection.closeSync();
    instance.closeSync();
    return rows;
  }

  /** Hours and days are those of the readings, all of them. */
  async function sumsAgree(file: string): Promise<void> {
    for (const [table, span, ms] of [
      ['hourly', 'hour', 3_600_000],
      ['daily', 'day', 86_400_000],
    ]) {
      const fresh = `SELECT station, quantity, floor((observed_at - 1) / ${ms}.0)::BIGINT * ${ms} AS ${span}, sum(value)::BIGINT AS sum,
        min(value) AS min, max(value) AS max, count(*) AS count, sum(interval_ms)::BIGINT AS covered_ms FROM readings WHERE flag <> 'bad' GROUP BY ALL`;
      expect(
        await ask(
          file,
          `(FROM ${table} EXCEPT ALL (${fresh})) UNION ALL ((${fresh}) EXCEPT ALL FROM ${table})`,
        ),
      ).toEqual([]);
    }
    const newest = `SELECT station, quantity, observed_at, interval_ms, received_at, value, flag, flagged_by FROM observations
      QUALIFY row_number() OVER (PARTITION BY station, quantity ORDER BY observed_at DESC, seq DESC) = 1`;
    expect(
      await ask(file, `(FROM latest EXCEPT ALL (${newest})) UNION ALL ((${newest}) EXCEPT ALL FROM latest)`),
    ).toEqual([]);
  }

  test('after a crash the opening brings the summaries up', async () => {
    const copy = await crashed();
    const archive = await open(copy);
    await archive.commit([batch(30, 40, [observation(3, 500, { arrival: 'correction' })])]);
    expect((await archive.latest()).map(({ value }) => value)).toEqual([0.5]);
    await archive.close();
    await sumsAgree(copy);
    expect(await ask(copy, 'SELECT up_to::INT FROM summarised')).toEqual([[6]]);
  });

  test('summaries are brought up by themselves when many rows wait for it', async () => {
    const archive = await open();
    const many = packRows(
      Array.from({ length: 250_000 }, (_, i) => observation(i % 1000, i % 5000, { station: `S${i % 7}` })),
    );
    await archive.commit([batch(0, 1, [], { packed: [many] })]);
    await archive.commit([batch(1, 2, [observation(999, -1, { station: 'S0' })])]);
    expect((await archive.latest()).filter(({ station }) => station === 'S0')).toMatchObject([
      { value: -0.001 },
    ]);
    const copy = join(folder, 'copy.duckdb');
    copyFileSync(path, copy);
    copyFileSync(`${path}.wal`, `${copy}.wal`);
    await archive.close();
    expect(await ask(copy, 'SELECT up_to::INT FROM summarised')).toEqual([[250_001]]);
    await sumsAgree(path);
  });

  test('an archive of version 1, which had no rows waiting, is taken over', async () => {
    const first = await open();
    await first.commit([batch(0, 10, [observation(1, 1000), observation(2, 2000)])]);
    await first.close();
    await ask(
      path,
      'DROP TABLE summarised',
      'DROP TABLE retention',
      'DROP TABLE marks',
      'DROP VIEW readings',
      'ALTER TABLE observations DROP COLUMN flagged_by',
      'CREATE TABLE old AS SELECT * EXCLUDE (flagged_by) FROM latest',
      'DROP TABLE latest',
      `CREATE TABLE latest (
        station VARCHAR, quantity VARCHAR, observed_at BIGINT NOT NULL, interval_ms BIGINT NOT NULL,
        received_at BIGINT NOT NULL, value BIGINT NOT NULL, flag VARCHAR NOT NULL, PRIMARY KEY (station, quantity))`,
      'INSERT INTO latest FROM old',
      'DELETE FROM schema_version WHERE version >= 2',
    );
    const second = await open();
    expect(events).toEqual([]);
    expect(await second.positions()).toEqual([{ partition: 0, epoch: 1, offset: 10 }]);
    await second.commit([batch(10, 20, [observation(2, 2500, { arrival: 'correction' })])]);
    expect(await second.marks({ station: 'A801', from: 0, to: 2 ** 42 })).toEqual([]);
    await second.close();
    await sumsAgree(path);
    expect(
      await ask(path, 'SELECT list(version::INT ORDER BY version)::VARCHAR FROM schema_version'),
    ).toEqual([['[1, 2, 3, 4, 5]']]);
  });
});

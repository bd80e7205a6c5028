import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HOUR_MS } from '../../src/model/time.ts';
import type { Archive } from '../../src/store/archive/archive.ts';
import { archiveConformance, batch, observation } from '../../src/store/archive/conformance.ts';
import { openPostgresArchive } from '../../src/store/archive/postgresql/archive.ts';
import { LATEST, seriesStatement } from '../../src/store/archive/postgresql/queries.ts';
import { shardedArchive } from '../../src/store/archive/sharded.ts';
import { findPostgresql, PostgresqlServer, postgresqlHint } from '../servers/postgresql.ts';

// The archive on real PostgreSQL servers; two of them where it is sharded.

const T0 = Date.UTC(2024, 3, 30);
const monthStart = (month: number): number => Date.UTC(2024, month - 1, 1);

describe.skipIf(!findPostgresql())(`PostgreSQL archive${postgresqlHint}`, () => {
  let server: PostgresqlServer;
  let other: PostgresqlServer;
  beforeAll(async () => {
    server = await PostgresqlServer.start();
    other = await PostgresqlServer.start();
  });
  afterAll(async () => {
    await server?.stop();
    await other?.stop();
  });

  /** The suite names a place by its folder. */
  const schemaOf = (folder: string): string =>
    `a_${folder
      .toLowerCase()
      .replace(/[^a-z0-9]/g, '')
      .slice(-20)}`;
  const newSchema = (): string => `s${randomBytes(6).toString('hex')}`;
  const openShards = async (schema: string): Promise<Archive> =>
    shardedArchive(
      await Promise.all(
        [server, other].map(({ url }) => openPostgresArchive({ url, schema, connections: 4 })),
      ),
    );

  archiveConformance('postgresql', (folder) =>
    openPostgresArchive({ url: server.url, schema: schemaOf(folder), connections: 4 }),
  );
  archiveConformance('postgresql in two databases', (folder) => openShards(`sh${schemaOf(folder)}`));

  /** Runs statements on a connection of the test's own. */
  async function raw<T>(schema: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = new pg.Client({ connectionString: server.url, options: `-c search_path=${schema}` });
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  }
  const partitionsOf = (schema: string): Promise<string[]> =>
    raw(schema, async (client) =>
      (
        await client.query(
          "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'observations'::regclass ORDER BY 1",
        )
      ).rows.map((row) => row.name as string),
    );

  test('tables of version 1, which knew no check, are taken over', async () => {
    const schema = newSchema();
    const first = await openPostgresArchive({ url: server.url, schema, now: () => T0 });
    await first.commit([batch(0, 10, [observation(0, 1000), observation(1, 2000)])]);
    await first.close();
    await raw(schema, async (client) => {
      await client.query('DROP VIEW readings');
      await client.query('ALTER TABLE observations DROP COLUMN flagged_by');
      await client.query('ALTER TABLE latest DROP COLUMN flagged_by');
      await client.query('CREATE VIEW readings AS SELECT * FROM observations');
      await client.query('DROP TABLE marks');
      await client.query('DELETE FROM schema_version WHERE version >= 2');
    });
    const second = await openPostgresArchive({ url: server.url, schema, now: () => T0 });
    expect(await second.positions()).toEqual([{ partition: 0, epoch: 1, offset: 10 }]);
    const flagged = { ...observation(2, 3000), flag: 'suspect', check: 'range' } as const;
    await second.commit([batch(10, 11, [flagged])]);
    expect(await second.latest()).toMatchObject([{ value: 3, flag: 'suspect', check: 'range' }]);
    expect(await second.marks({ station: 'A801', from: 0, to: 2 ** 42 })).toEqual([]);
    await second.close();
    await raw(schema, async (client) => {
      const { rows } = await client.query('SELECT flagged_by FROM readings ORDER BY observed_at');
      expect(rows.map((row) => row.flagged_by)).toEqual(['', '', 'range']);
    });
  });

  test('keeps one partition per month, made ahead and on demand, and none for what fits nowhere', async () => {
    const schema = newSchema();
    const archive = await openPostgresArchive({ url: server.url, schema, now: () => T0 });
    expect(await partitionsOf(schema)).toEqual([
      'observations_2024_04',
      'observations_2024_05',
      'observations_2024_06',
    ]);
    await archive.commit([
      batch(0, 1, [
        observation(0, 1, { observedAt: Date.UTC(1961, 11, 31, 23, 59) }),
        observation(0, 2, { observedAt: Date.UTC(1962, 0, 1) }),
      ]),
    ]);
    expect((await partitionsOf(schema)).slice(0, 2)).toEqual([
      'observations_1961_12',
      'observations_1962_01',
    ]);
    const sizes = await raw(schema, async (client) => [
      (await client.query('SELECT count(*)::int AS n FROM observations_1961_12')).rows[0].n,
      (await client.query('SELECT count(*)::int AS n FROM observations_1962_01')).rows[0].n,
    ]);
    expect(sizes).toEqual([1, 1]);
    await archive.close();
  });

  test('names with the signs of the text format come back as they were', async () => {
    const archive = await openPostgresArchive({ url: server.url, schema: newSchema() });
    const names = ['\\N', 'a\tb', 'a\nb\\n', 'a\r\\.', '\\.', 'é 中 \u{1f327}', ' '];
    for (const arrival of ['on-time', 'correction'] as const) {
      const position = (await archive.positions())[0]?.offset ?? 0;
      const rows = names.map((station) => observation(1, 1500, { station, arrival }));
      await archive.commit([batch(position, position + 1, rows)]);
      for (const station of names) {
        const points = await archive.series({ station, from: 0, to: 2 ** 42, everyMs: null, limit: 9 });
        expect(points).toHaveLength(1);
      }
    }
    expect((await archive.latest()).map(({ station }) => station).toSorted()).toEqual(names.toSorted());
    await archive.close();
  });

  test('drops whole months; hours, days and latest values stay, also when a late report comes after', async () => {
    const schema = newSchema();
    const archive = await openPostgresArchive({ url: server.url, schema, now: () => T0 });
    const second = await openPostgresArchive({ url: server.url, schema, now: () => T0 });
    const february = { observedAt: monthStart(2) + HOUR_MS };
    const march = { observedAt: monthStart(3) + HOUR_MS };
    await archive.commit([batch(0, 1, [observation(0, 1000, february), observation(0, 2000, march)])]);
    await second.commit([batch(0, 1, [observation(0, 7000, february)], { partition: 1 })]);
    expect(await archive.dropBefore(monthStart(3) - 1)).toEqual({ months: [], rows: 0 });
    expect(await archive.dropBefore(monthStart(3))).toEqual({ months: [monthStart(2)], rows: 1 });
    const all = { station: 'A801', from: 0, to: T0, everyMs: null, limit: 10 };
    expect((await archive.series(all)).map(({ at }) => at)).toEqual([march.observedAt]);
    // The second knows the month as made; a report of five minutes of the dropped hour must not pass for the hour.
    const part = { observedAt: monthStart(2) + HOUR_MS / 2, intervalMs: 300_000, arrival: 'late' as const };
    await second.commit([batch(1, 2, [observation(0, 5, part)], { partition: 1 })]);
    expect((await archive.series(all)).map(({ at }) => at)).toEqual([part.observedAt, march.observedAt]);
    const spans = await raw(schema, async (client) => [
      (await client.query('SELECT hour::float8 AS at, sum::int FROM hourly ORDER BY 1')).rows,
      (await client.query('SELECT day::float8 AS at, sum::int FROM daily ORDER BY 1')).rows,
    ]);
    expect(spans).toEqual([
      [
        { at: monthStart(2), sum: 7000 },
        { at: monthStart(3), sum: 2000 },
      ],
      [
        { at: monthStart(2), sum: 7000 },
        { at: monthStart(3), sum: 2000 },
      ],
    ]);
    expect((await archive.latest())[0]).toMatchObject({ observedAt: march.observedAt, value: 2 });
    await archive.close();
    await second.close();
  });

  test('hours and days are what the readings give, whatever was corrected, late, bad or repeated', async () => {
    const schema = newSchema();
    const archive = await openPostgresArchive({ url: server.url, schema, now: () => T0 });
    let seed = 7;
    const random = (n: number): number => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % n;
    };
    for (let commit = 0; commit < 12; commit++) {
      const rows = Array.from({ length: 150 }, () =>
        observation(0, random(50_000) - 1000, {
          station: `S${random(4)}`,
          quantity: ['rainfall', 'airTemperature'][random(2)] as string,
          // 31 March to 2 April: over the end of a month and of days.
          observedAt: Date.UTC(2024, 2, 31) + random(72 * 6) * 600_000,
          flag: (['good', 'suspect', 'bad'] as const)[random(3)] as 'good',
          arrival: (['on-time', 'late', 'correction'] as const)[random(3)] as 'late',
        }),
      );
      await archive.commit([batch(commit, commit + 1, rows)]);
    }
    const differences = await raw(schema, async (client) => {
      const compare = async (table: string, span: string, ms: number) => {
        const fresh = `SELECT station, quantity, (observed_at - 1) / ${ms} * ${ms} AS ${span}, sum(value)::bigint AS sum,
          min(value), max(value), count(*), sum(interval_ms)::bigint AS covered_ms
          FROM observations WHERE flag <> 'bad' GROUP BY 1, 2, 3`;
        const kept = `SELECT station, quantity, ${span}, sum, min, max, count, covered_ms FROM ${table}`;
        const { rows } = await client.query(
          `SELECT (SELECT count(*)::int FROM ((${fresh}) EXCEPT (${kept})) AS a) AS missing,
             (SELECT count(*)::int FROM ((${kept}) EXCEPT (${fresh})) AS b) AS wrong, count(*)::int AS n FROM ${table}`,
        );
        return rows[0] as { missing: number; wrong: number; n: number };
      };
      return [await compare('hourly', 'hour', HOUR_MS), await compare('daily', 'day', 24 * HOUR_MS)];
    });
    for (const { missing, wrong, n } of differences) {
      expect({ missing, wrong }).toEqual({ missing: 0, wrong: 0 });
      expect(n).toBeGreaterThan(10);
    }
    await archive.close();
  });

  test('every dashboard question is answered by an index', async () => {
    const schema = newSchema();
    const archive = await openPostgresArchive({ url: server.url, schema, now: () => T0 });
    const rows = Array.from({ length: 200_000 }, (_, index) =>
      observation(0, index % 900, {
        station: `S${index % 200}`,
        quantity: ['rainfall', 'airTemperature', 'windGust', 'relativeHumidity'][index % 4] as string,
        observedAt: T0 - Math.floor(index / 800) * 6 * HOUR_MS,
      }),
    );
    await archive.commit([batch(0, 1, rows)]);
    const many = Array.from({ length: 20_000 }, (_, index) => observation(1, 1, { station: `T${index}` }));
    await archive.commit([batch(1, 2, many)]);
    const question = { station: 'S40', from: T0 - 60 * 24 * HOUR_MS, to: T0, limit: 500 };
    const statements = [
      { sql: LATEST, values: ['S5', 'x'] },
      seriesStatement({ ...question, everyMs: null }),
      seriesStatement({ ...question, everyMs: HOUR_MS }),
      seriesStatement({ ...question, everyMs: 24 * HOUR_MS, quantities: ['rainfall'] }),
      seriesStatement({ ...question, everyMs: null, from: T0 - 24 * HOUR_MS, quantities: ['rainfall'] }),
    ];
    await raw(schema, async (client) => {
      await client.query('ANALYZE');
      const plan = async (sql: string, values: readonly unknown[]): Promise<string> =>
        JSON.stringify((await client.query(`EXPLAIN (FORMAT JSON) ${sql}`, [...values])).rows);
      for (const statement of statements) {
        const text = await plan(statement?.sql ?? '', statement?.values ?? []);
        expect(text).toMatch(/"Node Type":"(Bitmap )?Index/);
        expect(text).not.toContain('"Seq Scan"');
      }
      // The same tables are scanned where no index helps: the test can fail.
      expect(await plan('SELECT * FROM observations WHERE value = 5', [])).toContain('"Seq Scan"');
    });
    await archive.close();
  });

  test('exports CSV, gzipped by name; Parquet is refused with the way to it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'atalaia-export-'));
    const archive = await openPostgresArchive({ url: server.url, schema: newSchema() });
    await archive.commit([batch(0, 1, [observation(1, 1500), observation(2, -500)])]);
    const path = join(folder, 'x.csv.gz');
    expect(await archive.export({ path, format: 'csv' })).toEqual({ rows: 2 });
    expect(gunzipSync(readFileSync(path)).toString()).toContain(
      'A801,rainfall,2024-04-30T02:00:00Z,3600000,',
    );
    await expect(archive.export({ path, format: 'parquet' })).rejects.toMatchObject({
      code: 'ATL_USAGE',
      message: expect.stringContaining('csv'),
    });
    expect(readdirSync(folder)).toEqual(['x.csv.gz']);
    await archive.close();
    rmSync(folder, { recursive: true });
  });

  test('a full disk in the middle of an export spoils no later call', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'atalaia-export-'));
    const archive = await openPostgresArchive({ url: server.url, schema: newSchema(), connections: 1 });
    const rows = Array.from({ length: 30_000 }, (_, index) => observation(1, 1, { station: `S${index}` }));
    await archive.commit([batch(0, 1, rows)]);
    const path = join(folder, 'full.csv');
    symlinkSync('/dev/full', `${path}.partial`);
    await expect(archive.export({ path, format: 'csv' })).rejects.toMatchObject({ code: 'ATL_STORE' });
    await archive.commit([batch(1, 2, [observation(1, 1)])]);
    expect(await archive.latest()).toHaveLength(30_001);
    expect(readdirSync(folder)).toEqual([]);
    await archive.close();
    rmSync(folder, { recursive: true });
  });

  test('shards hold their own partitions, and are read as one', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'atalaia-export-'));
    const schema = newSchema();
    const archive = await openShards(schema);
    const at = (partition: number, station: string) =>
      batch(0, 5, [observation(1, 1000 + partition, { station }), observation(2, 1, { station })], {
        partition,
      });
    await archive.commit([at(0, 'B'), at(1, 'A'), at(2, 'D'), at(3, 'C')]);
    expect((await archive.positions()).map(({ partition }) => partition)).toEqual([0, 1, 2, 3]);
    expect((await archive.latest()).map(({ station }) => station)).toEqual(['A', 'B', 'C', 'D']);
    const points = await archive.series({
      station: 'C',
      from: T0,
      to: T0 + 9 * HOUR_MS,
      everyMs: null,
      limit: 9,
    });
    expect(points.map(({ values }) => values.rainfall?.value)).toEqual([1.003, 0.001]);
    const held = await raw(schema, async (client) =>
      (await client.query('SELECT partition::int FROM positions ORDER BY 1')).rows.map(
        (row) => row.partition,
      ),
    );
    expect(held).toEqual([0, 2]);
    for (const name of ['all.csv', 'all.csv.gz']) {
      const path = join(folder, name);
      expect(await archive.export({ path, format: 'csv' })).toEqual({ rows: 8 });
      const bytes = readFileSync(path);
      const lines = (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString().trimEnd().split('\n');
      expect(lines).toHaveLength(9);
      expect(lines.filter((line) => line.startsWith('station,'))).toHaveLength(1);
    }
    await archive.close();
    rmSync(folder, { recursive: true });
  });

  test('a shard that fails does not hold up the others, and a repeat is a no-op where it stands', async () => {
    const schema = newSchema();
    const good = await openPostgresArchive({ url: server.url, schema });
    const bad = await openPostgresArchive({ url: other.url, schema });
    let isFailing = true;
    const archive = shardedArchive([
      good,
      { ...bad, commit: (batches) => (isFailing ? Promise.reject(new Error('down')) : bad.commit(batches)) },
    ]);
    const batches = [0, 1].map((partition) =>
      batch(0, 1, [observation(1, 1000, { station: `S${partition}` })], { partition }),
    );
    await expect(archive.commit(batches)).rejects.toThrow('down');
    expect(await archive.positions()).toEqual([{ partition: 0, epoch: 1, offset: 1 }]);
    isFailing = false;
    await archive.commit(batches);
    expect((await archive.latest()).map(({ station }) => station)).toEqual(['S0', 'S1']);
    await archive.close();
  });
});

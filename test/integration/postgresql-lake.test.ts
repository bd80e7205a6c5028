import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openLake } from '../../src/app/lake/open.ts';
import { writeLake } from '../../src/app/lake/write.ts';
import type { Archive } from '../../src/store/archive/archive.ts';
import { batch, observation } from '../../src/store/archive/conformance.ts';
import { openDuckdbArchive } from '../../src/store/archive/duckdb/archive.ts';
import { openPostgresArchive } from '../../src/store/archive/postgresql/archive.ts';
import { shardedArchive } from '../../src/store/archive/sharded.ts';
import { findPostgresql, PostgresqlServer, postgresqlHint } from '../servers/postgresql.ts';

describe.skipIf(!findPostgresql())(`the lake of PostgreSQL${postgresqlHint}`, () => {
  let server: PostgresqlServer;
  let data: string;
  beforeAll(async () => {
    server = await PostgresqlServer.start();
    data = mkdtempSync(join(tmpdir(), 'atalaia-pg-lake-'));
  });
  afterAll(async () => {
    await server?.stop();
    if (data) rmSync(data, { recursive: true, force: true });
  });

  const rows = [
    observation(1, 1501, { receivedAt: Date.UTC(2024, 3, 30, 1, 0, 1, 234) }),
    observation(2, -500, { station: 'O"Brien, x', flag: 'suspect', check: 'range' }),
    observation(3, 20_000, { station: 'B', quantity: 'own', intervalMs: 0 }),
    observation(1, 123_457, { observedAt: Date.UTC(2024, 4, 1) }),
    observation(1, 7, { observedAt: Date.UTC(1961, 0, 1) }),
  ];
  const regions = new Map([
    ['A801', 'RS'],
    ['B', 'RS'],
  ]);

  async function lakeOf(name: string, archive: Archive, format: 'csv' | 'parquet') {
    const to = join(data, name);
    const medium = await openLake({ to });
    const work = join(data, `${name}-work`);
    const write = () => writeLake({ archive, format, regions, medium, server: 'here', work, now: 0 });
    return { to, write };
  }
  const bytesOf = (to: string) =>
    readdirSync(to, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.parquet'))
      .sort()
      .map((name) => [name, readFileSync(join(to, name)).toString('base64')]);

  test('the same readings make the same files, byte for byte, as the embedded archive and as two shards', async () => {
    const postgresql = await openPostgresArchive({ url: server.url, schema: 'lake' });
    const sharded = shardedArchive([
      await openPostgresArchive({ url: server.url, schema: 'lake_0' }),
      await openPostgresArchive({ url: server.url, schema: 'lake_1' }),
    ]);
    const duckdb = await openDuckdbArchive({ path: join(data, 'archive.duckdb') });
    const lakes = [
      await lakeOf('pg', postgresql, 'csv'),
      await lakeOf('shards', sharded, 'csv'),
      await lakeOf('duckdb', duckdb, 'parquet'),
    ];
    try {
      for (const archive of [postgresql, sharded, duckdb])
        await archive.commit([batch(0, 1, rows.slice(0, 2)), batch(0, 1, rows.slice(2), { partition: 1 })]);
      const reports = await Promise.all(lakes.map(({ write }) => write()));
      expect(reports.map(({ files, rows: n }) => [files, n])).toEqual([
        [4, 5],
        [4, 5],
        [4, 5],
      ]);
      const [pg, shards, embedded] = lakes.map(({ to }) => bytesOf(to));
      expect(pg).toHaveLength(4);
      expect(pg).toEqual(embedded);
      expect(shards).toEqual(embedded);
      for (const { write } of lakes) expect(await write()).toMatchObject({ files: 0, unchanged: 3 });
      const marks = (await lakes[1]?.write())?.marks;
      await sharded.commit([batch(1, 2, [observation(5, 1)])]);
      // The month of the new reading stays in the shard that has it.
      expect(await sharded.dropBefore(Date.UTC(2025), marks)).toMatchObject({ rows: 3 });
    } finally {
      for (const archive of [postgresql, sharded, duckdb]) await archive.close();
    }
  });
});

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Archive } from './archive.ts';
import { archiveConformance, batch, observation } from './conformance.ts';
import { openDuckdbArchive } from './duckdb/archive.ts';
import { shardedArchive } from './sharded.ts';

const openShards = async (folder: string): Promise<Archive> => {
  mkdirSync(folder, { recursive: true });
  return shardedArchive(
    await Promise.all(['a', 'b'].map((name) => openDuckdbArchive({ path: join(folder, `${name}.duckdb`) }))),
  );
};

archiveConformance('duckdb in two files', openShards);

test('one shard is the archive itself, none is a mistake', () => {
  const archive = {} as Archive;
  expect(shardedArchive([archive])).toBe(archive);
  expect(() => shardedArchive([])).toThrow(/without shards/);
});

test('a cut that names no shard is a mistake', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'atalaia-sharded-'));
  const parts = await Promise.all(
    ['a', 'b'].map((name) => openDuckdbArchive({ path: join(folder, `${name}.duckdb`) })),
  );
  const archive = shardedArchive(parts, () => 2);
  await expect(archive.commit([batch(0, 1)])).rejects.toThrow(/belongs to no shard/);
  await archive.close();
  rmSync(folder, { recursive: true });
});

test('of a station in two shards the newest value and the fuller span count', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'atalaia-sharded-'));
  const archive = await openShards(folder);
  await archive.commit([
    batch(0, 1, [observation(1, 1000), observation(2, 2000)]),
    batch(0, 1, [observation(2, 7000), observation(3, 3000), observation(4, 1)], { partition: 1 }),
  ]);
  expect(await archive.latest()).toMatchObject([{ observedAt: observation(4, 0).observedAt, value: 0.001 }]);
  const question = { station: 'A801', from: 0, to: 2 ** 42, limit: 3 };
  const points = await archive.series({ ...question, everyMs: null });
  expect(points.map(({ values }) => values.rainfall?.value)).toEqual([1, 2, 3]);
  const [day] = await archive.series({ ...question, everyMs: 86_400_000 });
  expect(day?.values.rainfall).toMatchObject({ count: 3, value: 10.001 });
  await archive.close();
  rmSync(folder, { recursive: true });
});

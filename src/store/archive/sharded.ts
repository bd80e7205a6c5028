import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { AtalaiaError, invariant } from '../../lib/errors.ts';
import { mergeAggregates } from './aggregates.ts';
import type { Archive, ArchiveBatch, ArchiveMonth, Dropped, LatestValue, SeriesPoint } from './archive.ts';
import { callsUnderWay } from './calls.ts';
import { fenceEffects, planBatches } from './fence.ts';

/**
 * One archive over several databases: the batches of a partition all go to one of them, `shardOf(partition)` (default:
 * the remainder of the partition by their number), and reads ask all and merge. The cut must stay as it is for the life
 * of the data: positions lie with the rows.
 *
 * A call that touches several shards is one transaction in each. A batch that does not fit rejects the call before
 * anything is written; when a shard fails in the middle the others may stand, and a repeat skips what stands.
 */
export function shardedArchive(
  archives: readonly Archive[],
  shardOf: (partition: number) => number = (partition) => partition % archives.length,
): Archive {
  invariant(archives.length > 0, 'a sharded archive without shards');
  const [first] = archives as [Archive];
  if (archives.length === 1) return first;
  const all = <T>(ask: (archive: Archive) => Promise<T>): Promise<T[]> => Promise.all(archives.map(ask));
  const positions = async () => (await all((archive) => archive.positions())).flat().sort(byPartition);
  const { whole, ended } = callsUnderWay();
  return {
    commit: whole(async (batches, what = 'both') => {
      const groups = new Map<Archive, ArchiveBatch[]>();
      for (const batch of batches) {
        const archive = archives[shardOf(batch.partition)];
        invariant(archive, `partition ${batch.partition} belongs to no shard of ${archives.length}`);
        groups.set(archive, [...(groups.get(archive) ?? []), batch]);
      }
      if (groups.size > 1) {
        const stored = new Map((await positions()).map((p) => [p.partition, p]));
        if (what === 'both') planBatches(stored, batches);
        else fenceEffects(stored, batches);
      }
      await allEnded([...groups].map(([archive, group]) => archive.commit(group, what)));
    }),
    positions,
    durablePositions: async () =>
      (await all((archive) => archive.durablePositions())).flat().sort(byPartition),
    latest: async () => mergeLatest((await all((archive) => archive.latest())).flat()),
    series: async (query) => mergeSeries(await all((archive) => archive.series(query)), query.limit),
    aggregates: async (query) => mergeAggregates(await all((archive) => archive.aggregates(query)), query),
    export: whole((query) => exportAll(archives, query)),
    // In one place, for they know of no partition.
    keepMarks: (found) => first.keepMarks(found),
    marks: (query) => first.marks(query),
    months: whole(async () => mergeMonths(await all((archive) => archive.months()))),
    dropBefore: whole(async (instant, marks) =>
      mergeDropped(
        await Promise.all(archives.map((archive, i) => archive.dropBefore(instant, marksOfShard(marks, i)))),
      ),
    ),
    async close() {
      await ended();
      await allEnded(archives.map((archive) => archive.close()));
    },
  };
}

/** Marks of the shards, in their order, in one text. */
const MARKS = '|';

function mergeMonths(shards: readonly (readonly ArchiveMonth[])[]): readonly ArchiveMonth[] {
  const held = shards.map((months) => new Map(months.map((month) => [month.month, month])));
  const all = [...new Set(held.flatMap((months) => [...months.keys()]))].sort((a, b) => a - b);
  return all.map((month) => ({
    month,
    mark: held.map((months) => months.get(month)?.mark ?? '').join(MARKS),
    isWhole: held.every((months) => months.get(month)?.isWhole !== false),
  }));
}

const marksOfShard = (
  marks: ReadonlyMap<number, string> | undefined,
  shard: number,
): ReadonlyMap<number, string> | undefined =>
  marks && new Map([...marks].map(([month, mark]) => [month, mark.split(MARKS)[shard] ?? '']));

const mergeDropped = (shards: readonly Dropped[]): Dropped => ({
  months: [...new Set(shards.flatMap(({ months }) => months))].sort((a, b) => a - b),
  rows: shards.reduce((sum, { rows }) => sum + rows, 0),
});

const byPartition = (a: { partition: number }, b: { partition: number }): number => a.partition - b.partition;

/** Waits for all, also when one fails: nobody may think a commit over while it runs. Rejects with the first failure. */
async function allEnded(calls: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(calls)).find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}

/** A station lies in one shard; should two hold it (it was adopted anew in another region), the newest value counts. */
function mergeLatest(values: readonly LatestValue[]): readonly LatestValue[] {
  const newest = new Map<string, LatestValue>();
  for (const value of values) {
    const key = JSON.stringify([value.station, value.quantity]);
    const held = newest.get(key);
    if (!held || isNewer(value, held)) newest.set(key, value);
  }
  return [...newest.values()].sort(
    (a, b) => compare(a.station, b.station) || compare(a.quantity, b.quantity),
  );
}

const isNewer = (a: LatestValue, b: LatestValue): boolean =>
  a.observedAt > b.observedAt || (a.observedAt === b.observedAt && a.receivedAt > b.receivedAt);
const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

/** The first `limit` points over all shards; where two shards have the same value, the one of more readings counts. */
function mergeSeries(shards: readonly (readonly SeriesPoint[])[], limit: number): readonly SeriesPoint[] {
  const points = new Map<number, Record<string, SeriesPoint['values'][string]>>();
  for (const { at, values } of shards.flat()) {
    const point = points.get(at) ?? {};
    for (const [quantity, value] of Object.entries(values)) {
      if (value.count > (point[quantity]?.count ?? 0)) point[quantity] = value;
    }
    points.set(at, point);
  }
  return [...points]
    .sort(([a], [b]) => a - b)
    .slice(0, limit)
    .map(([at, values]) => ({
      at,
      values: Object.fromEntries(Object.entries(values).sort(([a], [b]) => compare(a, b))),
    }));
}

/** CSV of the shards one after the other under one heading: sorted within each shard, not over all. */
async function exportAll(
  archives: readonly Archive[],
  query: Parameters<Archive['export']>[0],
): Promise<{ readonly rows: number }> {
  if (query.format !== 'csv') {
    throw new AtalaiaError(
      'ATL_USAGE',
      'An archive of several shards is exported as csv. For Parquet, turn the CSV file into Parquet with DuckDB.',
    );
  }
  const parts: string[] = [];
  const partial = `${query.path}.partial`;
  let rows = 0;
  try {
    for (const [index, archive] of archives.entries()) {
      const path = `${query.path}.shard-${index}`;
      parts.push(path);
      rows += (await archive.export({ ...query, path })).rows;
    }
    const zipped = query.path.endsWith('.gz') ? [createGzip()] : [];
    await pipeline([Readable.from(linesOf(parts)), ...zipped, createWriteStream(partial)]);
    await rename(partial, query.path);
    return { rows };
  } finally {
    for (const path of [...parts, partial]) await rm(path, { force: true });
  }
}

async function* linesOf(paths: readonly string[]): AsyncGenerator<string> {
  for (const [index, path] of paths.entries()) {
    let number = 0;
    for await (const line of createInterface({
      input: createReadStream(path),
      crlfDelay: Number.POSITIVE_INFINITY,
    })) {
      number += 1;
      if (index === 0 || number > 1) yield `${line}\n`;
    }
  }
}

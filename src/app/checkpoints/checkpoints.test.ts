import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { PARTITIONS, Showers } from '../../../bench/guarantees-input.ts';
import { expectedOf } from '../../../bench/guarantees-oracle.ts';
import { Pipeline } from '../../../bench/pipeline.ts';
import { formatAlertEvent } from '../../alerts/event-json.ts';
import { type FoldSnapshot, PartitionFold } from '../../stream/fold.ts';
import { DocumentCache } from '../documents.ts';
import { type CheckpointFlaw, CheckpointStore } from './checkpoints.ts';
import { decodeCheckpoint, packCheckpoint, sealCheckpoint } from './codec.ts';

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../../test/fixtures/${name}`, import.meta.url));
const folders: string[] = [];
const fresh = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'atalaia-checkpoints-'));
  folders.push(folder);
  return folder;
};
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function folded(steps: number): FoldSnapshot {
  const documents = new DocumentCache();
  const showers = new Showers(5, documents);
  for (let i = 0; i < steps; i++) showers.step();
  const fold = new PartitionFold(documents.foldOptions());
  for (const record of showers.records[0] ?? []) fold.apply(record);
  return fold.snapshot();
}

describe('the recorded checkpoints', () => {
  test.each(['checkpoint-format-1.ckpt', 'checkpoint-format-2.ckpt'])('%s is read', async (name) => {
    const snapshot = await decodeCheckpoint(readFileSync(fixture(name)));
    // Both are of one state of fold version 1: 60 steps of showers with an alert open.
    expect(snapshot).toMatchObject({ foldVersion: 1, clockAt: 1_714_470_600_000 });
    expect(snapshot.stations.map(({ station }) => station.id)).toEqual(['S00', 'S01', 'S02', 'S03']);
    const [name0, rain] = snapshot.stations[0]?.series[0] ?? [];
    expect([name0, rain?.at[0], rain?.interval[0], rain?.cover[0], rain?.value.length]).toEqual([
      'rainfall',
      1_714_435_200_000,
      600_000,
      600_000,
      rain?.at.length,
    ]);
    expect(snapshot.stations.flatMap(({ tracks }) => tracks).some(([, { told }]) => told !== null)).toBe(
      true,
    );
  });

  test('of both formats say the same', async () => {
    const [one, two] = await Promise.all(
      ['checkpoint-format-1.ckpt', 'checkpoint-format-2.ckpt'].map((name) =>
        decodeCheckpoint(readFileSync(fixture(name))),
      ),
    );
    expect(two).toEqual(one);
  });

  test('stand in a store that has the version', async () => {
    const folder = fresh();
    copyFileSync(fixture('checkpoint-format-1.ckpt'), join(folder, '0-100.ckpt'));
    const told: CheckpointFlaw[] = [];
    const open = (foldVersion: number) =>
      CheckpointStore.open(folder, (_, flaw) => told.push(flaw), { foldVersion });
    expect(await (await open(1)).newest(0, 100)).toMatchObject({ partition: 0, offset: 100 });
    expect(told).toEqual([]);
    expect(await (await open(7)).newest(0, 100)).toBeUndefined();
    expect(told).toEqual([{ foldVersion: 1 }]);
  });
});

describe('a checkpoint', () => {
  test('comes back as it was, whatever the numbers', async () => {
    const snapshot = folded(90);
    expect(await decodeCheckpoint(await sealCheckpoint(packCheckpoint(snapshot)))).toEqual(snapshot);
    const odd = structuredClone(snapshot);
    const values = odd.stations[0]?.series[0]?.[1].value as number[];
    values[0] = 0.5;
    const packed = packCheckpoint(odd);
    expect(await decodeCheckpoint(await sealCheckpoint(packed))).toEqual(odd);
  });

  test('with any byte changed, or cut short, is passed over for the one before', async () => {
    const folder = fresh();
    const told: string[] = [];
    const store = await CheckpointStore.open(folder, (file, flaw) =>
      told.push(`${file.split('/').at(-1)} ${flaw}`),
    );
    await store.write({ partition: 3, offset: 10, snapshot: folded(5) });
    await store.write({ partition: 3, offset: 20, snapshot: folded(9) });
    const path = join(folder, '3-20.ckpt');
    const whole = readFileSync(path);
    const step = Math.ceil(whole.length / 60);
    for (let at = 0; at < whole.length; at += step) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] as number) ^ 0x10;
      for (const bytes of [damaged, whole.subarray(0, at)]) {
        writeFileSync(path, bytes);
        expect((await store.newest(3, 20))?.offset).toBe(10);
      }
    }
    expect(new Set(told)).toEqual(new Set(['3-20.ckpt damaged']));
    writeFileSync(path, whole);
    expect((await store.newest(3, 20))?.offset).toBe(20);
  });

  test('is kept while a recovery can need it: the two newest, those below each position, and around the durable one', async () => {
    const folder = fresh();
    const store = await CheckpointStore.open(folder, () => {});
    for (const offset of [10, 20, 30, 40, 50, 60, 70, 80])
      await store.write({ partition: 0, offset, snapshot: folded(1) });
    const kept = (): string[] => readdirSync(folder).sort();
    const names = (...offsets: number[]): string[] => offsets.map((offset) => `0-${offset}.ckpt`);
    await store.thin(0, [45], 25);
    expect(kept()).toEqual(names(20, 30, 40, 70, 80));
    expect(await store.prune(0, 55)).toBe(40);
    expect(kept()).toEqual(names(40, 70, 80));
    expect(await store.prune(0, 5)).toBe(0);
  });
});

/** Folds on to `steps` steps under a version of the fold; returns what was passed over, and how many alerts are open. */
async function runAs(
  foldVersion: number,
  folder: string,
  steps: number,
): Promise<{ flaws: CheckpointFlaw[]; open: number; events: string[]; expected: readonly string[] }> {
  const flaws: CheckpointFlaw[] = [];
  const pipeline = await Pipeline.open({
    folder,
    foldVersion,
    partitions: PARTITIONS,
    rules: [],
    stations: [],
    partitionOf: () => 0,
    everyMs: 0,
    checkpointEveryMs: 20,
    onPassedOver: (_, flaw) => flaws.push(flaw),
  });
  const showers = new Showers(11, pipeline.documents);
  for (let i = 0; i < steps; i++) showers.step();
  for (let p = 0; p < PARTITIONS; p++)
    await pipeline.log.append(showers.appends(p, (await pipeline.log.bounds(p)).next));
  await pipeline.processor.start();
  await pipeline.caughtUp();
  const open = (await pipeline.ledger.alerts({ state: 'open', limit: 100 })).items.length;
  const events: string[] = [];
  for await (const event of pipeline.ledger.events()) events.push(formatAlertEvent(event));
  await pipeline.close();
  return { flaws, open, events, expected: expectedOf(showers, pipeline.documents).ledger };
}

test('version N-1, then N, then N-1 again, with alerts open: each folds the log anew and goes on with them', async () => {
  const folder = fresh();
  const before = await runAs(1, folder, 25);
  expect(before.flaws).toEqual([]);
  expect(before.open).toBeGreaterThan(0);
  const after = await runAs(2, folder, 50);
  expect(after.flaws.length).toBeGreaterThanOrEqual(PARTITIONS);
  for (const flaw of after.flaws) expect(flaw).toEqual({ foldVersion: 1 });
  expect(after.open).toBeGreaterThan(0);
  const back = await runAs(1, folder, 75);
  // Those of N are newer; its own, from before, were thinned away or are below them.
  expect(back.flaws).toContainEqual({ foldVersion: 2 });
  expect([...back.events].sort()).toEqual([...back.expected].sort());
  expect(back.events.length).toBeGreaterThan(before.events.length + 5);
});

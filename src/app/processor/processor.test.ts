import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PARTITIONS, Showers } from '../../../bench/guarantees-input.ts';
import { expectedOf } from '../../../bench/guarantees-oracle.ts';
import { formatAlertEvent } from '../../alerts/event-json.ts';
import { systemClock } from '../../lib/clock.ts';
import { nodeDisk } from '../../lib/disk.ts';
import { openEmbeddedLog } from '../../log/embedded/embedded-log.ts';
import type { Log } from '../../log/log.ts';
import type { Archive } from '../../store/archive/archive.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { openSqliteLedger } from '../../store/ledger/sqlite/ledger.ts';
import { CheckpointStore } from '../checkpoints/checkpoints.ts';
import { DocumentCache } from '../documents.ts';
import { openDuckdbArchive } from '../stores/archive-file.ts';
import { Processor, type ProcessorOptions } from './processor.ts';

// Two processors over the same stores, as two processes have them: partitions go from one to the other.

let folder: string;
let log: Log;
let ledger: Ledger;
let archive: Archive;
let checkpoints: CheckpointStore;
let showers: Showers;
const documents = new DocumentCache();
const opened: Processor[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'atalaia-processor-'));
  log = await openEmbeddedLog({
    directory: join(folder, 'log'),
    partitions: PARTITIONS,
    disk: nodeDisk,
    clock: systemClock,
  });
  ledger = await openSqliteLedger({ path: join(folder, 'ledger.sqlite') });
  archive = await openDuckdbArchive({ path: join(folder, 'archive.duckdb') });
  checkpoints = await CheckpointStore.open(join(folder, 'checkpoints'), () => {});
  showers = new Showers(7, documents);
});
afterEach(async () => {
  for (const processor of opened.splice(0)) await processor.stop();
  await Promise.all([log.close(), ledger.close(), archive.close()]);
  rmSync(folder, { recursive: true, force: true });
});

interface Told {
  readonly fenced: number[];
  readonly failures: unknown[];
}

async function start(
  more: Partial<ProcessorOptions> = {},
): Promise<{ readonly processor: Processor; readonly told: Told }> {
  const told: Told = { fenced: [], failures: [] };
  const processor = new Processor({
    ...{ log, ledger, archive, checkpoints, documents },
    latenessMs: 86_400_000,
    everyMs: 0,
    // Only the last one of a partition is written.
    checkpointEveryMs: Number.POSITIVE_INFINITY,
    archiveEveryMs: 5,
    onCommitted: () => {},
    onCounted: () => {},
    onFailure: (error) => told.failures.push(error),
    onFenced: (partition) => told.fenced.push(partition),
    ...more,
  });
  opened.push(processor);
  await processor.start();
  return { processor, told };
}

async function feed(steps: number): Promise<void> {
  for (let i = 0; i < steps; i++) showers.step();
  for (let p = 0; p < PARTITIONS; p++) {
    const { next } = await log.bounds(p);
    const appends = showers.appends(p, next);
    if (appends.length > 0) await log.append(appends);
  }
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((done) => setTimeout(done, 5));
}

/** Both stores hold all of these partitions' records. */
async function caughtUp(partitions: readonly number[]): Promise<void> {
  for (const partition of partitions) {
    const { next } = await log.bounds(partition);
    const isThere = async (store: Ledger | Archive): Promise<boolean> =>
      (await store.positions()).some((held) => held.partition === partition && held.offset === next);
    await until(async () => (await isThere(ledger)) && (await isThere(archive)));
  }
}

async function verify(): Promise<void> {
  const events: string[] = [];
  for await (const event of ledger.events()) events.push(formatAlertEvent(event));
  expect(events.length).toBeGreaterThan(5);
  expect(events.sort()).toEqual([...expectedOf(showers, documents).ledger].sort());
}

const all = Array.from({ length: PARTITIONS }, (_, partition) => partition);

test('a processor of several takes nothing by itself, and one that is alone takes all', async () => {
  const { processor } = await start();
  expect(processor.held).toEqual([]);
  expect(processor.clockAt()).toBe(Number.POSITIVE_INFINITY);
  await processor.stop();
  const alone = await start({ onFenced: undefined });
  expect(alone.processor.held).toEqual(all);
});

test('partitions whose states are there fold on when another one cannot be opened', async () => {
  await feed(10);
  const broken = 1;
  const newest = checkpoints.newest.bind(checkpoints);
  checkpoints.newest = (partition, offset) =>
    partition === broken ? Promise.reject(new Error('disk is away')) : newest(partition, offset);
  const { processor } = await start();
  await expect(processor.take(all)).rejects.toThrow('disk is away');
  await caughtUp(all.filter((partition) => partition !== broken));
  checkpoints.newest = newest;
  await processor.take([broken]);
  await caughtUp(all);
});

for (const everyMs of [0, 20])
  test(`a partition goes to another processor and back, ${everyMs ? 'in micro-batches' : 'streaming'}`, async () => {
    const [a, b] = [
      await start({ everyMs, archiveEveryMs: 300 }),
      await start({ everyMs, archiveEveryMs: 300 }),
    ];
    await a.processor.take(all);
    await feed(20);
    await caughtUp(all);
    for (const [from, to] of [
      [a, b],
      [b, a],
      [a, b],
    ] as const) {
      await feed(10);
      await from.processor.release([0], 'revoked');
      expect(from.processor.held).not.toContain(0);
      // What was folded is committed in both stores, and the state of just there is kept.
      const position = (await ledger.positions()).find(({ partition }) => partition === 0)?.offset ?? 0;
      expect((await archive.positions()).find(({ partition }) => partition === 0)?.offset).toBe(position);
      expect((await checkpoints.newest(0, position))?.offset).toBe(position);
      await feed(10);
      await to.processor.take([0]);
      await caughtUp(all);
    }
    expect(b.processor.held).toEqual([0]);
    expect([a, b].map(({ told }) => told)).toEqual([
      { fenced: [], failures: [] },
      { fenced: [], failures: [] },
    ]);
    await verify();
  });

test('one that was replaced commits nothing, lets the partition go, and folds its others on', async () => {
  const [zombie, b] = [await start(), await start()];
  await zombie.processor.take(all);
  await feed(20);
  await caughtUp(all);
  await b.processor.take([1]);
  await feed(30);
  await caughtUp(all);
  await until(() => zombie.told.fenced.length > 0);
  expect(zombie.told).toEqual({ fenced: [1], failures: [] });
  expect(zombie.processor.held).toEqual(all.filter((partition) => partition !== 1));
  // And once again the other way round.
  await zombie.processor.take([1]);
  await feed(10);
  await caughtUp(all);
  await until(() => b.told.fenced.length > 0);
  expect(b.processor.held).toEqual([]);
  await verify();
});

test('what the archive was to get from one that was replaced comes from the next', async () => {
  // The archive of the first waits until it lets go of something.
  const [zombie, b] = [await start({ archiveEveryMs: 60_000 }), await start({ archiveEveryMs: 300 })];
  const told = (): Promise<void> =>
    until(async () => {
      const { next } = await log.bounds(1);
      return (await ledger.positions()).some(({ partition, offset }) => partition === 1 && offset === next);
    });
  await zombie.processor.take(all);
  await feed(10);
  await told();
  await zombie.processor.release(all, 'revoked');
  await zombie.processor.take(all);
  await feed(20);
  await told();
  await b.processor.take([1]);
  await zombie.processor.release([0], 'revoked');
  await b.processor.take([0]);
  await feed(20);
  await caughtUp(all);
  expect(b.processor.held).toEqual(all);
  expect([zombie.told, b.told]).toEqual([
    { fenced: [1], failures: [] },
    { fenced: [], failures: [] },
  ]);
  await verify();
});

for (const at of ['mid-batch', 'folded'] as const)
  test(`a partition that is lost is dropped, ${at}: nothing of it is committed or kept any more`, async () => {
    const gate = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    let isShut = false;
    const probe = (point: string): Promise<void> | undefined => {
      if (point !== at || !isShut) return undefined;
      reached.resolve();
      return gate.promise;
    };
    const { processor, told } = await start({ probe });
    await processor.take([0]);
    await feed(20);
    await caughtUp([0]);
    const before = (await ledger.positions())[0]?.offset;
    isShut = true;
    await feed(10);
    await reached.promise;
    await processor.release([0], 'lost');
    expect(processor.held).toEqual([]);
    gate.resolve();
    await new Promise((done) => setTimeout(done, 50));
    expect((await ledger.positions())[0]?.offset).toBe(before);
    expect(await checkpoints.newest(0, Number.MAX_SAFE_INTEGER)).toBeUndefined();
    const next = await start();
    await next.processor.take(all);
    await caughtUp(all);
    expect(told).toEqual({ fenced: [], failures: [] });
    await verify();
  });

test('pruning is for what is held: the log of other partitions stays', async () => {
  const { processor } = await start();
  await processor.take(all);
  await feed(30);
  await caughtUp(all);
  await processor.release(all, 'revoked');
  await processor.take([0]);
  await feed(30);
  await caughtUp([0]);
  await processor.release([0], 'revoked');
  await processor.take([0]);
  const trimmed: (readonly number[])[] = [];
  const seen = await start({
    log: over(log, { trim: async (oldest) => void trimmed.push(oldest) }),
    archive: over(archive, { durablePositions: () => archive.positions() }),
  });
  await seen.processor.take([0]);
  await seen.processor.prune();
  expect(trimmed[0]).toHaveLength(PARTITIONS);
  expect(trimmed[0]?.[0]).toBeGreaterThan(0);
  expect(trimmed[0]?.slice(1)).toEqual(all.slice(1).map(() => 0));
});

/** A port with methods replaced. */
function over<T extends object>(port: T, methods: Partial<T>): T {
  return new Proxy(port, {
    get(target, key) {
      const value: unknown = Reflect.get(key in methods ? methods : target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Ledger, LedgerBatch } from '../../store/ledger/ledger.ts';
import { sampleRevision } from '../../store/ledger/sample.ts';
import { openSqliteLedger } from '../../store/ledger/sqlite/ledger.ts';
import type { Guarantee } from './guarantee.ts';
import { LedgerSink } from './ledger-sink.ts';

let folder: string;
let ledger: Ledger;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'atalaia-ledger-sink-'));
  ledger = await openSqliteLedger({ path: join(folder, 'ledger.sqlite') });
});
afterEach(async () => {
  await ledger.close();
  rmSync(folder, { recursive: true, force: true });
});

const onFailure = (error: unknown): void => {
  throw error;
};
const sinkOf = (guarantee: Guarantee): LedgerSink =>
  new LedgerSink({ ledger, guarantee, onCommitted: () => {}, onFailure });
const batch = (epoch: number, from: number, to: number, ...alerts: string[]): LedgerBatch => ({
  partition: 0,
  epoch,
  from,
  to,
  clockAt: 1,
  revisions: alerts.map((alert, index) => ({ offset: from, index, revision: sampleRevision({ alert }) })),
});

test('exactly once goes on after a run at least once that left revisions without their position', async () => {
  const first = await ledger.acquire(0);
  await sinkOf('at-least-once').start(async () => [0]);
  // What such a run does before it is killed.
  await ledger.commit([batch(first.epoch, 0, 4, 'a1')], 'effects');
  const { epoch, offset } = await ledger.acquire(0);
  expect(offset).toBe(0);
  const sink = sinkOf('exactly-once');
  await sink.start(async () => [6]);
  await sink.put(batch(epoch, 0, 3, 'a1'));
  expect(await ledger.meta('guarantee:ledger')).toBe('at-least-once');
  await sink.put(batch(epoch, 3, 6, 'a2'));
  expect(await ledger.meta('guarantee:ledger')).toBe('exactly-once');
  expect((await ledger.positions())[0]?.offset).toBe(6);
  expect(await ledger.history('a1')).toHaveLength(1);
  expect(await ledger.meta('repeats')).toBe('1');
});

test('a revision that stands already is passed over and told; the partition and the others go on', async () => {
  const told: string[] = [];
  const sink = new LedgerSink({
    ledger,
    guarantee: 'exactly-once',
    onCommitted: () => {},
    onFailure: (error) => void told.push(String(error)),
  });
  await sink.start(async () => [0, 0]);
  const epochs = [await ledger.acquire(0), await ledger.acquire(1)].map(({ epoch }) => epoch) as [
    number,
    number,
  ];
  await sink.put(batch(epochs[0], 0, 2, 'a1'));
  await Promise.all([
    sink.put(batch(epochs[0], 2, 5, 'a1', 'a2', 'a2')),
    sink.put({ ...batch(epochs[1], 0, 1, 'b1'), partition: 1 }),
  ]);
  expect(told).toEqual([
    expect.stringMatching(/Record 2 of partition 0 made revision 1 of alert a1 .* was passed over/),
    expect.stringMatching(/revision 1 of alert a2 .* was passed over/),
  ]);
  expect((await ledger.positions()).map(({ offset }) => offset)).toEqual([5, 1]);
  for (const alert of ['a1', 'a2', 'b1']) expect(await ledger.history(alert)).toHaveLength(1);
  // Any other failure ends it as before.
  await expect(sink.put(batch(epochs[0] - 1, 5, 6, 'a1'))).rejects.toMatchObject({ code: 'ATL_FENCED' });
});

test('partitions that wait share a transaction, and each order of writing ends at the same place', async () => {
  for (const [n, guarantee] of (['exactly-once', 'at-least-once', 'at-most-once'] as const).entries()) {
    const sink = sinkOf(guarantee);
    await sink.start(async () => [0, 0, 0]);
    const epochs = [await ledger.acquire(0), await ledger.acquire(1)].map(({ epoch }) => epoch);
    const puts = epochs.map((epoch, partition) =>
      sink.put({ ...batch(epoch, n, n + 1, `${guarantee}-${partition}`), partition }),
    );
    await Promise.all(puts);
    await sink.stop();
    expect((await ledger.positions()).map(({ offset }) => offset)).toEqual([n + 1, n + 1]);
    expect(await ledger.history(`${guarantee}-1`)).toHaveLength(1);
  }
});

/** A ledger that counts its commits. */
const commitsOf = (counted: Ledger): { ledger: Ledger; count: () => number } => {
  let count = 0;
  const commit: Ledger['commit'] = (...given) => {
    count++;
    return counted.commit(...given);
  };
  return { ledger: { ...counted, commit }, count: () => count };
};

test('positions without effects are written with the next revision, or at the end', async () => {
  const counting = commitsOf(ledger);
  const epochs = [await ledger.acquire(0), await ledger.acquire(1)].map(({ epoch }) => epoch);
  const sink = new LedgerSink({
    ledger: counting.ledger,
    guarantee: 'exactly-once',
    everyMs: 2 ** 30,
    onCommitted: () => {},
    onFailure,
  });
  await sink.start(async () => [0, 0]);
  const calm = (partition: number, from: number, to: number): Promise<void> =>
    sink.put({ ...batch(epochs[partition] as number, from, to), partition });
  for (let offset = 0; offset < 10; offset++) await calm(0, offset, offset + 1);
  await calm(1, 0, 7);
  expect(counting.count()).toBe(0);
  // What the ledger does not hold yet must not count as held: checkpoints below it are still needed.
  expect([...sink.committedTo]).toEqual([]);
  await sink.put(batch(epochs[0] as number, 10, 12, 'a1'));
  expect(counting.count()).toBe(1);
  expect((await ledger.positions()).map(({ offset }) => offset)).toEqual([12, 7]);
  expect([...sink.committedTo].sort()).toEqual([
    [0, 12],
    [1, 7],
  ]);
  await calm(1, 7, 9);
  await sink.stop();
  expect((await ledger.positions()).map(({ offset }) => offset)).toEqual([12, 9]);
  expect(counting.count()).toBe(2);
});

test('a position that another process has fenced off is told, though nobody waits for it', async () => {
  const { epoch } = await ledger.acquire(0);
  const told = new Promise<unknown>((failed) => {
    const sink = new LedgerSink({
      ledger,
      guarantee: 'exactly-once',
      everyMs: 0,
      onCommitted: () => {},
      onFailure: failed,
    });
    void ledger.acquire(0).then(() => sink.put(batch(epoch, 0, 5)));
  });
  expect(await told).toMatchObject({ code: 'ATL_FENCED' });
});

test('a partition that another process took over does not take the others with it', async () => {
  const sink = sinkOf('exactly-once');
  await sink.start(async () => []);
  const epochs = await Promise.all(
    [0, 1, 2].map(async (partition) => (await ledger.acquire(partition)).epoch),
  );
  await ledger.acquire(1);
  const put = await Promise.allSettled(
    epochs.map((epoch, partition) => sink.put({ ...batch(epoch, 0, 3, `a${partition}`), partition })),
  );
  expect(put.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect((put[1] as PromiseRejectedResult).reason).toMatchObject({ code: 'ATL_FENCED' });
  expect((await ledger.positions()).map(({ offset }) => offset)).toEqual([3, 0, 3]);
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Ledger, LedgerBatch } from '../store/ledger/ledger.ts';
import { sampleRevision } from '../store/ledger/sample.ts';
import { openSqliteLedger } from '../store/ledger/sqlite/ledger.ts';
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

const sinkOf = (guarantee: Guarantee): LedgerSink =>
  new LedgerSink({ ledger, guarantee, onCommitted: () => {} });
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
  await sinkOf('at-least-once').start([0]);
  // What such a run does before it is killed.
  await ledger.commit([batch(first.epoch, 0, 4, 'a1')], 'effects');
  const { epoch, offset } = await ledger.acquire(0);
  expect(offset).toBe(0);
  const sink = sinkOf('exactly-once');
  await sink.start([6]);
  await sink.put(batch(epoch, 0, 3, 'a1'));
  expect(await ledger.meta('guarantee:ledger')).toBe('at-least-once');
  await sink.put(batch(epoch, 3, 6, 'a2'));
  // Over the bridge it is strict again.
  expect(await ledger.meta('guarantee:ledger')).toBe('exactly-once');
  await expect(sink.put(batch(epoch, 6, 7, 'a2'))).rejects.toMatchObject({ code: 'ATL_STORE' });
  expect((await ledger.positions())[0]?.offset).toBe(6);
  expect(await ledger.history('a1')).toHaveLength(1);
  expect(await ledger.meta('repeats')).toBe('1');
});

test('partitions that wait share a transaction, and each order of writing ends at the same place', async () => {
  for (const [n, guarantee] of (['exactly-once', 'at-least-once', 'at-most-once'] as const).entries()) {
    const sink = sinkOf(guarantee);
    await sink.start([0, 0, 0]);
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

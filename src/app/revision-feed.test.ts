import { expect, test } from 'vitest';
import type { Clock } from '../lib/clock.ts';
import type { Ledger } from '../store/ledger/ledger.ts';
import { sampleRevision } from '../store/ledger/sample.ts';
import type { StoredRevision } from '../store/ledger/stored-revision.ts';
import { RevisionFeed } from './revision-feed.ts';

/** A ledger that others add to, and that may be away. */
function ledgerOf() {
  const rows: StoredRevision[] = [];
  const state = { isAway: false };
  const since: Ledger['since'] = async (position, limit) => {
    if (state.isAway) throw new Error('away');
    const from = position === null ? 0 : rows.findIndex((row) => row.position === position) + 1;
    return rows.slice(from, from + limit);
  };
  const add = (): void => {
    const seq = rows.length + 1;
    rows.push({
      seq,
      position: `0:${seq}:0`,
      revision: sampleRevision({ alert: `a${seq}` }),
      state: 'active',
    });
  };
  return { ledger: { since } as unknown as Ledger, add, state };
}

/** A clock whose only timer is called by hand. */
function handClock() {
  const due: (() => void)[] = [];
  const clock: Clock = {
    now: () => 0,
    monotonicMs: () => 0,
    after(_, call) {
      due.push(call);
      return () => void due.splice(due.indexOf(call), 1);
    },
  };
  return { clock, due, strike: () => due.shift()?.() };
}
const settled = (): Promise<void> => new Promise((done) => setTimeout(done, 5));

test('what other processes commit is told once, in order, and an outage of the ledger ends', async () => {
  const { ledger, add, state } = ledgerOf();
  add();
  const feed = new RevisionFeed(ledger);
  await feed.start();
  const told: number[] = [];
  feed.on(({ seq }) => told.push(seq));
  const failures: unknown[] = [];
  const { clock, due, strike } = handClock();
  feed.follow(clock, 500, (error) => failures.push(error));
  add();
  add();
  strike();
  await feed.pump();
  await settled();
  expect(told).toEqual([2, 3]);
  state.isAway = true;
  add();
  strike();
  await settled();
  await expect(feed.pump()).rejects.toThrow('away');
  expect(failures).toHaveLength(1);
  state.isAway = false;
  strike();
  await settled();
  expect(told).toEqual([2, 3, 4]);
  feed.stop();
  expect(due).toEqual([]);
});

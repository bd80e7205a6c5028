import { expect, test } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import type { LeaseTable } from '../../store/ledger/coordination.ts';
import { memoryCoordination } from '../../store/ledger/memory-coordination.ts';
import { eventually, membershipConformance, Watcher } from '../conformance-membership.ts';
import { openKinesisMembership } from './membership.ts';

const PARTITIONS = 8;
const TTL = 600;
const all = Array.from({ length: PARTITIONS }, (_, partition) => partition);
const open = (leases: LeaseTable, more: object = {}) =>
  openKinesisMembership({ leases, stream: 's', partitions: PARTITIONS, ttlMs: TTL, ...more });

const { leases } = memoryCoordination(systemClock);
membershipConformance('leases in memory', {
  partitions: PARTITIONS,
  isShared: true,
  open: () => open(leases),
});

/** A table that can be cut off. */
function fragile(table: LeaseTable) {
  const line = { isCut: false };
  const through =
    <Given extends unknown[], Result>(call: (...given: Given) => Promise<Result>) =>
    async (...given: Given): Promise<Result> => {
      if (line.isCut) throw new Error('cut off');
      return call(...given);
    };
  const { list, take, renew, release, forget } = table;
  const cut: LeaseTable = {
    list: through(list),
    take: through(take),
    renew: through(renew),
    release: through(release),
    forget: through(forget),
  };
  return { line, table: cut };
}

test('a member that is cut off is told that all is lost, another one gets all, and both share again', async () => {
  const { leases: kept } = memoryCoordination(systemClock);
  const { line, table } = fragile(kept);
  const failures: unknown[] = [];
  const a = new Watcher('a');
  const b = new Watcher('b', [a]);
  const memberships = await Promise.all([
    open(table, { onFailure: (e: unknown) => failures.push(e) }),
    open(kept),
  ]);
  const first = await memberships[0]!.join('g', a);
  await eventually(() => first.partitions, all);
  const second = await memberships[1]!.join('g', b);
  await eventually(() => [a.held.size, b.held.size], [4, 4]);
  line.isCut = true;
  await eventually(() => second.partitions, all);
  expect(first.partitions).toEqual([]);
  expect([...a.held]).toEqual([]);
  expect(a.reasons).toEqual(['revoked', 'lost']);
  expect(failures.length).toBeGreaterThan(0);
  line.isCut = false;
  await eventually(() => [a.held.size, b.held.size], [4, 4]);
  expect([...a.conflicts, ...b.conflicts]).toEqual([]);
  await Promise.all(memberships.map((membership) => membership.close()));
});

test('leases are kept while a member takes long to let go, longer than they live', async () => {
  const { leases: kept } = memoryCoordination(systemClock);
  const a = new Watcher('a', [], 3 * TTL);
  const b = new Watcher('b', [a]);
  const memberships = await Promise.all([open(kept), open(kept)]);
  const first = await memberships[0]!.join('g', a);
  await eventually(() => first.partitions, all);
  await memberships[1]!.join('g', b);
  await eventually(() => [a.held.size, b.held.size], [4, 4]);
  expect(a.reasons).toEqual(['revoked']);
  expect([...a.conflicts, ...b.conflicts]).toEqual([]);
  await Promise.all(memberships.map((membership) => membership.close()));
});

test('partitions that could not be taken up are given back, and tried again', async () => {
  const { leases: kept } = memoryCoordination(systemClock);
  const failures: unknown[] = [];
  const membership = await open(kept, { onFailure: (error: unknown) => failures.push(error) });
  let isReady = false;
  const held: number[] = [];
  const member = await membership.join('g', {
    onAssigned(partitions) {
      if (!isReady) throw new Error('the store is away');
      held.push(...partitions);
    },
    onRevoked: () => undefined,
  });
  await eventually(() => failures.length > 1, true);
  isReady = true;
  await eventually(() => held, all);
  expect(member.partitions).toEqual(all);
  await membership.close();
  expect((await kept.list('s/')).filter(({ isLive }) => isLive)).toEqual([]);
});

test('what members leave behind is removed, but not the epochs of the partitions', async () => {
  const { leases: kept } = memoryCoordination(systemClock);
  for (let life = 0; life < 3; life++) {
    const membership = await open(kept);
    const member = await membership.join('g', new Watcher(`life ${life}`));
    await eventually(() => member.partitions, all);
    await membership.close();
  }
  const rows = await kept.list('s/g/');
  expect(rows.filter(({ name }) => name.includes('/member/')).length).toBeLessThanOrEqual(1);
  expect(rows.filter(({ name }) => name.includes('/partition/')).map(({ epoch }) => epoch)).toEqual(
    all.map(() => 3),
  );
});

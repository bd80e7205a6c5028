import { expect, test } from 'vitest';
import type { Clock } from '../../lib/clock.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import { soleMembership } from '../../log/membership.ts';
import { Assignment, type AssignmentEvent } from './assignment.ts';

/** A clock whose timers are called by hand. */
function handClock(): Clock & { readonly due: { ms: number; call: () => void }[] } {
  const due: { ms: number; call: () => void }[] = [];
  return {
    due,
    now: () => 0,
    monotonicMs: () => 0,
    after(ms, call) {
      due.push({ ms, call });
      return () => {};
    },
  };
}

/** A processor that notes what it is told, one change at a time. */
function processor() {
  const held = new Set<number>();
  const told: string[] = [];
  const underWay = { count: 0, most: 0, failure: null as Error | null };
  const change = async (text: string, work: () => void): Promise<void> => {
    underWay.most = Math.max(underWay.most, ++underWay.count);
    await new Promise((done) => setTimeout(done, 1));
    if (underWay.failure) throw underWay.failure;
    work();
    told.push(text);
    underWay.count--;
  };
  return {
    told,
    underWay,
    get held() {
      return [...held];
    },
    take: (partitions: readonly number[]) =>
      change(`take ${partitions}`, () => {
        for (const one of partitions) held.add(one);
      }),
    release: (partitions: readonly number[], reason: string) =>
      change(`release ${partitions} ${reason}`, () => {
        for (const one of partitions) held.delete(one);
      }),
    fence: (partition: number) => held.delete(partition),
  };
}

function opened(partitions = 3) {
  const events: AssignmentEvent[] = [];
  const failures: unknown[] = [];
  const clock = handClock();
  const target = processor();
  const assignment = new Assignment({
    membership: soleMembership(partitions),
    processor: target,
    clock,
    onEvent: (event) => events.push(event),
    onFailure: (error) => failures.push(error),
  });
  return { assignment, target, clock, events, failures };
}
const settled = (): Promise<void> => new Promise((done) => setTimeout(done, 20));

test('what the group gives is taken, and all is let go in good order when it is left', async () => {
  const { assignment, target, events } = opened();
  await assignment.join();
  expect(target.held).toEqual([0, 1, 2]);
  await assignment.leave();
  expect(target.told).toEqual(['take 0,1,2', 'release 0,1,2 revoked']);
  expect(events.map(({ kind }) => kind)).toEqual(['taken', 'revoked']);
});

test('changes come one after the other, also those that are not waited for', async () => {
  const { assignment, target } = opened();
  void assignment.onAssigned([1, 2]);
  void assignment.onRevoked([2], 'lost');
  await assignment.onAssigned([0]);
  expect(target.underWay.most).toBe(1);
  // The second was no more ours when its turn to be taken came.
  expect(target.told).toEqual(['take 1', 'release 2 lost', 'take 0']);
});

test('a partition that somebody took over is asked for again as long as the group says that it is ours', async () => {
  const { assignment, target, clock, events } = opened();
  await assignment.join();
  for (const times of [1, 2]) {
    target.fence(1);
    assignment.fenced(1);
    expect(clock.due).toHaveLength(times);
  }
  const [first, second] = clock.due as [{ ms: number; call: () => void }, { ms: number; call: () => void }];
  expect(second.ms).toBe(2 * first.ms);
  expect(target.held).toEqual([0, 2]);
  first.call();
  await settled();
  expect(target.held).toEqual([0, 2, 1]);
  // It is held already: nothing to take.
  second.call();
  await settled();
  expect(target.told).toEqual(['take 0,1,2', 'take 1']);
  expect(events.filter(({ kind }) => kind === 'fenced')).toHaveLength(2);
});

test('a partition that somebody took over and the group took back is left alone', async () => {
  const { assignment, target, clock } = opened();
  await assignment.join();
  target.fence(1);
  assignment.fenced(1);
  await assignment.onRevoked([1], 'lost');
  clock.due[0]?.call();
  await settled();
  expect(target.held).toEqual([0, 2]);
  assignment.fenced(1);
  expect(clock.due).toHaveLength(1);
});

test('what cannot be taken is told, and does not stop the heartbeats of the group', async () => {
  const { assignment, target, failures } = opened();
  target.underWay.failure = new AtalaiaError('ATL_STORE', 'away');
  await assignment.join();
  expect(failures).toEqual([target.underWay.failure]);
});

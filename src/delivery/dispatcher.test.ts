import { expect, it } from 'vitest';
import { systemClock } from '../lib/clock.ts';
import { seededRandom } from '../lib/random.ts';
import type { AlertEvent } from '../model/alert.ts';
import type { Level } from '../model/rule.ts';
import type { Delivery, StoredRevision, Subscription } from '../store/ledger/ledger.ts';
import { backoffMs } from './backoff.ts';
import type { Channel, Notification, Outcome } from './channel.ts';
import {
  createDispatcher,
  type DispatcherEvent,
  type DispatcherLedger,
  type DispatcherOptions,
} from './dispatcher.ts';

/** The deliveries part of a ledger, in memory; a claim counts an attempt, giving back without error takes it back. */
function fakeLedger(subscriptions: Subscription[]) {
  const revisions: StoredRevision[] = [];
  const outbox: StoredRevision[] = [];
  const rows = new Map<string, Delivery>();
  const ledger: DispatcherLedger = {
    outbox: async (limit) => outbox.slice(0, limit).map((revision) => ({ revision, createdAt: 0 })),
    subscriptions: async () => subscriptions,
    expand: async (seq, chosen, now) => {
      const index = outbox.findIndex((one) => one.seq === seq);
      if (index < 0) return;
      const [stored] = outbox.splice(index, 1);
      const { alert, revision } = (stored as StoredRevision).revision.event;
      for (const subscription of chosen) {
        const key = `${alert}.${revision}.${subscription.id}`;
        rows.set(key, {
          key,
          seq,
          alert,
          revision,
          subscription,
          state: 'waiting',
          attempts: 0,
          nextAttemptAt: now,
        });
      }
    },
    claim: async (now, leaseUntil, limit) => {
      const due = [...rows.values()].filter(
        (one) => (one.state === 'waiting' || one.state === 'sending') && one.nextAttemptAt <= now,
      );
      return due
        .reverse()
        .slice(0, limit)
        .map((one) => {
          const claimed = {
            ...one,
            state: 'sending' as const,
            attempts: one.attempts + 1,
            nextAttemptAt: leaseUntil,
          };
          rows.set(one.key, claimed);
          return claimed;
        });
    },
    settle: async (key, { state, at, nextAttemptAt, error }) => {
      const row = rows.get(key) as Delivery;
      const untried = state === 'waiting' && error === undefined;
      rows.set(key, {
        ...row,
        state,
        attempts: row.attempts - (untried ? 1 : 0),
        nextAttemptAt: nextAttemptAt ?? at,
        ...(error ? { lastError: error } : {}),
      });
    },
    deliveries: async ({ alert, state, limit }) =>
      [...rows.values()]
        .filter((one) => (!alert || one.alert === alert) && (!state || one.state === state))
        .slice(0, limit),
    history: async (alert) => revisions.filter((one) => one.revision.event.alert === alert),
  };
  const add = (alert: string, revision: number, event: AlertEvent['event'], level: Level): void => {
    const stored = {
      seq: revisions.length + 1,
      position: `0:${revisions.length}:0`,
      state: 'active' as const,
      revision: {
        event: {
          alert,
          revision,
          event,
          rule: 'r',
          hazard: 'rain',
          subject: { kind: 'station' as const, id: 'A801' },
          level,
          onsetAt: 0,
          at: 0,
          issuedAt: 0,
          evidence: [],
        },
        ruleSet: '',
        expiresAt: 0,
        unverified: false,
        levelSinceAt: 0,
      },
    };
    revisions.push(stored);
    outbox.push(stored);
  };
  return { ledger, rows, add };
}

const subscription = (id: string, level: Level, more: Partial<Subscription> = {}): Subscription => ({
  id,
  name: id,
  channel: 'ops',
  level,
  areas: 'all',
  ...more,
});

function channelOf(
  answer: (n: Notification, count: number) => Outcome | Promise<Outcome>,
): Channel & { seen: string[] } {
  const seen: string[] = [];
  return {
    seen,
    deliver: async (notification) => {
      seen.push(notification.key);
      return answer(notification, seen.length);
    },
    close: async () => {},
  };
}

const delivered = async (): Promise<Outcome> => ({ kind: 'delivered' });

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 1000; i++) {
    if (condition()) return;
    await new Promise((done) => setTimeout(done, 10));
  }
  throw new Error('waited 10 s in vain');
}

function run(
  fake: ReturnType<typeof fakeLedger>,
  channels: Record<string, Channel>,
  more: Partial<DispatcherOptions> = {},
) {
  const events: DispatcherEvent[] = [];
  const dispatcher = createDispatcher({
    ledger: fake.ledger,
    channels: new Map(Object.entries(channels)),
    clock: systemClock,
    random: seededRandom(1),
    body: (stored) => JSON.stringify(stored.revision.event),
    onEvent: (event) => events.push(event),
    pollMs: 20,
    ...more,
  });
  dispatcher.start();
  return { dispatcher, events };
}

const settled = (fake: ReturnType<typeof fakeLedger>, count: number): boolean =>
  fake.rows.size === count &&
  [...fake.rows.values()].every((one) => one.state === 'delivered' || one.state === 'dead');

it('tells a level when it is reached, and the fall and the end to whoever was told', async () => {
  const fake = fakeLedger([
    subscription('y', 'yellow'),
    subscription('red', 'red'),
    subscription('far', 'yellow', { areas: ['X1'] }),
    subscription('near', 'orange', { areas: ['RS'] }),
  ]);
  const ops = channelOf(delivered);
  const { dispatcher } = run(fake, { ops }, { regionsOf: () => ['RS'] });
  fake.add('a', 1, 'raised', 'yellow');
  fake.add('a', 2, 'escalated', 'orange');
  fake.add('a', 3, 'de-escalated', 'yellow');
  fake.add('a', 4, 'ended', 'yellow');
  dispatcher.nudge();
  await until(() => settled(fake, 7));
  await dispatcher.stop();
  expect(ops.seen.filter((key) => key.endsWith('.y'))).toEqual(['a.1.y', 'a.2.y', 'a.3.y', 'a.4.y']);
  expect(ops.seen.filter((key) => key.endsWith('.near'))).toEqual(['a.2.near', 'a.3.near', 'a.4.near']);
  expect(ops.seen.some((key) => /red|far/.test(key))).toBe(false);
});

it('tries again, keeps the order of revisions, and buries what is rejected', async () => {
  const fake = fakeLedger([subscription('s', 'yellow')]);
  const ops = channelOf((n, count) => {
    if (n.event.alert === 'bad') return { kind: 'rejected', reason: 'HTTP 410' };
    return count <= 2 ? { kind: 'retry-later', reason: 'HTTP 500' } : { kind: 'delivered' };
  });
  fake.add('a', 1, 'raised', 'yellow');
  fake.add('a', 2, 'escalated', 'red');
  const { dispatcher, events } = run(fake, { ops });
  await until(() => settled(fake, 2));
  expect(ops.seen).toEqual(['a.1.s', 'a.1.s', 'a.1.s', 'a.2.s']);
  expect(fake.rows.get('a.1.s')?.attempts).toBe(3);
  expect(fake.rows.get('a.2.s')?.attempts).toBe(1);
  fake.add('bad', 1, 'raised', 'red');
  dispatcher.nudge();
  await until(() => settled(fake, 3));
  await dispatcher.stop();
  expect(events.filter((one) => one.kind === 'retry').length).toBe(2);
  expect(fake.rows.get('bad.1.s')).toMatchObject({ state: 'dead', lastError: 'HTTP 410' });
});

it('gives up after maxAttempts, and opens the circuit of a dead destination', async () => {
  const fake = fakeLedger([subscription('s', 'yellow', { address: 'https://down.example/x' })]);
  const ops = channelOf(() => ({ kind: 'retry-later', reason: 'no route' }));
  fake.add('a', 1, 'raised', 'red');
  const { dispatcher, events } = run(fake, { ops }, { maxAttempts: 2, breakerThreshold: 2 });
  await until(() => settled(fake, 1));
  expect(fake.rows.get('a.1.s')).toMatchObject({ state: 'dead', attempts: 2 });
  expect(events).toContainEqual({ kind: 'circuit', destination: 'ops down.example', open: true });
  fake.add('b', 1, 'raised', 'red');
  dispatcher.nudge();
  await until(
    () =>
      fake.rows.get('b.1.s')?.state === 'waiting' &&
      (fake.rows.get('b.1.s')?.nextAttemptAt ?? 0) > Date.now(),
  );
  expect(ops.seen.length).toBe(2);
  await dispatcher.stop();
});

it('a slow channel delays no other, and each has its bound', async () => {
  const fake = fakeLedger([
    subscription('slow', 'yellow', { channel: 'slow' }),
    subscription('fast', 'yellow', { channel: 'fast' }),
  ]);
  let now = 0;
  let most = 0;
  let open = (): void => {};
  const gate = new Promise<void>((done) => {
    open = done;
  });
  const slow = channelOf(async () => {
    now += 1;
    most = Math.max(most, now);
    await gate;
    now -= 1;
    return { kind: 'delivered' };
  });
  const fast = channelOf(delivered);
  for (let i = 0; i < 30; i++) fake.add(`a${i}`, 1, 'raised', 'red');
  const { dispatcher } = run(fake, { slow, fast }, { maxConcurrentPerChannel: 4 });
  await until(() => fast.seen.length === 30);
  expect(slow.seen.length).toBe(4);
  open();
  await until(() => settled(fake, 60));
  await dispatcher.stop();
  expect(most).toBe(4);
});

it('a channel that never answers is left after the timeout', async () => {
  const fake = fakeLedger([subscription('s', 'yellow')]);
  const ops = channelOf(() => new Promise<Outcome>(() => {}));
  fake.add('a', 1, 'raised', 'red');
  const { dispatcher, events } = run(fake, { ops }, { deliverTimeoutMs: 50 });
  await until(() => events.some((one) => one.kind === 'retry'));
  await dispatcher.stop();
  expect(fake.rows.get('a.1.s')).toMatchObject({ state: 'waiting', lastError: 'no outcome within 50 ms' });
});

it('held, it lists and sends nothing until released', async () => {
  const fake = fakeLedger([subscription('s', 'yellow')]);
  const ops = channelOf(delivered);
  fake.add('a', 1, 'raised', 'red');
  const { dispatcher } = run(fake, { ops }, { held: true });
  await until(() => fake.rows.size === 1);
  await new Promise((done) => setTimeout(done, 60));
  expect((await dispatcher.held(10)).map((one) => one.key)).toEqual(['a.1.s']);
  expect(ops.seen).toEqual([]);
  dispatcher.release();
  await until(() => settled(fake, 1));
  await dispatcher.stop();
});

it('a back-off is bounded and never zero', () => {
  const random = seededRandom(7);
  for (let attempt = 1; attempt < 2000; attempt++) {
    const ms = backoffMs(attempt, random, { baseMs: 100, capMs: 5000 });
    expect(ms).toBeGreaterThan(0);
    expect(ms).toBeLessThanOrEqual(5000);
  }
});

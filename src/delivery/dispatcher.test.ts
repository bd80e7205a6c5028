import { expect, it } from 'vitest';
import { systemClock } from '../lib/clock.ts';
import { seededRandom } from '../lib/random.ts';
import type { AlertEvent, AlertRevision } from '../model/alert.ts';
import type { Level } from '../model/rule.ts';
import type { Delivery } from '../store/ledger/delivery.ts';
import { sampleRevision } from '../store/ledger/sample.ts';
import { openSqliteLedger } from '../store/ledger/sqlite/ledger.ts';
import type { Subscription } from '../store/ledger/subscription.ts';
import { backoffMs } from './backoff.ts';
import type { Channel, Notification, Outcome } from './channel.ts';
import { createDispatcher, type DispatcherEvent, type DispatcherOptions } from './dispatcher.ts';

/** A real ledger in memory; the `add`ed revisions are committed as the fold's would be. */
async function setting(subscriptions: Subscription[]) {
  const ledger = await openSqliteLedger({ path: ':memory:' });
  await ledger.putSubscriptions('config', subscriptions);
  const { epoch } = await ledger.acquire(0);
  let offset = 0;
  const add = async (
    alert: string,
    revision: number,
    event: AlertEvent['event'],
    level: Level,
    draft?: AlertRevision['draft'],
  ): Promise<void> => {
    const from = offset++;
    await ledger.commit([
      {
        partition: 0,
        epoch,
        from,
        to: offset,
        clockAt: 0,
        revisions: [
          {
            offset: from,
            index: 0,
            revision: sampleRevision(
              { alert, revision, event, level, hazard: 'rain' },
              draft ? { draft } : {},
            ),
          },
        ],
      },
    ]);
  };
  const row = async (key: string): Promise<Delivery | undefined> =>
    (await ledger.deliveries({ limit: 10_000 })).find((one) => one.key === key);
  const settled = async (count: number): Promise<boolean> => {
    const rows = await ledger.deliveries({ limit: 10_000 });
    return rows.length === count && rows.every(({ state }) => state === 'delivered' || state === 'dead');
  };
  return { ledger, add, row, settled };
}
type Setting = Awaited<ReturnType<typeof setting>>;

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

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 1000; i++) {
    if (await condition()) return;
    await new Promise((done) => setTimeout(done, 10));
  }
  throw new Error('waited 10 s in vain');
}

function run({ ledger }: Setting, channels: Record<string, Channel>, more: Partial<DispatcherOptions> = {}) {
  const events: DispatcherEvent[] = [];
  const dispatcher = createDispatcher({
    ledger,
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

it('tells a level when it is reached, and the fall and the end to whoever was told', async () => {
  const world = await setting([
    subscription('y', 'yellow'),
    subscription('red', 'red'),
    subscription('far', 'yellow', { areas: ['X1'] }),
    subscription('near', 'orange', { areas: ['RS'] }),
  ]);
  const ops = channelOf(delivered);
  const { dispatcher } = run(world, { ops }, { regionsOf: () => ['RS'] });
  await world.add('a', 1, 'raised', 'yellow');
  await world.add('a', 2, 'escalated', 'orange');
  await world.add('a', 3, 'de-escalated', 'yellow');
  await world.add('a', 4, 'ended', 'yellow');
  dispatcher.nudge();
  await until(() => world.settled(7));
  await dispatcher.stop();
  expect(ops.seen.filter((key) => key.endsWith('.y'))).toEqual(['a.1.y', 'a.2.y', 'a.3.y', 'a.4.y']);
  expect(ops.seen.filter((key) => key.endsWith('.near'))).toEqual(['a.2.near', 'a.3.near', 'a.4.near']);
  expect(ops.seen.some((key) => /red|far/.test(key))).toBe(false);
});

it('tells what waits for approval to those who approve alone, even to them who knew the alert', async () => {
  const world = await setting([subscription('all', 'yellow'), subscription('boss', 'red', { drafts: true })]);
  const ops = channelOf(delivered);
  const { dispatcher } = run(world, { ops });
  const waits = { waits: true, authors: [] };
  await world.add('a', 1, 'raised', 'orange');
  await world.add('a', 2, 'escalated', 'red', waits);
  await world.add('b', 1, 'raised', 'red', waits);
  await world.add('b', 2, 'ended', 'red', { waits: false, authors: [] });
  dispatcher.nudge();
  await until(() => world.settled(4));
  await dispatcher.stop();
  expect(ops.seen.toSorted()).toEqual(['a.1.all', 'a.2.boss', 'b.1.boss', 'b.2.boss']);
});

it('tries again, keeps the order of revisions, and buries what is rejected', async () => {
  const world = await setting([subscription('s', 'yellow')]);
  const ops = channelOf((n, count) => {
    if (n.event.alert === 'bad') return { kind: 'rejected', reason: 'HTTP 410' };
    return count <= 2 ? { kind: 'retry-later', reason: 'HTTP 500' } : { kind: 'delivered' };
  });
  await world.add('a', 1, 'raised', 'yellow');
  await world.add('a', 2, 'escalated', 'red');
  const { dispatcher, events } = run(world, { ops });
  await until(() => world.settled(2));
  expect(ops.seen).toEqual(['a.1.s', 'a.1.s', 'a.1.s', 'a.2.s']);
  expect((await world.row('a.1.s'))?.attempts).toBe(3);
  expect((await world.row('a.2.s'))?.attempts).toBe(1);
  await world.add('bad', 1, 'raised', 'red');
  dispatcher.nudge();
  await until(() => world.settled(3));
  await dispatcher.stop();
  expect(events.filter((one) => one.kind === 'retry').length).toBe(2);
  expect(await world.row('bad.1.s')).toMatchObject({ state: 'dead', lastError: 'HTTP 410' });
});

it('gives up after maxAttempts, and opens the circuit of a dead destination', async () => {
  const world = await setting([subscription('s', 'yellow', { address: 'https://down.example/x' })]);
  const ops = channelOf(() => ({ kind: 'retry-later', reason: 'no route' }));
  await world.add('a', 1, 'raised', 'red');
  const { dispatcher, events } = run(world, { ops }, { maxAttempts: 2, breakerThreshold: 2 });
  await until(() => world.settled(1));
  expect(await world.row('a.1.s')).toMatchObject({ state: 'dead', attempts: 2 });
  expect(events).toContainEqual({ kind: 'circuit', destination: 'ops down.example', open: true });
  await world.add('b', 1, 'raised', 'red');
  dispatcher.nudge();
  await until(async () => (await world.row('b.1.s'))?.state === 'waiting');
  await new Promise((done) => setTimeout(done, 100));
  expect(await world.row('b.1.s')).toMatchObject({ state: 'waiting', attempts: 0 });
  expect(ops.seen.length).toBe(2);
  await dispatcher.stop();
});

it('a bad address shuts its own circuit, not that of its channel', async () => {
  const world = await setting([
    subscription('bad', 'yellow', { address: 'signs/bad' }),
    subscription('good', 'yellow', { address: 'signs/good' }),
    subscription('number', 'yellow', { address: '+5551999998888' }),
  ]);
  const ops = channelOf(({ key }) =>
    key.endsWith('.bad') ? { kind: 'retry-later', reason: 'refused' } : { kind: 'delivered' },
  );
  const { dispatcher, events } = run(world, { ops }, { breakerThreshold: 1 });
  await world.add('a', 1, 'raised', 'red');
  dispatcher.nudge();
  await until(() => events.some((one) => one.kind === 'circuit'));
  await world.add('b', 1, 'raised', 'red');
  dispatcher.nudge();
  await until(async () => (await world.ledger.deliveries({ state: 'delivered', limit: 9 })).length === 4);
  expect(await world.row('b.1.bad')).toMatchObject({ state: 'waiting', attempts: 0 });
  await dispatcher.stop();
});

it('a slow channel delays no other, and each has its bound', async () => {
  const world = await setting([
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
  for (let i = 0; i < 30; i++) await world.add(`a${i}`, 1, 'raised', 'red');
  const { dispatcher } = run(world, { slow, fast }, { maxConcurrentPerChannel: 4 });
  await until(() => fast.seen.length === 30);
  expect(slow.seen.length).toBe(4);
  open();
  await until(() => world.settled(60));
  await dispatcher.stop();
  expect(most).toBe(4);
});

it('a channel that never answers is left after the timeout', async () => {
  const world = await setting([subscription('s', 'yellow')]);
  const ops = channelOf(() => new Promise<Outcome>(() => {}));
  await world.add('a', 1, 'raised', 'red');
  const { dispatcher, events } = run(world, { ops }, { deliverTimeoutMs: 50 });
  await until(() => events.some((one) => one.kind === 'retry'));
  await dispatcher.stop();
  expect(await world.row('a.1.s')).toMatchObject({ state: 'waiting', lastError: 'no outcome within 50 ms' });
});

it('held, it lists and sends nothing until released', async () => {
  const world = await setting([subscription('s', 'yellow')]);
  const ops = channelOf(delivered);
  await world.add('a', 1, 'raised', 'red');
  const { dispatcher } = run(world, { ops }, { held: true });
  await until(async () => (await world.row('a.1.s')) !== undefined);
  await new Promise((done) => setTimeout(done, 60));
  expect((await dispatcher.held(10)).map((one) => one.key)).toEqual(['a.1.s']);
  expect(ops.seen).toEqual([]);
  dispatcher.release();
  await until(() => world.settled(1));
  await dispatcher.stop();
});

it('sends what a crash left under way at once, under the same key', async () => {
  const world = await setting([subscription('s', 'yellow')]);
  await world.add('a', 1, 'raised', 'red');
  const mute = channelOf(() => new Promise<Outcome>(() => {}));
  const first = run(world, { ops: mute }, { deliverTimeoutMs: 5000 });
  await until(() => mute.seen.length === 1);
  // Claims no more, but its answer is still out: as a killed process leaves it.
  void first.dispatcher.stop();
  const ops = channelOf(delivered);
  const { dispatcher } = run(world, { ops });
  await until(() => world.settled(1));
  expect(ops.seen).toEqual(mute.seen);
  await dispatcher.stop();
});

it('buries deliveries of a channel that is not configured any more', async () => {
  const world = await setting([subscription('s', 'yellow', { channel: 'gone' })]);
  await world.add('a', 1, 'raised', 'red');
  const { dispatcher } = run(world, { ops: channelOf(delivered) });
  await until(() => world.settled(1));
  await dispatcher.stop();
  expect((await world.row('a.1.s'))?.lastError).toBe('channel "gone" is not configured');
});

it('a long queue leaves the event loop its turns, and claims no more than there is room for', async () => {
  const world = await setting([subscription('s', 'yellow')]);
  for (let i = 0; i < 600; i++) await world.add(`a${i}`, 1, 'raised', 'red');
  let most = 0;
  const ops = channelOf(async () => {
    const sending = await world.ledger.deliveries({ state: 'sending', limit: 1000 });
    most = Math.max(most, sending.length);
    return { kind: 'delivered' };
  });
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const { dispatcher } = run(world, { ops });
  await until(() => world.settled(600));
  clearInterval(timer);
  await dispatcher.stop();
  expect(most).toBeLessThanOrEqual(16);
  expect(turns).toBeGreaterThan(30);
});

it('a back-off is bounded and never zero', () => {
  const random = seededRandom(7);
  for (let attempt = 1; attempt < 2000; attempt++) {
    const ms = backoffMs(attempt, random, { baseMs: 100, capMs: 5000 });
    expect(ms).toBeGreaterThan(0);
    expect(ms).toBeLessThanOrEqual(5000);
  }
});

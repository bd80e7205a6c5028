import type { Clock } from '../lib/clock.ts';
import { seededRandom } from '../lib/random.ts';
import type { AlertEvent } from '../model/alert.ts';
import type { Level } from '../model/rule.ts';
import type { Silence } from '../model/silence.ts';
import type { Ledger } from '../store/ledger/ledger.ts';
import { sampleRevision } from '../store/ledger/sample.ts';
import { openSqliteLedger } from '../store/ledger/sqlite/ledger.ts';
import { PEOPLE, type Subscription } from '../store/ledger/subscription.ts';
import type { Channel, Notification, Outcome } from './channel.ts';
import { createDispatcher, type Dispatcher, type DispatcherOptions } from './dispatcher.ts';
import { createPeopleChannel } from './people.ts';

/** 2024-05-01T15:00:00Z, noon in São Paulo. */
export const START = 1714575600000;
export const MINUTE = 60_000;

/** Time that moves only when told; what is due runs in order. */
export function manualClock() {
  let now = START;
  let number = 0;
  const timers = new Map<number, { at: number; callback: () => void }>();
  const clock: Clock = {
    now: () => now,
    monotonicMs: () => now,
    after(ms, callback) {
      const id = number++;
      timers.set(id, { at: now + ms, callback });
      return () => void timers.delete(id);
    },
  };
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 8; i++) await new Promise((done) => setImmediate(done));
  };
  const pass = async (ms: number): Promise<void> => {
    const end = now + ms;
    for (;;) {
      await settle();
      const [next] = [...timers].sort(([i, a], [j, b]) => a.at - b.at || i - j);
      if (!next || next[1].at > end) break;
      now = Math.max(now, next[1].at);
      timers.delete(next[0]);
      next[1].callback();
    }
    now = end;
  };
  return { clock, pass };
}

/** A subscription to all, for tests. */
export const subscription = (id: string, more: Partial<Subscription> = {}): Subscription => ({
  ...{ id, name: id, channel: 'ops', level: 'yellow', areas: 'all' },
  ...more,
});

/**
 * A dispatcher at work on a real ledger in memory, with a channel that records what it is given; time moves only when told.
 * `trouble`: how often the channel refuses, or what it answers to a message.
 */
export async function world(subscriptions: Subscription[], more: Partial<DispatcherOptions> = {}) {
  const ledger = await openSqliteLedger({ path: ':memory:' });
  await ledger.putSubscriptions('config', subscriptions);
  const { clock, pass } = manualClock();
  const { epoch } = await ledger.acquire(0);
  let offset = 0;
  const received: { key: string; body: string; told: string[] }[] = [];
  const trouble: { chance: number; answer?: (key: string) => Outcome | Promise<Outcome> | undefined } = {
    chance: 0,
  };
  const random = seededRandom(7);
  const ops: Channel = {
    async deliver(notification: Notification) {
      const events = notification.companions ?? [notification.event];
      const subscriber = notification.key.split('.').at(-1);
      const told = events.map(({ alert, revision }) => `${alert}.${revision}.${subscriber}`);
      const answer = await trouble.answer?.(notification.key);
      if (answer) {
        received.push({ key: notification.key, body: notification.body, told });
        return answer;
      }
      const hasFailed = random() < trouble.chance;
      // A refusal may come after the receiver has it all the same.
      if (!hasFailed || random() < 0.5)
        received.push({ key: notification.key, body: notification.body, told });
      return hasFailed ? { kind: 'retry-later', reason: 'HTTP 503' } : { kind: 'delivered' };
    },
    close: async () => {},
  };
  let crash = (): void => {};
  let dispatcher: Dispatcher;
  const start = (): void => {
    let isDead = false;
    crash = () => {
      isDead = true;
    };
    // A dead process changes nothing any more, and hears nothing.
    const port = new Proxy(ledger, {
      get: (target, name) =>
        isDead ? () => new Promise(() => {}) : (Reflect.get(target, name) as Ledger['meta']),
    });
    const channels = new Map([['ops', ops]]);
    if (more.directory) {
      const { directory } = more;
      const parts = { directory, channels: new Map(channels), clock, random: seededRandom(2) };
      channels.set(PEOPLE, createPeopleChannel({ ...parts, timeoutMs: 15_000 }));
    }
    const body = (stored: { revision: { event: AlertEvent } }) => JSON.stringify(stored.revision.event);
    const parts = { ledger: port, channels, clock, random: seededRandom(1), body };
    dispatcher = createDispatcher({ ...parts, regionsOf: () => ['RS'], ...more });
    dispatcher.start();
  };
  start();
  const add = async (event: Partial<AlertEvent> & { alert: string }): Promise<void> => {
    const revision = sampleRevision({ subject: { kind: 'station', id: event.alert }, ...event });
    const row = { offset, index: 0, revision };
    await ledger.commit([
      { partition: 0, epoch, from: offset, to: ++offset, clockAt: START, revisions: [row] },
    ]);
    dispatcher.nudge();
  };
  const restart = (): void => {
    crash();
    start();
  };
  const silence = (id: string, until: number, matchers: Partial<Silence['matchers']> = {}): Promise<void> => {
    const own = { matchers: { hazard: ['rain'], level: 'orange' as Level, ...matchers } };
    const who = { author: 'ana', reason: 'gauge under repair', createdAt: START };
    return ledger.putSilence({ id, from: START, until, ...own, ...who }, clock.now());
  };
  const told = (): string[] => received.flatMap((one) => one.told);
  const states = async () =>
    Object.fromEntries((await ledger.deliveries({ limit: 1000 })).map((one) => [one.key, one.state]));
  return { ledger, clock, pass, add, restart, silence, told, states, received, trouble };
}

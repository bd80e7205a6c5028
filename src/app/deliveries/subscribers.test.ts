import { afterEach, expect, test } from 'vitest';
import type { Channel, Notice, Outcome } from '../../delivery/channel.ts';
import type { Clock } from '../../lib/clock.ts';
import { seededRandom } from '../../lib/random.ts';
import { configSchema } from '../config/schema.ts';
import type { Stores } from '../stores/stores.ts';
import type { SystemOptions } from '../system-options.ts';
import { openSubscribers, putSubscriberSecret, type Subscribers } from './subscribers.ts';

const opened: Subscribers[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.stop();
});

/** Waits are noted and over at once. */
const hurried = (waits: number[]): Clock => ({
  now: () => 0,
  monotonicMs: () => 0,
  after(ms, callback) {
    waits.push(ms);
    const timer = setImmediate(callback);
    return () => clearImmediate(timer);
  },
});

async function open(outcomes: readonly Outcome[]) {
  const told: Notice[] = [];
  const waits: number[] = [];
  const errors: string[] = [];
  const meta = new Map<string, string>();
  const ledger = {
    meta: async (key: string) => meta.get(key),
    putMeta: async (key: string, value: string) => void meta.set(key, value),
    pruneSubscribers: async () => 0,
  };
  await putSubscriberSecret(ledger);
  const secret = [...meta.values()][0];
  await putSubscriberSecret(ledger);
  expect([...meta.values()]).toEqual([secret]);
  const channel: Channel = {
    deliver: async () => ({ kind: 'rejected', reason: 'no alert' }),
    tell: async (notice) => {
      told.push(notice);
      return outcomes[told.length - 1] ?? { kind: 'delivered' };
    },
    close: async () => {},
  };
  const config = configSchema.parse({
    channels: {
      mail: { kind: 'email', public: true },
      duty: { kind: 'email' },
      hook: { kind: 'webhook', public: true },
    },
  });
  const quiet = () => undefined;
  const log = { info: quiet, warn: quiet, error: (fields: object) => errors.push(JSON.stringify(fields)) };
  const options = { config, clock: hurried(waits), random: seededRandom(1), log } as unknown as SystemOptions;
  const stores = { ledger } as unknown as Stores;
  const subscribers = await openSubscribers(options, stores, new Map([['mail', channel]]), () => 'https://x');
  opened.push(subscribers);
  const letter = {
    channel: 'mail',
    address: 'ana@example.org',
    language: 'en',
    subject: 's',
    text: 't',
  } as const;
  return { subscribers, letter, told, waits, errors };
}
const busy: Outcome = { kind: 'retry-later', reason: '451 <ana@example.org> later' };

test('only channels of persons that the configuration opens are public', async () => {
  const { subscribers } = await open([]);
  expect(subscribers.desk.channels).toEqual([{ name: 'mail', kind: 'email' }]);
  expect(subscribers.leaveLink('self-1')).toMatch(
    /^https:\/\/x\/api\/v1\/subscribers\/unsubscribe\?token=1\./,
  );
  expect(subscribers.leaveLink('api-1')).toBeUndefined();
});

test('a letter that is put off is tried again under its key, longer and longer', async () => {
  const { subscribers, letter, told, waits, errors } = await open([busy, busy]);
  expect(subscribers.desk.notify(letter)).toBe(true);
  await expect.poll(() => told.length).toBe(3);
  expect(new Set(told.map(({ key }) => key)).size).toBe(1);
  expect(waits).toHaveLength(2);
  expect(errors).toEqual([]);
});

test('a letter is given up in the end, or at once when it is refused; the log names no address', async () => {
  const { subscribers, letter, told, errors } = await open(Array<Outcome>(9).fill(busy));
  subscribers.desk.notify(letter);
  await expect.poll(() => errors.length).toBe(1);
  expect(told).toHaveLength(6);
  const refused = await open([{ kind: 'rejected', reason: '550 no ana@example.org' }]);
  refused.subscribers.desk.notify(refused.letter);
  await expect.poll(() => refused.errors.length).toBe(1);
  expect(refused.told).toHaveLength(1);
  expect([...errors, ...refused.errors].join()).not.toContain('ana@');
});

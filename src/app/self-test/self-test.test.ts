import { expect, test } from 'vitest';
import type { Clock } from '../../lib/clock.ts';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../model/time.ts';
import type { Delivery } from '../../store/ledger/delivery.ts';
import { selfTestConfig, selfTestProblems } from './config.ts';
import { dueOf, SelfTest } from './self-test.ts';
import { judgeAll, judgeRun, type SelfTestRun } from './verdict.ts';

const config = selfTestConfig.parse({ at: '09:00', deadline: '5m' });
if (!config) throw new Error('no configuration');
const nine = Date.UTC(2026, 10, 23, 12);

/** A ledger of what the test keeps, with the rule of the real one: the first command of an id stays. */
function fakeLedger() {
  const commands = new Map<string, string>();
  const meta = new Map<string, string>();
  return {
    ...{ commands, meta: async (key: string) => meta.get(key), deliveries: async () => [] },
    putMeta: async (key: string, value: string) => void meta.set(key, value),
    command: async (id: string) => {
      const json = commands.get(id);
      return json === undefined ? undefined : { json, isRelayed: true };
    },
    putAct: async (id: string, _partition: number, act: object) => {
      if (!commands.has(id)) commands.set(id, JSON.stringify({ act }));
    },
  };
}

function processOf(ledger: ReturnType<typeof fakeLedger>, now: () => number) {
  const due: (() => void)[] = [];
  const clock: Clock = {
    now,
    monotonicMs: now,
    after: (_ms, callback) => {
      due.push(callback);
      return () => {};
    },
  };
  const failures: unknown[] = [];
  const selfTest = new SelfTest({
    ...{ config: config as NonNullable<typeof config>, channels: ['ops'], ledger, relay: ledger },
    ...{ partitions: 8, clock, onChange: () => {}, onFailure: (error) => failures.push(error) },
  });
  const step = async (): Promise<void> => {
    for (const callback of due.splice(0)) callback();
    for (let i = 0; i < 50; i++) await Promise.resolve();
  };
  return { selfTest, step, failures };
}

test('one test a day, however many processes look and start again', async () => {
  const ledger = fakeLedger();
  let now = nine - MINUTE_MS;
  for (let day = 0; day < 3; day++) {
    for (let process = 0; process < 3; process++) {
      const { selfTest, step, failures } = processOf(ledger, () => now);
      selfTest.start();
      for (let look = 0; look < 4; look++) {
        now += 7 * SECOND_MS + process * HOUR_MS;
        await step();
      }
      await selfTest.stop();
      expect(failures).toEqual([]);
    }
    now = nine - MINUTE_MS + (day + 1) * 24 * HOUR_MS;
  }
  // The first start is a minute before nine: the test of the day before is made up.
  expect([...ledger.commands.keys()]).toEqual([22, 23, 24, 25].map((day) => `self-test-2026-11-${day}`));
});

test('what was due before a restore is not done again', async () => {
  const ledger = fakeLedger();
  await ledger.putMeta('restored', JSON.stringify({ at: nine + HOUR_MS, next: [] }));
  let now = nine + HOUR_MS;
  const { selfTest, step } = processOf(ledger, () => now);
  selfTest.start();
  await step();
  expect(ledger.commands.size).toBe(0);
  now += config.deadline * 2;
  expect(selfTest.status()).toMatchObject({ state: 'none', ok: true });
  now = nine + 24 * HOUR_MS;
  await step();
  await step();
  expect([...ledger.commands.keys()]).toEqual(['self-test-2026-11-24']);
  await selfTest.stop();
});

test('a test that cannot begin is missed, and says so once', async () => {
  const ledger = fakeLedger();
  const broken = { ...ledger, putAct: () => Promise.reject(new Error('the log is full')) };
  let now = nine + MINUTE_MS;
  const { selfTest, step, failures } = processOf(broken, () => now);
  selfTest.start();
  await step();
  await step();
  expect(selfTest.status()).toMatchObject({ state: 'none', ok: true });
  now += config.deadline + SECOND_MS;
  await step();
  expect(selfTest.status()).toMatchObject({ state: 'missed', ok: false });
  expect(failures).toHaveLength(1);
  await selfTest.stop();
});

test('the hour is that of the place', () => {
  expect(dueOf(config, nine)).toEqual({
    ...{ dueAt: nine, date: '2026-11-23', nextAt: nine + 24 * HOUR_MS },
  });
  expect(dueOf(config, nine - 1)).toMatchObject({ dueAt: nine - 24 * HOUR_MS, nextAt: nine });
});

const run: SelfTestRun = {
  ...{ command: 'c', alert: 'a', at: nine, by: 'self-test', channels: ['ops', 'mail'], deadlineMs: 5000 },
};
const delivery = (channel: string, more: Partial<Delivery> = {}): Delivery =>
  ({
    ...{ key: channel, subscription: { id: `system-test:${channel}`, name: channel, channel } },
    ...{ state: 'waiting', ...more },
  }) as Delivery;

test('each channel is judged by itself, by its deadline', () => {
  const ops = delivery('ops', { state: 'delivered', deliveredAt: nine + 5000 });
  const judge = (mail: Partial<Delivery> | null, at: number) =>
    judgeRun(run, mail ? [ops, delivery('mail', mail)] : [ops], at);
  expect(judge({}, nine + 5000)).toMatchObject({ state: 'running' });
  expect(judge({ lastError: '503' }, nine + 5001)).toMatchObject({
    ...{
      state: 'failed',
      channels: [
        { state: 'delivered', tookMs: 5000 },
        { state: 'failed', reason: '503' },
      ],
    },
  });
  expect(judge({ state: 'dropped', lastError: '404' }, nine + 1)).toMatchObject({ state: 'failed' });
  expect(judge({ state: 'delivered', deliveredAt: nine + 5001 }, nine + 9000)).toMatchObject({
    ...{ state: 'failed', channels: [{ state: 'delivered' }, { state: 'late', tookMs: 5001 }] },
  });
  expect(judge({ state: 'delivered', deliveredAt: nine + 1 }, nine + 9000).state).toBe('passed');
  expect(judge(null, nine + 5001).channels[1]?.reason).toMatch(/never handed to the channel/);
});

test('while a test runs the one before it counts', () => {
  const passed = judgeRun({ ...run, channels: [] }, [], nine);
  const failed = judgeRun(run, [], nine + 6000);
  const running = judgeRun(run, [], nine);
  expect([passed, failed, running].map(({ state }) => state)).toEqual(['passed', 'failed', 'running']);
  const ok = (...runs: Parameters<typeof judgeAll>[0]) => judgeAll(runs, null, nine).ok;
  expect([ok(), ok(running), ok(passed, failed), ok(running, passed)]).toEqual([true, true, true, true]);
  expect([ok(failed, passed), ok(running, failed)]).toEqual([false, false]);
});

test('what cannot be tested is refused by name', () => {
  const channels = { ops: { kind: 'webhook' }, mail: { kind: 'email' } };
  const of = (more: object) => selfTestProblems({ channels, selfTest: { ...config, ...more } });
  expect(of({})[0]).toMatch(/^selfTest.addresses.mail: .*Give the address/);
  expect(of({ addresses: { mail: 'a@b.example' } })).toEqual([]);
  expect(of({ channels: ['ops'] })).toEqual([]);
  expect(of({ channels: ['osp'] })[0]).toMatch(/osp.*ops/);
  expect(selfTestProblems({ channels: {}, selfTest: config })[0]).toMatch(/no channel/);
});

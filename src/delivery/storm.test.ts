import fc from 'fast-check';
import { expect, it } from 'vitest';
import { sleep } from '../lib/clock.ts';
import type { Level } from '../model/rule.ts';
import { putHold } from '../store/ledger/hold.ts';
import type { Subscription } from '../store/ledger/subscription.ts';
import { MINUTE, manualClock, START, subscription, world } from './fixture.ts';
import { quietEnd } from './policy.ts';

it('a silence drops what it names with its reason, never red, and tells what still stands at its end', async () => {
  const { pass, add, silence, told, ledger } = await world([subscription('s')]);
  await silence('q', START + 10 * MINUTE);
  await add({ alert: 'y', level: 'yellow' });
  await add({ alert: 'gone', level: 'orange' });
  await add({ alert: 'r', level: 'red' });
  await pass(MINUTE);
  expect(told()).toEqual(['r.1.s']);
  expect(await ledger.deliveries({ alert: 'y', limit: 1 })).toMatchObject([
    { state: 'dropped', lastError: expect.stringContaining('silenced by ana until 2024-05-01T15:10:00Z') },
  ]);
  await add({ alert: 'gone', revision: 2, event: 'ended', level: 'orange' });
  await pass(8 * MINUTE);
  expect(told()).toEqual(['r.1.s']);
  await pass(2 * MINUTE);
  expect(told()).toEqual(['r.1.s', 'y.1.s']);
});

it('a silence that says red holds red, and one that is ended early tells at once', async () => {
  const { pass, add, silence, told, clock } = await world([subscription('s')]);
  await silence('q', START + 100 * MINUTE, { level: 'red' });
  await add({ alert: 'r' });
  await pass(MINUTE);
  expect(told()).toEqual([]);
  await silence('q', clock.now());
  await pass(2000);
  expect(told()).toEqual(['r.1.s']);
});

it('a lower level waits beside a higher one of its hazard and place, and is told when that has ended', async () => {
  const { pass, add, told } = await world([subscription('s'), subscription('new', { level: 'red' })]);
  const subject = { kind: 'station', id: 'A801' } as const;
  await add({ alert: 'high', subject });
  await pass(5000);
  await add({ alert: 'low', level: 'yellow', rule: 'chuva-longa', subject });
  await add({ alert: 'wind', level: 'yellow', hazard: 'wind', subject });
  await pass(5000);
  expect(told()).toEqual(['high.1.new', 'high.1.s', 'wind.1.s']);
  await add({ alert: 'high', revision: 2, event: 'ended', subject });
  await pass(MINUTE);
  expect(told().slice(3).sort()).toEqual(['high.2.new', 'high.2.s', 'low.1.s']);
});

it('a hold keeps everything but red, which passes the lower revision that is held, and lets it go on release', async () => {
  const { pass, add, told, ledger, states } = await world([subscription('s')]);
  await putHold(ledger, { by: 'ana', reason: 'a storm of faults', at: START, red: false });
  await pass(2000);
  await add({ alert: 'a', level: 'yellow' });
  await add({ alert: 'b', level: 'orange' });
  await add({ alert: 'a', revision: 2, event: 'escalated', level: 'red' });
  await pass(5000);
  expect(told()).toEqual(['a.2.s']);
  expect(await states()).toEqual({ 'a.1.s': 'dropped', 'a.2.s': 'delivered', 'b.1.s': 'waiting' });
  await putHold(ledger, { by: 'ana', reason: 'all of it', at: START, red: true });
  await pass(2000);
  await add({ alert: 'c' });
  await pass(5000);
  expect(told()).toEqual(['a.2.s']);
  await putHold(ledger, null);
  await pass(5000);
  expect(told()).toEqual(['a.2.s', 'c.1.s', 'b.1.s']);
});

it('quiet hours keep all but red until they end where the person is', async () => {
  const quiet = { from: '22:00', to: '06:30', timeZone: 'America/Sao_Paulo' };
  const night = Date.UTC(2024, 4, 2, 1, 0);
  expect(quietEnd({ quiet }, night)).toBe(Date.UTC(2024, 4, 2, 9, 30));
  expect(quietEnd({ quiet }, Date.UTC(2024, 4, 2, 9, 30))).toBeUndefined();
  const { pass, add, told } = await world([subscription('s', { quiet })], { pollMs: 5 * MINUTE });
  await pass(night - START);
  await add({ alert: 'o', level: 'orange' });
  await add({ alert: 'r' });
  await pass(60 * MINUTE);
  expect(told()).toEqual(['r.1.s']);
  await pass(8 * 60 * MINUTE);
  expect(told()).toEqual(['r.1.s', 'o.1.s']);
});

it('a rate spreads messages and leaves red its own lane', async () => {
  const { pass, add, told } = await world([subscription('s', { perMinute: 2 })]);
  for (let i = 0; i < 4; i++) await add({ alert: `y${i}`, level: 'yellow' });
  await pass(5000);
  await add({ alert: 'r' });
  await pass(1000);
  expect(told()).toEqual(['y0.1.s', 'y1.1.s', 'r.1.s']);
  await pass(2 * MINUTE);
  expect(told()).toHaveLength(5);
});

it('a message of several alerts that is repeated tells what it told the first time', async () => {
  const group = { by: 'hazard', waitMs: MINUTE } as const;
  const { pass, add, received, trouble } = await world([subscription('g', { group })]);
  trouble.chance = 1;
  await add({ alert: 'a', level: 'yellow' });
  await add({ alert: 'b', level: 'yellow' });
  await pass(MINUTE + 100);
  for (const alert of ['c', 'd']) await add({ alert, level: 'yellow' });
  await pass(5 * MINUTE);
  trouble.chance = 0;
  await pass(60 * MINUTE);
  const bodies = Map.groupBy(received, ({ key }) => key);
  expect([...bodies.values()].some((same) => same.length > 1)).toBe(true);
  for (const same of bodies.values()) expect(new Set(same.map(({ body }) => body)).size).toBe(1);
  expect([...bodies.values()].flatMap(([first]) => first?.told ?? []).sort()).toEqual(
    ['a', 'b', 'c', 'd'].map((alert) => `${alert}.1.g`),
  );
  expect(bodies.size).toBe(2);
});

const LEVELS = ['yellow', 'orange', 'red'] as const;
type Step =
  | { do: 'alert'; n: number; level: Level; end: boolean }
  | { do: 'silence'; n: number; level: Level; minutes: number }
  | { do: 'hold'; hold: boolean; red: boolean }
  | { do: 'crash' }
  | { do: 'trouble'; chance: number };
const level = fc.constantFrom(...LEVELS);
const n = fc.integer({ min: 0, max: 5 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('alert' as const), n, level, end: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('silence' as const),
      ...{ n, level, minutes: fc.integer({ min: -1, max: 30 }) },
    }),
  },
  fc.record({ do: fc.constant('hold' as const), hold: fc.boolean(), red: fc.boolean() }),
  fc.record({ do: fc.constant('crash' as const) }),
  fc.record({ do: fc.constant('trouble' as const), chance: fc.constantFrom(0, 0.5) }),
);

it('tells nothing twice and loses nothing, whatever silences, holds, inhibitions and crashes come', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(step, fc.constantFrom(0, 10, 3000, 90_000)), { minLength: 1, maxLength: 40 }),
      async (steps) => {
        const subscriptions = [
          subscription('s'),
          subscription('o', { level: 'orange' }),
          subscription('g', { group: { by: 'hazard', waitMs: 5000, digestMs: 60_000 } }),
          subscription('p', { perMinute: 3 }),
        ];
        const own = await world(subscriptions, { maxAttempts: 1000, perMinute: 20, pollMs: 15_000 });
        const open = new Map<number, { alert: string; revision: number; level: Level }>();
        let number = 0;
        for (const [one, ms] of steps) {
          if (one.do === 'alert') {
            const subject = { kind: 'station', id: `S${one.n >> 1}` } as const;
            const known = open.get(one.n);
            const alert = known?.alert ?? `a${number++}`;
            const revision = (known?.revision ?? 0) + 1;
            const isEnd = known !== undefined && one.end;
            const changed = known?.level === one.level ? 'updated' : 'escalated';
            const event = isEnd ? 'ended' : known ? changed : 'raised';
            await own.add({ alert, revision, event, level: one.level, subject });
            if (isEnd) open.delete(one.n);
            else open.set(one.n, { alert, revision, level: one.level });
          } else if (one.do === 'silence') {
            const until = own.clock.now() + one.minutes * MINUTE;
            await own.silence(`q${one.n}`, until, { station: [`S${one.n >> 1}`], level: one.level });
          } else if (one.do === 'hold') {
            const hold = { by: 'ana', reason: 'storm', at: START, red: one.red };
            await putHold(own.ledger, one.hold ? hold : null);
          } else if (one.do === 'crash') own.restart();
          else own.trouble.chance = one.chance;
          await own.pass(ms);
        }
        own.trouble.chance = 0;
        await putHold(own.ledger, null);
        await own.pass(90 * MINUTE);
        await check(own, subscriptions, [...open.values()]);
      },
    ),
    { numRuns: 20 },
  );
}, 120_000);

async function check(
  own: Awaited<ReturnType<typeof world>>,
  subscriptions: readonly Subscription[],
  open: readonly { alert: string; revision: number; level: Level }[],
): Promise<void> {
  const messages = Map.groupBy(own.received, ({ key }) => key);
  for (const same of messages.values()) expect(new Set(same.map(({ body }) => body)).size).toBe(1);
  const told = [...messages.values()].flatMap(([first]) => first?.told ?? []);
  expect(new Set(told).size).toBe(told.length);
  const rows = await own.ledger.deliveries({ limit: 1000 });
  const left = rows.filter(({ state }) => state !== 'delivered' && state !== 'dropped');
  expect(left.map(({ key, state }) => `${key} ${state}`)).toEqual([]);
  for (const { key, state, lastError } of rows) {
    if (state === 'delivered') expect(told).toContain(key);
    else expect(lastError).toMatch(/silenced|inhibited|superseded/);
  }
  for (const { alert, revision, level: now } of open)
    for (const { id, level: least } of subscriptions) {
      if (LEVELS.indexOf(now) < LEVELS.indexOf(least)) continue;
      const row = rows.find(({ key }) => key === `${alert}.${revision}.${id}`);
      if (row?.state !== 'delivered') expect(row?.withheld).toBe('inhibition');
    }
}

it('waits on a clock of its own', async () => {
  const { clock, pass } = manualClock();
  let isOver = false;
  void sleep(clock, 5).then(() => {
    isOver = true;
  });
  await pass(4);
  expect(isOver).toBe(false);
  await pass(1);
  await new Promise((done) => setImmediate(done));
  expect(isOver).toBe(true);
});

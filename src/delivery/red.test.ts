import { expect, it } from 'vitest';
import { sleep } from '../lib/clock.ts';
import { putHold } from '../store/ledger/hold.ts';
import type { Outcome } from './channel.ts';
import { MINUTE, START, subscription, world } from './fixture.ts';

// A red waits behind nothing that could let it pass, and loses nothing that was only queued.

const up = { revision: 2, event: 'escalated', level: 'red' } as const;
const later: Outcome = { kind: 'retry-later', reason: 'HTTP 503' };

it('takes the lower revision that is only queued along, in its own place, and drops nothing', async () => {
  const own = await world([subscription('s')], { maxConcurrentPerChannel: 1 });
  own.trouble.answer = async () => {
    await sleep(own.clock, 1000);
    return { kind: 'delivered' };
  };
  for (let i = 0; i < 30; i++) await own.add({ alert: `y${i}`, level: 'yellow' });
  await own.pass(100);
  for (const alert of ['a', 'b']) await own.add({ alert, level: 'yellow' });
  for (const alert of ['a', 'b']) await own.add({ alert, ...up });
  await own.pass(5500);
  expect(own.told().slice(0, 5)).toEqual(['y0.1.s', 'a.1.s', 'a.2.s', 'b.1.s', 'b.2.s']);
  await own.pass(MINUTE);
  expect(own.told()).toHaveLength(34);
});

it('does not wait for the rate that its lower revision waits for', async () => {
  for (const bound of ['own', 'all']) {
    const own = await world(
      [subscription('s', bound === 'own' ? { perMinute: 1 } : {})],
      bound === 'all' ? { perMinute: 1 } : {},
    );
    await own.add({ alert: 'y', level: 'yellow' });
    await own.pass(100);
    await own.add({ alert: 'a', level: 'yellow' });
    await own.pass(5000);
    await own.add({ alert: 'a', ...up });
    await own.pass(100);
    expect(own.told()).toEqual(['y.1.s', 'a.2.s']);
    expect((await own.ledger.deliveries({ alert: 'a', state: 'dropped', limit: 5 }))[0]).toMatchObject({
      key: 'a.1.s',
      lastError: 'superseded by a red revision',
    });
  }
});

it('does not wait for a rate that its lower revision meets only after the red came', async () => {
  const own = await world([subscription('s', { perMinute: 2 })]);
  await own.add({ alert: 'y', level: 'yellow' });
  await own.pass(100);
  for (const alert of ['a', 'b']) await own.add({ alert, level: 'yellow' });
  for (const alert of ['a', 'b']) await own.add({ alert, ...up });
  await own.pass(100);
  // One lower revision has the last place of this minute; the other is dropped as it finds none.
  expect(own.told()).toEqual(['y.1.s', 'a.1.s', 'a.2.s', 'b.2.s']);
});

it('does not wait for a group that was gathered and could not leave, and leaves its others whole', async () => {
  const group = { by: 'hazard', waitMs: 5000 } as const;
  const own = await world([subscription('s', { group, perMinute: 1 })]);
  for (const hazard of ['rain', 'wind'])
    for (const n of [0, 1, 2]) await own.add({ alert: `${hazard}${n}`, hazard, level: 'yellow' });
  await own.pass(6000);
  expect(own.told()).toEqual(['rain0.1.s', 'rain1.1.s', 'rain2.1.s']);
  for (const n of [0, 1]) await own.add({ alert: `wind${n}`, hazard: 'wind', ...up });
  await own.pass(100);
  expect(own.told().slice(3, 4)).toEqual(['wind0.2.s']);
  await own.pass(3 * MINUTE);
  expect(own.told().slice(3).sort()).toEqual(['wind0.2.s', 'wind1.2.s', 'wind2.1.s']);
});

it('waits for one that failed, which is tried at once, so that revisions that were begun come in order', async () => {
  const own = await world([subscription('s', { perMinute: 100 })]);
  own.trouble.answer = () => ({ ...later, afterMs: 20 * MINUTE });
  await own.add({ alert: 'a', level: 'yellow' });
  await own.pass(1000);
  own.trouble.answer = () => undefined;
  await own.add({ alert: 'a', ...up });
  await own.pass(1000);
  expect(own.told()).toEqual(['a.1.s', 'a.1.s', 'a.2.s']);
});

it('waits minutes at most for one that its receiver refuses again and again', async () => {
  const own = await world([subscription('s')], { breakerThreshold: 1000 });
  own.trouble.answer = (key) => (key === 'a.1.s' ? later : undefined);
  await own.add({ alert: 'a', level: 'yellow' });
  await own.pass(10 * MINUTE);
  await own.add({ alert: 'a', ...up });
  await own.pass(4 * MINUTE);
  expect(await own.states()).toEqual({ 'a.1.s': 'dead', 'a.2.s': 'delivered' });
});

it('stays behind one that waits for a circuit, as both go to one receiver, and drops nothing', async () => {
  const own = await world([subscription('s')], { breakerThreshold: 1, maxConcurrentPerChannel: 2 });
  let attempts = 0;
  own.trouble.answer = async () => {
    attempts += 1;
    if (attempts === 1) return later;
    await sleep(own.clock, 700);
    return { kind: 'delivered' };
  };
  await own.add({ alert: 'x', level: 'yellow' });
  await own.pass(10);
  await own.add({ alert: 'a', level: 'yellow' });
  // Both are due when the circuit is tried: one tries it, the other is given back.
  while (attempts < 2) await own.pass(20);
  await own.pass(100);
  await own.add({ alert: 'a', ...up });
  await own.pass(MINUTE);
  expect(own.told().slice(-2)).toEqual(['a.1.s', 'a.2.s']);
});

it('a hold ends by itself when it says until when', async () => {
  const own = await world([subscription('s')]);
  await putHold(own.ledger, { by: 'ana', reason: 'tests', at: START, red: true, until: START + 5 * MINUTE });
  await own.pass(2000);
  await own.add({ alert: 'r' });
  await own.add({ alert: 'y', level: 'yellow' });
  await own.pass(4 * MINUTE);
  expect(own.told()).toEqual([]);
  await own.pass(MINUTE);
  expect(own.told()).toEqual(['r.1.s', 'y.1.s']);
});

it('an alert that never arrived keeps no other back', async () => {
  const own = await world([subscription('s')]);
  const subject = { kind: 'station', id: 'A801' } as const;
  own.trouble.answer = (key) =>
    key.startsWith('high.1') || key.startsWith('up.2') ? { kind: 'rejected', reason: 'HTTP 410' } : undefined;
  await own.add({ alert: 'high', subject });
  await own.pass(1000);
  await own.add({ alert: 'low', level: 'yellow', subject });
  await own.pass(1000);
  expect((await own.states())['low.1.s']).toBe('delivered');
  // Nor is an alert higher for a subscription than what it was told of it.
  const other = { kind: 'station', id: 'A802' } as const;
  await own.add({ alert: 'up', level: 'yellow', subject: other });
  await own.add({ alert: 'up', ...up, subject: other });
  await own.pass(1000);
  await own.add({ alert: 'orange', level: 'orange', subject: other });
  await own.pass(1000);
  expect((await own.states())['orange.1.s']).toBe('delivered');
});

it('what comes out of a silence comes in a group, soon after, whatever page it was on', async () => {
  const group = { by: 'hazard', waitMs: 5000, digestMs: 60 * MINUTE } as const;
  const own = await world([subscription('s', { group })]);
  await own.silence('q', START + 10 * MINUTE);
  for (let i = 0; i < 120; i++) await own.add({ alert: `y${i}`, level: 'yellow' });
  await own.pass(9 * MINUTE);
  expect(own.received).toEqual([]);
  await own.pass(2 * MINUTE);
  expect(own.received).toHaveLength(1);
  expect(own.told()).toHaveLength(120);
});

it('what a silence holds back is asked again soon, as the silence may have changed while that was written', async () => {
  const own = await world([subscription('s')]);
  await own.silence('q', START + 10_000 * MINUTE);
  await own.add({ alert: 'y', level: 'yellow' });
  await own.pass(100);
  const nextAt = async (): Promise<number> =>
    (await own.ledger.deliveries({ limit: 1 }))[0]?.nextAttemptAt ?? 0;
  expect(await nextAt()).toBeLessThanOrEqual(START + 15_100);
  await own.pass(MINUTE);
  expect(await nextAt()).toBe(START + 10_000 * MINUTE);
});

it('tells each alert by itself where a group would not reach all receivers', async () => {
  const group = { by: 'hazard', waitMs: MINUTE } as const;
  const own = await world([subscription('s', { group })], { canGroup: () => false });
  for (const alert of ['a', 'b']) await own.add({ alert, level: 'yellow' });
  await own.pass(1000);
  expect(own.received.map(({ key }) => key)).toEqual(['a.1.s', 'b.1.s']);
});

import { expect, it } from 'vitest';
import { SELF_TEST } from '../model/self-test.ts';
import { MINUTE, START, subscription, world } from './fixture.ts';

// The system's test of itself goes to the channels that it is for and to nobody else.

const quiet = { from: '00:00', to: '23:59', timeZone: 'UTC' };
const selfTest = { subscriptions: [subscription('system-test:ops', { areas: [], quiet })], withinMs: MINUTE };
const test = (alert: string, issuedAt: number) =>
  ({ alert, level: 'yellow', hazard: SELF_TEST, issuedAt }) as const;

it('is told through silence and quiet hours, to no subscription, and its end to nobody', async () => {
  const own = await world([subscription('everybody')], { selfTest });
  await own.silence('s', START + 60 * MINUTE, { hazard: [SELF_TEST], level: 'red' });
  await own.add(test('t1', START));
  await own.pass(1000);
  await own.add({ ...test('t1', START + MINUTE), revision: 2, event: 'ended', endReason: 'expired' });
  await own.pass(1000);
  expect(await own.states()).toEqual({ 't1.1.system-test:ops': 'delivered' });
  expect(own.told()).toHaveLength(1);
});

it('leaves no dead letter: a refusal, and what was not taken in time, is dropped with its reason', async () => {
  const own = await world([subscription('everybody')], { selfTest });
  own.trouble.answer = async () => ({ kind: 'rejected', reason: 'HTTP 404' });
  await own.add(test('t1', START));
  await own.pass(1000);
  expect(await own.ledger.deliveries({ limit: 9 })).toMatchObject([
    { key: 't1.1.system-test:ops', state: 'dropped', attempts: 1, lastError: 'HTTP 404' },
  ]);
  let tries = 0;
  own.trouble.answer = async () => {
    tries++;
    return { kind: 'retry-later', reason: 'HTTP 503' };
  };
  await own.add(test('t2', own.clock.now()));
  await own.pass(20 * MINUTE);
  const before = tries;
  expect(before).toBeGreaterThan(2);
  own.trouble.answer = async () => ({ kind: 'delivered' });
  await own.pass(60 * MINUTE);
  expect(tries).toBe(before);
  expect((await own.ledger.deliveries({ alert: 't2', limit: 9 }))[0]).toMatchObject({
    ...{ state: 'dropped', lastError: 'HTTP 503' },
  });
  expect((await own.ledger.openCounts()).dead).toBe(0);
});

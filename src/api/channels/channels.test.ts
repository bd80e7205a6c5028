import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Delivery } from '../../store/ledger/delivery.ts';
import { raise, sampleAt, sampleSubscription } from '../../store/ledger/sample.ts';
import type { Subscription } from '../../store/ledger/subscription.ts';
import { openAccessFixture } from '../access/fixture.ts';
import { type Fixture, openFixture } from '../fixture.ts';
import { buildServer } from '../server.ts';
import type { DeliveryDesk } from './desk.ts';

const desk: DeliveryDesk = {
  channels: async () => [],
  test: async (_channel, id) => ({ outcome: 'delivered', key: `test.${id}`, tookMs: 1 }),
  audience: async () => [],
};
let fixture: Fixture;
let app: Awaited<ReturnType<typeof buildServer>>['app'];

beforeEach(async () => {
  fixture = await openFixture({ desk, channels: () => ['ops'] });
  app = (await buildServer(fixture.deps)).app;
});
afterEach(async () => {
  await app.close();
  await fixture.remove();
});

const call = async (method: 'GET' | 'POST', path: string, payload?: object) => {
  const answer = await app.inject({ method, url: `/api/v1${path}`, ...(payload ? { payload } : {}) });
  return { status: answer.statusCode, body: answer.json() };
};

/** Every delivery of what was committed is dead. */
async function bury(subscriptions: readonly Subscription[]): Promise<void> {
  const { ledger } = fixture;
  await ledger.putSubscriptions('config', subscriptions);
  const rows = await ledger.outbox(100);
  const deliveries = subscriptions.map((subscription) => ({ subscription, destination: 'ops' }));
  await ledger.expand(
    rows.map(({ revision: { seq } }) => ({ seq, deliveries })),
    sampleAt,
  );
  const dead = async (): Promise<readonly Delivery[]> => ledger.deliveries({ state: 'waiting', limit: 100 });
  await ledger.settle(
    (await dead()).map(({ key, subscription: { address = '' } }) => ({
      ...{ key, state: 'dead' as const, at: sampleAt, error: `550 ${address} unknown` },
    })),
  );
}
const own = { ...sampleSubscription('s1'), address: 'ana@example.com' };

test('deliveries are listed page by page, without addresses', async () => {
  await fixture.commit(raise('a1'), raise('a2'), raise('a3'));
  await bury([own, sampleSubscription('s2')]);
  const keys: string[] = [];
  for (let cursor = ''; ; ) {
    const { status, body } = await call('GET', `/deliveries?limit=4${cursor}`);
    expect(status).toBe(200);
    expect(JSON.stringify(body)).not.toContain('ana@');
    keys.push(...body.items.map((one: Delivery) => one.key));
    if (body.next === null) break;
    cursor = `&cursor=${body.next}`;
  }
  expect(keys).toEqual(['a3.1.s1', 'a3.1.s2', 'a2.1.s1', 'a2.1.s2', 'a1.1.s1', 'a1.1.s2']);
  const some = await call('GET', '/deliveries?subscription=s2&alert=a2&channel=ops');
  expect(some.body.items).toMatchObject([{ key: 'a2.1.s2', alert: 'a2', lastError: '550  unknown' }]);
  expect(await call('GET', '/deliveries?state=waiting')).toMatchObject({ body: { items: [] } });
  expect((await call('GET', '/deliveries?cursor=x')).status).toBe(400);
  expect((await call('GET', '/deliveries?state=lost')).status).toBe(400);
});

test('what does not stand any more, or has nobody to hear it, is not sent again', async () => {
  await fixture.commit(raise('a1'), raise('a2'), raise('a1', { revision: 2, event: 'ended' }));
  await bury([own, sampleSubscription('gone')]);
  await fixture.ledger.putSubscriptions('config', [own]);
  const one = await call('POST', '/deliveries/a1.1.s1/replay', {});
  expect(one).toMatchObject({ status: 409, body: { detail: expect.stringContaining('newer revision') } });
  expect(await call('POST', '/deliveries/a2.1.gone/replay', {})).toMatchObject({ status: 409 });
  expect(await call('POST', '/deliveries/a9.1.s1/replay', {})).toMatchObject({ status: 404 });
  const { body } = await call('POST', '/channels/ops/replay', {});
  // The end of an alert is its newest revision: who heard of it hears that it is over.
  expect(body.replayed.toSorted()).toEqual(['a1.2.s1', 'a2.1.s1']);
  expect(body.skipped).toContainEqual({ key: 'a1.1.s1', reason: 'the alert has a newer revision' });
  expect(body.skipped).toContainEqual({ key: 'a2.1.gone', reason: 'the subscription is gone' });
  expect((await call('POST', '/channels/ops/replay', {})).body.replayed).toEqual([]);
  expect((await call('POST', '/channels/ops/replay', { past: true })).body.replayed).toEqual(['a1.1.s1']);
  expect((await call('POST', '/channels/none/replay', {})).status).toBe(404);
});

test('a draft that nobody approved takes back nothing that is out', async () => {
  const draft = { waits: true, authors: ['ana'] };
  await fixture.commit(raise('a1'), raise('a1', { revision: 2, event: 'updated' }, { draft }));
  await bury([own]);
  expect(await call('POST', '/deliveries/a1.1.s1/replay', {})).toMatchObject({ status: 200 });
});

test('an operator of some areas tests and replays there alone', async () => {
  const access = await openAccessFixture();
  const { ledger, stations } = access.fixture;
  const server = (await buildServer({ ...access.deps, desk })).app;
  await access.add('root', 'admin');
  await access.add('local', 'operator', [`region:${stations[0]?.region}`]);
  const token = await access.token('local');
  const mine = { ...sampleSubscription('mine'), areas: ['A801'], address: '+5551999998888' };
  const others = { ...sampleSubscription('others'), areas: ['4106902'], address: '+5541999998888' };
  await ledger.putSubscriptions('config', [mine, others]);
  const status = async (path: string, payload: object): Promise<number> => {
    const headers = { authorization: `Bearer ${token}` };
    const answer = await server.inject({ method: 'POST', url: `/api/v1${path}`, headers, payload });
    return answer.statusCode;
  };
  expect(await status('/channels/ops/test', { subscription: 'mine' })).toBe(200);
  expect(await status('/channels/ops/test', { address: '+5551999998888' })).toBe(200);
  expect(await status('/channels/ops/test', { subscription: 'others' })).toBe(403);
  expect(await status('/channels/ops/test', { address: 'https://siren.example/all' })).toBe(403);
  expect(await status('/channels/ops/test', {})).toBe(403);
  expect(await status('/channels/ops/replay', {})).toBe(403);
  await access.fixture.commit(raise('a1'), raise('a2', { subject: { kind: 'station', id: 'X1' } }));
  expect(await status('/deliveries/a1.1.mine/replay', {})).toBe(404);
  expect(await status('/deliveries/a2.1.mine/replay', {})).toBe(403);
  await server.close();
  await access.fixture.remove();
});

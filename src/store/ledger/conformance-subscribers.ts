import { describe, expect, it } from 'vitest';
import type { Ledger } from './ledger.ts';
import { sampleAt as at, commitAll, raise, sampleSubscription } from './sample.ts';
import { type SubscriberRequest, selfId } from './subscribers.ts';

const request = (hash: string, more: Partial<SubscriberRequest> = {}): SubscriberRequest => ({
  ...{ hash, kind: 'confirm', channel: 'mail', address: 'ana@example.org', language: 'en' },
  ...{ wanted: { level: 'orange', areas: ['4314902'] }, createdAt: at, endsAt: at + 1000 },
  ...more,
});
const many = { all: 10, perAddress: 5 };
const given = (name: string, now = at) => ({ id: selfId(name), version: '1', purpose: 'alerts', now });
const ana = { address: 'ana@example.org', channels: ['mail', 'sms'], office: false };
const subscribe = async (ledger: Ledger, name: string, more: Partial<SubscriberRequest> = {}) => {
  await ledger.keepRequest(request(name, more), many);
  const made = await ledger.confirm(name, given(name), 10);
  if (made === undefined || made === 'full') throw new Error(`not made: ${made}`);
  return made;
};

/** What every ledger engine must keep of people who subscribe themselves; part of `conformance.ts`. */
export function subscriberConformance(
  fresh: () => Promise<{ ledger: Ledger; open: () => Promise<Ledger> }>,
): void {
  describe('subscribers', () => {
    it('keeps requests within their bounds until they are over', async () => {
      const { ledger, open } = await fresh();
      const two = { all: 3, perAddress: 2 };
      expect(await ledger.keepRequest(request('a'), two)).toBe('kept');
      expect(await ledger.keepRequest(request('b'), two)).toBe('kept');
      expect(await ledger.keepRequest(request('c'), two)).toBe('enough');
      expect(await ledger.keepRequest(request('d', { kind: 'manage' }), two)).toBe('kept');
      expect(await ledger.keepRequest(request('e', { address: 'rui@example.org' }), two)).toBe('full');
      const again = await open();
      expect(await again.request('a', 'confirm', at)).toEqual(request('a'));
      expect(await again.request('a', 'manage', at)).toBeUndefined();
      expect(await again.request('a', 'confirm', at + 1000)).toBeUndefined();
      expect(await again.confirm('a', given('x', at + 1000), 10)).toBeUndefined();
      expect(await again.keepRequest(request('e', { createdAt: at + 1000, endsAt: at + 2000 }), two)).toBe(
        'kept',
      );
      expect(await again.pruneSubscribers(at + 2000, at)).toBe(1);
    });

    it('makes a subscription once, replaces it under its id, and keeps every consent', async () => {
      const { ledger, open } = await fresh();
      const made = await subscribe(ledger, 'a');
      expect(made).toEqual({
        ...{ id: 'self-a', name: 'public', channel: 'mail', level: 'orange', areas: ['4314902'] },
        address: 'ana@example.org',
      });
      expect(await ledger.confirm('a', given('a'), 10)).toBeUndefined();
      await ledger.keepRequest(request('b', { wanted: { level: 'red', areas: 'all' } }), many);
      expect(await ledger.confirm('b', given('b', at + 9), 1)).toMatchObject({ id: 'self-a', level: 'red' });
      await ledger.keepRequest(request('c', { address: 'rui@example.org' }), many);
      expect(await ledger.confirm('c', given('c'), 1)).toBe('full');
      const again = await open();
      expect((await again.subscriptions()).map(({ id, level }) => [id, level])).toEqual([['self-a', 'red']]);
      const { consents } = await again.personal(ana);
      expect(consents.map(({ givenAt, endedAt }) => [givenAt, endedAt])).toEqual([
        [at, at + 9],
        [at + 9, null],
      ]);
      // What operators keep is replaced by them, and this stays.
      await again.putSubscriptions('api', [sampleSubscription('api-1')]);
      await again.putSubscriptions('config', []);
      expect((await again.subscriptions()).map(({ id }) => id)).toEqual(['api-1', 'self-a']);
    });

    it('ends a subscription with what waits for it, and writes nothing for it afterwards', async () => {
      const { ledger } = await fresh();
      const made = await subscribe(ledger, 'a');
      const other = { ...sampleSubscription('api-1'), channel: 'mail', address: 'ana@example.org' };
      await ledger.putSubscriptions('api', [other]);
      await commitAll(ledger, [raise('a1'), raise('a2'), raise('a3')]);
      const to = 'mail ana@example.org';
      const both = [
        { subscription: made, destination: to },
        { subscription: other, destination: to },
      ];
      const rows = await ledger.outbox(9);
      const seqs = rows.map(({ revision }) => revision.seq);
      await ledger.expand([{ seq: seqs[0] as number, deliveries: both }], at);
      const held = { cause: 'silence', reason: 'silence s1', until: at + 50 } as const;
      const withheld = both.map((one) => ({ ...one, withheld: held }));
      await ledger.expand([{ seq: seqs[1] as number, deliveries: withheld }], at);
      expect([
        await ledger.endSubscriber('self-a', at + 1),
        await ledger.endSubscriber('self-a', at),
      ]).toEqual([true, false]);
      await ledger.expand([{ seq: seqs[2] as number, deliveries: both }], at);
      const told = await ledger.deliveries({ limit: 9 });
      const states = told.map(({ alert, subscription, state }) => `${alert} ${subscription.id} ${state}`);
      expect(states.toSorted()).toEqual([
        ...['a1 api-1 waiting', 'a1 self-a dropped'],
        ...['a2 api-1 dropped', 'a2 self-a dropped'],
        'a3 api-1 waiting',
      ]);
      expect(told.filter((one) => one.withheld).map(({ subscription }) => subscription.id)).toEqual([
        'api-1',
      ]);
      const claim = { channel: 'mail', notTo: [], now: at + 99, leaseUntil: at + 999, limit: 9 };
      const claimed = await ledger.claim({ ...claim, claimer: 'me' });
      expect(claimed.map(({ subscription }) => subscription.id)).toEqual(['api-1', 'api-1']);
      expect((await ledger.personal(ana)).consents[0]?.endedAt).toBe(at + 1);
      expect(await ledger.endSubscriber('api-1', at)).toBe(false);
    });

    it('brings no delivery back whose attempt fails after its person left', async () => {
      const { ledger } = await fresh();
      const subscription = await subscribe(ledger, 'a');
      await commitAll(ledger, [raise('a1')]);
      const [row] = await ledger.outbox(9);
      const seq = row?.revision.seq as number;
      await ledger.expand([{ seq, deliveries: [{ subscription, destination: 'mail ana@example.org' }] }], at);
      const claim = { channel: 'mail', notTo: [], now: at, leaseUntil: at + 9, limit: 9, claimer: 'me' };
      const [claimed] = await ledger.claim(claim);
      await ledger.endSubscriber('self-a', at);
      const key = claimed?.key as string;
      await ledger.settle([{ key, state: 'waiting', at, nextAttemptAt: at, error: 'busy' }]);
      expect(await ledger.claim({ ...claim, now: at + 99 })).toEqual([]);
    });

    it('tells everything of an address and erases it, deliveries but for their counts', async () => {
      const { ledger, open } = await fresh();
      const subscription = await subscribe(ledger, 'a');
      const rui = await subscribe(ledger, 'r', { address: 'rui@example.org' });
      const office = { ...sampleSubscription('api-1'), channel: 'mail', address: 'Ana@Example.org' };
      await ledger.putSubscriptions('api', [office]);
      await ledger.keepRequest(request('b', { kind: 'manage' }), many);
      await commitAll(ledger, [raise('a1')]);
      const [row] = await ledger.outbox(9);
      const deliveries = [subscription, rui, office].map((one) => ({
        subscription: one,
        destination: `mail ${one.address}`,
      }));
      await ledger.expand([{ seq: row?.revision.seq as number, deliveries }], at);
      const key = 'a1.1.self-a';
      await ledger.settle([{ key, state: 'dead', at, error: '550 <ANA@example.org> unknown' }]);
      const before = await ledger.personal(ana);
      expect(before.subscriptions.map(({ id, origin }) => [id, origin])).toEqual([
        ['api-1', 'api'],
        ['self-a', 'self'],
      ]);
      expect(before.requests).toEqual([expect.objectContaining({ kind: 'manage' })]);
      expect(before.requests[0]).not.toHaveProperty('hash');
      expect(before.deliveries.map((one) => one.key)).toEqual(['a1.1.api-1', key]);

      expect(await ledger.erase(ana, at + 5)).toEqual({
        ...{ subscriptions: 1, consents: 1, requests: 1, deliveries: 1, left: 1 },
      });
      const again = await open();
      const after = await again.personal(ana);
      expect(after.deliveries.map((one) => one.key)).toEqual(['a1.1.api-1']);
      expect([after.consents, after.requests]).toEqual([[], []]);
      expect(await again.erase({ ...ana, office: true }, at + 6)).toMatchObject({
        ...{ subscriptions: 1, deliveries: 1, left: 0 },
      });
      const kept = JSON.stringify([await again.deliveries({ limit: 9 }), await again.subscriptions()]);
      expect(kept.toLowerCase()).not.toContain('ana@');
      expect(kept).toContain('rui@example.org');
      expect(await again.deliveries({ limit: 9 })).toHaveLength(3);
      // The proof of the consent stays without the person until its time is over.
      expect(await again.pruneSubscribers(at, at + 5)).toBe(0);
      expect(await again.pruneSubscribers(at, at + 6)).toBe(1);
    });
  });
}

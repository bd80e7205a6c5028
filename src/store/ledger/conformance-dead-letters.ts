import { describe, expect, it } from 'vitest';
import type { ClaimedDelivery, Ledger } from './ledger.ts';
import { sampleAt as at, commitAll, raise, sampleSubscription } from './sample.ts';

/** What every ledger engine must do with lists of deliveries, channels and dead letters; part of `conformance.ts`. */
export function deadLetterConformance(
  fresh: () => Promise<{ ledger: Ledger; open: () => Promise<Ledger> }>,
): void {
  describe('channels and dead letters', () => {
    const claim = (ledger: Ledger, now = at): Promise<readonly ClaimedDelivery[]> =>
      ledger.claim({
        channel: 'ops',
        notTo: [],
        now,
        leaseUntil: now + 1000,
        limit: 100,
        claimer: 'one',
      });
    /** Alerts a1, a2, a3, each for s1 and s2 of channel ops. */
    const three = async (bunch?: string): Promise<Ledger> => {
      const { ledger } = await fresh();
      await commitAll(ledger, [raise('a1'), raise('a2'), raise('a3')]);
      const rows = await ledger.outbox(10);
      await ledger.expand(
        rows.map(({ revision: { seq } }) => ({
          seq,
          deliveries: ['s1', 's2'].map((id) => ({
            subscription: sampleSubscription(id),
            destination: 'ops',
            ...(bunch === undefined ? {} : { bunch }),
          })),
        })),
        at,
      );
      return ledger;
    };
    const keysOf = (rows: readonly { readonly key: string }[]): string[] => rows.map(({ key }) => key);

    it('lists by state, channel and subscription, page by page', async () => {
      const ledger = await three();
      await claim(ledger);
      await ledger.settle([
        { key: 'a1.1.s1', state: 'dead', at, error: 'HTTP 410' },
        { key: 'a3.1.s2', state: 'dead', at, error: 'HTTP 410' },
        { key: 'a2.1.s1', state: 'delivered', at },
      ]);
      expect(keysOf(await ledger.deliveries({ state: 'dead', limit: 10 }))).toEqual(['a3.1.s2', 'a1.1.s1']);
      expect(keysOf(await ledger.deliveries({ state: 'dead', subscription: 's1', limit: 10 }))).toEqual([
        'a1.1.s1',
      ]);
      expect(await ledger.deliveries({ channel: 'other', limit: 10 })).toEqual([]);
      const all: string[] = [];
      for (;;) {
        const last = all.at(-1);
        const [before] = (await ledger.deliveries({ limit: 100 })).filter(({ key }) => key === last);
        const page = await ledger.deliveries({
          channel: 'ops',
          limit: 2,
          ...(before ? { after: before } : {}),
        });
        if (page.length === 0) break;
        all.push(...keysOf(page));
      }
      expect(all).toEqual(['a3.1.s1', 'a3.1.s2', 'a2.1.s1', 'a2.1.s2', 'a1.1.s1', 'a1.1.s2']);
    });

    it('tells how a channel fares since an instant', async () => {
      const ledger = await three();
      expect(await ledger.channelRecord('ops', at)).toEqual({ waiting: 6, delivered: 0, dead: 0 });
      await claim(ledger);
      await ledger.settle([
        { key: 'a1.1.s1', state: 'delivered', at: at - 1 },
        { key: 'a2.1.s1', state: 'delivered', at: at + 5 },
        { key: 'a1.1.s2', state: 'dead', at: at - 1, error: 'HTTP 400' },
        { key: 'a2.1.s2', state: 'dead', at: at + 7, error: 'HTTP 410' },
      ]);
      expect(await ledger.channelRecord('ops', at)).toEqual({
        waiting: 2,
        delivered: 1,
        dead: 1,
        lastDeliveredAt: at + 5,
        lastDead: { at: at + 7, error: 'HTTP 410' },
      });
      expect(await ledger.channelRecord('other', at)).toEqual({ waiting: 0, delivered: 0, dead: 0 });
    });

    it('sends dead letters again under the same keys, once, and nothing else', async () => {
      const ledger = await three();
      await claim(ledger);
      await ledger.settle([
        { key: 'a1.1.s1', state: 'dead', at, error: 'HTTP 410' },
        { key: 'a2.1.s1', state: 'delivered', at },
      ]);
      const keys = ['a1.1.s1', 'a2.1.s1', 'a3.1.s1', 'unknown'];
      expect(await ledger.replay(keys, at + 10)).toEqual(['a1.1.s1']);
      expect(await ledger.replay(keys, at + 10)).toEqual([]);
      expect(await claim(ledger, at + 9)).toEqual([]);
      const [again, ...others] = await claim(ledger, at + 10);
      // It was tried before: whoever sends it leaves the message as it was.
      expect(again).toMatchObject({ key: 'a1.1.s1', attempts: 2, state: 'sending' });
      expect(others).toEqual([]);
      await ledger.settle([{ key: 'a1.1.s1', state: 'delivered', at: at + 11 }]);
      expect(await ledger.replay(['a1.1.s1'], at + 12)).toEqual([]);
    });

    it('sends a message of several alerts again as a whole', async () => {
      const ledger = await three('rain');
      await claim(ledger);
      await ledger.gather('a1.1.s1', ['a2.1.s1', 'a3.1.s1'], 10, at);
      await ledger.settle([{ key: 'a1.1.s1', state: 'dead', at, error: 'HTTP 410' }]);
      expect([...(await ledger.replay(['a3.1.s1'], at + 10))].sort()).toEqual([
        'a1.1.s1',
        'a2.1.s1',
        'a3.1.s1',
      ]);
      expect(keysOf(await claim(ledger, at + 10))).toEqual(['a1.1.s1']);
      // Given back untried, as under a rate: still one message.
      await ledger.settle([{ key: 'a1.1.s1', state: 'waiting', at: at + 11 }]);
      expect(keysOf(await claim(ledger, at + 11))).toEqual(['a1.1.s1']);
      expect(await ledger.companions('a1.1.s1')).toHaveLength(3);
    });
  });
}

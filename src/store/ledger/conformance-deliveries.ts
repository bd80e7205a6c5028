import { describe, expect, it } from 'vitest';
import type { ClaimedDelivery, ClaimRequest, Expansion, Ledger } from './ledger.ts';
import { sampleAt as at, commitAll, raise, sampleSubscription } from './sample.ts';

const expansion = (seq: number, ids: readonly string[], channel = 'ops'): Expansion => ({
  seq,
  deliveries: ids.map((id) => ({
    subscription: { ...sampleSubscription(id), channel },
    destination: `${channel} ${id}`,
  })),
});

/** What every ledger engine must do with outbox rows and deliveries; part of `conformance.ts`. */
export function deliveryConformance(
  fresh: () => Promise<{ ledger: Ledger; open: () => Promise<Ledger> }>,
): void {
  describe('outbox and deliveries', () => {
    const expandAll = async (ledger: Ledger, ids: readonly string[]) => {
      const rows = await ledger.outbox(100);
      await ledger.expand(
        rows.map(({ revision }) => expansion(revision.seq, ids)),
        at,
      );
    };
    const claim = (
      ledger: Ledger,
      now: number,
      leaseUntil: number,
      limit: number,
      more: Partial<ClaimRequest> = {},
    ): Promise<readonly ClaimedDelivery[]> =>
      ledger.claim({ channel: 'ops', notTo: [], now, leaseUntil, limit, claimer: 'one', ...more });

    it('expands a row once; a repeat adds nothing', async () => {
      const { ledger } = await fresh();
      await commitAll(ledger, [raise('a1')]);
      expect(await ledger.oldestOutboxAt()).toEqual(expect.any(Number));
      const [row] = await ledger.outbox(10);
      const seq = row?.revision.seq ?? -1;
      await ledger.expand([expansion(seq, ['s1', 's2'])], at);
      await ledger.expand([expansion(seq, ['s1', 's3'])], at);
      const all = await ledger.deliveries({ limit: 10 });
      expect(all.map((entry) => entry.key)).toEqual(['a1.1.s1', 'a1.1.s2']);
      expect(all[0]).toMatchObject({
        state: 'waiting',
        attempts: 0,
        subscription: { id: 's1', name: 's1', channel: 'ops' },
      });
      expect([await ledger.deliveryCount('a1'), await ledger.deliveryCount('a2')]).toEqual([2, 0]);
      expect(await ledger.outbox(10)).toEqual([]);
      expect(await ledger.oldestOutboxAt()).toBeNull();
    });

    it('keeps of a subscription what sending needs, without its places', async () => {
      const { ledger } = await fresh();
      await commitAll(ledger, [raise('a1')]);
      const [row] = await ledger.outbox(1);
      const own = {
        id: 's',
        name: 'Ana',
        channel: 'ops',
        address: '+5551',
        languages: ['en'],
        perMinute: 6,
      } as const;
      const places = [{ latitude: -30, longitude: -51, km: 20 }];
      const subscription = { ...sampleSubscription('s'), ...own, places, hazards: ['rain'] };
      await ledger.expand(
        [{ seq: row?.revision.seq ?? 0, deliveries: [{ subscription, destination: 'ops' }] }],
        at,
      );
      expect((await ledger.deliveries({ limit: 1 }))[0]?.subscription).toEqual(own);
      expect((await claim(ledger, at, at + 1000, 1))[0]?.subscription).toEqual(own);
    });

    it('survives a crash between commit and expansion, and between claim and settling', async () => {
      const { ledger, open } = await fresh();
      await commitAll(ledger, [raise('a1')]);
      await ledger.close();
      const second = await open();
      await expandAll(second, ['s1']);
      expect(await claim(second, at, at + 1000, 10)).toHaveLength(1);
      await second.close();
      const third = await open();
      expect(await claim(third, at + 999, at + 5000, 10)).toEqual([]);
      expect(await claim(third, at + 1000, at + 5000, 10)).toMatchObject([{ key: 'a1.1.s1', attempts: 2 }]);
    });

    it('claims the reds first, then the oldest', async () => {
      const { ledger } = await fresh();
      await commitAll(ledger, [
        raise('y1', { level: 'yellow' }),
        raise('o1', { level: 'orange' }),
        raise('r1'),
        raise('y2', { level: 'yellow' }),
        raise('r2'),
      ]);
      await expandAll(ledger, ['s']);
      const first = await claim(ledger, at, at + 60_000, 3);
      expect(first.map((entry) => entry.alert)).toEqual(['r1', 'r2', 'o1']);
      const rest = await claim(ledger, at, at + 60_000, 3);
      expect(rest.map((entry) => entry.alert)).toEqual(['y1', 'y2']);
      expect(await claim(ledger, at, at + 60_000, 3)).toEqual([]);
    });

    it('gives one delivery to one of two claimers', async () => {
      const { ledger, open } = await fresh();
      await commitAll(
        ledger,
        Array.from({ length: 20 }, (_, index) => raise(`a${index}`)),
      );
      await expandAll(ledger, ['s']);
      const other = await open();
      const claimed = (
        await Promise.all([ledger, other, ledger, other].map((owner) => claim(owner, at, at + 60_000, 7)))
      ).flat();
      expect(claimed).toHaveLength(20);
      expect(new Set(claimed.map((entry) => entry.key)).size).toBe(20);
    });

    it('leaves a revision until those before it have reached the same subscription', async () => {
      const { ledger } = await fresh();
      await commitAll(ledger, [
        raise('a1', { level: 'yellow' }),
        raise('a1', { revision: 2, event: 'escalated' }),
        raise('b1', { revision: 2, event: 'escalated', level: 'yellow' }),
      ]);
      await expandAll(ledger, ['s1', 's2']);
      const keys = async (now: number): Promise<string[]> =>
        (await claim(ledger, now, at + 60_000, 10)).map(({ key }) => key);
      expect(await keys(at)).toEqual(['a1.1.s1', 'a1.1.s2', 'b1.2.s1', 'b1.2.s2']);
      await ledger.settle([
        { key: 'a1.1.s1', state: 'delivered', at },
        { key: 'a1.1.s2', state: 'waiting', at, nextAttemptAt: at + 900, error: 'HTTP 503' },
      ]);
      expect(await keys(at)).toEqual(['a1.2.s1']);
      await ledger.settle([{ key: 'a1.1.s2', state: 'dead', at, error: 'HTTP 410' }]);
      expect(await keys(at)).toEqual(['a1.2.s2']);
    });

    it('claims by channel, without the destinations named, and with the revision', async () => {
      const { ledger } = await fresh();
      await commitAll(ledger, [raise('a1'), raise('a2')]);
      const [first, second] = await ledger.outbox(2);
      await ledger.expand(
        [
          expansion(first?.revision.seq ?? 0, ['s1', 's2']),
          expansion(second?.revision.seq ?? 0, ['s3'], 'gone'),
        ],
        at,
      );
      const open = await claim(ledger, at, at + 1000, 10, { notTo: ['ops s2'] });
      expect(open.map(({ key }) => key)).toEqual(['a1.1.s1']);
      expect(open[0]).toMatchObject({ destination: 'ops s1', stored: { seq: first?.revision.seq } });
      const others = await claim(ledger, at, at + 1000, 10, { channel: { except: ['ops'] } });
      expect(others.map(({ key }) => key)).toEqual(['a2.1.s3']);
      expect(await ledger.told('a1', 2)).toEqual(new Set(['s1', 's2']));
      expect(await ledger.told('a1', 1)).toEqual(new Set());
    });

    it('gives back at once what a crash of its claimer left under way', async () => {
      const { ledger, open } = await fresh();
      await commitAll(ledger, [raise('a1'), raise('a2')]);
      await expandAll(ledger, ['s']);
      await claim(ledger, at, at + 60_000, 1);
      await claim(ledger, at, at + 60_000, 1, { claimer: 'two' });
      await ledger.close();
      const again = await open();
      expect(await again.reclaim('one', at + 5)).toBe(1);
      expect(await claim(again, at + 5, at + 60_000, 10)).toMatchObject([{ key: 'a1.1.s', attempts: 2 }]);
    });

    it('settles what is given up without anybody to look after it: no dead letter', async () => {
      const { ledger } = await fresh();
      await commitAll(ledger, [raise('a1')]);
      await expandAll(ledger, ['s1']);
      await claim(ledger, at, at + 1000, 10);
      await ledger.settle([{ key: 'a1.1.s1', state: 'dropped', at, error: 'HTTP 404' }]);
      expect(await ledger.deliveries({ limit: 10 })).toMatchObject([
        { key: 'a1.1.s1', state: 'dropped', attempts: 1, lastError: 'HTTP 404' },
      ]);
      expect(await claim(ledger, at + 5000, at + 9000, 10)).toEqual([]);
      expect((await ledger.openCounts()).dead).toBe(0);
    });

    it('settles: waits for the next attempt, delivers once, keeps the dead', async () => {
      const { ledger } = await fresh();
      await commitAll(ledger, [raise('a1')]);
      await expandAll(ledger, ['s1', 's2']);
      await claim(ledger, at, at + 1000, 10);
      await ledger.settle([
        { key: 'a1.1.s1', state: 'waiting', at, nextAttemptAt: at + 500, error: 'HTTP 503' },
      ]);
      await ledger.settle([{ key: 'a1.1.s2', state: 'dead', at, error: 'HTTP 410' }]);
      expect(await claim(ledger, at + 499, at + 2000, 10)).toEqual([]);
      expect(await claim(ledger, at + 500, at + 2000, 10)).toMatchObject([
        { key: 'a1.1.s1', attempts: 2, lastError: 'HTTP 503' },
      ]);
      await ledger.settle([{ key: 'a1.1.s1', state: 'delivered', at: at + 600 }]);
      await ledger.settle([{ key: 'a1.1.s1', state: 'waiting', at: at + 700, nextAttemptAt: at + 700 }]);
      const [delivered] = await ledger.deliveries({ state: 'delivered', limit: 10 });
      expect(delivered).toMatchObject({ key: 'a1.1.s1', deliveredAt: at + 600 });
      expect(delivered).not.toHaveProperty('lastError');
      expect(await ledger.deliveries({ alert: 'a1', state: 'dead', limit: 10 })).toMatchObject([
        { key: 'a1.1.s2', lastError: 'HTTP 410' },
      ]);
      expect(await claim(ledger, at + 99_000, at + 99_999, 10)).toEqual([]);
    });
  });
}

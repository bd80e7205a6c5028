import { describe, expect, it } from 'vitest';
import type { Silence } from '../../model/silence.ts';
import type { ClaimRequest, Expansion, Ledger } from './ledger.ts';
import { sampleAt as at, commitAll, raise, sampleSubscription } from './sample.ts';

const LEASE = at + 500_000;
const free = { held: false, onlyRed: false, paused: [] };

const silence = (id: string, until: number): Silence => ({
  id,
  matchers: { station: ['A801'], level: 'orange' },
  author: 'ana',
  reason: 'gauge under repair',
  from: at,
  until,
  createdAt: at,
});

/** What every ledger engine must do with silences and deliveries held back or grouped; part of `conformance.ts`. */
export function withholdingConformance(
  fresh: () => Promise<{ ledger: Ledger; open: () => Promise<Ledger> }>,
): void {
  const claim = async (ledger: Ledger, more: Partial<ClaimRequest> = {}): Promise<string[]> => {
    const request = { channel: 'ops', notTo: [], now: at, leaseUntil: at + 60_000, limit: 100 };
    return (await ledger.claim({ ...request, claimer: 'one', ...more })).map(({ key }) => key);
  };
  type Row = Omit<Expansion['deliveries'][number], 'subscription' | 'destination'>;
  const expandAll = async (ledger: Ledger, row: (alert: string) => Row): Promise<void> => {
    const rows = await ledger.outbox(100);
    const subscription = sampleSubscription('s');
    await ledger.expand(
      rows.map(({ revision }) => ({
        seq: revision.seq,
        deliveries: [{ subscription, destination: 'ops', ...row(revision.revision.event.alert) }],
      })),
      at,
    );
  };
  const held = (until: number): Row => ({ withheld: { cause: 'silence', reason: 'silenced by ana', until } });
  const take = async (ledger: Ledger, now: number, limit = 10): Promise<string[]> =>
    (await ledger.takeWithheld(now, limit, LEASE)).map(({ key }) => key);
  const stateOf = async (ledger: Ledger): Promise<Record<string, string>> =>
    Object.fromEntries((await ledger.deliveries({ limit: 100 })).map(({ key, state }) => [key, state]));

  describe('silences and deliveries held back', () => {
    it('keeps silences until they are over, and replaces them whole', async () => {
      const { ledger, open } = await fresh();
      await ledger.putSilence(silence('b', at + 2000), at);
      await ledger.putSilence(silence('a', at + 1000), at);
      await ledger.putSilence({ ...silence('b', at + 500), author: 'rui' }, at);
      await ledger.close();
      const again = await open();
      expect((await again.silences(at)).map(({ id }) => id)).toEqual(['b', 'a']);
      expect((await again.silences(at + 500)).map(({ id }) => id)).toEqual(['a']);
      expect(await again.silence('b')).toEqual({ ...silence('b', at + 500), author: 'rui' });
      expect(await again.silence('c')).toBeUndefined();
    });

    it('writes what is held back as dropped with its reason: untold, unclaimed, and sent once when asked', async () => {
      const { ledger } = await fresh();
      await commitAll(ledger, [raise('a1'), raise('a2'), raise('a3')]);
      await expandAll(ledger, () => held(at + 5000));
      expect(await ledger.deliveries({ alert: 'a1', limit: 5 })).toMatchObject([
        { state: 'dropped', withheld: 'silence', lastError: 'silenced by ana' },
      ]);
      expect(await ledger.told('a1', 9)).toEqual(new Set());
      expect(await claim(ledger, { now: at + 9000 })).toEqual([]);
      expect(await take(ledger, at + 4999)).toEqual([]);
      expect(await take(ledger, at + 5000, 2)).toEqual(['a1.1.s', 'a2.1.s']);
      expect(await take(ledger, at + 5000)).toEqual(['a3.1.s']);
      const on = { cause: 'quiet-hours', reason: 'quiet until 06:00', until: at + 9000 } as const;
      const verdicts = [
        { key: 'a1.1.s', verdict: 'send' },
        { key: 'a2.1.s', verdict: 'forget' },
        { key: 'a3.1.s', verdict: on },
      ] as const;
      await ledger.review(verdicts, LEASE, at + 5000);
      expect(await claim(ledger, { now: at + 5000 })).toEqual(['a1.1.s']);
      await ledger.settle([{ key: 'a1.1.s', state: 'delivered', at: at + 5000 }]);
      await ledger.review([{ key: 'a1.1.s', verdict: 'send' }], LEASE, at + 6000);
      expect(await stateOf(ledger)).toEqual({
        'a1.1.s': 'delivered',
        'a2.1.s': 'dropped',
        'a3.1.s': 'dropped',
      });
      expect(await take(ledger, at + 8999)).toEqual([]);
      expect(await ledger.takeWithheld(at + 9000, 10, LEASE)).toMatchObject([
        { key: 'a3.1.s', withheld: 'quiet-hours', lastError: 'quiet until 06:00', isStanding: true },
      ]);
    });

    it('looks again at what is held back as soon as a silence changes, and knows what still stands', async () => {
      const { ledger } = await fresh();
      await commitAll(ledger, [raise('a1'), raise('a2')]);
      await expandAll(ledger, () => held(at + 99_000));
      await commitAll(ledger, [raise('a2', { revision: 2, event: 'ended', endReason: 'cleared' })]);
      await ledger.putSilence(silence('a', at), at + 10);
      const due = await ledger.takeWithheld(at + 10, 10, LEASE);
      expect(due.map(({ key, isStanding }) => [key, isStanding])).toEqual([
        ['a1.1.s', true],
        ['a2.1.s', false],
      ]);
      expect(due[0]?.stored.revision.event.alert).toBe('a1');
      const standing = await ledger.standing(['A801', 'X']);
      expect(standing.map(({ revision }) => revision.event.alert)).toEqual(['a1']);
      expect(await ledger.standing(['X'])).toEqual([]);
    });
  });

  describe('what is held back', () => {
    it('gives each to one taker, those that wait longest first, and back when the lease has ended', async () => {
      const { ledger, open } = await fresh();
      await commitAll(ledger, [raise('y1', { level: 'yellow' }), raise('r1'), raise('r2')]);
      await expandAll(ledger, (alert) => held(alert === 'y1' ? at + 1000 : at + 2000));
      const other = await open();
      expect(await take(ledger, at + 5000, 2)).toEqual(['y1.1.s', 'r1.1.s']);
      expect(await take(other, at + 5000, 2)).toEqual(['r2.1.s']);
      expect(await take(other, at + 5000, 2)).toEqual([]);
      expect(await take(other, LEASE)).toEqual(['r1.1.s', 'r2.1.s', 'y1.1.s']);
      await other.close();
    });

    it('makes nothing of a verdict that a change of silences overtook, or on what does not stand any more', async () => {
      const { ledger } = await fresh();
      await commitAll(ledger, [raise('a1'), raise('a2')]);
      await expandAll(ledger, () => held(at));
      expect(await take(ledger, at)).toEqual(['a1.1.s', 'a2.1.s']);
      await ledger.putSilence(silence('a', at), at + 10);
      const on = { cause: 'silence', reason: 'for a month', until: at + 9_000_000 } as const;
      await ledger.review([{ key: 'a1.1.s', verdict: on }], LEASE, at + 11);
      expect(await take(ledger, at + 12)).toEqual(['a1.1.s', 'a2.1.s']);
      await commitAll(ledger, [raise('a2', { revision: 2, event: 'ended', endReason: 'cleared' })]);
      const send = ['a1.1.s', 'a2.1.s'].map((key) => ({ key, verdict: 'send' }) as const);
      await ledger.review(send, LEASE, at + 13);
      expect(await stateOf(ledger)).toEqual({ 'a1.1.s': 'waiting', 'a2.1.s': 'dropped' });
      expect(await take(ledger, LEASE * 2)).toEqual([]);
    });

    it('sends what comes out of it from an instant and in its group', async () => {
      const { ledger } = await fresh();
      await commitAll(ledger, [raise('a1'), raise('a2')]);
      await expandAll(ledger, () => held(at));
      const keys = await take(ledger, at);
      const verdicts = keys.map(
        (key) => ({ key, verdict: 'send', notBefore: at + 500, bunch: 'rain' }) as const,
      );
      await ledger.review(verdicts, LEASE, at);
      expect(await claim(ledger, { now: at + 499 })).toEqual([]);
      expect(await claim(ledger, { now: at + 500, limit: 1 })).toEqual(['a1.1.s']);
      await ledger.gather('a1.1.s', [], 10, at + 500);
      expect(await ledger.companions('a1.1.s')).toHaveLength(2);
    });

    it('knows whom alerts have reached or are on their way to, and how high', async () => {
      const { ledger } = await fresh();
      const names = ['sent', 'gone', 'held', 'open'];
      await commitAll(
        ledger,
        names.map((alert) => raise(alert, { level: 'orange' })),
      );
      await expandAll(ledger, (alert) => (alert === 'held' ? held(at + 5000) : {}));
      await claim(ledger);
      await ledger.settle([
        { key: 'sent.1.s', state: 'delivered', at },
        { key: 'gone.1.s', state: 'dead', at, error: 'HTTP 410' },
        { key: 'open.1.s', state: 'waiting', at, nextAttemptAt: at + 9000, error: 'HTTP 503' },
      ]);
      await commitAll(ledger, [raise('sent', { revision: 2, event: 'escalated' })]);
      await expandAll(ledger, () => ({}));
      const heard = [...(await ledger.heard(names))].sort((a, b) => (a.alert < b.alert ? -1 : 1));
      expect(heard).toEqual([
        { alert: 'open', subscription: 's', level: 'orange' },
        { alert: 'sent', subscription: 's', level: 'red', since: at },
      ]);
      await claim(ledger);
      await ledger.settle([{ key: 'sent.2.s', state: 'dead', at, error: 'HTTP 410' }]);
      const orange = { alert: 'sent', subscription: 's', level: 'orange', since: at };
      expect(await ledger.heard(['sent'])).toEqual([orange]);
      expect(await ledger.heard(['sent'], ['other'])).toEqual([]);
      await commitAll(ledger, [raise('sent', { revision: 3, event: 'updated', level: 'orange' })]);
      await expandAll(ledger, () => ({}));
      await claim(ledger, { now: at + 5 });
      await ledger.settle([{ key: 'sent.3.s', state: 'delivered', at: at + 5 }]);
      expect(await ledger.heard(['sent'], ['s', 'other'])).toEqual([orange]);
    });
  });

  describe('the way of a red', () => {
    const up = { revision: 2, event: 'escalated' } as const;
    /** Yellow alerts of which each has a red revision after it; `first` happens between the two. */
    const escalated = async (
      ledger: Ledger,
      alerts: readonly string[],
      row: (alert: string) => Row = () => ({}),
      first: () => Promise<void> = async () => {},
    ): Promise<void> => {
      await commitAll(
        ledger,
        alerts.map((alert) => raise(alert, { level: 'yellow' })),
      );
      await expandAll(ledger, row);
      await first();
      await commitAll(
        ledger,
        alerts.map((alert) => raise(alert, up)),
      );
      await expandAll(ledger, () => ({}));
    };
    const fail = (ledger: Ledger, key: string) =>
      ledger.settle([{ key, state: 'waiting', at, nextAttemptAt: at + 90_000, error: 'HTTP 503' }]);

    it('takes a lower revision that is merely queued along, right before it', async () => {
      const { ledger } = await fresh();
      const many = Array.from({ length: 20 }, (_, i) => raise(`y${i}`, { level: 'yellow' }));
      await commitAll(ledger, many);
      await expandAll(ledger, () => ({}));
      await escalated(ledger, ['a1', 'a2']);
      await commitAll(ledger, [raise('r1')]);
      await expandAll(ledger, () => ({}));
      expect(await claim(ledger, { limit: 1, onlyRed: true })).toEqual(['r1.1.s']);
      await ledger.settle([{ key: 'r1.1.s', state: 'waiting', at }]);
      expect(await ledger.makeWay(at, free)).toBe(0);
      const [first] = await ledger.claim({
        ...{ channel: 'ops', notTo: [], now: at, leaseUntil: at + 60_000, limit: 1, claimer: 'one' },
      });
      expect(first).toMatchObject({ key: 'a1.1.s', isUrgent: true });
      await ledger.settle([{ key: 'a1.1.s', state: 'delivered', at }]);
      // Each in the place of its red: one that was lifted does not go before the red of another.
      expect(await claim(ledger, { limit: 3 })).toEqual(['a1.2.s', 'a2.1.s', 'r1.1.s']);
    });

    it('drops a lower revision that was never tried and is put off: by an instant, a rate or a hold', async () => {
      const { ledger } = await fresh();
      await escalated(ledger, ['a1', 'a2'], (alert) => (alert === 'a1' ? { notBefore: at + 5000 } : {}));
      expect(await ledger.makeWay(at, free)).toBe(1);
      expect(await claim(ledger, { onlyRed: true })).toEqual(['a1.2.s', 'a2.1.s']);
      expect(await ledger.deliveries({ alert: 'a1', state: 'dropped', limit: 5 })).toMatchObject([
        { key: 'a1.1.s', lastError: expect.stringContaining('superseded') },
      ]);
      for (const [alert, off] of [
        ['b1', { ...free, paused: ['s'] }],
        ['b2', { ...free, onlyRed: true }],
        ['b3', { ...free, held: true }],
      ] as const) {
        await escalated(ledger, [alert]);
        // What was put off by nothing may be put off later.
        expect(await ledger.makeWay(at, free)).toBe(0);
        expect(await ledger.makeWay(at, { ...free, paused: ['t'] })).toBe(0);
        expect(await ledger.makeWay(at, off)).toBe(1);
        expect(await claim(ledger, { onlyRed: true })).toEqual([`${alert}.2.s`]);
      }
    });

    it('keeps a lower revision that failed, tries it at once in the lane of reds, and drops it only under a hold', async () => {
      const { ledger } = await fresh();
      await escalated(ledger, ['a1'], undefined, async () => {
        expect(await claim(ledger)).toEqual(['a1.1.s']);
        await fail(ledger, 'a1.1.s');
      });
      expect(await claim(ledger)).toEqual([]);
      expect(await ledger.makeWay(at, { ...free, onlyRed: true, paused: ['s'] })).toBe(0);
      expect(await claim(ledger, { onlyRed: true, paused: { red: [], lower: ['s'] } })).toEqual(['a1.1.s']);
      await fail(ledger, 'a1.1.s');
      // Once: its back-off holds after that.
      expect(await ledger.makeWay(at, free)).toBe(0);
      expect(await claim(ledger)).toEqual([]);
      expect(await ledger.makeWay(at, { ...free, held: true })).toBe(1);
      expect(await claim(ledger, { onlyRed: true })).toEqual(['a1.2.s']);
    });

    it('leaves a lower revision alone that is under way, and what no red waits behind', async () => {
      const { ledger } = await fresh();
      await escalated(ledger, ['a1'], undefined, async () => {
        expect(await claim(ledger)).toEqual(['a1.1.s']);
      });
      await commitAll(ledger, [raise('b1', { level: 'yellow' })]);
      await expandAll(ledger, () => ({ notBefore: at + 5000 }));
      expect(await ledger.makeWay(at, { held: true, onlyRed: true, paused: ['s'] })).toBe(0);
      expect(await claim(ledger, { now: at + 5000 })).toEqual(['b1.1.s']);
      // Its process is dead: what it had under way before a red is the next to leave, though all else is held.
      expect(await claim(ledger, { now: at + 60_000, onlyRed: true })).toEqual([]);
      expect(await ledger.makeWay(at + 60_000, { ...free, onlyRed: true })).toBe(0);
      expect(await claim(ledger, { now: at + 60_000, onlyRed: true })).toEqual(['a1.1.s']);
    });

    it('dissolves a message of several that was never sent, and lifts one that was, whole', async () => {
      const { ledger } = await fresh();
      const alerts = ['a1', 'a2'];
      const gathered = async (now: number): Promise<void> => {
        expect(await claim(ledger, { now, limit: 1 })).toEqual(['a1.1.s']);
        await ledger.gather('a1.1.s', [], 10, now);
      };
      await escalated(
        ledger,
        alerts,
        () => ({ bunch: 'rain' }),
        async () => {
          await gathered(at);
          await ledger.settle([{ key: 'a1.1.s', state: 'waiting', at, nextAttemptAt: at + 9000 }]);
          expect(await ledger.companions('a1.1.s')).toHaveLength(1);
          expect(await claim(ledger, { now: at + 8999 })).toEqual([]);
          await gathered(at + 9000);
          await fail(ledger, 'a1.1.s');
        },
      );
      expect(await ledger.makeWay(at, { ...free, held: true })).toBe(0);
      expect(await claim(ledger, { onlyRed: true })).toEqual(['a1.1.s']);
      expect(await ledger.companions('a1.1.s')).toHaveLength(2);
      await ledger.settle([{ key: 'a1.1.s', state: 'delivered', at }]);
      expect(await claim(ledger, { onlyRed: true })).toEqual(['a1.2.s', 'a2.2.s']);
    });
  });

  describe('lanes and groups', () => {
    it('claims only reds, and nothing for those who have used up their rate', async () => {
      const { ledger } = await fresh();
      await commitAll(ledger, [raise('r1'), raise('y1', { level: 'yellow' })]);
      await expandAll(ledger, () => ({}));
      expect(await claim(ledger, { paused: { red: ['s'], lower: ['s'] } })).toEqual([]);
      expect(await claim(ledger, { onlyRed: true })).toEqual(['r1.1.s']);
      expect(await claim(ledger, { paused: { red: [], lower: ['s'] } })).toEqual([]);
      expect(await claim(ledger, { paused: { red: ['s'], lower: [] } })).toEqual(['y1.1.s']);
    });

    it('gathers a group under one message that keeps its companions and shares its fate', async () => {
      const { ledger } = await fresh();
      const alerts = ['a1', 'a2', 'a3', 'a4'];
      await commitAll(
        ledger,
        alerts.map((alert) => raise(alert)),
      );
      await expandAll(ledger, (alert) => ({
        bunch: alert === 'a4' ? 'wind' : 'rain',
        ...(alert === 'a3' ? { notBefore: at + 5000 } : {}),
      }));
      expect(await claim(ledger)).toEqual(['a1.1.s', 'a2.1.s', 'a4.1.s']);
      await ledger.gather('a1.1.s', ['a2.1.s'], 10, at);
      const names = async () =>
        (await ledger.companions('a1.1.s')).map(({ revision }) => revision.event.alert);
      expect(await names()).toEqual(['a1', 'a2', 'a3']);
      expect(await claim(ledger, { now: at + 9000 })).toEqual([]);
      await ledger.settle([
        { key: 'a1.1.s', state: 'waiting', at, nextAttemptAt: at + 10_000, error: 'HTTP 503' },
      ]);
      expect(await claim(ledger, { now: at + 10_000 })).toEqual(['a1.1.s']);
      await ledger.settle([{ key: 'a1.1.s', state: 'delivered', at: at + 10_500 }]);
      expect(await stateOf(ledger)).toEqual({
        'a1.1.s': 'delivered',
        'a2.1.s': 'delivered',
        'a3.1.s': 'delivered',
        'a4.1.s': 'sending',
      });
      expect(await names()).toEqual(['a1', 'a2', 'a3']);
      expect(await claim(ledger, { now: at + 20_000 })).toEqual([]);
    });

    it('gives back untried what a full group has no place for, and leaves later revisions behind earlier ones', async () => {
      const { ledger } = await fresh();
      await commitAll(ledger, [raise('a1'), raise('a2'), raise('a3'), raise('a2', { revision: 2 })]);
      await expandAll(ledger, () => ({ bunch: 'rain' }));
      expect(await claim(ledger)).toEqual(['a1.1.s', 'a2.1.s', 'a3.1.s']);
      await ledger.gather('a1.1.s', ['a2.1.s', 'a3.1.s'], 1, at);
      expect(await ledger.companions('a1.1.s')).toHaveLength(2);
      expect(await claim(ledger)).toEqual(['a3.1.s']);
      const [row] = await ledger.deliveries({ alert: 'a3', limit: 1 });
      expect(row).toMatchObject({ attempts: 1 });
    });
  });
}

import { describe, expect, it } from 'vitest';
import type { Feedback, ObservedEvent } from '../../model/observed-event.ts';
import type { Ledger } from './ledger.ts';
import { sampleAt as at, commitAll, raise } from './sample.ts';
import { observedId } from './verification.ts';

const event = (from: number, rest: Partial<ObservedEvent> = {}): ObservedEvent => {
  const given = {
    ...{ hazard: 'flood', place: { area: '4314902' }, from: at + from, to: at + from + 100 },
    ...{ note: 'ponte\u2019 caída', source: 'Defesa Civil', createdAt: at, ...rest },
  };
  return { id: observedId(given), ...given };
};
const feedback = (alert: string, rest: Partial<Feedback> = {}): Feedback => ({
  ...{ alert, wasReal: 'yes', note: '', by: 'Ana', at, ...rest },
});

/** What every ledger engine must keep of what happened; part of `conformance.ts`. */
export function verificationConformance(
  fresh: () => Promise<{ ledger: Ledger; open: () => Promise<Ledger> }>,
): void {
  describe('verification', () => {
    it('keeps events, each once, and finds them by span, hazard and page', async () => {
      const { ledger, open } = await fresh();
      const point = { latitude: -30, longitude: -51.2, km: 2 };
      const [a, b, c] = [event(0), event(1000, { hazard: 'hail', place: point, level: 'red' }), event(1000)];
      expect(await ledger.putObserved([a, b])).toBe(2);
      expect(await ledger.putObserved([b, c, { ...a, note: 'other words' }])).toBe(1);
      const again = await open();
      const newest = [b, c].toSorted((one, two) => (one.id < two.id ? 1 : -1));
      expect(await again.observed({ limit: 9 })).toEqual([...newest, a]);
      expect(await again.observed({ limit: 1 })).toEqual([newest[0]]);
      expect(await again.observed({ limit: 9, before: newest[0]?.id as string })).toEqual([newest[1], a]);
      expect(await again.observed({ limit: 9, hazard: 'hail' })).toEqual([b]);
      expect(await again.observed({ limit: 9, to: at + 1000 })).toEqual([a]);
      expect(await again.observed({ limit: 9, from: at + 100, to: at + 101 })).toEqual([a]);
      expect(await again.observed({ limit: 9, from: at + 101, to: at + 1000 })).toEqual([]);
      expect([await again.dropObserved(a.id), await again.dropObserved(a.id)]).toEqual([true, false]);
      expect((await again.observed({ limit: 9 })).length).toBe(2);
      expect(await again.putObserved([])).toBe(0);
    });

    it('keeps what people say of alerts, in the order in which it came', async () => {
      const { ledger, open } = await fresh();
      await ledger.putFeedback(feedback('a1', { at: at + 9 }));
      await ledger.putFeedback(feedback('a2'));
      await ledger.putFeedback(feedback('a1', { wasReal: 'no', note: 'só garoa' }));
      const again = await open();
      expect(await again.feedback(['a1', 'a3'])).toEqual([
        feedback('a1', { at: at + 9 }),
        feedback('a1', { wasReal: 'no', note: 'só garoa' }),
      ]);
      expect(await again.feedback([])).toEqual([]);
    });

    it('reads the histories of several alerts at once', async () => {
      const { ledger } = await fresh();
      await commitAll(ledger, [raise('a2'), raise('a1'), raise('a2', { revision: 2 }), raise('a3')]);
      const names = (await ledger.histories(['a1', 'a2'])).map(
        ({ revision: { event: one } }) => `${one.alert}.${one.revision}`,
      );
      expect(names).toEqual(['a1.1', 'a2.1', 'a2.2']);
    });
  });
}

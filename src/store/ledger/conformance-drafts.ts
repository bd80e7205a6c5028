import { describe, expect, it } from 'vitest';
import type { AlertRevision } from '../../model/alert.ts';
import type { Ledger } from './ledger.ts';
import { commitAll, raise } from './sample.ts';

/** What every ledger engine must keep from the public until it is approved; part of `conformance.ts`. */
export function draftConformance(
  fresh: () => Promise<{ ledger: Ledger; open: () => Promise<Ledger> }>,
): void {
  const waits = { draft: { waits: true, authors: [] } };
  const inside = { draft: { waits: false, authors: [] } };
  const draft = (alert: string, revision: number, event: AlertRevision['event']['event'] = 'raised') =>
    raise(alert, { revision, event }, waits);
  const names = async (ledger: Ledger) =>
    (await ledger.drafts(10)).map(({ revision: { event } }) => `${event.alert}.${event.revision}`);
  const shown = async (ledger: Ledger) =>
    (await ledger.alerts({ limit: 10 })).items.map(
      ({ revision: { event } }) => `${event.alert}.${event.revision}`,
    );

  describe('drafts', () => {
    it('stand in no list of alerts, and are listed by themselves', async () => {
      const { ledger, open } = await fresh();
      await commitAll(ledger, [draft('a1', 1), raise('a2'), draft('a3', 1), draft('a1', 2, 'updated')]);
      expect(await shown(ledger)).toEqual(['a2.1']);
      expect(await names(ledger)).toEqual(['a3.1', 'a1.2']);
      expect((await ledger.history('a1')).map(({ revision }) => revision.draft?.waits)).toEqual([true, true]);
      expect((await ledger.outbox(10)).length).toBe(4);
      const again = await open();
      expect([await names(again), await shown(again)]).toEqual([['a3.1', 'a1.2'], ['a2.1']]);
    });

    it('become public with the next revision, in one commit or another', async () => {
      const { ledger } = await fresh();
      await commitAll(ledger, [draft('a1', 1), draft('a2', 1), raise('a2', { revision: 2 })]);
      expect(await names(ledger)).toEqual(['a1.1']);
      await commitAll(ledger, [raise('a1', { revision: 2 })]);
      expect(await names(ledger)).toEqual([]);
      expect(await shown(ledger)).toEqual(['a1.2', 'a2.2']);
    });

    it('leave what was public as it was, and rejected are listed no more', async () => {
      const { ledger } = await fresh();
      await commitAll(ledger, [
        raise('a1', { level: 'orange' }),
        draft('a1', 2, 'escalated'),
        draft('a2', 1),
      ]);
      expect(await shown(ledger)).toEqual(['a1.1']);
      expect((await ledger.alerts({ level: 'red', limit: 10 })).items).toEqual([]);
      await commitAll(ledger, [
        raise('a1', { revision: 3, event: 'de-escalated', level: 'orange' }, inside),
        raise('a2', { revision: 2, event: 'ended', endReason: 'withdrawn' }, inside),
      ]);
      expect([await names(ledger), await shown(ledger)]).toEqual([[], ['a1.1']]);
    });
  });
}

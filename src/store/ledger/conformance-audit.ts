import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { ActOutcome } from '../../model/act.ts';
import { type AuditNote, NO_HASH, verifyAudit } from './audit.ts';
import type { Ledger } from './ledger.ts';
import { sampleAt as at, raise } from './sample.ts';

/** What every ledger engine must keep of who did what; part of `conformance.ts`. */
export function auditConformance(
  fresh: () => Promise<{ ledger: Ledger; open: () => Promise<Ledger> }>,
): void {
  const note = (subject: string): AuditNote => ({
    at,
    by: 'Ana',
    action: 'putSilence',
    subject,
    detail: { b: 1, a: [2] },
  });
  const actions = async (ledger: Ledger) =>
    (await ledger.audit({ after: 0, limit: 100 })).map(({ json }) => {
      const { action, subject, by, refused } = JSON.parse(json) as AuditNote;
      return [action, subject, by, ...(refused ? [refused] : [])].join(' ');
    });

  describe('audit', () => {
    it('chains every entry to the one before, over a reopen', async () => {
      const { ledger, open } = await fresh();
      expect(await verifyAudit(ledger)).toEqual({ entries: 0, head: NO_HASH, knows: true });
      await ledger.record([note('s1'), note('s2')]);
      const again = await open();
      await again.record([note('s3')]);
      const entries = await again.audit({ after: 0, limit: 10 });
      expect(entries.map(({ number }) => number)).toEqual([1, 2, 3]);
      expect(entries[0]?.json).toBe(
        `{"action":"putSilence","at":${at},"by":"Ana","detail":{"a":[2],"b":1},"number":1,"subject":"s1"}`,
      );
      let previous = NO_HASH;
      for (const { json, hash } of entries) {
        expect(hash).toBe(
          createHash('sha256')
            .update(previous + json)
            .digest('hex'),
        );
        previous = hash;
      }
      const head = previous;
      expect(await verifyAudit(again, entries[0]?.hash)).toEqual({ entries: 3, head, knows: true });
      expect(await verifyAudit(again, 'f'.repeat(64))).toMatchObject({ knows: false });
      expect((await again.audit({ limit: 2 })).map(({ number }) => number)).toEqual([3, 2]);
      expect((await again.audit({ before: 2, limit: 2 })).map(({ number }) => number)).toEqual([1]);
    });

    it('takes every act with the commit that brings its outcome, once, and what the clock published', async () => {
      const { ledger } = await fresh();
      const { epoch, offset: from } = await ledger.acquire(0);
      const outcome = (command: string, rest: Partial<ActOutcome> = {}): ActOutcome => ({
        command,
        act: 'cancel',
        alert: 'a1',
        by: 'Ana',
        at,
        revision: 2,
        ...rest,
      });
      const batch = (start: number, outcomes: readonly ActOutcome[], revisions = 0) => ({
        partition: 0,
        epoch,
        from: start,
        to: start + 1,
        clockAt: at,
        revisions: Array.from({ length: revisions }, (_, index) => ({
          offset: start,
          index,
          revision: raise('a9', { revision: index + 1 }, index === 1 ? { publishedBy: 'timeout' } : {}),
        })),
        acts: outcomes.map((one) => ({ offset: start, outcome: one })),
      });
      await ledger.commit([
        batch(from, [outcome('c1'), outcome('c2', { act: 'approve', refused: 'author' })], 2),
      ]);
      await ledger.commit([batch(from + 1, [outcome('c1'), outcome('c3', { act: 'edit', by: 'Rui' })])]);
      expect((await actions(ledger)).toSorted()).toEqual([
        'alert.approve a1 Ana author',
        'alert.cancel a1 Ana',
        'alert.edit a1 Rui',
        'alert.publish a9 clock',
      ]);
      const stale = ledger.commit([batch(from, [outcome('c9')])]);
      await expect(stale).rejects.toThrow();
      expect(await verifyAudit(ledger)).toMatchObject({ entries: 4, knows: true });
    });
  });
}

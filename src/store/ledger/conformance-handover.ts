import { describe, expect, it } from 'vitest';
import type { Handover } from './handover.ts';
import type { Ledger } from './ledger.ts';
import { sampleAt as at } from './sample.ts';

const note = (id: string, rest: Partial<Handover> = {}): Handover => ({
  ...{ id, by: 'Ana', at, text: 'Ponte\u2019 vigiada', alerts: ['a1'], ...rest },
});

/** What every ledger engine must keep of notes between shifts; part of `conformance.ts`. */
export function handoverConformance(
  fresh: () => Promise<{ ledger: Ledger; open: () => Promise<Ledger> }>,
): void {
  describe('notes of shifts', () => {
    it('keeps each once, in the order in which they came, whatever their clocks say', async () => {
      const { ledger, open } = await fresh();
      expect(await ledger.handovers({ limit: 9 })).toEqual([]);
      expect(await ledger.putHandover(note('n1'))).toBe(true);
      expect(await ledger.putHandover(note('n2', { at: at - 1000, alerts: [] }))).toBe(true);
      expect(await ledger.putHandover(note('n1', { text: 'other words' }))).toBe(false);
      expect(await ledger.putHandover(note('n3'))).toBe(true);
      const again = await open();
      expect(await again.handovers({ limit: 2 })).toEqual([
        note('n3'),
        note('n2', { at: at - 1000, alerts: [] }),
      ]);
      expect(await again.handovers({ limit: 9, before: 'n2' })).toEqual([note('n1')]);
      expect(await again.handovers({ limit: 9, before: 'unknown' })).toEqual([]);
    });
  });
}

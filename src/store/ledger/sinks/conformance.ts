import { afterEach, describe, expect, it } from 'vitest';
import type { LedgerPlace } from '../conformance.ts';
import type { Ledger } from '../ledger.ts';
import { sampleAt as at, sampleRevision } from '../sample.ts';

/** What every ledger must do for sinks that are not exactly once, and for those without transactions of their own. */
export function sinkConformance(name: string, place: () => Promise<LedgerPlace>): void {
  describe(`ledger for sinks: ${name}`, () => {
    const places: { place: LedgerPlace; ledger: Ledger }[] = [];
    const fresh = async (): Promise<Ledger> => {
      const entry = await place();
      const ledger = await entry.open();
      places.push({ place: entry, ledger });
      return ledger;
    };
    afterEach(async () => {
      for (const entry of places.splice(0)) {
        await entry.ledger.close();
        await entry.place.remove();
      }
    });
    const batch = (epoch: number, ...alerts: string[]) => ({
      partition: 0,
      epoch,
      from: 0,
      to: 9,
      clockAt: at,
      revisions: alerts.map((alert, index) => ({ offset: 1, index, revision: sampleRevision({ alert }) })),
    });

    it('adds effects alone: no position moves, and what is given again is counted', async () => {
      const ledger = await fresh();
      const { epoch } = await ledger.acquire(0);
      await ledger.commit([batch(epoch, 'a1')], 'effects');
      await ledger.commit([batch(epoch, 'a1', 'a2')], 'effects');
      expect((await ledger.positions())[0]).toMatchObject({ offset: 0, clockAt: 0 });
      expect((await ledger.outbox(10)).map(({ revision }) => revision.revision.event.alert)).toEqual([
        'a1',
        'a2',
      ]);
      expect(await ledger.meta('repeats')).toBe('1');
      await ledger.commit([batch(epoch)]);
      expect((await ledger.positions())[0]).toMatchObject({ offset: 9, clockAt: at });
    });

    it('refuses effects of an owner who was replaced, and all beside them', async () => {
      const ledger = await fresh();
      const { epoch } = await ledger.acquire(0);
      const other = await ledger.acquire(1);
      await ledger.acquire(0);
      const mixed = [{ ...batch(other.epoch, 'b1'), partition: 1 }, batch(epoch, 'a1')];
      await expect(ledger.commit(mixed, 'effects')).rejects.toMatchObject({ code: 'ATL_FENCED' });
      expect(await ledger.history('b1')).toEqual([]);
      const unheld = [{ ...batch(1, 'c1'), partition: 7 }];
      await expect(ledger.commit(unheld, 'effects')).rejects.toMatchObject({ code: 'ATL_FENCED' });
    });

    it('keeps positions of other sinks apart, and moves them from where they are under the epoch', async () => {
      const ledger = await fresh();
      const { epoch } = await ledger.acquire(0);
      await ledger.acquire(2);
      expect(await ledger.sinkPositions('topic:a')).toEqual([]);
      await ledger.moveSink('topic:a', [
        { partition: 2, epoch, from: 0, to: 7 },
        { partition: 0, epoch, from: 0, to: 5 },
      ]);
      await ledger.moveSink('topic:ab', [{ partition: 0, epoch, from: 0, to: 1 }]);
      expect(await ledger.sinkPositions('topic:a')).toEqual([
        { partition: 0, offset: 5 },
        { partition: 2, offset: 7 },
      ]);
      for (const bad of [
        { partition: 0, epoch, from: 4, to: 9 },
        { partition: 0, epoch: epoch - 1, from: 5, to: 9 },
      ]) {
        const moves = [{ partition: 2, epoch, from: 7, to: 8 }, bad];
        await expect(ledger.moveSink('topic:a', moves)).rejects.toMatchObject({ code: 'ATL_FENCED' });
      }
      expect(await ledger.sinkPositions('topic:a')).toMatchObject([{ offset: 5 }, { offset: 7 }]);
    });
  });
}

import { describe, expect, it } from 'vitest';
import type { ForeignAlert, ForeignEnd, ForeignFacts } from '../../alerts/foreign/facts.ts';
import { keyOf } from '../../alerts/foreign/facts.ts';
import { briefOf, foreignId } from './foreign.ts';
import type { Ledger } from './ledger.ts';
import { sampleAt as at } from './sample.ts';

const SENDER = 'x@example.org';
const keyFor = (identifier: string, status = 'Actual'): string => keyOf(status, SENDER, identifier);
const area = { areaDesc: 'Vale \u2019do Sol', polygon: ['0,0 0,1 1,1 0,0'], circle: [], geocode: [] };

function alert(identifier: string, more: Partial<ForeignAlert> = {}, headline = 'h'): ForeignAlert {
  const status = more.status ?? 'Actual';
  const info = {
    ...{ language: 'pt-BR', event: 'Chuva', category: ['Met'], responseType: [], urgency: 'Expected' },
    ...{ severity: 'Severe', certainty: 'Likely', expiresAt: at + 1000, senderName: 'X', headline },
    ...{ description: 'long', instruction: 'go', area: [area] },
  };
  return {
    ...{ key: keyFor(identifier, status), status, sender: SENDER, identifier, sentAt: at },
    ...{ expiresAt: at + 1000, info: [info], source: 'inmet', faulty: false, clipped: false, ...more },
  };
}
const end = (identifier: string, sentAt: number, kind: ForeignEnd['kind'] = 'cancelled'): ForeignEnd => ({
  ...{ key: keyFor(identifier), kind, sentAt, by: `by.${identifier}` },
});
const says = (one: ForeignAlert | undefined, ...ends: ForeignEnd[]): ForeignFacts =>
  one ? { alert: one, ends } : { ends };

/** All that a ledger holds of them, bodies and ends. */
async function stateOf(ledger: Ledger): Promise<readonly unknown[]> {
  const found = [];
  for (const drills of [false, true])
    for (const { id } of await ledger.foreign({ drills, limit: 100 }))
      found.push(await ledger.foreignAlert(id));
  return found;
}

/** What every ledger engine must keep of other authorities' warnings; part of `conformance.ts`. */
export function foreignConformance(
  fresh: () => Promise<{ ledger: Ledger; open: () => Promise<Ledger> }>,
): void {
  describe('warnings of other authorities', () => {
    it('gives the same for every order, repetition and process', async () => {
      const facts = [
        says(alert('a', {}, 'one')),
        says(alert('a', {}, 'two')),
        says(alert('a', { sentAt: at - 5, expiresAt: at + 9000 })),
        says(alert('b', { sentAt: at + 2 }), end('a', at + 2, 'superseded')),
        says(undefined, end('b', at + 2), end('c', at + 3)),
        says(alert('c', { sentAt: at + 3 })),
        says(undefined, end('a', at + 2)),
        says(alert('d', { status: 'Exercise' })),
      ];
      const states: (readonly unknown[])[] = [];
      for (const order of [facts, facts.toReversed(), [...facts.slice(4), ...facts.slice(0, 4), ...facts]]) {
        const { ledger, open } = await fresh();
        const other = await open();
        for (const [i, one] of order.entries())
          expect(await (i % 2 ? other : ledger).putForeign([one])).toEqual([true]);
        states.push(await stateOf(await open()));
      }
      const together = await fresh();
      await together.ledger.putForeign(facts);
      expect(states).toEqual(states.map(() => states[0]));
      expect(await stateOf(together.ledger)).toEqual(states[0]);
      const [c, b, a, d] = [
        alert('c', { sentAt: at + 3 }),
        alert('b', { sentAt: at + 2 }),
        alert('a', {}, 'two'),
        alert('d', { status: 'Exercise' }),
      ];
      expect(states[0]).toEqual([
        { id: foreignId(c.key), alert: c, end: end('c', at + 3) },
        { id: foreignId(b.key), alert: b, end: end('b', at + 2) },
        { id: foreignId(a.key), alert: a, end: end('a', at + 2) },
        { id: foreignId(d.key), alert: d },
      ]);
    });

    it('two processes that write at once lose nothing', async () => {
      const { ledger, open } = await fresh();
      const other = await open();
      const versions = Array.from({ length: 20 }, (_, i) =>
        says(alert('a', { sentAt: at + i }), end('b', at + i)),
      );
      await Promise.all(versions.map((one, i) => (i % 2 ? other : ledger).putForeign([one])));
      await ledger.putForeign([says(alert('b'))]);
      const [a, b] = await Promise.all(
        ['a', 'b'].map((name) => ledger.foreignAlert(foreignId(keyFor(name)))),
      );
      expect([a?.alert.sentAt, b?.end?.sentAt]).toEqual([at + 19, at + 19]);
    });

    it('lists briefly, the newest first, by page, source, expiry and drill', async () => {
      const { ledger } = await fresh();
      const [a, b] = [alert('a'), alert('b', { source: 'nws', expiresAt: at + 5 })];
      const [c, d] = [alert('c', { sentAt: at + 1 }), alert('d', { status: 'Test' })];
      await ledger.putForeign([a, b, c, d].map((one) => says(one)));
      const both = [a, b].toSorted((one, two) => (foreignId(one.key) < foreignId(two.key) ? 1 : -1));
      const order = [c, ...both];
      const names = async (filter: Partial<Parameters<Ledger['foreign']>[0]>) =>
        (await ledger.foreign({ drills: false, limit: 9, ...filter })).map(
          ({ alert: one }) => one.identifier,
        );
      const listed = await ledger.foreign({ drills: false, limit: 9 });
      expect(listed).toEqual(order.map((one) => ({ id: foreignId(one.key), alert: briefOf(one) })));
      expect(JSON.stringify(listed)).not.toContain('0,0 0,1');
      expect(await names({ limit: 2 })).toEqual(order.slice(0, 2).map(({ identifier }) => identifier));
      expect(await names({ before: foreignId(order[1]?.key as string) })).toEqual([order[2]?.identifier]);
      expect(await names({ source: 'nws' })).toEqual(['b']);
      expect(await names({ expiresAfter: at + 5 })).toEqual(
        order.filter((one) => one !== b).map(({ identifier }) => identifier),
      );
      expect(await names({ drills: true })).toEqual(['d']);
      expect(await ledger.foreignAlert('none')).toBeUndefined();
    });

    it('says where there is no room, and takes nothing of that message', async () => {
      const { ledger } = await fresh();
      const limits = { alerts: 2, ends: 1, characters: 100_000 };
      const put = (...facts: ForeignFacts[]) => ledger.putForeign(facts, limits);
      expect(await put(says(alert('a')), says(alert('b')), says(alert('c'), end('a', at)))).toEqual([
        true,
        true,
        false,
      ]);
      expect((await stateOf(ledger)).length).toBe(2);
      expect(await put(says(undefined, end('a', at)), says(undefined, end('b', at)))).toEqual([true, false]);
      // What grows nothing is taken all the same.
      expect(await put(says(alert('a', { sentAt: at + 1 })), says(undefined, end('a', at + 1)))).toEqual([
        true,
        true,
      ]);
      expect((await ledger.foreignAlert(foreignId(keyFor('b'))))?.end).toBeUndefined();
      const small = { ...limits, characters: 1 };
      expect(await ledger.putForeign([says(alert('a', { sentAt: at + 2 }, 'longer'))], small)).toEqual([
        false,
      ]);
    });

    it('forgets what is long over, and does not show an earlier version again', async () => {
      const { ledger } = await fresh();
      await ledger.putForeign([
        says(alert('a')),
        says(alert('b', { expiresAt: at + 9999 })),
        says(alert('c'), end('c', at)),
      ]);
      expect(await ledger.pruneForeign(at + 1001, at)).toBe(2);
      expect(await ledger.pruneForeign(at + 1001, at)).toBe(0);
      await ledger.putForeign([says(alert('a', { sentAt: at - 1 })), says(alert('c'))]);
      const [a, c] = await Promise.all(
        ['a', 'c'].map((name) => ledger.foreignAlert(foreignId(keyFor(name)))),
      );
      expect(a?.end).toEqual({ key: keyFor('a'), kind: 'expired', sentAt: at, by: 'a' });
      expect(c?.end).toEqual(end('c', at));
      // The end of one that is held stays, however old.
      await ledger.putForeign([says(undefined, end('z', at))]);
      await ledger.pruneForeign(0, at + 1);
      expect((await ledger.foreignAlert(foreignId(keyFor('c'))))?.end).toEqual(end('c', at));
      await ledger.putForeign([says(alert('z'))]);
      expect((await ledger.foreignAlert(foreignId(keyFor('z'))))?.end).toBeUndefined();
    });
  });
}

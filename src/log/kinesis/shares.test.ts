import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nextMove } from './shares.ts';

const rowsOf = (owners: readonly string[]) =>
  new Map(owners.map((owner, partition) => [partition, { owner, isLive: owner !== '' }]));
const heldBy = (owners: readonly string[], me: string) =>
  new Set(owners.flatMap((owner, partition) => (owner === me ? [partition] : [])));

const groups = fc
  .record({ partitions: fc.integer({ min: 1, max: 40 }), members: fc.integer({ min: 1, max: 9 }) })
  .chain(({ partitions, members }) => {
    const ids = Array.from({ length: members }, (_, i) => `m${i}`);
    return fc.record({
      ids: fc.constant(ids),
      // Some are held by who is no more, some by nobody.
      owners: fc.array(fc.constantFrom('', 'gone', ...ids), { minLength: partitions, maxLength: partitions }),
      turns: fc.array(fc.nat(members - 1), { minLength: 0, maxLength: 60 }),
      staleness: fc.array(fc.nat(3), { minLength: 60, maxLength: 60 }),
    });
  });

test('from whatever state, and with old news, members end with shares that differ by one at most', () => {
  fc.assert(
    fc.property(groups, ({ ids, owners, turns, staleness }) => {
      const partitions = owners.length;
      const past: string[][] = [[...owners]];
      const act = (me: string, seen: readonly string[]): number => {
        const now = [...(past.at(-1) as string[])];
        const { giveBack, take } = nextMove(me, ids, partitions, rowsOf(seen), heldBy(now, me));
        for (const partition of giveBack) {
          expect(now[partition]).toBe(me);
          now[partition] = '';
        }
        // The lease decides: what another one has by now is not got.
        for (const partition of take) if (now[partition] === '') now[partition] = me;
        past.push(now);
        return giveBack.length + take.length;
      };
      turns.forEach((turn, i) => {
        act(ids[turn] as string, past.at(-1 - (staleness[i] as number)) ?? owners);
      });
      // The leases of who is gone run out.
      past.push((past.at(-1) as string[]).map((owner) => (owner === 'gone' ? '' : owner)));
      let moves = 1;
      for (let round = 0; moves > 0; round++) {
        expect(round).toBeLessThan(10);
        moves = 0;
        for (const id of ids) moves += act(id, past.at(-1) as string[]);
      }
      const last = past.at(-1) as string[];
      const counts = ids.map((id) => heldBy(last, id).size);
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      expect(last).not.toContain('');
    }),
    { numRuns: 500 },
  );
});

test('a member that joins moves its own share and nothing else; one that has its share keeps it', () => {
  const owners = ['a', 'a', 'a', 'b', 'b', 'b'];
  const move = (me: string, ids: readonly string[]) =>
    nextMove(me, ids, 6, rowsOf(owners), heldBy(owners, me));
  expect(move('a', ['a', 'b'])).toEqual({ giveBack: [], take: [] });
  expect(move('a', ['a', 'b', 'c'])).toEqual({ giveBack: [2], take: [] });
  expect(move('b', ['a', 'b', 'c'])).toEqual({ giveBack: [5], take: [] });
  expect(move('c', ['a', 'b', 'c'])).toEqual({ giveBack: [], take: [] });
});

test('a lease of its own that it does not know of is taken again', () => {
  expect(nextMove('a', ['a', 'b'], 2, rowsOf(['a', 'b']), new Set())).toEqual({ giveBack: [], take: [0] });
});

import { expect, it, test } from 'vitest';
import { AWAY_MS, awaySince, isCalm, noteOf, readLook, since } from './shift.ts';

const at = Date.parse('2024-04-30T05:00:00Z');
const before = '2024-04-30T04:00:00Z';
const later = '2024-04-30T06:00:00Z';
const alert = (id: string, rest: object = {}) => ({
  ...{ alert: id, event: 'raised' as const, issuedAt: before, onsetAt: before, acknowledged: null },
  ...rest,
});

test('tells apart what is new, what has become worse, what has ended and what others have seen', () => {
  const found = since(
    at,
    [
      alert('old'),
      alert('new', { issuedAt: later, onsetAt: later }),
      alert('late', { issuedAt: later }),
      alert('new-and-risen', { event: 'escalated', issuedAt: later, onsetAt: later }),
      alert('worse', { event: 'escalated', issuedAt: later }),
      alert('worse-before', { event: 'escalated' }),
      alert('told', { acknowledged: { by: 'Rui', at: later } }),
      alert('mine', { acknowledged: { by: 'Ana', at: later } }),
      alert('told-before', { acknowledged: { by: 'Eva', at: before } }),
    ],
    [{ issuedAt: later }, { issuedAt: before }],
    'Ana',
  );
  expect(found).toEqual({
    ...{ raised: ['new', 'late', 'new-and-risen'], worse: ['worse'], ended: 1, seenBy: ['Rui'] },
  });
  expect([isCalm(found), isCalm(since(at, [alert('old')], [], null))]).toEqual([false, true]);
});

test('who was away for minutes is told, who never left or whose clock was set back is not', () => {
  const last = { system: at, wall: 0 };
  const now = (wall: number, system = at + 1) => ({ wall, system });
  expect(awaySince(last, now(AWAY_MS))).toBe(at);
  expect(awaySince(last, now(AWAY_MS - 1))).toBeNull();
  expect(awaySince(null, now(AWAY_MS))).toBeNull();
  // An exercise that began anew.
  expect(awaySince(last, now(AWAY_MS, at - 1))).toBeNull();
});

it.each([null, '', '{', '7', '{"system":1}', '{"system":"1","wall":2}'])(
  'what a browser kept may be anything: %j',
  (text) => expect(readLook(text)).toBeNull(),
);

test('a note that has no room is cut with a mark', () => {
  expect(noteOf(['ab', 'cd'])).toBe('ab\ncd');
  expect(noteOf(['abc', 'def'], 5)).toBe('abc\n…');
});

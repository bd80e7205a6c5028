import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TimerHeap } from './timers.ts';

test('timers come in order of (due, key) whatever was pushed first', () => {
  const timer = fc.record({ due: fc.integer({ min: 0, max: 20 }), key: fc.constantFrom('a', 'b', 'c', 'd') });
  fc.assert(
    fc.property(fc.array(timer), (timers) => {
      const heap = new TimerHeap();
      for (const { due, key } of timers) heap.push(due, key);
      const sorted = timers.toSorted((a, b) => a.due - b.due || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
      expect(heap.nextDueAt).toBe(sorted[0]?.due ?? Number.POSITIVE_INFINITY);
      expect(timers.map(() => heap.pop())).toEqual(sorted);
      expect(heap.pop()).toBeUndefined();
    }),
  );
});

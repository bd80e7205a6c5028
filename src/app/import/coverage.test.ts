import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HOUR_MS } from '../../model/time.ts';
import { Coverage } from './coverage.ts';

test('the missing hours and the longest gap are those that a list of hours gives', () => {
  const hours = fc.array(fc.integer({ min: -20_000, max: 20_000 }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(hours, fc.integer({ min: 1, max: HOUR_MS }), (given, within) => {
      const coverage = new Coverage();
      for (const hour of given) coverage.add('A', hour * HOUR_MS + within);
      const sorted = [...new Set(given)].sort((a, b) => a - b);
      const [first, last] = [sorted[0] as number, sorted.at(-1) as number];
      const gaps = sorted.slice(1).map((hour, i) => hour - (sorted[i] as number) - 1);
      const longest = Math.max(0, ...gaps);
      const at = (sorted[gaps.indexOf(longest)] as number) + 1;
      expect(coverage.report()).toEqual([
        {
          station: 'A',
          from: first * HOUR_MS + within,
          to: last * HOUR_MS + within,
          hours: last - first + 1,
          missing: last - first + 1 - sorted.length,
          longest: longest === 0 ? null : { from: at * HOUR_MS, hours: longest },
        },
      ]);
    }),
  );
});

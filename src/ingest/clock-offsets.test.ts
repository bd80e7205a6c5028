import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ClockOffsets } from './clock-offsets.ts';

const MINUTE_MS = 60_000;

/** A station that measures each minute, its clock ahead by `aheadMs`; reports take `delays`. */
function heard(clocks: ClockOffsets, aheadMs: number, delays: readonly number[], from = 0): void {
  for (const [minute, delay] of delays.entries()) {
    const at = (from + minute) * MINUTE_MS;
    clocks.seen('S', at + aheadMs, at + delay);
  }
}

test('the offset is that of the report that came soonest: delays only hide it', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -7_200_000, max: 7_200_000 }),
      fc.array(fc.integer({ min: 0, max: 600_000 }), { minLength: 1, maxLength: 16 }),
      (ahead, delays) => {
        const clocks = new ClockOffsets();
        heard(clocks, ahead, delays);
        expect(clocks.of('S')).toEqual({
          offsetSeconds: (ahead - Math.min(...delays)) / 1000,
          reports: delays.length,
        });
      },
    ),
  );
});

test('the soonest of sixteen reports is remembered while the next sixteen come', () => {
  const clocks = new ClockOffsets();
  heard(clocks, 0, [100, ...Array(15).fill(9000), ...Array(16).fill(5000)]);
  expect(clocks.of('S')?.offsetSeconds).toBe(-0.1);
  heard(clocks, 0, [5000], 32);
  expect(clocks.of('S')?.offsetSeconds).toBe(-5);
});

test('a clock that is set is seen after 32 reports at the latest', () => {
  const clocks = new ClockOffsets();
  heard(clocks, 3 * 3_600_000, Array(50).fill(200));
  expect(clocks.of('S')?.offsetSeconds).toBe(10_799.8);
  heard(clocks, 0, Array(32).fill(200), 50);
  expect(clocks.of('S')).toEqual({ offsetSeconds: -0.2, reports: 32 });
  expect(clocks.of('T')).toBeUndefined();
});

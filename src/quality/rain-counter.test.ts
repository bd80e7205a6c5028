import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HOUR_MS, MINUTE_MS } from '../model/time.ts';
import { type CounterOptions, rainIncrements } from './rain-counter.ts';

const STEP_MS = 10 * MINUTE_MS;
/** Millimetres every ten minutes; undefined: no report. */
const amounts = (totals: readonly (number | undefined)[], options?: CounterOptions) =>
  rainIncrements(
    totals.flatMap((mm, i) => (mm === undefined ? [] : [{ at: i * STEP_MS, total: Math.round(mm * 1000) }])),
    options,
  ).map(({ amount, kind }) => (kind === 'growth' ? amount / 1000 : `${kind} ${amount / 1000}`));

describe('rain counter', () => {
  it('gives what it grew by', () => expect(amounts([10, 10, 10.2, 11.4])).toEqual([0, 0.2, 1.2]));
  it('over a gap covers the whole span since the reading before', () =>
    expect(
      rainIncrements([
        { at: 0, total: 1000 },
        { at: 3 * HOUR_MS, total: 31_000 },
      ]),
    ).toEqual([{ at: 3 * HOUR_MS, intervalMs: 3 * HOUR_MS, amount: 30_000, kind: 'growth' }]));
  it('a reset counts what fell since', () =>
    expect(amounts([812.4, 813, 0.4, 2])).toEqual([0.6, 'reset 0.4', 1.6]));
  it('goes past its end', () =>
    expect(amounts([1023.6, 0.4, 1], { modulus: 1_024_000 })).toEqual(['roll-over 0.8', 0.6]));
  it('a single zero between two readings of 800 mm is no flood', () =>
    expect(amounts([800, 0, 800.2, 800.4])).toEqual([0.2, 0.2]));
  it('a reset followed by a cloudburst is one', () => expect(amounts([20, 0, 25])).toEqual(['reset 0', 25]));
  it('rounding down and up again is no rain', () =>
    expect(amounts([10.2, 10, 10.2, 10.4])).toEqual([0, 0, 0.2]));
  it('a counter that was set by hand gives no rain for the jump', () =>
    expect(amounts([0, 5000, 5001])).toEqual([1]));

  const series = fc.array(fc.tuple(fc.nat(20_000), fc.boolean()), { minLength: 2, maxLength: 30 });

  it('loses nothing: over any gaps increments add up to what fell, and their spans to the time', () => {
    fc.assert(
      fc.property(series, (steps) => {
        let total = 500_000;
        const readings = steps.flatMap(([rain, isHeard], i) => {
          total += rain;
          return isHeard ? [{ at: i * HOUR_MS, total }] : [];
        });
        const found = rainIncrements(readings);
        const [first, last] = [readings[0], readings.at(-1)];
        const sum = (values: number[]): number => values.reduce((all, value) => all + value, 0);
        expect(sum(found.map(({ amount }) => amount))).toBe((last?.total ?? 0) - (first?.total ?? 0));
        expect(sum(found.map(({ intervalMs }) => intervalMs))).toBe((last?.at ?? 0) - (first?.at ?? 0));
      }),
    );
  });

  it('is the same in whatever order and however often readings come, and never negative', () => {
    const reading = fc.record({ at: fc.nat(200).map((i) => i * STEP_MS), total: fc.nat(400_000) });
    fc.assert(
      fc.property(
        fc.array(reading, { maxLength: 30 }),
        fc.constantFrom(undefined, 400_000),
        (readings, modulus) => {
          const options = modulus === undefined ? {} : { modulus };
          const found = rainIncrements(readings, options);
          expect(rainIncrements([...readings, ...readings].reverse(), options)).toEqual(found);
          for (const { amount, intervalMs } of found) {
            expect(amount).toBeGreaterThanOrEqual(0);
            expect(intervalMs).toBeGreaterThan(0);
          }
        },
      ),
    );
  });
});

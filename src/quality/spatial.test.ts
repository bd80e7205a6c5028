import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BuddyOptions, buddyCheck, distanceM, isolated, type PlacedValue } from './spatial.ts';

const METRES_PER_DEGREE = distanceM({ latitude: 0, longitude: 0 }, { latitude: 0, longitude: 1 });
const onLine = (values: readonly (number | undefined)[], spacingM: number): PlacedValue[] =>
  values.map((value, i) => ({
    latitude: 0,
    longitude: (i * spacingM) / METRES_PER_DEGREE,
    altitude: 0,
    value,
  }));

const options: BuddyOptions = {
  radiusM: 10_000,
  leastNeighbours: 1,
  threshold: 1,
  maxElevationM: 200,
  gradientPerM: -0.0065,
  leastDeviation: 0.01,
  iterations: 1,
};

describe("titanlib's published vector of the buddy check", () => {
  const line = onLine([0, 0, 0, 0, 0, 0, 0, 0, 0.1, 1], 100 / 9);
  const flagged = (iterations: number) =>
    buddyCheck(line, { ...options, iterations }).flatMap((is, i) => (is ? [i] : []));

  it('one iteration flags the last value', () => expect(flagged(1)).toEqual([9]));
  it('two iterations flag the last two', () => expect(flagged(2)).toEqual([8, 9]));
});

describe('buddy check', () => {
  it('compares at one height: 10 °C at 1000 m is right where 16.5 °C at sea level is', () => {
    const high = { latitude: 0, longitude: 0.01, altitude: 1000, value: 10 };
    const low = onLine([16.5, 16.4, 16.6], 300);
    const open = { ...options, maxElevationM: 2000, leastDeviation: 0.5 };
    expect(buddyCheck([...low, high], open)).toEqual([false, false, false, false]);
    expect(buddyCheck([...low, high], { ...open, gradientPerM: 0 })[3]).toBe(true);
  });

  it('widens the deviation by that of the mean: 2.1 lies 1.1 from the mean of 0 and 2, whose deviation is 1.22, not 1', () => {
    expect(buddyCheck(onLine([0, 2.1, 2], 500), options)[1]).toBe(false);
    expect(buddyCheck(onLine([0, 2.3, 2], 500), options)[1]).toBe(true);
  });

  it('does not depend on the order of stations', () => {
    const value = fc.option(fc.integer({ min: -20, max: 20 }), { nil: undefined });
    fc.assert(
      fc.property(
        fc.array(value, { minLength: 2, maxLength: 12 }),
        fc.infiniteStream(fc.nat()),
        (values, chance) => {
          const line = onLine(values, 500);
          const order = line
            .map((_, i) => [chance.next().value as number, i] as const)
            .sort((a, b) => a[0] - b[0]);
          const two = { ...options, iterations: 2, leastNeighbours: 2 };
          const flags = buddyCheck(line, two);
          const shuffled = buddyCheck(
            order.map(([, i]) => line[i] as PlacedValue),
            two,
          );
          expect(shuffled).toEqual(order.map(([, i]) => flags[i]));
        },
      ),
    );
  });
});

it('isolation: a value with too few neighbours that have one', () => {
  const line = onLine([1, 1, undefined, 1], 6000);
  expect(isolated(line, 10_000, 1)).toEqual([false, false, false, true]);
});

import { expect, test } from 'vitest';
import { type Plant, plants } from './plants.ts';
import { simulate } from './simulate.ts';

/** Seeds until each planted fault must have been found; each was found by every one of the first eight. */
const WITHIN_SEEDS = 3;

// A checker that cannot fail is none: every fault is built in by name, and must be found.
test.each(Object.keys(plants) as Plant[])('planted fault is found: %s', async (plant) => {
  let caughtAt = 0;
  for (let seed = 1; seed <= WITHIN_SEEDS && caughtAt === 0; seed++) {
    const { violations } = await simulate({ seed, plant, stopAtFirst: true });
    if (violations.length > 0) caughtAt = seed;
  }
  expect(caughtAt, `${plant} was not found within ${WITHIN_SEEDS} seeds`).toBeGreaterThan(0);
});

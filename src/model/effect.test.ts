import { expect, test } from 'vitest';
import { type Effect, observationsIn } from './effect.ts';

const report = {
  station: 'A801',
  observedAt: 60_000,
  intervalMs: 60_000,
  receivedAt: 61_000,
  quantities: ['rainfall', 'airTemperature'],
  values: [200, 21_500],
};

test('the readings of a report are its observations, in its order', () => {
  const common = { station: 'A801', observedAt: 60_000, intervalMs: 60_000, receivedAt: 61_000 };
  const rest = { flag: 'good', arrival: 'late' };
  expect(observationsIn({ kind: 'readings', report, arrival: 'late' })).toEqual([
    { ...common, quantity: 'rainfall', value: 200, ...rest },
    { ...common, quantity: 'airTemperature', value: 21_500, ...rest },
  ]);
});

test('a single observation is itself, and a count has none', () => {
  const [observation] = observationsIn({ kind: 'readings', report, arrival: 'correction' });
  const single = { kind: 'observation', observation } as Effect;
  expect(observationsIn(single)).toEqual([observation]);
  expect(observationsIn({ kind: 'counted', what: 'repeat' })).toEqual([]);
});

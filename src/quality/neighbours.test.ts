import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it, test } from 'vitest';
import { openScenario } from '../ingest/scenario.ts';
import { checkNeighbours, neighbourQuantities } from './neighbours.ts';
import type { PlacedValue } from './spatial.ts';

const storm = openScenario(join(import.meta.dirname, '../../scenarios/rs-2024'));

/** The storm by quantity and hour: what each station measured then. */
function hoursOf(quantity: string): PlacedValue[][] {
  const at = new Map<number, Map<string, number>>();
  for (const { station, observedAt, quantities, values } of storm.reports()) {
    const i = quantities.indexOf(quantity);
    if (i < 0) continue;
    const hour = at.get(observedAt) ?? new Map<string, number>();
    hour.set(station, (values[i] as number) / 1000);
    at.set(observedAt, hour);
  }
  return [...at.values()].map((hour) =>
    storm.stations.map(({ id, latitude, longitude, altitude }) => ({
      latitude,
      longitude,
      altitude,
      value: hour.get(id),
    })),
  );
}
const recordings = new Map(neighbourQuantities.map((quantity) => [quantity, hoursOf(quantity)]));

it('neither rain nor wind is held against neighbours', () => {
  for (const quantity of ['rainfall', 'windGust', 'windSpeed']) {
    const hour = hoursOf(quantity)[100] as PlacedValue[];
    const extreme = hour.map((one, i) => (i === 3 ? { ...one, value: 100 } : one));
    expect(new Set(checkNeighbours(quantity, extreme).departs)).toEqual(new Set([false]));
  }
});

it.each(neighbourQuantities)(
  'the storm of Rio Grande do Sul, fronts and all: no %s is flagged',
  (quantity) => {
    let judged = 0;
    let flagged = 0;
    for (const hour of recordings.get(quantity) as PlacedValue[][]) {
      const { departs, isolated } = checkNeighbours(quantity, hour);
      hour.forEach(({ value }, i) => {
        if (value !== undefined && !isolated[i]) judged++;
        if (departs[i]) flagged++;
      });
    }
    expect(judged).toBeGreaterThan(3000);
    expect(flagged).toBe(0);
  },
);

it.each([
  ['airTemperature', 15],
  ['relativeHumidity', -60],
  ['stationPressure', 20],
] as const)('a station whose %s is wrong by %d is found', (quantity, offset) => {
  let asked = 0;
  let found = 0;
  for (const hour of recordings.get(quantity) as PlacedValue[][]) {
    const { isolated } = checkNeighbours(quantity, hour);
    const i = hour.findIndex(({ value }, k) => value !== undefined && !isolated[k]);
    if (i < 0) continue;
    asked++;
    const wrong = hour.map((one, k) => (k === i ? { ...one, value: (one.value as number) + offset } : one));
    if (checkNeighbours(quantity, wrong).departs[i]) found++;
  }
  expect(asked).toBeGreaterThan(200);
  expect(found / asked).toBeGreaterThan(0.8);
});

test('the order of stations does not matter', () => {
  const hours = recordings.get('airTemperature') as PlacedValue[][];
  fc.assert(
    fc.property(fc.nat(), fc.infiniteStream(fc.nat()), (pick, chance) => {
      const hour = hours[pick % hours.length] as PlacedValue[];
      const order = hour
        .map((_, i) => ({ i, key: chance.next().value as number }))
        .sort((a, b) => a.key - b.key);
      const straight = checkNeighbours('airTemperature', hour);
      const mixed = checkNeighbours(
        'airTemperature',
        order.map(({ i }) => hour[i] as PlacedValue),
      );
      expect(order.map((_, k) => mixed.departs[k])).toEqual(order.map(({ i }) => straight.departs[i]));
      expect(order.map((_, k) => mixed.isolated[k])).toEqual(order.map(({ i }) => straight.isolated[i]));
    }),
    { numRuns: 30 },
  );
});

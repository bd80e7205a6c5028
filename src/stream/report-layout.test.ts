import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Station } from '../model/station.ts';
import { CellPool } from './cell-pool.ts';
import { isIntervalQuantity } from './compiled-rule.ts';
import { ReadingSeries } from './series.ts';
import { StationState } from './station-state.ts';

const station: Station = {
  id: 'A',
  name: 'A',
  latitude: -30,
  longitude: -51,
  altitude: null,
  region: '4314902',
  timeZone: 'America/Sao_Paulo',
  intervalMs: 10,
};

const layouts = [
  ['rainfall', 'airTemperature', 'windGust', 'stationPressure'],
  ['airTemperature', 'windGust', 'stationPressure'],
  ['stationPressure', 'rainfall', 'windGust', 'airTemperature'],
  ['rainfall'],
  ['rainfall', 'relativeHumidity'],
] as const;

/** A report in its place as the fold puts it; what each reading was found to be. */
function place(
  state: StationState,
  quantities: readonly string[],
  at: number,
  interval: number,
  values: number[],
) {
  const layout = state.layoutOf(quantities);
  const isPut = layout.put(at, interval, interval, values);
  return quantities.map((_, i) => {
    const series = layout.series[i] as ReadingSeries;
    return isPut && series.rows === layout.rows
      ? 'new'
      : series.insert(at, interval, interval, values[i] as number);
  });
}

const seen = (series: ReadingSeries | undefined) =>
  series && {
    ...series.snapshot(),
    newestAt: series.newestAt,
    counts: Array.from({ length: series.length }, (_, i) => series.counts(i)),
    sum: series.sum(0, series.length - 1),
    covered: series.covered(0, series.length - 1),
    part: [series.sum(series.length >> 2, series.length - 1), series.covered(1, series.length - 1)],
  };

test('a report of usual quantities shares rows', () => {
  const state = new StationState(station, 0);
  for (let at = 10; at < 200; at += 10) place(state, layouts[0], at, 10, [at, 1, 2, 3]);
  const layout = state.layoutOf(layouts[0]);
  expect(layout.isWhole).toBe(true);
  expect(new Set(layout.series.map(({ rows }) => rows)).size).toBe(1);
  // One that drops a quantity leaves the others together.
  place(state, layouts[1], 200, 10, [1, 2, 3]);
  const [rainfall, ...others] = state.layoutOf(layouts[0]).series;
  expect(rainfall?.rows.shared).toBe(1);
  expect(others.map(({ rows }) => rows.shared)).toEqual([3, 3, 3]);
});

test('readings that share rows are those of series that each stand alone', () => {
  const step = fc.record({
    layout: fc.oneof(
      { weight: 12, arbitrary: fc.constant(0) },
      fc.integer({ min: 0, max: layouts.length - 1 }),
    ),
    back: fc.oneof({ weight: 8, arbitrary: fc.constant(-10) }, fc.integer({ min: -25, max: 150 })),
    interval: fc.oneof({ weight: 20, arbitrary: fc.constant(10) }, fc.constantFrom(5, 30)),
    value: fc.integer({ min: 0, max: 3 }),
    forget: fc.oneof({ weight: 12, arbitrary: fc.constant(0) }, fc.constant(200)),
    isRestored: fc.oneof({ weight: 30, arbitrary: fc.constant(false) }, fc.constant(true)),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 120, size: 'max' }), (steps) => {
      const pool = new CellPool();
      let state = new StationState(station, 0, pool);
      const alone = new Map<string, ReadingSeries>();
      let newest = 0;
      let forgottenTo = Number.NEGATIVE_INFINITY;
      for (const { layout, back, interval, value, forget, isRestored } of steps) {
        const quantities = layouts[layout] as readonly string[];
        const at = newest - back;
        if (at > forgottenTo) {
          const values = quantities.map((_, i) => value + i);
          const found = place(state, quantities, at, interval, values);
          const expected = quantities.map((quantity, i) => {
            let series = alone.get(quantity);
            if (!series) {
              series = new ReadingSeries(isIntervalQuantity(quantity));
              alone.set(quantity, series);
            }
            return series.insert(at, interval, interval, values[i] as number);
          });
          expect(found).toEqual(expected);
          newest = Math.max(newest, at);
        }
        if (forget > 0) {
          forgottenTo = Math.max(forgottenTo, newest - forget);
          for (const series of state.series.values()) series.forget(forgottenTo);
          for (const series of alone.values()) series.forget(forgottenTo);
        }
        if (isRestored) state = StationState.restore(state.snapshot(), pool);
        for (const [quantity, series] of alone)
          expect(seen(state.series.get(quantity))).toEqual(seen(series));
      }
    }),
    { numRuns: 200 },
  );
});

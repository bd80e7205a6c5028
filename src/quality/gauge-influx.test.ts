import fc from 'fast-check';
import { expect, it } from 'vitest';
import { HOUR_MS, MINUTE_MS } from '../model/time.ts';
import { type GaugeHour, influxGauges } from './gauge-influx.ts';
import { highInflux } from './rain-gauge.ts';

/** Eight gauges within 8 km. */
const places = Array.from({ length: 8 }, (_, i) => ({
  latitude: -30 + i * 0.01,
  longitude: -51,
  altitude: 50,
}));

/** An hour as the archive keeps it, from intervals of one length. */
const hourOf = (mm: readonly number[]): GaugeHour => ({
  sum: mm.reduce((sum, one) => sum + one, 0),
  peak: Math.max(...mm),
  stepMs: HOUR_MS / mm.length,
  isWhole: true,
});
const flagged = (hour: readonly (GaugeHour | undefined)[]): number[] =>
  (influxGauges(places, [hour])[0] as boolean[]).flatMap((is, i) => (is ? [i] : []));

const five = (peak: number, rest = 0): GaugeHour => hourOf([peak, ...Array<number>(11).fill(rest)]);

it('in steps of five minutes it is PWSQC: over 10 mm beside less than 0.4 mm, or over 25 times the median', () => {
  const among = (here: GaugeHour, around: GaugeHour): number[] =>
    flagged(places.map((_, i) => (i === 3 ? here : around)));
  expect(among(five(10.1), five(0.3))).toEqual([3]);
  expect(among(five(10), five(0.3))).toEqual([]);
  expect(among(five(15), five(0.5))).toEqual([3]);
  expect(among(five(15), five(0.7))).toEqual([]);
});

it('in hours the same intensities hold, and of intervals that are not alike those no longer than its own', () => {
  const hourly = (mm: number): GaugeHour => hourOf([mm]);
  const among = (here: GaugeHour, around: GaugeHour): number[] =>
    flagged(places.map((_, i) => (i === 3 ? here : around)));
  expect(among(hourly(121), hourly(4))).toEqual([3]);
  // What one cell of a thunderstorm leaves in a gauge that its neighbours do not see.
  expect(among(hourly(80), hourly(0))).toEqual([]);
  // Of an hour with gaps nobody knows how much fell.
  expect(among(hourly(150), { ...five(0), isWhole: false, stepMs: 2 * HOUR_MS })).toEqual([]);
  // An hourly sum says nothing of five minutes.
  expect(among(five(30), hourly(4))).toEqual([]);
  expect(among(five(30, 10), hourly(4))).toEqual([3]);
  // Of a minute 10 mm have to fall all the same.
  const minute = hourOf([9, ...Array<number>(59).fill(0.2)]);
  expect(among(minute, five(0))).toEqual([]);
});

it('four neighbours are too few, however many stand further off', () => {
  const wild = five(60);
  expect(flagged([wild, ...Array<GaugeHour>(4).fill(five(0))])).toEqual([]);
  expect(flagged([wild, ...Array<GaugeHour>(5).fill(five(0))])).toEqual([0]);
});

/** An hour of rain in amounts of five minutes; what is not wild is a fortieth of it. */
const gauge = fc.record({
  mm: fc.array(
    fc.oneof(
      fc.constant(0),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 40, noNaN: true }),
    ),
    { minLength: 12, maxLength: 12 },
  ),
  isWild: fc.boolean(),
});

it('flags no gauge of five minutes that PWSQC lets pass at every step, and in the hour', () => {
  let found = 0;
  fc.assert(
    fc.property(fc.array(gauge, { minLength: 8, maxLength: 8 }), (gauges) => {
      const rain = gauges.map(({ mm, isWild }) => (isWild ? mm : mm.map((one) => one / 40)));
      const median = (seven: readonly number[]): number => seven.toSorted((a, b) => a - b)[3] as number;
      for (const i of flagged(rain.map(hourOf))) {
        found++;
        const others = rain.filter((_, k) => k !== i);
        const here = rain[i] as number[];
        const steps = {
          rain: here,
          median: here.map((_, at) => median(others.map((mm) => mm[at] as number))),
          neighbours: here.map(() => others.length),
        };
        const sum = (mm: readonly number[]): number => mm.reduce((total, one) => total + one, 0);
        const hour = { rain: [sum(here)], median: [median(others.map(sum))], neighbours: [others.length] };
        expect([...highInflux(steps), ...highInflux(hour, 4.8, 120)]).toContain(true);
      }
    }),
    { numRuns: 500, seed: 7 },
  );
  expect(found).toBeGreaterThan(100);
});

it('a coarser neighbour is left out, a finer one counts', () => {
  const ten = hourOf([30, 0, 0, 0, 0, 0]);
  const coarse = hourOf([2, 0]);
  const fine = hourOf(Array<number>(60).fill(0.01));
  expect(MINUTE_MS * 10).toBe(ten.stepMs);
  expect(flagged([ten, ...Array<GaugeHour>(7).fill(coarse)])).toEqual([]);
  expect(flagged([ten, ...Array<GaugeHour>(7).fill(fine)])).toEqual([0]);
});

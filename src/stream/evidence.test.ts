import { describe, expect, test } from 'vitest';
import { AreaNetwork, areaRule } from '../../test/oracle/area-network.ts';
import { HOUR_MS } from '../model/time.ts';
import { checkExpression } from '../rules/check.ts';
import { type Aggregate, readAggregate } from './aggregate.ts';
import { evidenceOf } from './evidence.ts';
import { hour, rain, station, T0 } from './fixture.ts';
import type { Reader } from './truth.ts';
import { newValue, set } from './value.ts';
import type { WindowStatistics } from './window.ts';

const window = (rest: Partial<WindowStatistics>): WindowStatistics => ({
  count: 2,
  sum: 0,
  min: 0,
  max: 0,
  first: 0,
  last: 0,
  coveredMs: HOUR_MS,
  uncounted: 0,
  uncountedSum: 0,
  ...rest,
});
const readerOf = (found: WindowStatistics): Reader => ({
  window: () => found,
  silent: () => false,
  coverage: 0.8,
  returnPeriod: () => set(newValue(), 'exact', 12_500),
});
const shown = (text: string, found: WindowStatistics): unknown[] => {
  const { held, flaws } = checkExpression(text);
  if (!held) throw new Error(JSON.stringify(flaws));
  const [one] = evidenceOf(held.condition, readerOf(found), hour(3));
  return [one?.value, one?.unit, one?.threshold];
};

describe('evidence in the unit of the threshold', () => {
  test('a difference in °F has no offset; a point of the scale has', () => {
    const fall = window({ first: 20_000, last: 10_000 });
    expect(shown('delta(airTemperature, 1h) <= -9 °F', fall)).toEqual([-18, '°F', -9]);
    expect(shown('last(airTemperature, 1h) <= 60 °F', fall)).toEqual([50, '°F', 60]);
  });
  test('rates and years are known', () => {
    const readings = (): { at: number; value: number }[] => [
      { at: 0, value: 0 },
      { at: HOUR_MS, value: 381 },
    ];
    expect(shown('rate(riverLevel, 1h) >= 1 ft/h', window({ readings }))).toEqual([1.25, 'ft/h', 1]);
    expect(shown('returnPeriod(sum(rainfall, 24h)) >= 10 years', window({}))).toEqual([12.5, 'years', 10]);
  });
  test('a tie at the last decimal goes away from zero, though its double lies below', () => {
    const mean = (sum: number) => window({ sum, coveredMs: HOUR_MS });
    expect(shown('avg(riverLevel, 1h) > 2 m', mean(4023))).toEqual([2.012, 'm', 2]);
    expect(shown('avg(airTemperature, 1h) < 0 °C', mean(-4023))).toEqual([-2.012, '°C', 0]);
  });
});

test('of counted stations the coverage says of how many it is known whether they hold', () => {
  const stations = ['A801', 'A802', 'A803', 'A804'].map((id) => station(id, '1'));
  const any = areaRule({ yellow: 'count(stations where sum(rainfall, 2h) >= 20 mm) >= 1' }, null);
  const one = new AreaNetwork({ rules: [any], stations, startAt: T0 });
  // Half of two hours is seen: 30 mm are enough already, 0 mm say nothing.
  one.feed(...['30', '0', '0', '0'].map((mm, i) => rain(1, Number(mm), { station: `A80${i + 1}` })));
  expect(one.events[0]?.evidence).toMatchObject([{ value: 1, coverage: 0.25, observations: 4 }]);
});

describe('the rate of an amount', () => {
  const rate = (text: string): Aggregate => {
    const { held } = checkExpression(`${text} > 5 mm/h`);
    if (held?.condition.kind !== 'comparison' || held.condition.left.kind !== 'aggregate')
      throw new Error(text);
    return held.condition.left;
  };
  const read = (found: WindowStatistics, text = 'rate(rainfall, 2h)'): unknown => {
    const value = readAggregate(rate(text), 2 * HOUR_MS, found, 0.8, newValue());
    return [value.known, value.numerator / value.denominator];
  };
  test('is what fell over the hours that are covered', () => {
    expect(read(window({ sum: 30_000, coveredMs: 2 * HOUR_MS }))).toEqual(['exact', 15_000]);
    expect(read(window({ sum: 27_000, coveredMs: 1.8 * HOUR_MS }))).toEqual(['exact', 15_000]);
    expect(read(window({ count: 1, sum: 6000, coveredMs: 2 * HOUR_MS }))).toEqual(['exact', 3000]);
  });
  test('is bounded below coverage by what was seen, over the whole window', () => {
    expect(read(window({ sum: 30_000 }))).toEqual(['at-least', 15_000]);
    expect(read(window({ count: 0, coveredMs: 0 }))).toEqual(['at-least', 0]);
  });
  test('of a window by count is over the span of its readings', () => {
    const extent = { from: 0, to: 4 * HOUR_MS, neededMs: 2000 };
    const text = 'rate(rainfall, 2 reports)';
    expect(read(window({ sum: 20_000, coveredMs: 2000, extent }), text)).toEqual(['exact', 5000]);
    expect(read(window({ count: 1, sum: 20_000, coveredMs: 1000, extent }), text)).toEqual(['nothing', 0]);
  });
});

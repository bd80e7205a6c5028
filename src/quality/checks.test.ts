import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { HOUR_MS, MINUTE_MS } from '../model/time.ts';
import { checkConsistency } from './consistency.ts';
import { checkPersistence } from './persistence.ts';
import { checkedQuantities, plainRange } from './plain.ts';
import { checkRange } from './range.ts';
import { checkStation } from './station-checks.ts';
import { checkStep, stepLimit } from './step.ts';
import { checkUnit } from './unit-suspicion.ts';

const of = (readings: Record<string, number>): ReadonlyMap<string, number> =>
  new Map(Object.entries(readings));
const portoAlegre = { latitude: -30.05, longitude: -51.17, altitude: 41 };
const flagAt = (quantity: string, value: number, site = portoAlegre, instant = '2024-01-10T18:00:00Z') =>
  checkRange(quantity, value, site, Date.parse(instant), HOUR_MS).flag;

describe('range', () => {
  it('knows the hour', () => {
    const belem = { latitude: -1.05, longitude: -46.8, altitude: 41 };
    expect(flagAt('airTemperature', 39, belem, '2021-09-03T17:00:00Z')).toBe('good');
    expect(flagAt('airTemperature', 39, belem, '2021-09-03T07:00:00Z')).toBe('suspect');
    expect(flagAt('airTemperature', 45, belem, '2021-09-03T07:00:00Z')).toBe('bad');
  });
  it('knows the month', () => {
    expect(flagAt('airTemperature', 43)).toBe('good');
    expect(flagAt('airTemperature', 43, portoAlegre, '2024-07-10T18:00:00Z')).toBe('suspect');
  });
  it('knows the altitude', () => {
    expect(flagAt('stationPressure', 1010)).toBe('good');
    expect(flagAt('stationPressure', 1010, { ...portoAlegre, altitude: 1200 })).toBe('bad');
    expect(flagAt('airTemperature', 43, { ...portoAlegre, altitude: 1800 })).toBe('bad');
  });
  it('a value just over the record stays as suspect: it may be the next record', () => {
    expect(flagAt('airTemperature', 45.5)).toBe('suspect');
  });
  it('rain and wind beyond any recording count up to the greatest ever measured: they are the warning', () => {
    expect(flagAt('rainfall', 120)).toBe('good');
    expect(flagAt('windGust', 52)).toBe('good');
    expect(flagAt('windGust', 114)).toBe('bad');
    expect(flagAt('rainfall', 450)).toBe('good');
    expect(flagAt('rainfall', 510)).toBe('bad');
  });
  it('has no sun at night', () => {
    expect(flagAt('globalRadiation', 3500, portoAlegre, '2024-01-10T16:00:00Z')).toBe('good');
    expect(flagAt('globalRadiation', 1163, portoAlegre, '2024-01-10T04:00:00Z')).toBe('bad');
  });
});

describe('step', () => {
  const step = (
    before: Record<string, number>,
    now: Record<string, number>,
    after?: Record<string, number>,
  ) =>
    checkStep({
      quantity: 'airTemperature',
      before: of(before),
      beforeSpanMs: HOUR_MS,
      now: of(now),
      ...(after ? { after: of(after), afterSpanMs: HOUR_MS } : {}),
    });

  it('a gust front is cleared by what came with it', () => {
    const front = step(
      { airTemperature: 37.7, relativeHumidity: 35, windGust: 5 },
      { airTemperature: 23.4, relativeHumidity: 82, windGust: 19 },
      { airTemperature: 24, relativeHumidity: 84 },
    );
    expect(front).toEqual({ flag: 'good' });
  });
  it('without a witness it is suspect, and bad once the value is back', () => {
    const [before, now] = [
      { airTemperature: 20, relativeHumidity: 60 },
      { airTemperature: 34, relativeHumidity: 60 },
    ];
    expect(step(before, now)).toEqual({ flag: 'suspect', check: 'step' });
    expect(step(before, now, { airTemperature: 34.2 })).toEqual({ flag: 'suspect', check: 'step' });
    expect(step(before, now, { airTemperature: 20.3 })).toEqual({ flag: 'bad', check: 'step' });
  });
  it('a minute may change less than an hour, and a long gap says nothing', () => {
    expect(stepLimit('airTemperature', MINUTE_MS)).toBe(3);
    expect(stepLimit('airTemperature', HOUR_MS)).toBe(10);
    expect(stepLimit('airTemperature', 5 * HOUR_MS)).toBeUndefined();
  });
});

describe('persistence', () => {
  const run = (quantity: string, value: number, hours: number, around = {}) =>
    checkPersistence({ quantity, value, spanMs: hours * HOUR_MS, count: hours + 1 }, around).flag;

  it('dry weather is never flagged', () => expect(run('rainfall', 0, 5000)).toBe('good'));
  it('rain and wind that stand alike in a storm warn on', () => {
    expect(run('rainfall', 10, 30)).toBe('good');
    expect(run('windGust', 30, 30)).toBe('good');
    expect(run('windSpeed', 22, 30, { isVaneStill: true })).toBe('good');
  });
  it('a calm night is good, a calm of days is not', () => {
    expect(run('windGust', 0, 14)).toBe('good');
    expect(run('windGust', 0, 30)).toBe('suspect');
    expect(run('windGust', 0, 50, { isVaneStill: true })).toBe('bad');
  });
  it('calm while another anemometer measures wind is a dead one', () =>
    expect(run('windGust', 0, 7, { windElsewhere: 12 })).toBe('bad'));
  it('saturated air stands still for days, dry air does not', () => {
    expect(run('relativeHumidity', 96, 40, { isSaturated: true })).toBe('good');
    expect(run('relativeHumidity', 55, 24)).toBe('bad');
  });
  it('radiation is dark at night and not by day', () => {
    expect(run('globalRadiation', 0, 13, { daylightMs: 0 })).toBe('good');
    expect(run('globalRadiation', 0, 7, { daylightMs: 7 * HOUR_MS })).toBe('bad');
  });
});

describe('consistency', () => {
  const flags = (readings: Record<string, number>) =>
    Object.fromEntries([...checkConsistency(of(readings))].map(([name, { flag }]) => [name, flag]));

  it('lets go what fits', () =>
    expect(
      flags({ airTemperature: 20, dewPoint: 13.2, relativeHumidity: 65, windSpeed: 3, windGust: 7 }),
    ).toEqual({}));
  it('dew point above temperature', () => {
    expect(flags({ airTemperature: 20, dewPoint: 20.8 })).toEqual({
      airTemperature: 'suspect',
      dewPoint: 'suspect',
    });
    expect(flags({ airTemperature: 20, dewPoint: 24 })).toEqual({
      airTemperature: 'suspect',
      dewPoint: 'bad',
    });
  });
  it('gust below wind', () => {
    expect(flags({ windSpeed: 8, windGust: 6 })).toEqual({ windGust: 'suspect' });
    expect(flags({ windSpeed: 8, windGust: 0 })).toEqual({ windGust: 'bad' });
    expect(flags({ windSpeed: 0, windGust: 32 })).toEqual({ windSpeed: 'suspect' });
  });
  it('humidity that does not fit temperature and dew point', () =>
    expect(flags({ airTemperature: 30, dewPoint: 10, relativeHumidity: 90 }).dewPoint).toBe('bad'));
});

describe('unit', () => {
  it('°F in the field of °C', () => {
    expect(checkUnit('airTemperature', 53.6, undefined, () => 14)).toEqual({
      flag: 'bad',
      check: 'unit',
      unit: '°F',
    });
    expect(checkUnit('stationPressure', 29.9, 1011, () => 1012)).toEqual({
      flag: 'bad',
      check: 'unit',
      unit: 'inHg',
    });
  });
  it('an ordinary reading, and one of which nothing is known', () => {
    expect(checkUnit('airTemperature', 32, 10, () => 25)).toEqual({ flag: 'good' });
    expect(checkUnit('airTemperature', 53.6, undefined, () => undefined)).toEqual({ flag: 'good' });
  });
  it('a warm afternoon after cold days is no °F: the readings before led up to it', () =>
    expect(checkUnit('airTemperature', 22.3, 21, () => 2)).toEqual({ flag: 'good' }));
});

describe('a station', () => {
  it('a spike accuses neither its return nor the other instruments', () => {
    const samples = [20, 20.4, 35, 20.6, 20.9].map((airTemperature, i) => ({
      at: Date.UTC(2024, 4, 10, 12 + i),
      intervalMs: HOUR_MS,
      readings: of({ airTemperature, relativeHumidity: 60, dewPoint: 12.2 }),
    }));
    const flags = checkStation(portoAlegre, samples).map((one) => [...one.values()].map(({ flag }) => flag));
    const good = ['good', 'good', 'good'];
    expect(flags).toEqual([good, good, ['bad', 'good', 'good'], good, good]);
  });
});

test('what is good at first sight is good in every month and at every hour', () => {
  const sites = fc.record({
    latitude: fc.integer({ min: -90, max: 90 }),
    longitude: fc.integer({ min: -180, max: 180 }),
    altitude: fc.option(fc.integer({ min: -400, max: 5000 })),
  });
  fc.assert(
    fc.property(
      sites,
      fc.constantFrom(...checkedQuantities.filter((one) => one !== 'globalRadiation')),
      fc.integer({ min: Date.UTC(2024, 0, 1), max: Date.UTC(2025, 0, 1) }),
      (site, quantity, at) => {
        const [low, high] = plainRange(quantity, site);
        for (const value of [low, high].filter(Number.isFinite))
          if (low <= high) expect(checkRange(quantity, value, site, at, HOUR_MS).flag).toBe('good');
      },
    ),
    { numRuns: 500 },
  );
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quantities, toScaled } from '../model/quantity.ts';
import { DAY_MS, HOUR_MS } from '../model/time.ts';
import { fireWeatherDays } from '../rules/derived/fire-weather-index.ts';
import { dailyAmong, dailyQuantities, FireWeatherChains } from './fire-weather.ts';
import { ReadingSeries } from './series.ts';

const PLACE = { latitude: -15.6, longitude: -56.1 };
/** Noon of the meridian 60° W is 16:00 UTC. */
const NOON = Date.UTC(2024, 7, 1, 16);
const WANTED = new Set(['fireWeatherIndex', 'droughtCode', 'monteAlegreIndex']);

interface Hour {
  readonly at: number;
  readonly values: Readonly<Record<string, number>>;
}

/** Hourly reports of days 1 to n, a whole day before the first noon; what differs by day and hour makes days unlike. */
function hours(days: number): Hour[] {
  const list: Hour[] = [];
  for (let at = NOON - DAY_MS + HOUR_MS; at <= NOON + (days - 1) * DAY_MS + 2 * HOUR_MS; at += HOUR_MS) {
    const day = Math.floor((at - NOON) / DAY_MS);
    list.push({
      at,
      values: {
        airTemperature: 30 + day + ((at / HOUR_MS) % 5) / 10,
        relativeHumidity: 40 - day,
        windSpeed: 3,
        rainfall: day === 2 ? 0.2 : 0,
      },
    });
  }
  return list;
}

const withoutRain = ({ rainfall: _, ...values }: Hour['values']): Hour['values'] => values as Hour['values'];

class Station {
  readonly series = new Map<string, ReadingSeries>();
  chains = new FireWeatherChains();
  newestAt = Number.NEGATIVE_INFINITY;
  /** The newest value of each daily reading. */
  readonly told = new Map<string, number>();

  take({ at, values }: Hour): void {
    for (const [quantity, value] of Object.entries(values)) {
      const one =
        this.series.get(quantity) ?? new ReadingSeries(quantities.get(quantity)?.kind === 'interval');
      this.series.set(quantity, one);
      one.insert(at, HOUR_MS, HOUR_MS, toScaled(value));
    }
    this.newestAt = Math.max(this.newestAt, at);
    for (const { quantity, observedAt, value } of this.chains.update(
      this.series,
      PLACE,
      at,
      this.newestAt,
      WANTED,
    ))
      this.told.set(`${quantity} ${(observedAt - NOON) / HOUR_MS}`, value as number);
  }

  get sorted(): string[] {
    return [...this.told].map(([key, value]) => `${key} ${value}`).sort();
  }
}

const run = (list: readonly Hour[]): Station => {
  const station = new Station();
  for (const hour of list) station.take(hour);
  return station;
};

describe('the daily chains', () => {
  it('stand at local noon and at 13:00, and are the chain of the noon readings and the rain before', () => {
    const list = hours(4);
    const station = run(list);
    const atNoon = (day: number) => list.find(({ at }) => at === NOON + day * DAY_MS) as Hour;
    const chain = fireWeatherDays(
      [0, 1, 2, 3].map((day) => ({
        noonTemperature: toScaled(atNoon(day).values.airTemperature as number) / 1000,
        noonHumidity: atNoon(day).values.relativeHumidity as number,
        noonWind: 3,
        rain24h:
          list
            .filter(({ at }) => at > NOON + (day - 1) * DAY_MS && at <= NOON + day * DAY_MS)
            .reduce((sum, { values }) => sum + toScaled(values.rainfall as number), 0) / 1000,
        month: 8,
        latitude: PLACE.latitude,
      })),
    );
    expect(chain.map(({ fireWeatherIndex }) => toScaled(fireWeatherIndex))).toEqual(
      [0, 24, 48, 72].map((hour) => station.told.get(`fireWeatherIndex ${hour}`)),
    );
    // 4.6 mm in the 24 h before 13:00 of the fourth day: the sum is cut to 0.7.
    const sums = [1, 25, 49, 73].map(
      (hour) => (station.told.get(`monteAlegreIndex ${hour}`) as number) / 1000,
    );
    expect(sums[0]).toBeCloseTo(100 / 40, 3);
    expect(sums[1]).toBeCloseTo(100 / 40 + 100 / 39, 3);
    expect(sums[3]).toBeCloseTo((sums[2] as number) * 0.7 + 100 / 37, 2);
    expect(station.told.size).toBe(3 * 4);
  });

  it('is a function of the readings, not of their order', () => {
    const list = hours(4);
    const expected = run(list).sorted;
    fc.assert(
      fc.property(fc.shuffledSubarray(list, { minLength: list.length }), (shuffled) => {
        expect(run(shuffled).sorted).toEqual(expected);
      }),
      { numRuns: 30 },
    );
  });

  it('late data change the days from theirs on, and goes on from a checkpoint', () => {
    const list = hours(5);
    const rain = list.find(({ at }) => at === NOON + DAY_MS + 3 * HOUR_MS) as Hour;
    const without = run(list.filter((hour) => hour !== rain));
    const before = new Map(without.told);
    without.chains = FireWeatherChains.restore(JSON.parse(JSON.stringify(without.chains.snapshot())));
    without.take({ ...rain, values: { ...rain.values, rainfall: 30 } });
    const changed = [...without.told].filter(([key, value]) => before.get(key) !== value).map(([key]) => key);
    expect(changed.length).toBeGreaterThan(0);
    expect(changed.every((key) => Number(key.split(' ')[1]) >= 48)).toBe(true);
    expect(changed).toContain('droughtCode 96');
    const inOrder = run(
      list.map((hour) => (hour === rain ? { ...rain, values: { ...rain.values, rainfall: 30 } } : hour)),
    );
    expect(without.sorted).toEqual(inOrder.sorted);
  });

  it('has no reading for a day of which less than 80 % of the rain was measured, and goes on from the day before', () => {
    const list = hours(4).filter(({ at }) => !(at > NOON + HOUR_MS && at <= NOON + 6 * HOUR_MS));
    const station = run(list);
    expect(station.told.has('fireWeatherIndex 24')).toBe(false);
    expect(station.told.get('droughtCode 48')).toBeGreaterThan(station.told.get('droughtCode 0') as number);
  });

  it('takes the reading nearest to noon within an hour, and the dew point where no humidity is measured', () => {
    const shifted = hours(3).map(({ at, values: { relativeHumidity: _, ...values } }) => ({
      at,
      values: { ...values, dewPoint: 12 },
    }));
    expect(run(shifted).told.has('fireWeatherIndex 24')).toBe(true);
    const far = hours(3).map(({ at, values: { airTemperature, ...values } }) => ({
      at,
      values: (at - NOON + 100 * DAY_MS) % DAY_MS === 6 * HOUR_MS ? { ...values, airTemperature } : values,
    }));
    const station = run(far as Hour[]);
    expect(station.told.has('fireWeatherIndex 24')).toBe(false);
    expect(station.told.has('monteAlegreIndex 25')).toBe(true);
  });

  it('takes the earlier of two readings as near to noon', () => {
    const half = hours(3).map(({ at, values }) => ({ at: at + HOUR_MS / 2, values }));
    // Each hour's values stand half an hour later: those before noon are the ones of 11:00.
    const expected = run(
      hours(3).map((hour, i, list) => ({
        ...hour,
        values: { ...hour.values, ...withoutRain((list[i - 1] ?? hour).values) },
      })),
    );
    const station = run(half);
    for (const hour of [24, 48])
      expect(station.told.get(`fireWeatherIndex ${hour}`)).toBe(
        expected.told.get(`fireWeatherIndex ${hour}`),
      );
  });

  it('sums the rain that fell wholly within the 24 h before', () => {
    const wet = (offsetMs: number): number | undefined => {
      const half = hours(2).map(({ at, values }) => ({
        at: at + HOUR_MS / 2,
        values: { ...values, rainfall: 0 },
      }));
      const rain = half.find(({ at }) => at === NOON + offsetMs) as Hour & { values: { rainfall: number } };
      rain.values.rainfall = 50;
      return run(half).told.get('droughtCode 24');
    };
    // Read at 12:30 of the day before, it began to fall at 11:30.
    expect(wet(HOUR_MS / 2)).toBeGreaterThan(wet((3 * HOUR_MS) / 2) as number);
    expect(wet(HOUR_MS / 2)).toBeGreaterThan(wet(DAY_MS - HOUR_MS / 2) as number);
    expect(wet(DAY_MS + HOUR_MS / 2)).toBe(wet(HOUR_MS / 2));
  });

  it('begins again after ten days without inputs', () => {
    const list = hours(14);
    const gap = (days: number) =>
      run(list.filter(({ at }) => !(at > NOON + 3 * HOUR_MS && at <= NOON + days * DAY_MS)));
    const fresh = run(list.filter(({ at }) => at > NOON + 11 * DAY_MS));
    expect(gap(11).told.get('droughtCode 288')).toBe(fresh.told.get('droughtCode 288'));
    expect(gap(8).told.get('droughtCode 216')).toBeGreaterThan(
      run(list.filter(({ at }) => at > NOON + 8 * DAY_MS)).told.get('droughtCode 216') as number,
    );
  });

  it('keeps the days within lateness and one before, and settles what lies before', () => {
    const list = hours(6);
    const station = run(list);
    const late = NOON + 4 * DAY_MS + 2 * HOUR_MS;
    station.chains.forget(late);
    const kept = station.chains.snapshot()[0]?.days.map(([at]) => (at - NOON) / DAY_MS);
    expect(kept).toEqual([4, 5]);
    const before = station.sorted;
    station.take({ at: NOON + 2 * DAY_MS + 1, values: { rainfall: 0, airTemperature: 50 } });
    expect(station.sorted).toEqual(before);
    // The day after still stands on the codes before it.
    const day = (hour: Hour): Hour => ({ at: hour.at + DAY_MS, values: hour.values });
    for (const hour of list.slice(-26)) station.take(day(hour));
    expect(station.told.get('droughtCode 144')).toBeGreaterThan(
      station.told.get('droughtCode 120') as number,
    );
  });

  it('does nothing when no rule asks', () => {
    const chains = new FireWeatherChains();
    expect(chains.update(run(hours(3)).series, PLACE, NOON, NOON + DAY_MS, new Set())).toEqual([]);
    expect(chains.snapshot()[0]?.days).toEqual([]);
  });

  it('names quantities of the model, none of which a report may bring', () => {
    for (const name of dailyQuantities) expect(quantities.get(name)?.derived).toBe('always');
    expect([...dailyAmong(['rainfall', 'fireWeatherIndex', 'heatIndex'])]).toEqual(['fireWeatherIndex']);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quantities, toScaled } from '../model/quantity.ts';
import { DAY_MS, HOUR_MS } from '../model/time.ts';
import { heatIndex } from '../rules/derived/heat.ts';
import { dewPoint } from '../rules/derived/humidity.ts';
import { ReadingSeries } from './series.ts';
import { StationDerivation, type WantedQuantities, wantedAmong } from './station-derivation.ts';

const PLACE = { latitude: -30, longitude: -51, altitude: 10 };
const AT = Date.UTC(2024, 0, 15, 15);

/** What a fold does with a report: its readings into the series, then what follows from them. */
class Station {
  readonly series = new Map<string, ReadingSeries>();
  readonly wanted: WantedQuantities;
  derivation = new StationDerivation();
  newestAt = Number.NEGATIVE_INFINITY;
  placed = 0;

  readonly place: typeof PLACE;

  constructor(names: readonly string[], place = PLACE) {
    this.place = place;
    this.wanted = wantedAmong(names);
  }

  insert(quantity: string, at: number, value: number, coverMs: number): void {
    const one = this.series.get(quantity) ?? new ReadingSeries(quantities.get(quantity)?.kind === 'interval');
    this.series.set(quantity, one);
    one.insert(at, HOUR_MS, coverMs, value);
  }

  take(at: number, values: Readonly<Record<string, number>>): void {
    for (const [quantity, value] of Object.entries(values))
      this.insert(quantity, at, toScaled(value), HOUR_MS);
    this.newestAt = Math.max(this.newestAt, at);
    const { series, newestAt, wanted, place } = this;
    const placements = this.derivation.placements(series, place, Object.keys(values), at, newestAt, wanted);
    this.placed += placements.length;
    for (const { quantity, observedAt, value, coverMs } of placements)
      this.insert(quantity, observedAt, value as number, coverMs ?? HOUR_MS);
  }

  values(quantity: string): [number, number][] {
    const one = this.series.get(quantity);
    return Array.from({ length: one?.length ?? 0 }, (_, i) => [
      one?.at(i) as number,
      (one?.value(i) as number) / 1000,
    ]);
  }
}

const rounded = (value: number): number => toScaled(value) / 1000;

describe('StationDerivation', () => {
  it('derives when the last input comes, again when one is corrected, and once only', () => {
    const station = new Station(['heatIndex']);
    station.take(AT, { airTemperature: 35 });
    expect(station.values('heatIndex')).toEqual([]);
    station.take(AT, { relativeHumidity: 55 });
    expect(station.values('heatIndex')).toEqual([[AT, rounded(heatIndex(35, 55))]]);
    station.take(AT, { rainfall: 0 });
    expect(station.placed).toBe(1);
    station.take(AT, { airTemperature: 36 });
    expect(station.values('heatIndex')).toEqual([[AT, rounded(heatIndex(36, 55))]]);
    expect(station.placed).toBe(2);
  });

  it('a measured dew point replaces the derived one, whichever comes first, and is what humidex is made from', () => {
    const air = { airTemperature: 30, relativeHumidity: 60 };
    const first = new Station(['dewPoint', 'humidex']);
    first.take(AT, air);
    expect(first.values('dewPoint')).toEqual([[AT, rounded(dewPoint(30, 60))]]);
    first.take(AT, { dewPoint: 10 });
    const second = new Station(['dewPoint', 'humidex']);
    second.take(AT, { dewPoint: 10 });
    second.take(AT, air);
    for (const station of [first, second]) expect(station.values('dewPoint')).toEqual([[AT, 10]]);
    expect(first.values('humidex')).toEqual(second.values('humidex'));
    first.take(AT, { airTemperature: 31 });
    expect(first.values('dewPoint')).toEqual([[AT, 10]]);
  });

  it('knows after a checkpoint which readings were derived', () => {
    const station = new Station(['dewPoint']);
    station.take(AT, { airTemperature: 30, relativeHumidity: 60 });
    station.derivation = StationDerivation.restore(JSON.parse(JSON.stringify(station.derivation.snapshot())));
    station.take(AT, { airTemperature: 31 });
    expect(station.values('dewPoint')).toEqual([[AT, rounded(dewPoint(31, 60))]]);
    station.derivation.forget(AT + 1);
    expect(station.derivation.snapshot().marks).toEqual([['dewPoint', []]]);
  });

  it('gives the same series for any order of the parts', () => {
    const names = [
      'heatIndex',
      'dewPoint',
      'windChill',
      'apparentTemperature',
      'fireWeatherIndex',
      'monteAlegreIndex',
    ];
    const parts: [number, Record<string, number>][] = [];
    for (let hour = 0; hour <= 50; hour++) {
      const at = AT - DAY_MS + hour * HOUR_MS;
      parts.push([at, { airTemperature: 20 + (hour % 13), windSpeed: 2 }]);
      parts.push([at, { relativeHumidity: 80 - (hour % 13) * 3, rainfall: hour === 30 ? 4 : 0 }]);
    }
    const run = (list: typeof parts): Station => {
      const station = new Station(names);
      for (const [at, values] of list) station.take(at, values);
      return station;
    };
    const expected = run(parts);
    expect(expected.values('fireWeatherIndex').length).toBe(2);
    fc.assert(
      fc.property(fc.shuffledSubarray(parts, { minLength: parts.length }), (shuffled) => {
        const station = run(shuffled);
        for (const name of names) expect(station.values(name)).toEqual(expected.values(name));
      }),
      { numRuns: 20 },
    );
  });

  it('derives nothing by the sun or the local hour for a station of which nobody said where it is', () => {
    const names = [
      'wetBulbGlobeTemperature',
      'universalThermalClimateIndex',
      'monteAlegreIndex',
      'heatIndex',
    ];
    const day = (place: typeof PLACE): string[] => {
      const station = new Station(names, place);
      for (let hour = 0; hour < 49; hour++)
        station.take(AT + hour * HOUR_MS, {
          airTemperature: 30,
          relativeHumidity: 60,
          windSpeed: 2,
          rainfall: 0,
          globalRadiation: 0,
        });
      return names.filter((name) => station.values(name).length > 0);
    };
    expect(day(PLACE)).toEqual(names);
    expect(day({ latitude: 0, longitude: 0, altitude: 10 })).toEqual(['heatIndex']);
  });

  it('costs nothing when no rule asks', () => {
    const station = new Station(['rainfall', 'airTemperature']);
    station.take(AT, { airTemperature: 30, relativeHumidity: 60 });
    expect(station.placed).toBe(0);
    expect(station.derivation.snapshot().marks).toEqual([]);
  });
});

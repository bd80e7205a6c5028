import { describe, expect, it } from 'vitest';
import { quantities, toScaled } from '../model/quantity.ts';
import type { Report } from '../model/report.ts';
import { HOUR_MS } from '../model/time.ts';
import { heatIndex } from '../rules/derived/heat.ts';
import { dewPoint, relativeHumidity } from '../rules/derived/humidity.ts';
import { derivedQuantities } from '../rules/derived/table.ts';
import { DerivedMarks, deriveAt, derivedAmong, deriveFromSeries, deriveReport } from './derived.ts';
import { ReadingSeries } from './series.ts';

const PORTO_ALEGRE = { latitude: -30.05, longitude: -51.17, altitude: 41 };
/** 14:00 local in high summer. */
const AFTERNOON = Date.UTC(2024, 0, 15, 17);
const NIGHT = Date.UTC(2024, 0, 15, 5);

const report = (values: Record<string, number>, observedAt = AFTERNOON): Report => ({
  station: 'A801',
  observedAt,
  intervalMs: HOUR_MS,
  receivedAt: observedAt,
  quantities: Object.keys(values),
  values: Object.values(values).map((value) => toScaled(value)),
});
const all = new Set(derivedQuantities.keys());
const derive = (
  values: Record<string, number>,
  wanted: Iterable<string> = all,
  at = AFTERNOON,
): Record<string, number> => {
  const { quantities: names, values: scaled } = deriveReport(
    report(values, at),
    new Set(wanted),
    PORTO_ALEGRE,
  );
  const added = names.map((name, i) => [name, (scaled[i] as number) / 1000] as const);
  return Object.fromEntries(added.filter(([name]) => !(name in values)));
};
const SUMMER = { airTemperature: 35, relativeHumidity: 55, windSpeed: 2, globalRadiation: 3000 };

describe('deriveReport', () => {
  it('is the report itself when nothing is wanted or nothing follows', () => {
    const one = report(SUMMER);
    expect(deriveReport(one, new Set(), PORTO_ALEGRE)).toBe(one);
    expect(deriveReport(one, new Set(['rainfall', 'nothing']), PORTO_ALEGRE)).toBe(one);
    const dry = report({ airTemperature: 35 });
    expect(deriveReport(dry, new Set(['heatIndex']), PORTO_ALEGRE)).toBe(dry);
  });

  it('adds what is wanted, rounded to the resolution, behind the readings', () => {
    const one = deriveReport(report(SUMMER), new Set(['heatIndex']), PORTO_ALEGRE);
    expect(one.quantities).toEqual([...Object.keys(SUMMER), 'heatIndex']);
    expect(one.values.at(-1)).toBe(toScaled(heatIndex(35, 55)));
    expect(one.values.every(Number.isInteger)).toBe(true);
  });

  it('derives humidity from a dew point and the other way round, but never what the station reports', () => {
    const td = dewPoint(35, 55);
    const fromDewPoint = derive({ airTemperature: 35, dewPoint: td }, ['heatIndex', 'relativeHumidity']);
    expect(fromDewPoint.relativeHumidity).toBeCloseTo(relativeHumidity(35, Number(td.toFixed(3))), 3);
    expect(fromDewPoint.heatIndex).toBeCloseTo(heatIndex(35, 55), 1);
    expect(derive(SUMMER, ['dewPoint', 'humidex'])).toMatchObject({ dewPoint: Number(td.toFixed(3)) });
    expect(derive({ ...SUMMER, dewPoint: 10 }, ['dewPoint'])).toEqual({});
    expect(derive({ ...SUMMER, dewPoint: 10 }, ['humidex']).humidex).toBeLessThan(37);
    // A dew point read above the temperature is saturated air.
    expect(derive({ airTemperature: 20, dewPoint: 20.05 }, ['relativeHumidity'])).toEqual({
      relativeHumidity: 100,
    });
    // Nothing follows from nothing, however the two depend on each other.
    expect(derive({ airTemperature: 35 }, ['dewPoint', 'relativeHumidity', 'humidex'])).toEqual({});
  });

  it('gives plausible values of every quantity for a hot afternoon', () => {
    const values = derive({ ...SUMMER, stationPressure: 1005 });
    expect(Object.keys(values).sort()).toEqual([...all].filter((name) => !(name in SUMMER)).sort());
    expect(values.wetBulbGlobeTemperature).toBeGreaterThan(30);
    expect(values.wetBulbGlobeTemperature).toBeLessThan(36);
    expect(values.universalThermalClimateIndex).toBeGreaterThan(38);
    expect(values.universalThermalClimateIndex).toBeLessThan(48);
    expect(values.seaLevelPressure).toBeCloseTo(1009.6, 0);
    expect(values.windChill).toBe(35);
  });

  it('needs radiation by day for WBGT and UTCI, and none at night', () => {
    const { globalRadiation: _, ...dark } = SUMMER;
    const wanted = ['wetBulbGlobeTemperature', 'universalThermalClimateIndex'];
    expect(derive(dark, wanted)).toEqual({});
    const night = derive(dark, wanted, NIGHT);
    expect(Object.keys(night)).toEqual(wanted);
    expect(night).toEqual(
      Object.fromEntries(
        Object.entries(derive({ ...dark, globalRadiation: 0 }, [...wanted], NIGHT)).filter(
          ([name]) => name !== 'globalRadiation',
        ),
      ),
    );
    expect(night.wetBulbGlobeTemperature).toBeLessThan(
      derive(SUMMER, wanted).wetBulbGlobeTemperature as number,
    );
  });

  it('counts humidity above 100 % as 100 %, and gives nothing outside a range or a method', () => {
    const wet = derive({ airTemperature: 25, relativeHumidity: 103 }, ['dewPoint', 'vapourPressureDeficit']);
    expect(wet).toEqual({ dewPoint: 25, vapourPressureDeficit: 0 });
    expect(derive({ airTemperature: 25, relativeHumidity: 0 }, ['dewPoint'])).toEqual({});
    expect(derive({ airTemperature: 25, relativeHumidity: 2 }, ['wetBulbTemperature'])).toEqual({});
    expect(derive({ airTemperature: 60, relativeHumidity: 100 }, ['heatIndex'])).toEqual({});
  });

  it('names quantities of the model, with inputs of the model, each marked as derived', () => {
    for (const entry of derivedQuantities.values()) {
      expect(quantities.get(entry.name)?.derived).toBeDefined();
      expect(quantities.get(entry.name)?.kind).toBe('instant');
      for (const input of [...entry.inputs, ...entry.optional]) expect(quantities.has(input)).toBe(true);
    }
    expect([...derivedAmong(['rainfall', 'windChill', 'heatIndex', 'fireWeatherIndex'])]).toEqual([
      'heatIndex',
      'windChill',
    ]);
  });
});

describe('deriveAt', () => {
  it('is odd to nothing: no wanted name, no look at the readings', () => {
    const none = (): number => {
      throw new Error('looked');
    };
    const setting = { observedAt: AFTERNOON, radiationMs: HOUR_MS, ...PORTO_ALEGRE };
    expect(deriveAt(none, new Set(), setting)).toEqual([]);
  });
});

describe('deriveFromSeries', () => {
  const seriesWith = (readings: readonly (readonly [string, number, number, number])[]) => {
    const series = new Map<string, ReadingSeries>();
    for (const [quantity, at, intervalMs, value] of readings) {
      const one = series.get(quantity) ?? new ReadingSeries(quantities.get(quantity)?.kind === 'interval');
      series.set(quantity, one);
      one.insert(at, intervalMs, intervalMs, toScaled(value));
    }
    return series;
  };
  const at = (
    series: ReadonlyMap<string, ReadingSeries>,
    wanted: string[],
    marks = new DerivedMarks(),
  ): Record<string, number> =>
    Object.fromEntries(
      deriveFromSeries(series, marks, AFTERNOON, new Set(wanted), PORTO_ALEGRE).map((reading) => [
        reading.quantity,
        reading.value,
      ]),
    );

  it('joins inputs of two reports at one instant, and of no other instant', () => {
    const rows = [
      ['airTemperature', AFTERNOON, HOUR_MS, 35],
      ['relativeHumidity', AFTERNOON, HOUR_MS / 6, 55],
      ['windSpeed', AFTERNOON - 1, HOUR_MS, 4],
    ] as const;
    const joined = at(seriesWith(rows), ['heatIndex', 'apparentTemperature']);
    expect(joined).toEqual({ heatIndex: toScaled(heatIndex(35, 55)) });
  });

  it('takes of two readings of one instant the one that counts', () => {
    const rows = [
      ['airTemperature', AFTERNOON, HOUR_MS / 6, 35],
      ['airTemperature', AFTERNOON, HOUR_MS, 36],
      ['relativeHumidity', AFTERNOON, HOUR_MS, 55],
    ] as const;
    expect(at(seriesWith(rows), ['heatIndex'])).toEqual({ heatIndex: toScaled(heatIndex(35, 55)) });
  });

  it('takes the span of radiation from its own report', () => {
    const rows = (span: number) =>
      seriesWith([
        ['airTemperature', AFTERNOON, HOUR_MS, 35],
        ['relativeHumidity', AFTERNOON, HOUR_MS, 55],
        ['windSpeed', AFTERNOON, HOUR_MS, 2],
        ['globalRadiation', AFTERNOON, span, (3000 * span) / HOUR_MS],
      ]);
    const wanted = ['wetBulbGlobeTemperature'];
    const hour = at(rows(HOUR_MS), wanted).wetBulbGlobeTemperature as number;
    const quarter = at(rows(HOUR_MS / 4), wanted).wetBulbGlobeTemperature as number;
    expect(Math.abs(hour - quarter)).toBeLessThan(100);
    expect(hour).toBe((derive(SUMMER, wanted).wetBulbGlobeTemperature as number) * 1000);
  });

  it('does not take a derived reading for a measured one, nor put one over a measured one', () => {
    const series = seriesWith([
      ['airTemperature', AFTERNOON, HOUR_MS, 35],
      ['relativeHumidity', AFTERNOON, HOUR_MS, 55],
      ['dewPoint', AFTERNOON, HOUR_MS, 10],
    ]);
    expect(at(series, ['dewPoint'])).toEqual({});
    const marks = new DerivedMarks();
    marks.note('dewPoint', AFTERNOON);
    marks.note('heatIndex', AFTERNOON);
    expect(marks.snapshot()).toEqual([['dewPoint', [AFTERNOON]]]);
    expect(at(series, ['dewPoint'], marks)).toEqual({ dewPoint: toScaled(dewPoint(35, 55)) });
    const restored = DerivedMarks.restore(marks.snapshot());
    expect(restored.has('dewPoint', AFTERNOON)).toBe(true);
    restored.measured('dewPoint', AFTERNOON);
    expect(restored.has('dewPoint', AFTERNOON)).toBe(false);
    marks.forget(AFTERNOON - 1);
    expect(marks.has('dewPoint', AFTERNOON)).toBe(true);
    marks.forget(AFTERNOON);
    expect(marks.has('dewPoint', AFTERNOON)).toBe(false);
  });
});

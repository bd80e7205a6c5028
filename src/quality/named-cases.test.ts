import { describe, expect, it } from 'vitest';
import { HOUR_MS } from '../model/time.ts';
import {
  hasRecordings,
  needsRecordings,
  type RecordedStation,
  recorded,
  recordedCodes,
  recordedDays,
} from './fixture.ts';
import { checkRange } from './range.ts';
import type { Verdict } from './verdict.ts';

const at = (one: RecordedStation, instant: string) => {
  const i = one.samples.findIndex((sample) => sample.at === Date.parse(instant));
  return { readings: one.samples[i]?.readings, verdicts: one.verdicts[i] };
};
const flagsOf = (one: RecordedStation, quantity: string) =>
  one.verdicts.flatMap((verdicts) => verdicts.get(quantity)?.flag ?? []);

/** Nobody labelled these: judged by the station's other instruments, and by the stations about it. */
describe('named days of INMET', () => {
  it('A348: 138.2 mm in an hour at Cabaceiras are good, and so is the fall of 8 °C an hour that came with them', async () => {
    const one = await recordedDays('A348_2022');
    const { readings, verdicts } = at(one, '2022-05-20T21:00:00Z');
    expect(readings?.get('rainfall')).toBe(138.2);
    // Neighbours 50 km away had hardly any rain; its own air fell from 34.9 to 21.9 °C, from 35 to 95 % humidity, and blew.
    expect(readings?.get('windGust')).toBe(20.1);
    expect(verdicts?.get('rainfall')).toEqual({ flag: 'good' });
    for (const hour of ['20', '21', '22']) {
      const during = at(one, `2022-05-20T${hour}:00:00Z`).verdicts ?? new Map<string, Verdict>();
      expect([...during].filter(([, { flag }]) => flag !== 'good')).toEqual([]);
    }
  });

  it('A606: 101.4 mm in an hour at Arraial do Cabo are good: Saquarema, 60 km away, had 46.4 mm two hours before', async () => {
    const one = await recordedDays('A606_2022');
    const { readings, verdicts } = at(one, '2022-04-01T07:00:00Z');
    expect(readings?.get('rainfall')).toBe(101.4);
    expect([...(verdicts ?? [])].filter(([, { flag }]) => flag !== 'good')).toEqual([]);
    expect(new Set(flagsOf(one, 'rainfall'))).toEqual(new Set(['good']));
  });

  // As at A567: wind that warns is not silenced by its height, though nothing beside it speaks for it.
  it('A372: gusts of 41.6 m/s beside a mean wind of 4.6 m/s count', async () => {
    const one = await recordedDays('A372_2020');
    for (const hour of ['17', '18']) {
      const { readings, verdicts } = at(one, `2020-10-31T${hour}:00:00Z`);
      expect(readings?.get('windGust')).toBe(41.6);
      expect(verdicts?.get('windGust')).toEqual({ flag: 'good' });
    }
  });

  it('A372: -9.2 °C by day near the equator is bad, and accuses nobody', async () => {
    const { readings, verdicts } = at(await recordedDays('A372_2021'), '2021-11-10T13:00:00Z');
    expect(readings?.get('airTemperatureMin')).toBe(-9.2);
    expect(verdicts?.get('airTemperatureMin')).toEqual({ flag: 'bad', check: 'range' });
    for (const quantity of ['airTemperature', 'airTemperatureMax', 'relativeHumidity'])
      expect([quantity, verdicts?.get(quantity)]).toEqual([quantity, { flag: 'good' }]);
  });

  it('A372: more radiation than the sun gives is bad, and its cloudy hours are not', async () => {
    const one = await recordedDays('A372_2022');
    const { readings, verdicts } = at(one, '2022-08-06T12:00:00Z');
    expect(readings?.get('globalRadiation')).toBe(5319.9);
    expect(verdicts?.get('globalRadiation')).toEqual({ flag: 'bad', check: 'range' });
    // 7145.4 kJ/m² an hour later do not come in at all.
    expect(at(one, '2022-08-06T13:00:00Z').readings?.has('globalRadiation')).toBe(false);
    expect(at(one, '2022-08-05T11:00:00Z').verdicts?.get('globalRadiation')).toEqual({ flag: 'good' });
    expect(new Set(flagsOf(one, 'airTemperature'))).toEqual(new Set(['good']));
  });
});

describe.runIf(hasRecordings)(`doubtful and surprising stations of INMET${needsRecordings}`, () => {
  it.each([
    ['sc-2020-bomb-cyclone', 'A866', '2020-06-30T18:00:00Z'],
    ['ms-2020-heat', 'A703', '2020-10-05T18:00:00Z'],
  ])('%s: the dead anemometer of %s is bad before and through the event', async (event, code, during) => {
    const one = await recorded(event, code);
    const { readings, verdicts } = at(one, during);
    expect(readings?.get('windGust')).toBe(0);
    expect(verdicts?.get('windGust')).toEqual({ flag: 'bad', check: 'persistence' });
    const flags = flagsOf(one, 'windGust');
    expect(flags.filter((flag) => flag === 'bad').length / flags.length).toBeGreaterThan(0.9);
    // Its other instruments live.
    expect(new Set(flagsOf(one, 'airTemperature'))).toEqual(new Set(['good']));
  });

  it('A226: 45.0 °C before dawn at the equator is bad; 88.8 mm of its day of 284.6 mm are not', async () => {
    const one = await recorded('suspects', 'A226');
    const night = at(one, '2021-09-03T07:00:00Z');
    expect(night.readings?.get('airTemperatureMax')).toBe(45);
    expect(night.verdicts?.get('airTemperatureMax')).toEqual({ flag: 'bad', check: 'range' });
    const wet = at(one, '2021-02-27T16:00:00Z');
    expect(wet.readings?.get('rainfall')).toBe(88.8);
    expect(wet.verdicts?.get('rainfall')).toEqual({ flag: 'good' });
    const day = checkRange('rainfall', 284.6, one.station, Date.parse('2021-02-27T23:00:00Z'), 24 * HOUR_MS);
    expect(day.flag).not.toBe('bad');
  });

  it('C891: the cold of Antarctica is true, though filed under São Paulo', async () => {
    const one = await recorded('suspects', 'C891');
    const flags = flagsOf(one, 'airTemperature');
    expect(flags.length).toBeGreaterThan(1000);
    expect(new Set(flags)).toEqual(new Set(['good']));
    const coldest = Math.min(
      ...one.samples.flatMap(({ readings }) => readings.get('airTemperatureMin') ?? []),
    );
    expect(coldest).toBeLessThan(-51.5);
    const saoPaulo = { latitude: -23.5, longitude: -46.6, altitude: 760 };
    expect(checkRange('airTemperature', -51.6, saoPaulo, Date.UTC(2020, 7, 30, 9), HOUR_MS).flag).toBe('bad');
  });

  it('A042: 96.0 mm in an hour in which rain, cold air and humidity came together stays', async () => {
    const { readings, verdicts } = at(await recorded('suspects', 'A042'), '2020-04-08T18:00:00Z');
    expect(readings?.get('rainfall')).toBe(96);
    expect(verdicts?.get('rainfall')).toEqual({ flag: 'good' });
  });

  // False as it is, it looks like a tornado beside a dead anemometer: a false alert costs less than a lost one.
  it('A567: a gust of 50.0 m/s counts, for the calm beside it is flagged itself and accuses nobody', async () => {
    const { readings, verdicts } = at(await recorded('suspects', 'A567'), '2020-12-29T20:00:00Z');
    expect(readings?.get('windGust')).toBe(50);
    expect(verdicts?.get('windSpeed')?.check).toBe('persistence');
    expect(verdicts?.get('windGust')).toEqual({ flag: 'good' });
  });

  // Every third station, to spare time.
  it('gust fronts of Rio Grande do Sul in 2024 are good', { timeout: 60_000 }, async () => {
    let fronts = 0;
    const flagged: string[] = [];
    for (const code of recordedCodes('rs-2024').filter((_, i) => i % 3 === 0)) {
      const one = await recorded('rs-2024', code);
      one.samples.forEach(({ at: now, readings }, i) => {
        const before = one.samples[i - 1];
        if (before?.at !== now - HOUR_MS) return;
        const fall = (before.readings.get('airTemperature') ?? 0) - (readings.get('airTemperature') ?? 99);
        const moister =
          (readings.get('relativeHumidity') ?? 0) - (before.readings.get('relativeHumidity') ?? 99);
        if (fall <= 10 || moister < 20) return;
        fronts++;
        if (one.verdicts[i]?.get('airTemperature')?.flag !== 'good')
          flagged.push(`${code} ${new Date(now).toISOString()}`);
      });
    }
    expect(fronts).toBeGreaterThan(8);
    expect(flagged).toEqual([]);
  });
});

import { describe, expect, test } from 'vitest';
import { davis } from './davis.ts';
import { checked, hasPayloads, message, needsPayloads, payload, RECEIVED_AT } from './fixture.ts';
import type { Decoding } from './format.ts';
import { rtl433 } from './rtl433.ts';
import { weatherflow } from './weatherflow.ts';

const tempest = (file: string): Decoding =>
  weatherflow.decode(message(payload(`weatherflow-udp/${file}.json`)), {});
const heard = (file: string): Decoding => rtl433.decode(message(payload(`rtl_433/${file}.jsonl`)), {});

describe(`recorded messages${needsPayloads}`, () => {
  test.runIf(hasPayloads)('WeatherFlow: an observation of a Tempest', () => {
    expect(tempest('obs_st').reports[0]).toMatchObject({
      station: 'weatherflow:ST-00000001',
      interval: 'PT60S',
    });
    expect(checked(tempest('obs_st'))).toEqual({
      at: '2020-05-08T14:36:54.000Z',
      values: {
        rainfall: 0.01,
        airTemperature: 22.37,
        relativeHumidity: 50.26,
        stationPressure: 1017.57,
        windSpeed: 0.22,
        windGust: 0.27,
        windDirection: 144,
        solarIrradiance: 3,
        uvIndex: 0.03,
        lightningStrikes: 0,
        batteryVoltage: 2.41,
      },
      refused: [],
    });
    expect(checked(tempest('obs_sky')).values).toMatchObject({
      windGust: 7.4,
      windDirection: 187,
      uvIndex: 10,
    });
    expect(checked(tempest('obs_st_cold')).values).toMatchObject({ airTemperature: 0.37, windSpeed: 1.5 });
    expect(checked(tempest('rapid_wind')).values).toEqual({ windSpeed: 2.3, windDirection: 128 });
  });

  test.runIf(hasPayloads)('WeatherFlow: messages without a reading say so', () => {
    for (const type of ['device_status', 'hub_status', 'evt_precip', 'evt_strike'])
      expect(tempest(type)).toEqual({
        reports: [],
        ignored: [{ path: type, why: 'the message tells no reading' }],
        stations: [],
      });
  });

  test.runIf(hasPayloads)('rtl_433: the unit is in the name, one wind is read', () => {
    expect(checked(heard('Acurite-Optimus_wind-rain-01')).values).toEqual({
      windSpeed: 1.788,
      windDirection: 157.5,
      rainfallTotal: 97.536,
    });
    expect(heard('Acurite-5n1_VN1TXC_02').reports).toHaveLength(3);
    expect(new Set(heard('EcoWitt-WH40_g003').reports.map(({ station }) => station))).toEqual(
      new Set(['rtl_433:EcoWitt-WH40-52591']),
    );
    expect(checked(heard('Cotech-367900_g004')).values).toEqual({ airTemperature: 22.5 });
  });

  test.runIf(hasPayloads)('WeatherLink Live: the sample of its documentation', () => {
    // The document is no JSON: comments are cut, the comma that it forgets is set, and what follows the sample too.
    const text = payload('davis-weatherlink/current_conditions_commented.txt').toString('utf8');
    const json = text
      .slice(0, text.indexOf('"error"'))
      .replaceAll(/\s*\/\/.*$/gm, '')
      .replaceAll(/(\d)\s*\n(\s*")/g, '$1,\n$2')
      .replace(/,\s*$/, '');
    const { values, at } = checked(davis.decode(message(json), {}));
    expect(at).toBe('2018-07-16T15:13:25.000Z');
    expect(values).toEqual({
      airTemperature: 17.056,
      relativeHumidity: 1.1,
      dewPoint: -17.944,
      windSpeed: 0.894,
      windGust: 3.576,
      rainfallTotal: 12.6,
      solarIrradiance: 747,
      uvIndex: 5.5,
      stationPressure: 1016.188,
      seaLevelPressure: 1016.188,
    });
  });
});

test('rtl_433: a local time needs the zone of the profile', () => {
  const line = '{"time":"2024-05-01 09:00:00","model":"X","id":1,"temperature_F":50}';
  expect(checked(rtl433.decode(message(line), {})).refused[0]).toMatchObject({ code: 'time' });
  const decoding = rtl433.decode(message(line), { timeZone: 'America/Sao_Paulo' });
  expect(checked(decoding)).toMatchObject({ at: '2024-05-01T12:00:00.000Z', values: { airTemperature: 10 } });
});

test('rtl_433: the seconds of a recording are no time', () => {
  const decoding = rtl433.decode(message('{"time":"@0.17s","model":"X","temperature_C":5}'), {});
  expect(Date.parse(decoding.reports[0]?.observedAt as string)).toBe(RECEIVED_AT);
});

test('WeatherLink Live: a second transmitter does not overwrite the first', () => {
  const conditions = [{ temp: 50, rain_size: 1, rainfall_year: 3 }, { temp: 90 }];
  const decoding = davis.decode(
    message(JSON.stringify({ data: { did: 'A1', ts: 1714521600, conditions } })),
    {},
  );
  expect(checked(decoding)).toMatchObject({ values: { airTemperature: 10, rainfallTotal: 0.762 } });
  expect(decoding.ignored.at(-1)?.why).toBe('airTemperature is taken from another transmitter');
});

test('a message of something else says what was expected', () => {
  expect(() => davis.decode(message('{}'), {})).toThrow(/did/);
  expect(() => weatherflow.decode(message('{}'), {})).toThrow(/serial_number/);
  expect(() => rtl433.decode(message('{}'), {})).toThrow(/model/);
});

import { describe, expect, test } from 'vitest';
import { aviationWeather } from './aviationweather.ts';
import { decodeMessage } from './decode.ts';
import { checked, hasPayloads, message, needsPayloads, payload, RECEIVED_AT } from './fixture.ts';
import type { Decoding } from './format.ts';
import { inmetApi } from './inmet-api.ts';
import { nws } from './nws.ts';
import { openMeteo } from './open-meteo.ts';
import { imperialUnits, tomorrowIo } from './tomorrow-io.ts';

const nwsOf = (file: string): Decoding => nws.decode(message(payload(`nws/${file}.json`)), {});

describe(`recorded answers${needsPayloads}`, () => {
  test.runIf(hasPayloads)('Open-Meteo: units and offset are those of the answer', () => {
    const decoding = openMeteo.decode(message(payload('open-meteo/current-samara-2026-09-15.json')), {});
    expect(checked(decoding)).toEqual({
      at: '2026-09-15T08:00:00.000Z',
      values: {
        airTemperature: 18.5,
        relativeHumidity: 78,
        windSpeed: 3,
        windDirection: 90,
        seaLevelPressure: 1017,
      },
      refused: [],
    });
    expect(decoding.reports[0]?.interval).toBe('PT900S');
    expect(decoding.stations).toEqual([
      { station: 'open-meteo:53.1875_50.125', latitude: 53.1875, longitude: 50.125, altitude: 117 },
    ]);
  });

  test.runIf(hasPayloads)('Open-Meteo: an error is told with its reason', () => {
    const decode = (): Decoding => openMeteo.decode(message(payload('open-meteo/error.json')), {});
    expect(decode).toThrow(/Latitude must be in range/);
  });

  test.runIf(hasPayloads)('INMET: an hour in UTC under its own code', () => {
    const decoding = inmetApi.decode(message(payload('inmet-api/estacao-proxima-conftest-0.json')), {});
    expect(decoding.reports[0]).toMatchObject({ station: 'A636', interval: 'PT1H' });
    expect(checked(decoding)).toEqual({
      at: '2025-10-17T16:00:00.000Z',
      values: {
        rainfall: 0,
        airTemperature: 29,
        airTemperatureMax: 29.1,
        airTemperatureMin: 27.3,
        dewPoint: 20.6,
        relativeHumidity: 61,
        stationPressure: 1008.3,
        windSpeed: 1.7,
        windGust: 5.2,
        windDirection: 153,
        globalRadiation: 3371.2,
        batteryVoltage: 13.3,
      },
      refused: [],
    });
  });

  test.runIf(hasPayloads)('NWS: values in their own units, those without a value left out', () => {
    expect(checked(nwsOf('stations_observations_latest'))).toEqual({
      at: '2022-03-02T23:53:00.000Z',
      values: {
        airTemperature: 22.8,
        dewPoint: 18.3,
        relativeHumidity: 75.771,
        windSpeed: 2.1,
        windDirection: 20,
        visibility: 16_090,
        seaLevelPressure: 1018.7,
      },
      refused: [],
    });
    for (const file of ['stations_observations', 'stations_observations_other_unitcode'])
      expect(checked(nwsOf(file))).toMatchObject({ values: { airTemperature: 10 }, refused: [] });
  });

  test.runIf(hasPayloads)('NWS: answers that hold no observation give none and say so', () => {
    for (const file of ['stations_observations_empty', 'stations_observations_missing_value', 'points']) {
      const { reports, ignored } = nwsOf(file);
      expect(reports).toEqual([]);
      expect(ignored[0]?.why).toMatch(/no observation/);
    }
    expect(nwsOf('stations_observations_noprop').reports).toEqual([]);
  });

  test.runIf(hasPayloads)('aviationweather.gov: six hours of one aerodrome', () => {
    const decoding = aviationWeather.decode(message(payload('aviationweather/metar-LEJR-6h.json')), {});
    expect(decoding.reports).toHaveLength(12);
    expect(decoding.stations).toHaveLength(1);
    expect(checked(decoding)).toEqual({
      at: '2023-10-27T15:30:00.000Z',
      values: {
        airTemperature: 22,
        dewPoint: 13,
        windSpeed: 5.659,
        windDirection: 240,
        visibility: 9656.064,
      },
      refused: [],
    });
  });
});

test('Open-Meteo: units asked for otherwise are read from the answer', () => {
  const body = {
    latitude: -30,
    longitude: -51.25,
    utc_offset_seconds: -10800,
    current_units: { temperature_2m: '°F', wind_speed_10m: 'mp/h', precipitation: 'inch' },
    current: {
      time: '2024-05-01T09:00',
      interval: 900,
      temperature_2m: 68,
      wind_speed_10m: 10,
      precipitation: 0.1,
    },
  };
  expect(checked(openMeteo.decode(message(JSON.stringify(body)), {}))).toEqual({
    at: '2024-05-01T12:00:00.000Z',
    values: { airTemperature: 20, windSpeed: 4.47, rainfall: 2.54 },
    refused: [],
  });
});

describe('Open-Meteo: what lies ahead', () => {
  const place = (more: object): object => ({
    ...{ latitude: -30, longitude: -51.25, utc_offset_seconds: -10800 },
    hourly_units: { time: 'iso8601', precipitation: 'inch', temperature_2m: '°C', weather_code: 'wmo code' },
    ...more,
  });
  const time = ['2026-12-31T20:00', '2026-12-31T21:00', '2026-12-31T22:00', '2026-12-31T23:00'];
  // Received at midnight UTC, 21:00 there.
  const hourly = {
    time,
    precipitation: [1, 1, 0.1, null],
    temperature_2m: [9, 9, 21.5, 20],
    weather_code: [1, 1, 1, 1],
  };
  const body = JSON.stringify(place({ hourly }));

  test('is a forecast for each variable, from now on and without its gaps', () => {
    const decoded = decodeMessage(
      message(body),
      { format: 'open-meteo', profile: {} },
      { receivedAt: RECEIVED_AT },
    );
    const at = (hours: number): number => RECEIVED_AT + hours * 3_600_000;
    const head = {
      station: 'open-meteo:-30_-51.25',
      issuer: 'open-meteo',
      issuedAt: at(0),
      receivedAt: at(0),
    };
    expect(decoded.forecasts).toEqual([
      { ...head, quantity: 'rainfall', intervalMs: 3_600_000, validAt: [at(1)], values: [2540] },
      {
        ...head,
        quantity: 'airTemperature',
        intervalMs: 3_600_000,
        validAt: [at(1), at(2)],
        values: [21_500, 20_000],
      },
    ]);
    expect([decoded.reports, decoded.forecastRefusals]).toEqual([[], []]);
    expect(decoded.ignored).toEqual([
      { path: 'hourly.weather_code', why: 'no quantity is known for this field' },
    ]);
  });

  test('of several places each under its own station, with what is now beside it', () => {
    const current = { time: '2026-12-31T20:45', interval: 900, temperature_2m: 22 };
    const here = place({ hourly, current, current_units: { temperature_2m: '°C' } });
    const decoding = openMeteo.decode(
      message(JSON.stringify([here, { ...place({ hourly }), latitude: -29 }])),
      {
        stations: new Map([['-29_-51.25', 'A840']]),
      },
    );
    expect(decoding.forecasts?.map(({ station }) => station)).toEqual([
      ...['open-meteo:-30_-51.25', 'open-meteo:-30_-51.25', 'A840', 'A840'],
    ]);
    expect(checked(decoding)).toMatchObject({
      at: '2026-12-31T23:45:00.000Z',
      values: { airTemperature: 22 },
    });
    expect(decoding.ignored.at(-1)?.path).toBe('[1].hourly.weather_code');
  });

  test('one that cannot be read is refused with its reason', () => {
    const wrong = JSON.stringify(place({ hourly: { time: ['tomorrow'], precipitation: [1] } }));
    const { forecasts, forecastRefusals } = decodeMessage(
      message(wrong),
      { format: 'open-meteo', profile: {} },
      { receivedAt: RECEIVED_AT },
    );
    expect(forecasts).toEqual([]);
    expect(forecastRefusals).toMatchObject([{ index: 0, code: 'time' }]);
  });
});

test('INMET: an array of hours, empty ones left out, radiation of the dark is none', () => {
  const hour = (HR_MEDICAO: string, more: object): object => ({
    CD_ESTACAO: 'A801',
    DT_MEDICAO: '2024-05-01',
    HR_MEDICAO,
    ...more,
  });
  const body = [
    hour('0000', { CHUVA: '.2', RAD_GLO: '-3.5' }),
    hour('0100', { CHUVA: null, TEM_INS: '14.2' }),
  ];
  const decoding = inmetApi.decode(message(JSON.stringify(body)), {});
  expect(checked(decoding, 0)).toMatchObject({
    at: '2024-05-01T00:00:00.000Z',
    values: { rainfall: 0.2, globalRadiation: 0 },
  });
  expect(checked(decoding, 1)).toMatchObject({
    at: '2024-05-01T01:00:00.000Z',
    values: { airTemperature: 14.2 },
  });
});

test('NWS: what the service rejected is not taken, and metres of rain are millimetres', () => {
  const quantity = (value: number, unit: string, qualityControl = 'V'): object => ({
    value,
    unitCode: `wmoUnit:${unit}`,
    qualityControl,
  });
  const properties = {
    station: 'https://api.weather.gov/stations/KFLL',
    timestamp: '2024-05-01T00:53:00+00:00',
    temperature: quantity(71, 'degC', 'X'),
    precipitationLastHour: quantity(0.0122, 'm'),
  };
  const decoding = nws.decode(message(JSON.stringify({ type: 'Feature', properties })), {});
  expect(checked(decoding).values).toEqual({ rainfall: 12.2 });
  expect(decoding.ignored).toContainEqual({
    path: 'features[0].temperature',
    why: 'the service itself found the value bad',
  });
});

test('tomorrow.io: metric, or imperial by the profile', () => {
  const body = JSON.stringify({
    data: { time: '2024-05-01T00:00:00Z', values: { temperature: 50, visibility: 10 } },
    location: { lat: -30.03, lon: -51.2 },
  });
  expect(checked(tomorrowIo.decode(message(body), {})).values).toEqual({
    airTemperature: 50,
    visibility: 10_000,
  });
  expect(checked(tomorrowIo.decode(message(body), { units: imperialUnits })).values).toEqual({
    airTemperature: 10,
    visibility: 16_093.44,
  });
});

test.each([
  [openMeteo, /current\.time/],
  [inmetApi, /CD_ESTACAO/],
  [nws, /GeoJSON/],
  [tomorrowIo, /data\.time/],
])('%o: another message says what was expected', (format, reason) => {
  expect(() => format.decode(message('{"a":1}'), {})).toThrow(reason);
  expect(() => format.decode(message('{"a":'), {})).toThrow(/line 1, column 6/);
});

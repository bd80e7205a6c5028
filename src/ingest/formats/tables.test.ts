import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { csv } from './csv.ts';
import { dwd } from './dwd.ts';
import { checked, hasPayloads, message, needsPayloads, payload } from './fixture.ts';
import type { Profile } from './format.ts';
import { inmetFile } from './inmet-file.ts';
import { wis2box } from './wis2box.ts';

const weather = join(import.meta.dirname, '../../../../shared/data/weather');

describe(`recorded files${needsPayloads}`, () => {
  test.runIf(hasPayloads)('DWD, hourly: every row is good', () => {
    const decoding = dwd.decode(message(payload('dwd/observations_current.csv')), {});
    expect(decoding.reports).toHaveLength(25);
    expect(decoding.reports.flatMap((_, index) => checked(decoding, index).refused)).toEqual([]);
    expect(decoding.reports[0]?.station).toBe('dwd:01049');
    expect(checked(decoding)).toMatchObject({
      values: {
        ...{ rainfall: 0, airTemperature: -3.1, dewPoint: -10, relativeHumidity: 59 },
        ...{ seaLevelPressure: 1023.1, windSpeed: 3.889, windGust: 5.833, windDirection: 140 },
      },
      at: '2020-04-06T08:00:00.000Z',
    });
  });

  test.runIf(hasPayloads).each([
    ['AWSKAYEREKERA_2021-11-18T0955', '2021-11-18T09:55:00.000Z', 35.05, 919.658],
    ['AWSLOBI_2021-11-11T1255', '2021-11-11T12:55:00.000Z', 31.85, 872.814],
    ['AWSMALOMO_2021-11-18T0955', '2021-11-18T09:55:00.000Z', null, null],
    ['AWSNKHOMA_2021-11-18T0955', '2021-11-18T09:55:00.000Z', null, null],
    ['AWSTOLEZA_2021-11-18T0955', '2021-11-18T09:55:00.000Z', null, null],
  ])('wis2box %s: kelvin, pascal, joules, and UTC beside local time', (name, time, temperature, pressure) => {
    const decoding = wis2box.decode(message(payload(`wis2box-aws-csv/WIGOS_0-454-2-${name}.csv`)), {});
    const { values, at, refused } = checked(decoding);
    expect([at, refused, decoding.reports.length]).toEqual([time, [], 1]);
    expect(decoding.reports[0]?.station).toBe(`wis2box:0-454-2-${name.split('_')[0]}`);
    expect(Object.keys(values)).toEqual(
      expect.arrayContaining([
        'rainfall',
        'airTemperature',
        'dewPoint',
        'stationPressure',
        'windGust',
        'globalRadiation',
      ]),
    );
    if (temperature !== null)
      expect(values).toMatchObject({ airTemperature: temperature, stationPressure: pressure });
    expect(decoding.stations[0]).toMatchObject({
      latitude: expect.any(Number),
      altitude: expect.any(Number),
    });
    expect(decoding.ignored.filter(({ why }) => why === 'no quantity is known for this field')).toEqual([]);
  });

  test.runIf(hasPayloads)('INMET, a year of a station: as the import reads it', () => {
    const folder = join(weather, 'inmet-hourly/rs-2024');
    const file = readdirSync(folder).find((name) => name.includes('A801')) as string;
    const decoding = inmetFile.decode(message(gunzipSync(readFileSync(join(folder, file)))), {});
    expect(decoding.reports).toHaveLength(8784);
    expect(decoding.stations[0]).toMatchObject({ station: 'A801', name: 'PORTO ALEGRE - JARDIM BOTANICO' });
    const flood = decoding.reports.findIndex(({ observedAt }) => observedAt === '2024-05-01T10:00:00Z');
    expect(checked(decoding, flood)).toMatchObject({ at: '2024-05-01T10:00:00.000Z', refused: [] });
    expect(checked(decoding, flood).values.rainfall).toBeGreaterThanOrEqual(0);
    expect(() => inmetFile.decode(message('a;b\n1;2\n'), {})).toThrow(/INMET/);
  });
});

test('DWD, ten minutes: a product of rain and one of air', () => {
  const rain = dwd.decode(
    message(
      'STATIONS_ID;MESS_DATUM;  QN;RWS_DAU_10;RWS_10;RWS_IND_10;eor\n         44;202405010010;    1;   7;   0.35;   1;eor\n',
    ),
    {},
  );
  expect(rain.reports[0]).toMatchObject({ station: 'dwd:44', interval: 'PT10M' });
  expect(checked(rain)).toEqual({ values: { rainfall: 0.35 }, at: '2024-05-01T00:10:00.000Z', refused: [] });
  expect(rain.ignored.map(({ path }) => path)).toContain('RWS_DAU_10');
  const air = dwd.decode(
    message(
      'STATIONS_ID;MESS_DATUM;QN;PP_10;TT_10;TM5_10;RF_10;TD_10;eor\n44;202405010010;2;-999;12.4;11.0;81.2;-999;eor\n',
    ),
    {},
  );
  expect(checked(air).values).toEqual({ airTemperature: 12.4, relativeHumidity: 81.2 });
  expect(() => dwd.decode(message('a;b\n1;2\n'), {})).toThrow(/DWD/);
});

test('wis2box, aws-template: a WIGOS identifier in four columns', () => {
  const decoding = wis2box.decode(
    message(
      'wsi_series,wsi_issuer,wsi_issue_number,wsi_local,year,month,day,hour,minute,latitude,longitude,station_height_above_msl,station_pressure,air_temperature,wind_speed,total_precipitation_1_hour,strange\n' +
        '0,20000,0,60355,2024,3,31,1,0,47.7,23.9,503,100940,298.15,3,4.7,1\n' +
        '0,20000,0,60355,2024,3,,2,0,47.7,23.9,503,100940,298.15,3,4.7,\n',
    ),
    {},
  );
  expect(decoding.reports[0]?.station).toBe('wis2box:0-20000-0-60355');
  expect(checked(decoding)).toEqual({
    values: { rainfall: 4.7, airTemperature: 25, stationPressure: 1009.4, windSpeed: 3 },
    at: '2024-03-31T01:00:00.000Z',
    refused: [],
  });
  expect(checked(decoding, 1).refused).toMatchObject([{ code: 'time' }]);
  expect(decoding.ignored).toContainEqual({ path: 'strange', why: 'no quantity is known for this field' });
});

describe('a table of your own', () => {
  const profile = (more: Partial<Profile> = {}): Profile => ({
    table: { station: 'Estação', time: ['Data', 'Hora'], dates: 'day-first', missing: ['---'] },
    quantities: new Map([
      ['Chuva (mm)', 'rainfall'],
      ['Temp', 'airTemperature'],
      ['Vento', 'windSpeed'],
      ['Pressão', 'stationPressure'],
    ]),
    units: new Map([
      ['Temp', 'degF'],
      ['Vento', 'kt'],
      ['Pressão', 'inHg'],
    ]),
    timeZone: 'America/Sao_Paulo',
    interval: 'PT10M',
    ...more,
  });
  const text =
    'Estação;Data;Hora;Chuva (mm);Temp;Vento;Pressão;Bateria\n' +
    'P1;01/05/2024;06:10;0,2;50,0;10;29,92;12\nP2;01/05/2024;06:10;---;68;;;12\n';

  test('columns by name, units by column, local time by the zone of the source', () => {
    const decoding = csv.decode(message(text), profile());
    expect(checked(decoding)).toEqual({
      values: { rainfall: 0.2, airTemperature: 10, windSpeed: 5.144, stationPressure: 1013.207 },
      at: '2024-05-01T09:10:00.000Z',
      refused: [],
    });
    expect(checked(decoding, 1).values).toEqual({ airTemperature: 20 });
    expect(decoding.ignored).toContainEqual({ path: 'Bateria', why: 'no quantity is known for this field' });
  });

  test('without a zone local time is refused, with what to do', () => {
    const { refused } = checked(csv.decode(message(text), profile({ timeZone: undefined })));
    expect(refused).toMatchObject([
      { code: 'time', message: expect.stringContaining('timeZone: America/Sao_Paulo') },
    ]);
  });

  test('one value a row, and the name of the file for the station', () => {
    const rows =
      'quando,grandeza,valor\n2024-05-01T06:00:00Z,chuva,1.5\n2024-05-01T06:00:00Z,temp,20\n2024-05-01T07:00:00Z,chuva,0\n';
    const decoding = csv.decode(message(rows, { topic: 'drop/POA-1.2024.csv' }), {
      table: { time: ['quando'], quantity: 'grandeza', value: 'valor' },
      quantities: new Map([
        ['chuva', 'rainfall'],
        ['temp', 'airTemperature'],
      ]),
      stations: new Map([['POA-1', 'POA-1']]),
      interval: 'PT1H',
    });
    expect(decoding.reports.map(({ station, readings }) => [station, readings.length])).toEqual([
      ['POA-1', 2],
      ['POA-1', 1],
    ]);
    expect(checked(decoding).values).toEqual({ rainfall: 1.5, airTemperature: 20 });
  });

  test('what the table does not have is named', () => {
    expect(() => csv.decode(message('a,b\n1,2\n'), profile())).toThrow(
      /no column Estação, Data, Hora; it has a, b/,
    );
    expect(() => csv.decode(message(text), {})).toThrow(/needs table/);
    expect(() => csv.decode(message('a,b\n"1,2\n'), profile())).toThrow(/quote does not close/);
    expect(() => csv.decode(message(Buffer.from('\ufeffa', 'utf16le')), profile())).toThrow(/UTF-16/);
  });
});

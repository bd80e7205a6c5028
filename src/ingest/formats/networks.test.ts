import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ana } from './ana.ts';
import { cemaden } from './cemaden.ts';
import { checked, hasPayloads, message, needsPayloads, payload } from './fixture.ts';
import { unread } from './format.ts';
import { sensorThings } from './sensorthings.ts';

describe('CEMADEN', () => {
  test('a file of the map: decimal comma, UTC, ten minutes', () => {
    const decoding = cemaden.decode(
      message(
        'municipio;codEstacao;uf;nomeEstacao;latitude;longitude;datahora;valorMedida\n' +
          'CUIABÁ;510340301A;MT;Jardim Liberdade;-15,61462;-55,99056;2020-12-04 22:20:00.0;0,40\n',
      ),
      {},
    );
    expect(decoding.reports[0]).toMatchObject({ station: 'cemaden:510340301A', interval: 'PT10M' });
    expect(checked(decoding)).toEqual({
      values: { rainfall: 0.4 },
      at: '2020-12-04T22:20:00.000Z',
      refused: [],
    });
    expect(decoding.stations).toEqual([
      { station: 'cemaden:510340301A', name: 'Jardim Liberdade', latitude: -15.61462, longitude: -55.99056 },
    ]);
  });

  test('Latin-1, commas and quotes as older files have them', () => {
    const file = Buffer.from(
      '"municipio","codEstacao","uf","nomeEstacao","latitude","longitude","datahora","valorMedida"\n' +
        '"CUIABÁ","1A","MT","Água","-15.6","-55.9","2020-12-04 22:20:00.0","1.2"\n',
      'latin1',
    );
    const decoding = cemaden.decode(message(file), { interval: 'PT1H' });
    expect(decoding.stations[0]?.name).toBe('Água');
    expect(decoding.reports[0]?.interval).toBe('PT1H');
    expect(checked(decoding).values).toEqual({ rainfall: 1.2 });
  });

  test('the newest values of the map: a dash is none, sums of the service are left out', () => {
    const stations = [
      {
        ...{ idestacao: 3001, uf: 'CE', codibge: 2304400, cidade: 'FORTALEZA', nomeestacao: 'Edson Queiroz' },
        ...{ ultimovalor: 0.39, datahoraUltimovalor: '31/07/26 18:20', acc1hr: '-', acc24hr: 1.59 },
      },
      { idestacao: 2992, ultimovalor: '-', datahoraUltimovalor: '29/07/26 05:30' },
    ];
    const decoding = cemaden.decode(message(JSON.stringify(stations)), {});
    expect(checked(decoding)).toEqual({
      values: { rainfall: 0.39 },
      at: '2026-07-31T18:20:00.000Z',
      refused: [],
    });
    expect(decoding.reports[1]?.readings).toEqual([]);
    expect(decoding.ignored).toContainEqual(
      expect.objectContaining({ path: '[1].ultimovalor', why: '- stands for a missing value' }),
    );
    expect(decoding.ignored.every(({ why }) => why !== 'no quantity is known for this field')).toBe(true);
  });

  test('the data platform: rain alone of its sensors, and an answer without results', () => {
    const records = [10, 20].map((sensor) => ({
      ...{ codestacao: '261160614A', nome: 'Campina do Barreto', id_sensor: sensor },
      ...{ datahora: '2025-06-01 03:10:00.0', valor: 2.6 },
    }));
    const decoding = cemaden.decode(message(JSON.stringify(records)), {});
    expect(decoding.reports).toHaveLength(1);
    expect(checked(decoding).values).toEqual({ rainfall: 2.6 });
    expect(decoding.ignored).toContainEqual({ path: '[1].valor', why: 'the sensor 20 is none of rain' });
    expect(cemaden.decode(message('{"Info":"Nenhum resultado foi encontrado"}'), {}).reports).toEqual([]);
    expect(() => cemaden.decode(message('{"a":1}'), {})).toThrow(/CEMADEN is expected/);
  });
});

describe('ANA', () => {
  const record = {
    ...{ codigoestacao: '75650010', Data_Hora_Medicao: '2025-10-10 00:00:00.0' },
    ...{ Data_Atualizacao: '2025-10-10 01:00:18.943', Bateria: '12.70' },
    ...{ Chuva_Acumulada: '1288.40', Chuva_Acumulada_Status: '0', Chuva_Adotada: '0.20' },
    ...{
      Chuva_Adotada_Status: '0',
      Cota_Sensor: '2033.00',
      Cota_Sensor_Status: '2',
      Cota_Adotada: '2031.00',
    },
    ...{ Temperatura_Agua: '19.80', Temperatura_Interna: '16.40', Vazao_Adotada: null },
  };

  test('HidroWeb: centimetres, time of Brasília, what was adopted before what the sensor said', () => {
    const decoding = ana.decode(message(JSON.stringify({ status: 'OK', items: [record] })), {});
    expect(checked(decoding)).toEqual({
      values: { rainfall: 0.2, rainfallTotal: 1288.4, riverLevel: 20.31, batteryVoltage: 12.7 },
      at: '2025-10-10T03:00:00.000Z',
      refused: [],
    });
    expect(unread(decoding.ignored)).toEqual([]);
    expect(ana.decode(message('{"status":"OK","items":null}'), {}).reports).toEqual([]);
  });

  const xml = (rows: string): string =>
    `<?xml version="1.0" encoding="utf-8"?><DataTable xmlns="http://MRCS/"><xs:schema id="x" xmlns:xs="y"><xs:element name="a"/></xs:schema>` +
    `<diffgr:diffgram xmlns:diffgr="z"><DocumentElement xmlns="">${rows}</DocumentElement></diffgr:diffgram></DataTable>`;

  test('ServiceANA: the rows of the data set', () => {
    const body = xml(
      '<DadosHidrometereologicos diffgr:id="D1"><CodEstacao>87450004</CodEstacao><DataHora>2024-05-03 21:15:00 </DataHora><Vazao/><Nivel>477</Nivel><Chuva>1,2</Chuva></DadosHidrometereologicos>',
    );
    const decoding = ana.decode(message(body), { stations: new Map([['87450004', 'GUAIBA']]) });
    expect(decoding.reports[0]?.station).toBe('GUAIBA');
    expect(checked(decoding)).toEqual({
      values: { rainfall: 1.2, riverLevel: 4.77 },
      at: '2024-05-04T00:15:00.000Z',
      refused: [],
    });
    expect(ana.decode(message(xml('<ErrorTable><Error>Sem dados</Error></ErrorTable>')), {}).reports).toEqual(
      [],
    );
  });

  test.each([
    ['a DOCTYPE', '<!DOCTYPE a [<!ENTITY b "c">]><a/>', /declarations are not read/],
    ['too deep', '<a>'.repeat(100), /deeper than 32/],
    ['an open tag', '<a><b></a>', /was not open/],
    ['cut short', '<a><CodEstacao>1', /not closed/],
    ['another XML', '<a><b>1</b></a>', /ServiceANA/],
  ])('%s is refused', (_, text, why) => {
    expect(() => ana.decode(message(text), {})).toThrow(why);
  });
});

describe('SensorThings', () => {
  const observation = (name: string, symbol: string, result: unknown, definition = ''): object => ({
    ...{ '@iot.id': 1, phenomenonTime: '2023-03-28T12:00:00Z/2023-03-28T12:10:00Z', result },
    Datastream: {
      unitOfMeasurement: { symbol },
      ObservedProperty: { name, definition },
      Thing: { name: 'GW-1', Locations: [{ location: { type: 'Point', coordinates: [-51, -30, 10] } }] },
    },
  });
  const decode = (value: unknown, quantities?: Record<string, string>) =>
    sensorThings.decode(message(JSON.stringify({ value })), {
      quantities: quantities && new Map(Object.entries(quantities)),
    });

  test('observations of a station and instant become one report', () => {
    const decoding = decode([
      observation('Air Temperature', 'degF', 50),
      observation(
        'Rain of ten minutes',
        'mm',
        2.2,
        'http://vocab/standard_name/lwe_thickness_of_precipitation_amount',
      ),
      observation('Wind', '[kn_i]', '10', 'https://example.org/wind_speed'),
    ]);
    expect(decoding.reports).toHaveLength(1);
    expect(decoding.reports[0]).toMatchObject({ station: 'sensorthings:GW-1', interval: '10m' });
    expect(checked(decoding)).toEqual({
      values: { rainfall: 2.2, airTemperature: 10, windSpeed: 5.144 },
      at: '2023-03-28T12:10:00.000Z',
      refused: [],
    });
    expect(decoding.stations).toEqual([
      { station: 'sensorthings:GW-1', name: 'GW-1', latitude: -30, longitude: -51, altitude: 10 },
    ]);
  });

  test('a property that is not known is told, unless the source says what it is', () => {
    const value = [observation('Pegel', 'cm', 120)];
    expect(decode(value).ignored).toEqual([
      { path: '[0].result', why: expect.stringContaining('no quantity is known for Pegel') },
    ]);
    expect(checked(decode(value, { Pegel: 'riverLevel' })).values).toEqual({ riverLevel: 1.2 });
  });

  test('observations beneath their data streams, and the next page', () => {
    const { Datastream, ...one } = observation('airTemperature', '°C', 7) as { Datastream: object };
    expect(checked(decode([{ ...Datastream, Observations: [one] }])).values).toEqual({ airTemperature: 7 });
    expect(sensorThings.next?.(message('{"value":[],"@iot.nextLink":"http://x/?$skip=2"}'))).toBe(
      'http://x/?$skip=2',
    );
    expect(sensorThings.next?.(message('{"value":[]}'))).toBeUndefined();
    expect(() => decode([{ '@iot.id': 1, name: 'a Thing' }])).toThrow(/neither result nor Observations/);
  });

  describe(`recorded answers${needsPayloads}`, () => {
    test.runIf(hasPayloads)('say which stations they are of when that is asked for, and are told so', () => {
      for (const file of readdirSync(
        join(import.meta.dirname, '../../../../shared/data/weather/payloads/sensorthings'),
      )) {
        const decoding = sensorThings.decode(message(payload(`sensorthings/${file}`)), {});
        expect(decoding.reports).toEqual([]);
        expect(decoding.ignored.length).toBeGreaterThan(1);
        expect(decoding.ignored[0]?.why).toContain('$expand=Datastream');
      }
    });
  });
});

import { describe, expect, test } from 'vitest';
import { checked, message, RECEIVED_AT } from './fixture.ts';
import { esphome, tasmota, zigbee2mqtt } from './home.ts';
import { json } from './json.ts';

const received = new Date(RECEIVED_AT).toISOString();

describe('JSON by a template', () => {
  const body = JSON.stringify({
    dev: { id: 'EST-7' },
    ts: 1714456800000,
    wind: { avg: 36, dir: 180 },
    tips: 3,
    temp: 64.4,
    battery: 3.6,
  });
  const profile = {
    message: { station: 'dev.id', time: 'ts', scales: new Map([['tips', 0.2]]) },
    quantities: new Map([
      ['wind.avg', 'windSpeed'],
      ['wind.dir', 'windDirection'],
      ['tips', 'rainfall'],
      ['temp', 'airTemperature'],
    ]),
    units: new Map([
      ['wind.avg', 'km/h'],
      ['temp', 'degF'],
    ]),
    interval: 'PT10M',
  };

  test('takes fields by their paths, with units and factors; others are named as ignored', () => {
    const decoding = json.decode(message(body), profile);
    expect(decoding.reports[0]).toMatchObject({ station: 'json:EST-7', interval: 'PT10M' });
    expect(checked(decoding)).toEqual({
      at: '2024-04-30T06:00:00.000Z',
      values: { windSpeed: 10, windDirection: 180, rainfall: 0.6, airTemperature: 18 },
      refused: [],
    });
    expect(decoding.ignored.map(({ path }) => path)).toEqual(['battery']);
  });

  test('reads a list of reports; what an element does not say, the message says', () => {
    const many = json.decode(
      message(
        '{"id":"A","rows":[{"t":"2024-04-30T06:00:00Z","x":1},{"t":"2024-04-30T06:10:00Z","x":2.5,"id":"B"}]}',
      ),
      {
        message: { station: 'id', time: 't', each: 'rows' },
        quantities: new Map([['x', 'rainfall']]),
        stations: new Map([['A', 'A801']]),
      },
    );
    expect(many.reports.map(({ station, observedAt }) => [station, observedAt])).toEqual([
      ['A801', '2024-04-30T06:00:00Z'],
      ['json:B', '2024-04-30T06:10:00Z'],
    ]);
    expect(checked(many, 1).values).toEqual({ rainfall: 2.5 });
  });

  test('bounds the fields of an element and the elements of a list, not their product; says where it is too much', () => {
    const read = (rows: readonly object[]) =>
      json.decode(message(JSON.stringify({ id: 'A', rows })), {
        message: { station: 'id', each: 'rows' },
        quantities: new Map([['x0', 'rainfall']]),
      });
    const row = (fields: number) =>
      Object.fromEntries(Array.from({ length: fields }, (_, i) => [`x${i}`, 1]));
    expect(read(Array.from({ length: 200 }, () => row(100))).reports).toHaveLength(200);
    expect(() => read([row(1), row(1001)])).toThrow(
      'rows[1] has more than 1000 fields; the first beyond is x1000.',
    );
    expect(() => read(Array.from({ length: 10_001 }, () => row(1)))).toThrow(
      'The list rows has 10001 elements, and a message may bring 10000 reports. Send it in smaller parts.',
    );
  });

  test('reads a bare value by its topic', () => {
    const read = (value: string, topic: string) =>
      json.decode(message(value, { topic }), {
        message: { stationTopic: 2 },
        quantities: new Map([['weather/+/temp', 'airTemperature']]),
      });
    expect(read('18.1', 'weather/E1/temp').reports[0]).toMatchObject({ station: 'json:E1' });
    expect(checked(read('18.1', 'weather/E1/temp'))).toMatchObject({
      at: received,
      values: { airTemperature: 18.1 },
    });
    expect(read('18.1', 'weather/E1/other')).toMatchObject({
      reports: [],
      ignored: [{ path: 'weather/+/other' }],
    });
    expect(read('unavailable', 'weather/E1/other').reports).toEqual([]);
    expect(() => read('<html>', 'weather/E1/temp')).toThrow('JSON');
  });

  test('does not date anew what says a time that cannot be read, nor guesses a station', () => {
    for (const ts of ['"yesterday"', 'null', '"2024-04-30 06:00:00"', '{}']) {
      const bad = json.decode(message(`{"dev":{"id":"E"},"ts":${ts},"temp":1}`), profile);
      expect(checked(bad).refused.map(({ code }) => code)).toEqual(['time']);
    }
    expect(() => json.decode(message('{"ts":1714456800,"temp":1}'), profile)).toThrow(
      'does not say its station at dev.id',
    );
    expect(() => json.decode(message(`[${'1,'.repeat(1001)}1]`), profile)).toThrow(
      'The message has more than 1000 fields; the first beyond is [1000]. Send less in one, or say with message.each',
    );
  });
});

describe('devices of the house', () => {
  test('Tasmota: units of the message, local time of the profile', () => {
    const body =
      '{"Time":"2024-04-30T03:00:00","BME280":{"Temperature":64.4,"Humidity":91.2,"DewPoint":61.5,"Pressure":754.2},"ENERGY":{"Power":7},"PressureUnit":"mmHg","TempUnit":"F"}';
    const decoding = tasmota.decode(message(body, { topic: 'tele/quintal/SENSOR' }), {
      timeZone: 'America/Sao_Paulo',
    });
    expect(decoding.reports[0]).toMatchObject({ station: 'tasmota:quintal' });
    expect(checked(decoding)).toEqual({
      at: '2024-04-30T06:00:00.000Z',
      values: { airTemperature: 18, relativeHumidity: 91.2, dewPoint: 16.389, stationPressure: 1005.517 },
      refused: [],
    });
    expect(decoding.ignored.map(({ path }) => path)).toEqual(['Power']);
    const zoneless = tasmota.decode(message(body, { topic: 'tele/quintal/SENSOR' }), {});
    expect(checked(zoneless).refused.map(({ code }) => code)).toEqual(['time']);
    expect(() => tasmota.decode(message('{"Time":"x"}'), {})).toThrow('topic');
    expect(() => tasmota.decode(message('{"POWER":"ON"}', { topic: 'a/b/c' }), {})).toThrow('Time');
  });

  test('Zigbee2MQTT: flat fields, the bridge’s time or that of arrival', () => {
    const read = (body: string) => zigbee2mqtt.decode(message(body, { topic: 'zigbee2mqtt/telhado' }), {});
    const plain = read(
      '{"temperature":18.4,"humidity":88,"pressure":1003,"battery":97,"voltage":3015,"linkquality":84}',
    );
    expect(plain.reports[0]).toMatchObject({ station: 'zigbee2mqtt:telhado' });
    expect(checked(plain)).toEqual({
      at: received,
      values: { airTemperature: 18.4, relativeHumidity: 88, stationPressure: 1003, batteryVoltage: 3.015 },
      refused: [],
    });
    expect(checked(read('{"temperature":1,"last_seen":"2024-04-30T06:00:00Z"}')).at).toBe(
      '2024-04-30T06:00:00.000Z',
    );
    expect(read('{"state":"ON"}').reports).toEqual([]);
  });

  test('ESPHome: one topic per sensor; an object id of your own by name', () => {
    const read = (object: string, value: string, prefix = '') =>
      esphome.decode(message(value, { topic: `${prefix}estacao/sensor/${object}/state` }), {
        quantities: new Map([['pluviometro', 'rainfallTotal']]),
        units: new Map([['pluviometro', 'mm']]),
      });
    expect(read('outdoor_temperature', '18.20').reports[0]).toMatchObject({ station: 'esphome:estacao' });
    expect(checked(read('outdoor_temperature', '18.20', 'casa/'))).toMatchObject({
      at: received,
      values: { airTemperature: 18.2 },
    });
    expect(checked(read('pluviometro', '120.6')).values).toEqual({ rainfallTotal: 120.6 });
    expect(read('wifi_signal', '-60').ignored).toHaveLength(1);
    expect(read('outdoor_temperature', 'nan').ignored).toHaveLength(1);
    expect(() => esphome.decode(message('1', { topic: 'a/switch/b/state' }), {})).toThrow('ESPHome');
  });
});

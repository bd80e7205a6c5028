import { describe, expect, test } from 'vitest';
import { codecs } from './codecs.ts';
import { checked, hasPayloads, message, needsPayloads, payload } from './fixture.ts';
import { lorawan } from './lorawan.ts';

const json = (file: string): Record<string, unknown> =>
  JSON.parse(payload(`lorawan/${file}.json`).toString('utf8'));
/** Values that another decoder made of the same uplink. */
const expectedOf = (file: string): Record<string, number> =>
  (json(file).telemetry as { values: Record<string, number> }[])[0]?.values ?? {};

const servers: readonly (readonly [file: string, codec: string, bytes: (body: never) => Uint8Array])[] = [
  ['atm41-ChirpStack', 'decentlab-atm41', ({ data }: { data: string }) => Buffer.from(data, 'base64')],
  [
    'atm41-ThingsStackCommunity',
    'decentlab-atm41',
    ({ uplink_message: { frm_payload } }: { uplink_message: { frm_payload: string } }) =>
      Buffer.from(frm_payload, 'base64'),
  ],
  ['atm41-LORIOT', 'decentlab-atm41', ({ data }: { data: string }) => Buffer.from(data, 'hex')],
  ['EM300-TH-ChirpStack', 'milesight-em300-th', ({ data }: { data: string }) => Buffer.from(data, 'base64')],
];

describe(`recorded uplinks${needsPayloads}`, () => {
  test.runIf(hasPayloads).each(servers)(
    '%s: the codec gives what another decoder gives',
    (file, codec, bytes) => {
      const values = codecs.get(codec)?.(bytes(json(`${file}-payload`) as never)) ?? {};
      expect(Object.keys(values).length).toBeGreaterThan(2);
      expect(expectedOf(`${file}-result`)).toMatchObject(values);
    },
  );

  test.runIf(hasPayloads)('the same uplink through three servers has the same readings', () => {
    const all = ['atm41-ChirpStack', 'atm41-ThingsStackCommunity', 'atm41-LORIOT'].map((file) =>
      lorawan.decode(message(payload(`lorawan/${file}-payload.json`)), { codec: 'decentlab-atm41' }),
    );
    expect(all.map(({ reports }) => reports[0]?.station)).toEqual([
      'lorawan:70B3D57BA0003BB8',
      'lorawan:70B3D57BA0000BCE',
      'lorawan:0004A30B001ADCB5',
    ]);
    expect(all.map((decoding) => checked(decoding).at)).toEqual([
      '2024-11-10T12:51:50.000Z',
      '2020-02-06T09:46:05.234Z',
      '2017-07-26T10:14:08.000Z',
    ]);
    for (const decoding of all)
      expect(checked(decoding)).toMatchObject({
        values: {
          airTemperature: 26.4,
          relativeHumidity: 52.4,
          stationPressure: 959.6,
          windSpeed: 0.09,
          windGust: 0.2,
          windDirection: 29.9,
          rainfall: 0,
          solarIrradiance: 10,
          lightningStrikes: 0,
          batteryVoltage: 3.061,
        },
        refused: [],
      });
  });

  test.runIf(hasPayloads)('an uplink with the battery alone gives the battery alone', () => {
    const decoding = lorawan.decode(message(payload('lorawan/atm41-ChirpStack-payload_01.json')), {
      codec: 'decentlab-atm41',
    });
    expect(checked(decoding).values).toEqual({ batteryVoltage: 3.061 });
  });
});

const uplink = (more: object): string =>
  JSON.stringify({ deviceInfo: { devEui: 'ab01' }, time: '2024-05-01T00:00:00Z', ...more });

test('what the server decoded is read without a codec', () => {
  const decoding = lorawan.decode(message(uplink({ object: { temperature: 21.5, humidity: 60 } })), {});
  expect(decoding.reports[0]?.station).toBe('lorawan:AB01');
  expect(checked(decoding).values).toEqual({ airTemperature: 21.5, relativeHumidity: 60 });
});

test.each([
  [uplink({ data: 'AgNa' }), 'decentlab-atm41', /protocol 2/],
  [uplink({ data: 'AgNaAAMAAA==' }), 'decentlab-atm41', /bytes instead of/],
  [uplink({ data: 'A2c0' }), 'milesight-em300-th', /begins no channel/],
  [uplink({}), 'milesight-em300-th', /no bytes/],
  [uplink({ data: 'A2c0' }), 'acme', /no known codec/],
  [uplink({ data: 'A2c0' }), undefined, /not decoded/],
  ['{}', undefined, /devEui/],
])('%s with %s is refused', (body, codec, reason) => {
  expect(() => lorawan.decode(message(body), { codec })).toThrow(reason);
});

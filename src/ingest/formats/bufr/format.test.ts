import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encode, raw, type Values } from '../../../../test/bufr/encoder.ts';
import { AtalaiaError } from '../../../lib/errors.ts';
import { checked, message } from '../fixture.ts';
import type { Decoding } from '../format.ts';
import { bufr } from './format.ts';

const decode = (body: Uint8Array, profile = {}): Decoding => bufr.decode(message(body), profile);
const raws = (id: number, ...values: (number | null)[]): (number | null)[] =>
  values.map((value) => (value === null ? null : raw(id, value)));

/** Place and time of station 83377 at 2024-05-01T12:00Z. */
const placed: Values = {
  1001: [83],
  1002: [377],
  1015: ['Brasilia'],
  4001: [2024],
  4002: [5],
  4003: [1],
  4004: [12],
  4005: [0],
  5001: raws(5001, -15.78972),
  6001: raws(6001, -47.92583),
  7030: raws(7030, 1161.4),
};
/** Rain of six hours and of one, a gust of ten minutes and one of an hour, and what is instantaneous. */
const synop: Values = {
  ...placed,
  10004: raws(10004, 88_720),
  10051: raws(10051, 101_390),
  12101: raws(12101, 296.35),
  12103: raws(12103, 289.15),
  13003: [64],
  20001: raws(20001, 20_000),
  13013: raws(13013, -0.01),
  11001: [110],
  11002: raws(11002, 3.6),
  // Weather, sunshine twice, rain twice, extremes as pairs; wind and two gusts; the rest is missing.
  4024: raws(4024, -6, -24, -1, -6, -1, -12, 0, -12, 0),
  13011: raws(13011, 12.4, 1.2),
  12111: raws(12111, 303.15),
  12112: raws(12112, 290.05),
  8021: [2],
  4025: raws(4025, -10, -10, -60),
  11041: raws(11041, 9.8, 14.2),
};

describe('a SYNOP (3 07 080)', () => {
  const decoding = decode(encode({ descriptors: [307_080], subsets: [synop] }));
  const reports = decoding.reports.map((report, i) => [report.interval, checked(decoding, i).values]);

  test('gives instants, and amounts over the period that is said before them', () => {
    expect(reports).toEqual([
      ['PT43200S', { airTemperatureMax: 30, airTemperatureMin: 16.9 }],
      ['PT600S', { windGust: 9.8 }],
      [
        'PT1H',
        {
          stationPressure: 887.2,
          seaLevelPressure: 1013.9,
          airTemperature: 23.2,
          dewPoint: 16,
          relativeHumidity: 64,
          visibility: 20_000,
          snowDepth: 0,
          rainfall: 1.2,
          windDirection: 110,
          windSpeed: 3.6,
        },
      ],
    ]);
    expect(decoding.reports.map(({ observedAt }) => observedAt)).toEqual(
      Array(3).fill('2024-05-01T12:00:00Z'),
    );
  });

  test('is of the station that its number and place say', () => {
    expect(decoding.stations).toEqual([
      {
        station: 'bufr:0-20000-0-83377',
        name: 'Brasilia',
        latitude: -15.78972,
        longitude: -47.92583,
        altitude: 1161.4,
      },
    ]);
  });

  test('tells what gives no reading', () => {
    expect(decoding.ignored).toContainEqual({
      path: '013011 Total precipitation/total water equivalent (repeated)',
      why: 'rainfall is taken from another place or period',
      isMeant: true,
    });
  });
});

const of = (descriptors: number[], values: Values, profile = {}) => {
  const subsets = [{ ...placed, ...values }];
  return decode(encode({ descriptors: [301_090, ...descriptors], subsets }), profile);
};
const valuesOf = (descriptors: number[], values: Values, profile = {}) => {
  const decoding = of(descriptors, values, profile);
  return decoding.reports.map((report, i) => [report.interval, checked(decoding, i).values]);
};
const whys = (decoding: Decoding): string[] => decoding.ignored.map(({ why }) => why);

describe('identity and time', () => {
  const wigos = { 1125: [0], 1126: [76], 1127: [0], 1128: ['4320500000'] };
  const body = encode({ descriptors: [301_150, 307_080], subsets: [{ ...synop, ...wigos }] });
  test('the WIGOS identifier counts before the number', () => {
    expect(decode(body).reports[0]?.station).toBe('bufr:0-76-0-4320500000');
    expect(decode(body, { stations: new Map([['0-76-0-4320500000', 'POA-01']]) }).reports[0]?.station).toBe(
      'POA-01',
    );
  });

  test.each([
    ['without an hour', { 4004: [null] }, '2024 5 1 ? 0'],
    ['on the 31st of April', { 4002: [4], 4003: [31] }, '2024 4 31 12 0'],
  ])('a time %s is refused, never guessed', (_, more, told) => {
    const decoding = decode(encode({ descriptors: [307_080], subsets: [{ ...synop, ...more }] }));
    expect(decoding.reports[0]?.observedAt).toBe(told);
    expect(checked(decoding).refused).toMatchObject([{ code: 'time' }]);
  });

  test('a subset without identity is refused', () => {
    const decoding = decode(encode({ descriptors: [307_080], subsets: [{ ...synop, 1002: [null] }] }));
    expect(checked(decoding).refused).toMatchObject([{ code: 'station' }]);
  });

  test('values behind a second time or a time increment are none of this one', () => {
    expect(whys(of([301_012, 12_101], { 4004: [12, 11], 4005: [0, 0], 12101: raws(12101, 296) }))).toEqual([
      'its time is another than that of the observation',
    ]);
    expect(of([4015, 12_101], { 4015: raws(4015, -10), 12101: raws(12101, 296) }).reports).toEqual([]);
  });
});

describe('periods', () => {
  const period = (...pairs: number[]): Values => ({ 4024: raws(4024, ...pairs), 13011: raws(13011, 3) });
  test('one alone ends at the observation; a pair is beginning and end', () => {
    expect(valuesOf([4024, 13_011], period(-3))).toEqual([['PT10800S', { rainfall: 3 }]]);
    expect(valuesOf([4024, 4024, 13_011], period(-24, 0))).toEqual([['PT86400S', { rainfall: 3 }]]);
    expect(whys(of([4024, 4024, 13_011], period(-24, -12)))).toEqual([
      'its period ends 720 min before the observation',
    ]);
    expect(whys(of([4024, 13_011], period(1)))).toEqual(['its period does not begin before its end']);
  });

  test('an amount of no period is read only where the source names one', () => {
    expect(whys(of([13_011], period()))).toEqual([expect.stringContaining('name one in the source')]);
    expect(valuesOf([13_011], period(), { interval: 'PT10M' })).toEqual([['PT10M', { rainfall: 3 }]]);
    expect(of([4024, 13_011], { 4024: [null], 13011: [30] }).reports).toEqual([]);
  });

  test('some elements name theirs themselves; a trace is no rain that can be measured', () => {
    expect(valuesOf([13_023], { 13023: raws(13_023, -0.1) })).toEqual([['PT86400S', { rainfall: 0 }]]);
  });

  test('an instant that comes for several times is told, not guessed', () => {
    const twice = { 4024: raws(4024, -2, -1), 12101: raws(12101, 290, 291) };
    expect(of([4024, 12_101, 4024, 12_101], twice).reports).toEqual([]);
    expect(valuesOf([12_101, 4024, 12_101], twice)).toEqual([['PT1H', { airTemperature: 16.85 }]]);
  });

  test('forecasts and statistics are no observations', () => {
    expect(of([8021, 12_101], { 8021: [4], 12101: raws(12101, 290) }).reports).toEqual([]);
    expect(of([8023, 12_101], { 8023: [2], 12101: raws(12101, 290) }).reports).toEqual([]);
    expect(of([8023, 12_101], { 8023: [4], 12101: raws(12101, 290) }).reports).toHaveLength(1);
  });

  test('a calm has no direction', () => {
    expect(valuesOf([11_001, 11_002], { 11001: [0], 11002: [0] })).toEqual([['PT1H', { windSpeed: 0 }]]);
  });
});

describe('files', () => {
  const one = encode({ descriptors: [307_080], subsets: [synop] });
  test('of several messages between headings are read, edition 3 and section 2 too', () => {
    const old = encode({ descriptors: [307_080], subsets: [synop], edition: 3, hasSection2: true });
    const file = Buffer.concat([Buffer.from('ISMI40 SBBR 011200\r\r\n'), one, Buffer.from('\r\n'), old]);
    expect(decode(file).reports).toHaveLength(6);
  });

  test('with one damaged message give the others, and tell', () => {
    const decoding = decode(Buffer.concat([one.subarray(0, 100), one]));
    expect(decoding.reports).toHaveLength(3);
    expect(decoding.ignored.filter(({ isMeant }) => !isMeant)).toEqual([
      {
        path: 'message 0',
        why: expect.stringMatching(/section 0, byte 5: the message has \d+ bytes by its head/),
      },
    ]);
  });

  test.each([
    ['no BUFR', Buffer.from('GRIB'), /No BUFR message is found/],
    [
      'other data',
      encode({ descriptors: [307_080], subsets: [synop], category: 2 }),
      /section 1, byte 11: .*category 2/,
    ],
  ])('of %s are refused with place and reason', (_, body, why) => {
    expect(() => decode(body)).toThrow(why);
  });
});

describe('whatever comes', () => {
  const whole = [false, true].map((isCompressed) =>
    encode({ descriptors: [301_150, 307_096], subsets: [synop, { ...synop, 12101: [1] }], isCompressed }),
  );
  const isFair = (body: Uint8Array): void => {
    try {
      decode(body);
    } catch (error) {
      expect(error).toBeInstanceOf(AtalaiaError);
    }
  };

  test('cut short at any byte it is refused', () => {
    for (const body of whole)
      for (let size = 0; size < body.length; size++)
        expect(() => decode(body.subarray(0, size))).toThrow(AtalaiaError);
  });

  test('with any bits turned it is read or refused, never more', () => {
    const flips = fc.array(fc.nat(), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(fc.constantFrom(...whole), flips, (body, places) => {
        const turned = Buffer.from(body);
        for (const place of places) {
          const at = (place >> 3) % turned.length;
          turned[at] = (turned[at] as number) ^ (1 << (place & 7));
        }
        isFair(turned);
      }),
      { numRuns: 500 },
    );
  });
});

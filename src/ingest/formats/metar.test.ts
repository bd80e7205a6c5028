import { describe, expect, test } from 'vitest';
import { checked, hasPayloads, message, needsPayloads, payload } from './fixture.ts';
import type { Decoding } from './format.ts';
import { metar } from './metar.ts';

const decode = (text: string, receivedAt = Date.parse('2024-05-01T00:30:00Z')): Decoding =>
  metar.decode(message(text, { receivedAt }), {});

describe(`recorded bulletins${needsPayloads}`, () => {
  const bulletin = (file: string): Decoding =>
    metar.decode(
      message(payload(`metar/pyiem/${file}.txt`), { receivedAt: Date.parse('2026-11-01T00:00:00Z') }),
      {},
    );

  test.runIf(hasPayloads).each([
    ['badchars', 3],
    ['collective2', 35],
    ['kawn', 3],
    ['nullbyte', 1],
  ])('%s holds %d reports, all of their values good', (file, count) => {
    const decoding = bulletin(file);
    expect(decoding.reports).toHaveLength(count);
    expect(decoding.ignored).toEqual([]);
    expect(decoding.reports.flatMap((_, index) => checked(decoding, index).refused)).toEqual([]);
  });

  test.runIf(hasPayloads)('SA of old, which is no METAR, is refused', () => {
    expect(() => bulletin('sa')).toThrow(/No METAR/);
  });

  test.runIf(hasPayloads)('cases of another decoder are read', () => {
    const { cases } = JSON.parse(payload('metar/python-metar-cases.json').toString('utf8')) as {
      cases: { input: [string, string][] }[];
    };
    const texts = cases
      .flatMap(({ input }) => input.map(([, text]) => text))
      .filter((text) => /\d{6}Z \S/.test(text) && !/%|format\(/.test(text));
    expect(texts.length).toBeGreaterThan(5);
    for (const text of texts) expect(decode(text).reports).toHaveLength(1);
  });
});

test('temperatures in tenths, gusts, rain of the hour and pressure at sea level', () => {
  const decoding = decode(
    'METAR KEWR 302351Z 30010G19KT 1/2SM +TSRA FEW015 22/21 A2987 RMK AO2 SLP114 P0013 T02280211',
  );
  expect(decoding.reports[0]).toMatchObject({ station: 'icao:KEWR', interval: 'PT1H' });
  expect(checked(decoding)).toEqual({
    at: '2024-04-30T23:51:00.000Z',
    values: {
      airTemperature: 22.8,
      dewPoint: 21.1,
      windSpeed: 5.144,
      windGust: 9.774,
      windDirection: 300,
      visibility: 804.672,
      seaLevelPressure: 1011.4,
      rainfall: 3.302,
    },
    refused: [],
  });
});

test('CAVOK, wind in m/s, below zero, variable direction', () => {
  expect(checked(decode('UUEE 010000Z VRB02MPS CAVOK M05/M11 Q1031')).values).toEqual({
    airTemperature: -5,
    dewPoint: -11,
    windSpeed: 2,
    visibility: 10_000,
  });
});

test('the day is the newest such day at arrival', () => {
  const arrived = Date.parse('2024-03-01T00:10:00Z');
  expect(checked(decode('SBPA 292350Z 00000KT 9999 20/18 Q1010', arrived)).at).toBe(
    '2024-02-29T23:50:00.000Z',
  );
  expect(checked(decode('SBPA 312350Z 00000KT 9999 20/18 Q1010', arrived)).at).toBe(
    '2024-01-31T23:50:00.000Z',
  );
});

test('NIL and broken reports of a bulletin do not lose the others', () => {
  const { reports, ignored } = decode(
    'SABZ31 SBBR 010000\r\r\nMETAR SBPA 010000Z 11010KT 9999 20/18 Q1010=\r\r\nMETAR SBCO 010000Z NIL=\r\r\nMETAR SBXX 990000Z 11010KT=',
  );
  expect(reports.map(({ station }) => station)).toEqual(['icao:SBPA']);
  expect(ignored.map(({ why }) => why)).toEqual([
    'the station has not reported (NIL)',
    '99 00:00 is no time of a month',
  ]);
});

test('a text without a METAR says what is expected', () => {
  expect(() => decode('hello')).toThrow(/METAR SBPA/);
});

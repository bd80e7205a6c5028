import { describe, expect, test } from 'vitest';
import { checked, hasPayloads, message, needsPayloads, payload } from './fixture.ts';
import { wunderground } from './wunderground.ts';

const decode = (query: string): ReturnType<typeof wunderground.decode> =>
  wunderground.decode(message('', { fields: new URLSearchParams(query) }), {});

describe(`recorded uploads${needsPayloads}`, () => {
  const requests = (file: string): string[] =>
    [
      ...payload(`wunderground/${file}`)
        .toString('utf8')
        .replaceAll(/&?\r?\n&?(?=[a-z])/gi, '&')
        .matchAll(/GET \S*?\?(\S*)/g),
    ].map(([, query]) => query ?? '');

  test.runIf(hasPayloads)('each sensor of a bridge is a station of its own', () => {
    for (const file of ['tcpdump-test-1.txt', 'tcpdump-test-2.txt']) {
      const all = requests(file).map(decode);
      expect(all.length).toBeGreaterThan(1);
      expect(all.flatMap((decoding) => checked(decoding).refused)).toEqual([]);
    }
    const [tower] = requests('tcpdump-test-1.txt').map(decode);
    expect(tower?.reports[0]?.station).toBe('wunderground:24C86E06B15C-00008384');
  });
});

test('now is the instant of arrival', () => {
  const decoding = decode('ID=IPOA1&PASSWORD=x&dateutc=now&tempf=79.4&dailyrainin=0.20&windspeedmph=1');
  expect(checked(decoding)).toMatchObject({
    at: '2027-01-01T00:00:00.000Z',
    values: { airTemperature: 26.333, rainfallTotal: 5.08, windSpeed: 0.447 },
    refused: [],
  });
});

test('a written time is UTC', () => {
  expect(checked(decode('ID=IPOA1&dateutc=2024-05-01+03%3A04%3A05&tempf=50')).at).toBe(
    '2024-05-01T03:04:05.000Z',
  );
});

test('a time that is none is refused by its text', () => {
  expect(checked(decode('ID=IPOA1&dateutc=yesterday&tempf=50')).refused[0]).toMatchObject({ code: 'time' });
});

test('an upload without a station is refused', () => {
  expect(() => decode('tempf=50')).toThrow(/asks for ID/);
});

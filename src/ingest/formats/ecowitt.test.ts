import { describe, expect, test } from 'vitest';
import { ecowitt } from './ecowitt.ts';
import { checked, hasPayloads, message, needsPayloads, payload } from './fixture.ts';

/** The recorded posts are Python text of a dictionary: back to the form that was sent, with the key that one had taken out. */
const posts = (): string[] =>
  payload('ecowitt/example.data')
    .toString('utf8')
    .split('\n')
    .filter((line) => line.startsWith('<MultiDict'))
    .map((line) =>
      new URLSearchParams(
        [...line.matchAll(/'([^']*)': '([^']*)'/g)].map(([, name = '', value = '']): [string, string] => [
          name,
          value,
        ]),
      ).toString(),
    )
    .map((post) => (post.includes('PASSKEY') ? post : `PASSKEY=0&${post}`));

describe(`recorded posts${needsPayloads}`, () => {
  test.runIf(hasPayloads)('all of them give their readings in canonical units', () => {
    const all = posts().map((post) => checked(ecowitt.decode(message(post), {})));
    expect(all).toHaveLength(3);
    expect(all.flatMap(({ refused }) => refused)).toEqual([]);
    expect(all[0]).toMatchObject({
      at: '2020-05-04T14:34:26.000Z',
      values: { airTemperature: 21.278, relativeHumidity: 32, windDirection: 200, rainfallTotal: 2.007 },
    });
    expect(all[1]?.values).toMatchObject({ windGust: 1.399, solarIrradiance: 530.62, rainfallTotal: 0 });
    expect(all[2]?.values).toMatchObject({ rainfallTotal: 125.603, stationPressure: 985.812 });
  });

  test.runIf(hasPayloads)('every field is either a reading or ignored with its reason', () => {
    for (const post of posts()) {
      const { reports, ignored } = ecowitt.decode(message(post), {});
      expect(ignored.every(({ why }) => why !== '')).toBe(true);
      expect((reports[0]?.readings.length ?? 0) + ignored.length).toBe(new URLSearchParams(post).size);
    }
  });
});

test('a station has the name of the registry where the profile gives it', () => {
  const post = 'PASSKEY=AB12&dateutc=2024-05-01+00:00:00&tempf=68';
  expect(ecowitt.decode(message(post), {}).reports[0]?.station).toBe('ecowitt:AB12');
  const stations = new Map([['AB12', 'POA-01']]);
  expect(ecowitt.decode(message(post), { stations }).reports[0]?.station).toBe('POA-01');
});

test('a console set to Celsius is read by its profile', () => {
  const units = new Map([['tempf', 'degC']]);
  const decoding = ecowitt.decode(message('PASSKEY=A&dateutc=2024-5-1 0:00:00&tempf=20'), { units });
  expect(checked(decoding)).toMatchObject({ values: { airTemperature: 20 }, at: '2024-05-01T00:00:00.000Z' });
});

test('-9999 is no reading', () => {
  const { reports, ignored } = ecowitt.decode(
    message('PASSKEY=A&dateutc=2024-05-01 00:00:00&tempf=-9999'),
    {},
  );
  expect(reports[0]?.readings).toEqual([]);
  expect(ignored).toContainEqual(
    expect.objectContaining({ path: 'tempf', why: '-9999 stands for a missing value' }),
  );
});

test('a post of another protocol says what to set', () => {
  expect(() => ecowitt.decode(message('ID=A&tempf=20'), {})).toThrow(/protocol .* Ecowitt/);
});

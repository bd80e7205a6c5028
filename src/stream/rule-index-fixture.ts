import fc from 'fast-check';
import type { LogRecord } from '../model/record.ts';
import type { Report } from '../model/report.ts';
import type { Rule } from '../model/rule.ts';
import { HOUR_MS, MINUTE_MS } from '../model/time.ts';
import { rule, rulesRecord, station, stationsRecord, T0 } from './fixture.ts';

const pick = fc.constantFrom;

/** Comparisons over quantities of every sort: of an interval or an instant, negative or not, derived or not. */
const comparison = fc
  .oneof(
    fc.tuple(
      pick('sum', 'max', 'avg', 'last', 'min', 'median'),
      pick('rainfall'),
      pick('0 mm', '1 mm', '5 mm', '12 mm', '30 mm'),
    ),
    fc.tuple(
      pick('max', 'min', 'avg', 'last', 'delta', 'rise', 'stddev'),
      pick('airTemperature'),
      pick('-5 degC', '0 degC', '3 degC', '8.5 degC', '61 degF'),
    ),
    fc.tuple(pick('max', 'avg', 'rise'), pick('windSpeed'), pick('0 m/s', '20 km/h', '12 m/s')),
    fc.tuple(pick('max', 'last', 'delta'), pick('dewPoint'), pick('2 degC', '-4 degC')),
  )
  .chain(([name, quantity, threshold]) =>
    fc
      .tuple(pick('10m', '30m', '1h', '6h'), pick('>', '>=', '<', '<=', '>', '>='))
      .map(([span, operator]) => `${name}(${quantity}, ${span}) ${operator} ${threshold}`),
  );

const condition = fc.oneof(
  { weight: 4, arbitrary: comparison },
  { weight: 1, arbitrary: fc.tuple(comparison, comparison).map(([a, b]) => `${a} and ${b}`) },
  { weight: 1, arbitrary: fc.tuple(comparison, comparison).map(([a, b]) => `(${a} or ${b})`) },
  { weight: 1, arbitrary: fc.tuple(comparison, comparison).map(([a, b]) => `not (${a} or ${b})`) },
  { weight: 1, arbitrary: comparison.map((a) => `not ${a}`) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(comparison, comparison)
      .map(([a, b]) => `max(rainfall, 6h) > 1 mm and (${a} or not ${b})`),
  },
  { weight: 1, arbitrary: comparison.map((a) => `${a} then max(rainfall, 1h) >= 5 mm within 2h`) },
  { weight: 1, arbitrary: pick('silent(2h)', 'silent(rainfall, 90m)', 'sum(rainfall, 3 reports) > 9 mm') },
);
const held = fc
  .tuple(condition, pick('', '', ' for 20m', ' for 1h'))
  .map(([text, hold]) => (hold ? `(${text})${hold}` : text));

/** Some rules of one or two levels, with and without a clear. */
export const ruleSets = fc
  .array(fc.tuple(held, fc.option(held), fc.option(held), pick(0.8, 0.3), pick(2, 6, 24)), {
    minLength: 1,
    maxLength: 8,
  })
  .map((all): Rule[] =>
    all.map(([yellow, red, clear, coverage, hours], i) =>
      rule({ yellow, ...(red === null ? {} : { red }) }, clear, {
        name: `rule-${i}`,
        coverage,
        expiresMs: hours * HOUR_MS,
      }),
    ),
  );

const value = (quantity: string): fc.Arbitrary<number> =>
  quantity === 'rainfall'
    ? fc.oneof({ weight: 3, arbitrary: pick(0, 200) }, fc.integer({ min: 0, max: 14_000 }))
    : quantity === 'airTemperature' || quantity === 'dewPoint'
      ? fc.oneof({ weight: 3, arbitrary: pick(10_000, 10_400) }, fc.integer({ min: -9000, max: 22_000 }))
      : fc.integer({ min: 0, max: 14_000 });

const layouts = [
  ['rainfall', 'airTemperature', 'windSpeed'],
  ['airTemperature', 'windSpeed'],
  ['rainfall'],
  ['rainfall', 'airTemperature', 'windSpeed', 'relativeHumidity'],
] as const;

/** Reports of ten minutes of two stations in order of arrival: late ones, repeats, corrections, gaps, other intervals. */
export const stories = fc
  .tuple(
    // Scaled degrees a report: what no two readings in a row show, a window does.
    pick(0, 0, 150, -300),
    fc.array(
      fc.record({
        gap: fc.oneof({ weight: 8, arbitrary: fc.constant(1) }, pick(2, 5, 20)),
        layout: fc.oneof({ weight: 3, arbitrary: fc.constant(layouts[0]) }, pick(...layouts)),
        rain: value('rainfall'),
        temperature: value('airTemperature'),
        wind: value('windSpeed'),
        late: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 40 })),
        interval: fc.oneof({ weight: 12, arbitrary: fc.constant(10) }, pick(5, 30, 60)),
        station: pick('A801', 'A801', 'A802'),
        seconds: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 599 })),
      }),
      { minLength: 20, maxLength: 120, size: 'max' },
    ),
  )
  .map(([drift, steps]): Report[] => {
    let now = 0;
    return steps.map(({ gap, layout, rain, temperature, wind, late, interval, station: id, seconds }, i) => {
      now += gap * 10 * MINUTE_MS;
      const values: Record<string, number> = {
        rainfall: rain,
        airTemperature: temperature + drift * i,
        windSpeed: wind,
        relativeHumidity: 60_000 + wind,
      };
      return {
        station: id,
        observedAt: T0 + now - late * 10 * MINUTE_MS + seconds * 1000,
        receivedAt: T0 + now + seconds * 1000,
        intervalMs: interval * MINUTE_MS,
        quantities: layout,
        values: layout.map((quantity) => values[quantity] as number),
      };
    });
  });

/** Ticks before each report, a second rule set in the middle, and time to expire at the end. */
export function recordsOfStory(
  reports: readonly Report[],
  before: readonly Rule[],
  after: readonly Rule[],
): LogRecord[] {
  const records: LogRecord[] = [
    { kind: 'command', id: 'recording', command: { type: 'recording', delayMs: 0, startAt: T0 } },
    stationsRecord([station('A801'), station('A802')].map((one) => ({ ...one, intervalMs: 10 * MINUTE_MS }))),
    rulesRecord(before),
  ];
  reports.forEach((report, i) => {
    if (i === reports.length >> 1) records.push(rulesRecord(after, 'after'));
    records.push({ kind: 'tick', at: report.receivedAt }, { kind: 'report', report });
  });
  const end = reports.at(-1)?.receivedAt ?? T0;
  for (const hours of [1, 3, 30]) records.push({ kind: 'tick', at: end + hours * HOUR_MS });
  return records;
}

import { describe, expect, test } from 'vitest';
import { HOUR_MS } from '../model/time.ts';
import { checkExpression } from '../rules/check.ts';
import { compileCondition, FALSE, type Reader, TRUE, type Truth, UNKNOWN } from './truth.ts';
import type { WindowStatistics } from './window.ts';

const window = (over: Partial<WindowStatistics>): WindowStatistics => ({
  count: 1,
  sum: 0,
  min: 0,
  max: 0,
  first: 0,
  last: 0,
  coveredMs: HOUR_MS,
  uncounted: 0,
  uncountedSum: 0,
  ...over,
});
const truth = (
  text: string,
  of: Partial<WindowStatistics> | ((quantity: string) => Partial<WindowStatistics>),
): Truth => {
  const { held } = checkExpression(text);
  if (!held) throw new Error(text);
  const reader: Reader = {
    coverage: 0.8,
    silent: () => false,
    window: (quantity) => window(typeof of === 'function' ? of(quantity) : of),
  };
  return compileCondition(held.condition)(reader);
};

test('Kleene: and, or and not of true, false and unknown', () => {
  const known: Record<string, Partial<WindowStatistics>> = {
    T: { last: 1000 },
    F: { last: 0 },
    U: { count: 0, coveredMs: 0 },
  };
  const both = (word: string, a: string, b: string): Truth =>
    truth(
      `last(windSpeed, 1h) >= 1 m/s ${word} last(riverLevel, 1h) >= 1 m`,
      (q) => known[q === 'windSpeed' ? a : b] ?? {},
    );
  const table = (word: string): Truth[] =>
    ['TT', 'TF', 'TU', 'FT', 'FF', 'FU', 'UT', 'UF', 'UU'].map((p) =>
      both(word, p[0] as string, p[1] as string),
    );
  expect(table('and')).toEqual([TRUE, FALSE, UNKNOWN, FALSE, FALSE, FALSE, UNKNOWN, FALSE, UNKNOWN]);
  expect(table('or')).toEqual([TRUE, TRUE, TRUE, TRUE, FALSE, UNKNOWN, TRUE, UNKNOWN, UNKNOWN]);
  expect(['T', 'F', 'U'].map((k) => truth('not last(windSpeed, 1h) >= 1 m/s', known[k] ?? {}))).toEqual([
    FALSE,
    TRUE,
    UNKNOWN,
  ]);
});

describe('bounds where coverage is missing', () => {
  const half = { coveredMs: HOUR_MS / 2, sum: 20_000, min: 20_000, max: 20_000, last: 20_000 };
  test.each([
    ['sum(rainfall, 1h) >= 20 mm', TRUE],
    ['sum(rainfall, 1h) > 20 mm', UNKNOWN],
    ['sum(rainfall, 1h) < 20 mm', FALSE],
    ['sum(rainfall, 1h) < 30 mm', UNKNOWN],
    ['max(rainfall, 1h) >= 20 mm', TRUE],
    ['max(rainfall, 1h) < 30 mm', UNKNOWN],
    ['min(relativeHumidity, 1h) <= 20 %', TRUE],
    ['min(relativeHumidity, 1h) > 20 %', FALSE],
    ['min(relativeHumidity, 1h) > 10 %', UNKNOWN],
    ['avg(rainfall, 1h) > 1 mm', UNKNOWN],
    ['last(rainfall, 1h) >= 20 mm', TRUE],
  ] as const)('%s', (text, expected) => {
    expect(truth(text, half)).toBe(expected);
  });
});

test('thresholds are exact fractions: 40 km/h is 100/9 m/s', () => {
  const at = (max: number): Truth => truth('max(windGust, 1h) >= 40 km/h', { max });
  expect([at(11_111), at(11_112)]).toEqual([FALSE, TRUE]);
  expect(truth('max(windGust, 1h) >= 36 km/h', { max: 10_000 })).toBe(TRUE);
  expect(truth('max(windGust, 1h) > 36 km/h', { max: 10_000 })).toBe(FALSE);
});

import { expect, test } from 'vitest';
import type { Rule } from '../model/rule.ts';
import { parseRule } from './document.ts';
import { thresholdsOf, withThreshold } from './threshold.ts';

const ruleOf = (yellow: string, rest = ''): Rule => {
  const { rule, problems } = parseRule(
    `rule: one\nhazard: rain\n${rest}levels:\n  yellow: ${yellow}\n  red: sum(rainfall, 1h) > 99 mm\n`,
    'one.yaml',
  );
  expect(problems).toEqual([]);
  return rule as Rule;
};
const yellow = (rule: Rule) => (rule.levels[0] as Rule['levels'][number]).condition;

test.each([
  ['sum(rainfall, 1h) >= 20 mm', '', [20]],
  [
    'sum(rainfall, 1h) >= 20 mm or (max(windGust, 10m) > 90 km/h and not last(airTemperature, 1h) < -5 °C)',
    '',
    [20, 90, -5],
  ],
  ['sum(rainfall, 1h) / 2 > 1 mm', '', [2, 1]],
  ['(sum(rainfall, 1h) > 3 mm) then (sum(rainfall, 1h) > 4 mm) within 6h', '', [3, 4]],
  ['count(stations where sum(rainfall, 1h) >= 7 mm) >= 2', 'subject: area\n', [7, 2]],
  ['silent(1h)', '', []],
])('finds the numbers of %s', (text, rest, values) => {
  expect(thresholdsOf(yellow(ruleOf(text, rest))).map((one) => one.value)).toEqual(values);
});

test('is the rule that an author would have written with the other number', () => {
  const text = (gust: number) =>
    `sum(rainfall, 1h) >= 20 mm or (max(windGust, 10m) > ${gust} km/h and rise(airTemperature, 1h) > 9 °F) for 2h`;
  const written = ruleOf(text(117.5));
  const made = withThreshold(ruleOf(text(90)), 'yellow', 1, 117.5);
  expect(made).toEqual({ ...written, levels: [written.levels[0]] });
});

test.each([
  ['orange', 0, 1, 'one has no level orange; it has yellow, red.'],
  ['yellow', 1, 1, 'one, yellow: there are 1 numbers in it.'],
  ['yellow', 0, 1e12, 'too many digits'],
] as const)('refuses %s, place %s, value %s', (level, place, value, why) => {
  expect(() => withThreshold(ruleOf('sum(rainfall, 1h) >= 20 mm'), level, place, value)).toThrow(why);
});

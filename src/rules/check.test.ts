import { describe, expect, it } from 'vitest';
import type { Condition, HeldCondition } from '../model/rule.ts';
import { checkExpression } from './check.ts';
import { parseRule } from './document.ts';

const yaml = (yellow: string, rest = '') => `rule: r\nhazard: rain\nlevels:\n  yellow: ${yellow}\n${rest}`;
const OK = 'sum(rainfall, 1h) >= 20 mm';

/** `yellow: ` puts the first character of a level on 4:11. */
const inLevel: [string, string, string][] = [
  ['sum(rainfal, 1h) >= 20 mm', '4:15', 'did you mean "rainfall"'],
  ['summ(rainfall, 1h) >= 20 mm', '4:11', 'did you mean "sum"'],
  ['sum(rainfall, 1h) >= 20 mn', '4:35', 'did you mean "mm"'],
  ['sum(rainfall, 1h) >= 20', '4:32', 'write 20 mm'],
  ['sum(rainfall, 1h) >= 20 °C', '4:32', 'cannot be compared'],
  ['max(windGust, 1h) >= 40 kmh', '4:35', 'did you mean "km/h"'],
  ['sum(airTemperature, 1h) >= 20 °C', '4:11', 'has no meaning'],
  ['sum(windGust, 1h) >= 20 m/s', '4:11', 'has no meaning'],
  ['sum(rainfall) >= 20 mm', '4:23', 'a window'],
  ['sum(rainfall, 1) >= 20 mm', '4:25', 'not a span'],
  ['sum(rainfall, 1x) >= 20 mm', '4:25', 'not a span'],
  ['sum(rainfall, 1h >= 20 mm', '4:28', 'expected ")"'],
  ['sum rainfall, 1h) >= 20 mm', '4:15', 'expected "("'],
  ['sum(rainfall, 1h) => 20 mm', '4:29', 'write ">="'],
  ['sum(rainfall, 1h) == 20 mm', '4:29', 'write "="'],
  ['sum(rainfall, 1h) ≥ 20 mm', '4:29', 'write ">="'],
  ['sum(rainfall, 1h) >= 20,5 mm', '4:34', 'decimals are written with a point'],
  [`${OK} && silent(2h)`, '4:38', 'write "and"'],
  [`${OK} adn silent(2h)`, '4:38', 'did you mean "and"'],
  [`${OK} fro 2h`, '4:38', 'did you mean "for"'],
  [`${OK} for`, '4:41', 'expected a span'],
  [`${OK} for 2x`, '4:42', 'not a span'],
  [`${OK})`, '4:37', 'without its "("'],
  [`(${OK}`, '4:38', 'expected ")"'],
  ['10 mm < sum(rainfall, 1h) < 20 mm', '4:37', 'chained'],
  ['sum(rainfall, 1h)', '4:11', 'is a value, not a condition'],
  [`${OK} and`, '4:41', 'found the end'],
  ['rainfall >= 20 mm', '4:11', 'is a quantity'],
  ['20 mm > 10 mm', '4:11', 'names no quantity'],
  ['sum(rainfall, 1h tumbling) >= 20 mm', '4:25', 'supported: sliding'],
  ['sum(rainfall, 1h tumbeling) >= 20 mm', '4:28', 'did you mean "tumbling"'],
  ['sum(rainfall, session 30m) >= 20 mm', '4:25', 'supported: sliding'],
  ['max(windGust, 10 reports) >= 20 m/s', '4:25', 'supported: sliding'],
  ['stddev(windGust, 1h) >= 20 m/s', '4:11', 'supported: sum, min'],
  ['sum(rainfall, 40d) >= 20 mm', '4:25', 'at most 31 days'],
  ['silent(rain, 2h)', '4:18', 'unknown quantity'],
  ['count(stations where x) >= 3', '4:17', 'not supported yet'],
  [`${OK} then silent(2h) within 30m`, '4:38', 'not supported yet'],
  ['sum(rainfall, 1h) + avg(airTemperature, 1h) > 3 mm', '4:31', 'cannot be added'],
  ['sum(rainfall, 1h) / 0 > 3 mm', '4:31', 'division by zero'],
];

const elsewhere: [string, string, string, string][] = [
  ['misspelt key', yaml(OK, 'covrage: 80 %\n'), '5:1', 'did you mean "coverage"'],
  ['misspelt level', yaml(OK).replace('yellow', 'yelow'), '4:3', 'did you mean "yellow"'],
  ['misspelt hazard', yaml(OK).replace('rain\n', 'rian\n'), '2:9', 'did you mean "rain"'],
  ['area subject', yaml(OK, 'subject: area\n'), '5:10', 'supported: station'],
  ['bad coverage', yaml(OK, 'coverage: 180 %\n'), '5:11', 'write 0 % to 100 %'],
  ['bad expiry', yaml(OK, 'expires: soon\n'), '5:10', 'not a span'],
  ['language missing', yaml(OK, 'title: { en: Rain }\n'), '5:8', 'lacks the key "pt-BR"'],
  ['misspelt urgency', yaml(OK, 'cap: { urgency: Imediate }\n'), '5:17', 'did you mean "Immediate"'],
  ['bad radius', yaml(OK, 'area: { radius: 15 kg }\n'), '5:17', 'write 15 km'],
  ['key twice', yaml(OK, 'rule: s\n'), '5:1', 'stands twice'],
  ['no levels', 'rule: r\nhazard: rain\n', '1:1', 'lacks the key "levels"'],
  ['alias', yaml(OK, 'title: &a x\narea: *a\n'), '6:7', 'aliases'],
  ['quoted', yaml('"sum(rainfal, 1h) >= 20 mm"'), '4:16', 'rainfall'],
  ['folded', yaml('sum(rainfall, 1h) >= 20 mm\n    or sum(rainfal, 24h) > 3 mm'), '5:12', 'rainfall'],
  ['block', yaml('>-\n    silent(2h)\n    or sum(rainfal, 24h) > 3 mm'), '6:12', 'rainfall'],
  ['deep parentheses', yaml(`${'('.repeat(33)}${OK}${')'.repeat(33)}`), '4:43', 'nested deeper'],
  ['deep YAML', yaml(OK, `area: ${'['.repeat(50_000)}`), '5:7', 'nested deeper'],
  ['many comparisons', yaml(Array(65).fill('silent(2h)').join(' or ')), '1:1', 'at most 64'],
  ['many words', yaml(`1 > 1${' + 1'.repeat(5000)}`), '4:8011', 'longer than 4000'],
  ['large file', `#${'x'.repeat(256 * 1024)}`, '1:1', '256 KiB'],
];

describe('typing mistakes are named at their place', () => {
  const cases = [...inLevel.map(([text, ...rest]) => [text, yaml(text), ...rest] as const), ...elsewhere];
  it.each(cases)('%s', (_name, text, place, message) => {
    const { rule, problems } = parseRule(text, 'r.yaml');
    expect(rule).toBeUndefined();
    expect(problems.map(({ line, column }) => `${line}:${column}`)).toEqual([place]);
    expect(problems[0]?.message).toContain(message);
  });
});

describe('literals', () => {
  const literal = (text: string) => {
    const { held, flaws } = checkExpression(text);
    expect(flaws).toEqual([]);
    const right = ((held as HeldCondition).condition as Extract<Condition, { kind: 'comparison' }>).right;
    return right.kind === 'number' ? [right.canonical.numerator, right.canonical.denominator] : undefined;
  };
  it('are exact fractions of the canonical unit', () => {
    expect(literal('max(windGust, 1h) >= 40 km/h')).toEqual([100, 9]);
    expect(literal('max(airTemperature, 1h) >= 68 °F')).toEqual([20, 1]);
    expect(literal('min(airTemperature, 1h) <= -2.5 °C')).toEqual([-5, 2]);
    expect(literal('sum(rainfall, 1h) >= 1 in')).toEqual([127, 5]);
  });
  it('beside a difference leave the offset out', () => {
    expect(literal('delta(airTemperature, 3h) <= -9 °F')).toEqual([-5, 1]);
    expect(literal('max(airTemperature, 3h) - min(airTemperature, 3h) > 5 K')).toEqual([5, 1]);
  });
  it('count is a plain number', () => expect(literal('count(rainfall, 1h) >= 3')).toEqual([3, 1]));
});

it('keeps the comparison as written and the hold', () => {
  const { held } = checkExpression('  sum(rainfall,1h)>=20 mm   or silent( rainfall,2h ) for 90m');
  expect(held?.holdMs).toBe(5_400_000);
  const terms = ((held as HeldCondition).condition as Extract<Condition, { kind: 'and' | 'or' }>).terms;
  expect(terms.map((term) => 'text' in term && term.text)).toEqual([
    'sum(rainfall,1h)>=20 mm',
    'silent( rainfall,2h )',
  ]);
});

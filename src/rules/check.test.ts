import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Condition, HeldCondition } from '../model/rule.ts';
import { checkExpression } from './check.ts';
import { parseRule } from './document.ts';
import { inLiteralUnit } from './fraction.ts';

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
  ['sum(rainfall, 1h tumbeling) >= 20 mm', '4:28', 'did you mean "tumbling"'],
  ['sum(rainfall, 1h evry 5m) >= 20 mm', '4:28', 'did you mean "every"'],
  ['sum(rainfall, 1h every) >= 20 mm', '4:33', 'expected a span such as 1h after "every"'],
  ['sum(rainfall, 1h every 2h) >= 20 mm', '4:25', 'leaves readings out'],
  ['sum(rainfall, 1h every 10ms) >= 20 mm', '4:25', 'at most once a second'],
  ['sum(rainfall, 10ms tumbling) >= 20 mm', '4:25', 'at most once a second'],
  ['sum(rainfall, sesion 30m) >= 20 mm', '4:25', 'did you mean "session"'],
  ['sum(rainfall, session) >= 20 mm', '4:32', 'expected a span such as 1h after "session"'],
  ['sum(rainfall, session 8d) >= 20 mm', '4:25', 'at most 7 days'],
  ['last(fireWeatherIndex, 24h) > 20 %', '4:41', 'without a unit'],
  ['max(heatIndx, 1h) > 41 °C', '4:15', 'did you mean "heatIndex"'],
  ['sum(rainfall, 10 reprots) >= 20 mm', '4:28', 'did you mean "reports"'],
  ['sum(rainfall, 10 reports tumblin) >= 20 mm', '4:36', 'did you mean "tumbling"'],
  ['sum(rainfall, 10001 reports) >= 20 mm', '4:25', '1 to 10000 reports'],
  ['sum(rainfall, 0 reports) >= 20 mm', '4:25', '1 to 10000 reports'],
  ['delta(riverLevel, 1 report) >= 2 m', '4:29', 'at least 2 reports'],
  ['sum(rainfall, 367d) >= 20 mm', '4:25', 'at most 366 days'],
  ['max(airTemperature, day-of-year) >= 20 °C', '4:31', 'expected a window'],
  ['percentile(rainfall, 95) >= 20 mm', '4:34', 'and a window after the percentage'],
  ['percentile(rainfall, 24h) >= 20 mm', '4:34', 'and a window after the percentage'],
  ['percentile(rainfall, 100, 24h) >= 20 mm', '4:32', 'between 0 and 100'],
  ['last(airTemperature, 1h) > percentile(airTemperature, 95, day-of-yaer)', '4:69', 'mean "day-of-year"'],
  ['last(airTemperature, 1h) > percentile(airTemperature, 95, dayofyear)', '4:69', 'mean "day-of-year"'],
  ['percentile(airTemperature, 95, day-of-year) > 30 °C', '4:11', 'names no quantity'],
  ['avg(windDirection, 1h) > 30 °', '4:11', 'after 359° comes 0°'],
  ['rate(riverLevel, 1h) >= 0.5', '4:35', 'write 0.5 m/h'],
  ['rate(riverLevel, 1h) >= 0.5 m', '4:35', 'use one of: m/h, ft/h'],
  ['sum(rainfall, 1h) >= 20 mm/h', '4:32', 'cannot be compared; use one of: mm, cm'],
  ['trend(riverLevel, 3h) >= 0.5 m/hr', '4:40', 'did you mean "m/h"'],
  ['returnPeriod(sum(rainfall, 24h)) >= 10', '4:47', 'write 10 years'],
  ['returnPeriod(sum(rainfall, 24h)) >= 10 yeras', '4:50', 'did you mean "years"'],
  ['returnPeriod(sum(rainfall, 24h) + 3 mm) >= 10 years', '4:11', 'takes one sum'],
  ['returnPeriod(median(rainfall, 24h)) >= 10 years', '4:11', 'takes one sum'],
  ['returnPeriod(max(riverLevel, 3 reports)) >= 10 years', '4:11', 'over a span'],
  ['returnPeriod(sum(rainfal, 24h)) >= 10 years', '4:28', 'did you mean "rainfall"'],
  ['returnPeriod(sum(rainfall, 24h) > 2 mm) >= 10 years', '4:43', 'to close returnPeriod'],
  ['retrunPeriod(sum(rainfall, 24h)) >= 10 years', '4:11', 'did you mean "returnPeriod"'],
  ['max(forecast(rainfall, 6h)) >= 40', '4:42', 'write 40 mm'],
  ['max(forecast(rainfall, 6h)) >= 40 °C', '4:42', 'cannot be compared'],
  ['max(forecast(rainfal, 6h)) >= 40 mm', '4:24', 'did you mean "rainfall"'],
  ['max(forecast(rainfall)) >= 40 mm', '4:32', 'how far ahead'],
  ['max(forecast(rainfall, 6h) >= 40 mm', '4:38', 'to close max'],
  ['forecast(rainfall, 6h) >= 40 mm', '4:11', 'max(forecast(rainfall, 6h))'],
  ['median(forecast(rainfall, 6h)) >= 40 mm', '4:11', 'use sum, min, max, avg'],
  ['max(forecast(rainfall, 11d)) >= 40 mm', '4:11', 'at most 10 days'],
  ['sum(forecast(airTemperature, 6h)) >= 40 °C', '4:11', 'has no meaning'],
  ['max(forecast(heatIndex, 6h)) >= 40 °C', '4:11', 'no forecast has it'],
  [`max(forecast(rainfall, 6h)) >= 40 mm then ${OK} within 1h`, '4:11', 'cannot stand in a sequence'],
  ['silent(rain, 2h)', '4:18', 'unknown quantity'],
  [`count(stations where ${OK}) >= 3`, '4:11', 'write "subject: area"'],
  [`share(stations where ${OK}) >= 20 %`, '4:11', 'write "subject: area"'],
  [`count(stations wher ${OK}) >= 3`, '4:26', 'did you mean "where"'],
  [`count(station where ${OK}) >= 3`, '4:17', 'did you mean "stations"'],
  [`count(stations where sum(rainfall, 1h)) >= 3`, '4:32', 'is a value, not a condition'],
  [`count(stations where ${OK} >= 3`, '4:59', 'chained'],
  ['share(rainfall, 1h) >= 20 %', '4:17', 'share takes stations'],
  ['sum(stations, 1h) >= 20 mm', '4:15', 'only count and share take stations'],
  [`${OK} then silent(2h)`, '4:53', 'expected "within"'],
  [`${OK} then silent(2h) withn 30m`, '4:54', 'did you mean "within"'],
  [`${OK} then silent(2h) within`, '4:60', 'expected a span such as 1h after "within"'],
  [`(silent(2h) then ${OK} within 1h) or silent(3h)`, '4:12', 'cannot stand in a sequence'],
  [`${OK} then not silent(rainfall, 2h) within 1h`, '4:47', 'cannot stand in a sequence'],
  [`${OK} then ${OK} within 40d`, '4:11', 'at most 31 days'],
  [`${OK} then silent(2h) within 1h or silent(3h)`, '4:64', 'put the sequence in parentheses'],
  [`${OK} thn silent(2h) within 1h`, '4:38', 'did you mean "then"'],
  [`${OK} within 1h`, '4:38', 'stands behind "then"'],
  [`${OK} then sum(rainfall, 1h) within 1h`, '4:43', 'is a value, not a condition'],
  [`${OK} for 1h and silent(2h)`, '4:45', '"for" ends the condition'],
  ['sum(rainfall, 1h) + avg(airTemperature, 1h) > 3 mm', '4:31', 'cannot be added'],
  ['sum(rainfall, 1h) / 0 > 3 mm', '4:31', 'division by zero'],
];

const elsewhere: [string, string, string, string][] = [
  ['misspelt key', yaml(OK, 'covrage: 80 %\n'), '5:1', 'did you mean "coverage"'],
  ['misspelt level', yaml(OK).replace('yellow', 'yelow'), '4:3', 'did you mean "yellow"'],
  ['misspelt hazard', yaml(OK).replace('rain\n', 'rian\n'), '2:9', 'did you mean "rain"'],
  ['misspelt subject', yaml(OK, 'subject: aera\n'), '5:10', 'did you mean "area"'],
  [
    'radius of an area rule',
    yaml(OK, 'subject: area\narea: { radius: 15 km }\n'),
    '6:17',
    'area: region or { name: … }',
  ],
  [
    'stations in stations',
    yaml(`count(stations where share(stations where ${OK}) > 2 %) > 3`, 'subject: area\n'),
    '4:32',
    'cannot stand inside another',
  ],
  [
    'units inside stations',
    yaml('count(stations where sum(rainfall, 1h) >= 20) > 3', 'subject: area\n'),
    '4:53',
    'write 20 mm',
  ],
  ['share without %', yaml(`share(stations where ${OK}) > 20`, 'subject: area\n'), '4:62', 'write 20 %'],
  ['count with %', yaml(`count(stations where ${OK}) > 20 %`, 'subject: area\n'), '4:62', 'without a unit'],
  ['many terms', yaml(`sum(rainfall, 1h) > 1 mm${' + 1 mm'.repeat(600)}`), '1:1', 'at most 1000'],
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
  it('beside spreads, changes and rises leave the offset out', () => {
    for (const name of ['stddev', 'delta', 'rise'])
      expect(literal(`${name}(airTemperature, 3h) >= 9 °F`)).toEqual([5, 1]);
    for (const name of ['median', 'min', 'last'])
      expect(literal(`${name}(airTemperature, 3h) >= 41 °F`)).toEqual([5, 1]);
    expect(literal('percentile(airTemperature, 95, 3h) >= 41 °F')).toEqual([5, 1]);
  });
  it('of rates are exact parts of the canonical unit an hour', () => {
    expect(literal('rate(rainfall, 1h) >= 5 mm/h')).toEqual([5, 1]);
    expect(literal('trend(airTemperature, 3h) <= -9 °F/h')).toEqual([-5, 1]);
    expect(literal('rate(riverLevel, 1h) >= 0.5 m/h')).toEqual([1, 2]);
    expect(literal('rate(riverLevel, 1h) >= 1 ft/d')).toEqual([127, 10_000]);
    expect(literal('rate(stationPressure, 1h) <= -10 Pa/min')).toEqual([-6, 1]);
    expect(literal('rate(windSpeed, 1h) >= 36 km/h/h')).toEqual([10, 1]);
  });
  it('of return periods are years', () => {
    expect(literal('returnPeriod(sum(rainfall, 24h)) >= 10 years')).toEqual([10, 1]);
    expect(literal('returnPeriod(max(riverLevel, 24h tumbling)) > 1 year')).toEqual([1, 1]);
  });
  it('inside and beside stations where are resolved too', () => {
    const { held, flaws } = checkExpression(
      'share(stations where delta(airTemperature, 3h) <= -9 °F) >= 20 %',
      'area',
    );
    expect(flaws).toEqual([]);
    expect(held?.condition).toMatchObject({
      left: { kind: 'stations', where: { right: { canonical: { numerator: -5, denominator: 1 } } } },
      right: { canonical: { numerator: 20, denominator: 1 } },
    });
  });
  it('added to a climatological value are steps', () => {
    const { held } = checkExpression(
      'last(airTemperature, 1h) > percentile(airTemperature, 95, day-of-year) + 9 °F',
    );
    expect(held?.condition).toMatchObject({
      right: {
        left: { kind: 'climatology', percent: 95 },
        right: { canonical: { numerator: 5, denominator: 1 } },
      },
    });
  });
  it('are shown in their own unit, as a point or as a step', () => {
    const shown = (text: string, canonicalValue: number) => {
      const { held } = checkExpression(text);
      const { right } = (held as HeldCondition).condition as Extract<Condition, { kind: 'comparison' }>;
      return right.kind === 'number' ? inLiteralUnit(canonicalValue, right) : undefined;
    };
    expect(shown('max(airTemperature, 1h) >= 68 °F', 25)).toBe(77);
    expect(shown('delta(airTemperature, 1h) >= 9 °F', 10)).toBe(18);
    expect(shown('rate(airTemperature, 1h) >= 9 °F/h', 10)).toBe(18);
    expect(shown('count(rainfall, 1h) >= 9', 10)).toBe(10);
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

describe('every construct of the language is accepted', () => {
  const station = [
    'sum(rainfall, 1h tumbling) >= 20 mm',
    'sum(rainfall, 1h every 5m) >= 20 mm',
    'max(windGust, 10 reports) >= 20 m/s',
    'max(windGust, 10 reports tumbling) >= 20 m/s',
    'sum(rainfall, session 30m) >= 50 mm',
    'percentile(windGust, 95, 24h) > 20 m/s',
    'rise(riverLevel, 6h) >= 1.5 m',
    'max(heatIndex, 1h) >= 41 °C and last(fireWeatherIndex, 24h) > 20',
    '20 mm/sum(rainfall, 1h) > 3 and 20 mm / sum (rainfall, 1h) > 3',
    'trend(fireWeatherIndex, 72h) > 0.5 and delta(windChill, 1h) < -9 °F',
    'max(riverLevel, 366d) > 3 m',
    'sum(rainfall, 1h) >= 30 mm then rise(riverLevel, 1h) > 0.5 m within 6h for 10m',
    '(sum(rainfall, 1h) >= 30 mm then max(rainfall, 1h) < 1 mm within 6h) or silent(12h)',
    'not (sum(rainfall, 1h) >= 30 mm then max(rainfall, 1h) < 1 mm within 6h)',
    'returnPeriod(sum(rainfall, 24h)) >= 10 years and 2 * stddev(airTemperature, 1d) < 5 K',
  ];
  const area = [
    `count(stations where ${OK} and not silent(2h)) >= 3`,
    `share(stations where (${OK} then ${OK} within 1h)) >= 20 % or sum(rainfall, 1h) > 3 mm`,
    'count(stations where last(airTemperature, 1h) > percentile(airTemperature, 95, day-of-year)) > 2',
  ];
  it.each(station)('%s', (text) => expect(checkExpression(text).flaws).toEqual([]));
  it.each(area)('%s', (text) => expect(checkExpression(text, 'area').flaws).toEqual([]));
  it('with its precedence: for, then, or, and, not', () => {
    const { held } = checkExpression(
      `${OK} or ${OK} and not ${OK} then ${OK} within 1h then ${OK} within 2h for 3h`,
    );
    expect(held).toMatchObject({
      holdMs: 10_800_000,
      condition: {
        kind: 'sequence',
        withinMs: 7_200_000,
        first: {
          kind: 'sequence',
          withinMs: 3_600_000,
          first: {
            kind: 'or',
            terms: [{ kind: 'comparison' }, { kind: 'and', terms: [{}, { kind: 'not' }] }],
          },
        },
      },
    });
  });
});

it('reads every text in a time that grows with its length alone: a square of a million would not end', () => {
  const long = 'a'.repeat(1_000_000);
  for (const text of [`1 ${long}/${long}(`, `1 a/${long} (`, `1 mm/${' '.repeat(1_000_000)}`, `sum(${long}`])
    expect(checkExpression(text).flaws).toHaveLength(1);
});

it('docs/rules.md shows conditions that are accepted', () => {
  const page = readFileSync(new URL('../../docs/rules.md', import.meta.url), 'utf8');
  const shown = [...page.matchAll(/```text\n([\s\S]*?)```/g)].flatMap(([, block]) =>
    (block ?? '').trim().split('\n'),
  );
  expect(shown.length).toBeGreaterThanOrEqual(9);
  for (const text of shown) {
    const subject = text.includes('forecast(') ? 'station' : 'area';
    expect([text, checkExpression(text, subject).flaws]).toEqual([text, []]);
  }
});

it('a rule over an area reads no forecast, of its stations neither', () => {
  for (const text of [
    'max(forecast(rainfall, 6h)) >= 40 mm',
    'count(stations where max(forecast(rainfall, 6h)) >= 40 mm) >= 2',
  ])
    expect(checkExpression(text, 'area').flaws[0]?.message).toContain('write "subject: station"');
});

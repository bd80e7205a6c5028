import fc from 'fast-check';
import { expect, it } from 'vitest';
import { quantities } from '../model/quantity.ts';
import {
  aggregateNames,
  type Condition,
  type Expression,
  forecastAggregates,
  type Window,
} from '../model/rule.ts';
import { units } from '../model/unit.ts';
import { canonicalFraction } from './fraction.ts';
import { parseHeldCondition } from './parser.ts';
import { printCondition } from './print.ts';

const span = fc
  .integer({ min: 1, max: 1000 })
  .chain((n) => fc.constantFrom(1000, 60_000, 3_600_000).map((unit) => n * unit));
const quantity = fc.constantFrom(...quantities.keys());
const window: fc.Arbitrary<Window> = fc.oneof(
  span.map((spanMs) => ({ kind: 'sliding' as const, spanMs })),
  span.map((spanMs) => ({ kind: 'tumbling' as const, spanMs })),
  fc.tuple(span, span).map(([spanMs, everyMs]) => ({ kind: 'hopping' as const, spanMs, everyMs })),
  span.map((gapMs) => ({ kind: 'session' as const, gapMs })),
  fc.integer({ min: 1, max: 10_000 }).map((reports) => ({ kind: 'count' as const, reports })),
  fc
    .integer({ min: 1, max: 10_000 })
    .map((reports) => ({ kind: 'count' as const, reports, tumbling: true as const })),
);
const number = fc
  .tuple(
    fc.integer({ min: -999_999_999, max: 999_999_999 }),
    fc.integer({ min: 0, max: 4 }),
    fc.constantFrom(null, 'mm', 'km/h', '°F', '%', 'm', 'kJ/m²', 'mm/h', '°F/h', 'km/h/h', 'years'),
  )
  .map(([digits, decimals, unit]): Expression => {
    const value = digits / 10 ** decimals || 0;
    return {
      kind: 'number',
      value,
      unit,
      canonical: canonicalFraction(value, unit) ?? { numerator: 0, denominator: 1 },
    };
  });
const aggregate = fc
  .tuple(fc.constantFrom(...aggregateNames), quantity, window, fc.integer({ min: 1, max: 99 }))
  .map(
    ([name, q, w, percent]): Expression => ({
      kind: 'aggregate',
      name,
      quantity: q,
      window: w,
      text: '',
      ...(name === 'percentile' ? { percent } : {}),
    }),
  );
const forecast = fc
  .tuple(fc.constantFrom(...forecastAggregates), quantity, fc.integer({ min: 1, max: 240 }))
  .map(
    ([name, of, hours]): Expression => ({
      kind: 'forecast',
      name,
      quantity: of,
      spanMs: hours * 3_600_000,
      text: '',
    }),
  );
const climatology = fc.tuple(quantity, fc.integer({ min: 1, max: 999 })).map(
  ([name, permille]): Expression => ({
    kind: 'climatology',
    quantity: name,
    percent: permille / 10,
    by: 'day-of-year',
    text: '',
  }),
);
const { condition } = fc.letrec<{ condition: Condition; expression: Expression }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 3 },
    aggregate,
    number,
    climatology,
    forecast,
    fc.record({
      kind: fc.constant('stations' as const),
      measure: fc.constantFrom('count' as const, 'share' as const),
      where: tie('condition'),
      text: fc.constant(''),
    }),
    fc.record({ kind: fc.constant('return-period' as const), of: tie('expression'), text: fc.constant('') }),
    fc.record({
      kind: fc.constant('arithmetic' as const),
      operator: fc.constantFrom('+' as const, '-' as const, '*' as const, '/' as const),
      left: tie('expression'),
      right: tie('expression'),
    }),
  ),
  condition: fc.oneof(
    { maxDepth: 4 },
    fc.record({
      kind: fc.constant('comparison' as const),
      operator: fc.constantFrom(
        '>' as const,
        '>=' as const,
        '<' as const,
        '<=' as const,
        '=' as const,
        '!=' as const,
      ),
      left: tie('expression'),
      right: tie('expression'),
      text: fc.constant(''),
    }),
    fc.record({
      kind: fc.constant('silent' as const),
      quantity: fc.option(quantity),
      spanMs: span,
      text: fc.constant(''),
    }),
    fc.record({ kind: fc.constant('not' as const), term: tie('condition') }),
    fc.record({
      kind: fc.constant('sequence' as const),
      first: tie('condition'),
      // biome-ignore lint/suspicious/noThenProperty: the field's name in the rule model.
      then: tie('condition'),
      withinMs: span,
      text: fc.constant(''),
    }),
    fc.record({
      kind: fc.constantFrom('and' as const, 'or' as const),
      terms: fc.array(tie('condition'), { minLength: 2, maxLength: 3 }),
    }),
  ),
}));

const withoutText = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (key, v: unknown) => (key === 'text' ? '' : v)));

it('a printed condition parses to the same condition', () => {
  fc.assert(
    fc.property(condition, (written) => {
      const parsed = parseHeldCondition(printCondition(written));
      expect(withoutText(parsed.condition)).toEqual(withoutText(written));
    }),
    { numRuns: 500 },
  );
});

it('any text parses or is refused with an offset inside it', () => {
  const word = fc.constantFrom(
    'sum',
    '(',
    ')',
    'rainfall',
    ',',
    '1',
    'h',
    '>=',
    'mm',
    'and',
    'not',
    'for',
    'then',
    'within',
    'stations',
    'where',
    'count',
    'share',
    'percentile',
    'day-of-year',
    'session',
    'reports',
    'every',
    '-',
    '%',
    ...units.keys(),
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(word, { maxLength: 30 }).map((words) => words.join(' ')),
      ),
      (text) => {
        try {
          parseHeldCondition(text);
        } catch (error) {
          expect(error).toMatchObject({ code: 'ATL_RULE' });
          expect((error as { offset: number }).offset).toBeLessThanOrEqual(text.length);
        }
      },
    ),
  );
});

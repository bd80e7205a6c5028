import { describe, expect, test } from 'vitest';
import { dayOfYear, dayStart, localDay } from '../model/local-day.ts';
import type { Condition, Expression, Rule } from '../model/rule.ts';
import { HOUR_MS } from '../model/time.ts';
import { type Climatology, type ClimatologyTable, returnPeriodYears } from './climatology-reader.ts';
import { InstantReader } from './evaluation.ts';
import { evidenceOf } from './evidence.ts';
import {
  alertsOf,
  Bench,
  foldOptions,
  hour,
  rain,
  report,
  rule,
  rulesRecord,
  station,
  stationsRecord,
  T0,
} from './fixture.ts';
import { type FoldSnapshot, PartitionFold } from './fold.ts';
import { compileCondition, FALSE, type Reader, TRUE, type Truth, UNKNOWN } from './truth.ts';
import { arithmetic, boundsOf, compare, newValue, set, setFraction, type Value } from './value.ts';
import { aggregate, comparison, reportsAt, sequence, stateIn, take } from './window-fixture.ts';

const sliding = { kind: 'sliding', spanMs: HOUR_MS } as const;
const hourly = (values: readonly number[]) =>
  reportsAt(
    T0,
    values.map((value, i) => ({ minute: (i + 1) * 60, interval: 60, value: value * 1000 })),
    'rainfall',
  );

describe('stations', () => {
  const where = comparison(aggregate('sum', 'rainfall', sliding), '>=', 20);
  const truth = (
    measure: 'count' | 'share',
    operator: '>=' | '<',
    than: number,
    [holding, unknown, total]: readonly [number, number, number],
  ): Truth => {
    const reader: Reader = {
      coverage: 0.8,
      silent: () => false,
      window: () => {
        throw new Error('an area reads its stations');
      },
      stationsWhere: (_, coverage) => {
        expect(coverage).toBe(0.8);
        return { holding, unknown, total };
      },
    };
    return compileCondition(comparison({ kind: 'stations', measure, where, text: '' }, operator, than))(
      reader,
    );
  };
  test('unknown stations bound the count: decided when both bounds agree', () => {
    expect(truth('count', '>=', 3, [3, 2, 9])).toBe(TRUE);
    expect(truth('count', '>=', 3, [2, 1, 9])).toBe(UNKNOWN);
    expect(truth('count', '>=', 3, [1, 1, 9])).toBe(FALSE);
    expect(truth('count', '<', 3, [2, 1, 9])).toBe(UNKNOWN);
    expect(truth('count', '<', 3, [2, 0, 9])).toBe(TRUE);
  });
  test('a share is of all that are not silent, and exact: one of three is less than 33.334 %', () => {
    expect(truth('share', '>=', 20, [1, 0, 5])).toBe(TRUE);
    expect(truth('share', '>=', 33.333, [1, 0, 3])).toBe(TRUE);
    expect(truth('share', '>=', 33.334, [1, 0, 3])).toBe(FALSE);
    expect(truth('share', '>=', 50, [1, 2, 4])).toBe(UNKNOWN);
    expect(truth('share', '>=', 50, [2, 2, 4])).toBe(TRUE);
  });
  test('without a station, and without an area, nothing is known', () => {
    expect(truth('count', '>=', 0, [0, 0, 0])).toBe(UNKNOWN);
    const state = take(stateIn('UTC'), hourly([5]));
    const condition = comparison({ kind: 'stations', measure: 'count', where, text: '' }, '>=', 0);
    expect(compileCondition(condition)(new InstantReader(state, hour(1), 0, 0))).toBe(UNKNOWN);
  });
});

describe('climatology', () => {
  const table: ClimatologyTable = {
    percentiles: [
      {
        quantity: 'rainfall',
        percent: 95,
        byDay: Array.from({ length: 366 }, (_, i) => (i === 116 ? 12_500 : null)),
      },
    ],
    extremes: [{ quantity: 'rainfall', aggregate: 'sum', spanMs: HOUR_MS, mu: 30, sigma: 10, xi: 0.1 }],
  };
  const normal: Expression = {
    kind: 'climatology',
    quantity: 'rainfall',
    percent: 95,
    by: 'day-of-year',
    text: '',
  };
  const above: Condition = {
    kind: 'comparison',
    operator: '>',
    left: aggregate('sum', 'rainfall', sliding),
    right: normal,
    text: 'sum(rainfall, 1h) > percentile(rainfall, 95, day-of-year)',
  };
  const at = (values: readonly number[], hours: number, known: ClimatologyTable | null): InstantReader => {
    const state = take(stateIn('America/Sao_Paulo'), hourly(values));
    state.climatology = known;
    return new InstantReader(state, hour(hours), 0, 0);
  };
  test('26 April is day 117; midnight still belongs to it', () => {
    // 03:00 UTC is the midnight that begins 26 April.
    const truths = [3, 4, 27, 28].map((h) => compileCondition(above)(at(Array(30).fill(13), h, table)));
    expect(truths).toEqual([UNKNOWN, TRUE, TRUE, UNKNOWN]);
    expect(compileCondition(above)(at([0, 0, 0, 12.5], 4, table))).toBe(FALSE);
    expect(compileCondition(above)(at(Array(30).fill(13), 4, null))).toBe(UNKNOWN);
  });
  test('evidence names the value of the table as the threshold', () => {
    expect(evidenceOf(above, at(Array(30).fill(13), 4, table), hour(4))).toEqual([
      {
        expression: above.text,
        value: 13,
        unit: 'mm',
        threshold: 12.5,
        from: hour(3),
        to: hour(4),
        coverage: 1,
        observations: 1,
      },
    ]);
  });
  test('return periods are those of Coles 2001, table of Port Pirie', () => {
    const portPirie = {
      quantity: '',
      aggregate: 'max',
      spanMs: 0,
      mu: 3.87,
      sigma: 0.198,
      xi: -0.05,
    } as const;
    expect(returnPeriodYears(4.296, portPirie)).toBeCloseTo(10, 0);
    expect(returnPeriodYears(4.688, portPirie) / 100).toBeCloseTo(1, 1);
    expect(returnPeriodYears(99, portPirie)).toBe(1_000_000);
    expect(returnPeriodYears(-99, { ...portPirie, xi: 0.2 })).toBe(1);
    expect(returnPeriodYears(5, { ...portPirie, xi: 0 })).toBeCloseTo(
      returnPeriodYears(5, { ...portPirie, xi: 1e-8 }),
      2,
    );
  });
  test('a return period keeps the bound of its aggregate', () => {
    const years = (span: number): Expression => ({
      kind: 'return-period',
      of: aggregate('sum', 'rainfall', { kind: 'sliding', spanMs: span }),
      text: '',
    });
    // mu + sigma * 2.25: y = (1 + 0.1 * 2.25) ** -10, 1 - exp(-y) = 0.1231, 8.1 years.
    const rare = (values: readonly number[], operator: '>=' | '<', than: number, span = HOUR_MS) =>
      compileCondition(comparison(years(span), operator, than))(at(values, values.length, table));
    expect([rare([52.5], '>=', 8), rare([52.5], '>=', 8.5), rare([52.5], '>=', 8, 2 * HOUR_MS)]).toEqual([
      TRUE,
      FALSE,
      UNKNOWN,
    ]);
    const dry = take(stateIn('UTC'), []);
    dry.climatology = table;
    expect(compileCondition(comparison(years(HOUR_MS), '<', 5))(new InstantReader(dry, T0, 0, 0))).toBe(
      UNKNOWN,
    );
  });
});

describe('values', () => {
  const value = (known: Value['known'], n: number, d = 1): Value => set(newValue(), known, n, d);
  test('bounds decide equality, too: at least 30 is not 20', () => {
    const twenty = value('exact', 20_000);
    expect(compare('=', value('at-least', 30_000), twenty)).toBe(FALSE);
    expect(compare('!=', value('at-most', 10_000), twenty)).toBe(TRUE);
    expect(compare('=', value('at-least', 10_000), twenty)).toBe(UNKNOWN);
    expect(compare('>=', twenty, value('at-least', 30_000))).toBe(FALSE);
    expect(compare('>', value('exact', 1), value('nothing', 0))).toBe(UNKNOWN);
  });
  test('bounds go through sums, differences and exact factors', () => {
    const least = value('at-least', 30_000);
    expect(arithmetic('+', least, value('exact', 1000))).toMatchObject({
      known: 'at-least',
      numerator: 31_000,
    });
    expect(arithmetic('-', value('exact', 1000), least)).toMatchObject({
      known: 'at-most',
      numerator: -29_000,
    });
    expect(arithmetic('*', least, value('exact', -2000))).toMatchObject({
      known: 'at-most',
      numerator: -60_000,
    });
    expect(arithmetic('/', value('exact', 1000), value('exact', 3000))).toMatchObject({
      numerator: 1000,
      denominator: 3,
    });
    expect(arithmetic('/', least, value('exact', 0)).known).toBe('nothing');
    expect(arithmetic('*', least, least).known).toBe('nothing');
  });
  test('what doubles cannot tell apart is told apart', () => {
    const third = setFraction(newValue(), 'exact', { n: 10n ** 30n + 1n, d: 3n * 10n ** 30n });
    expect(compare('>', third, value('exact', 1, 3))).toBe(TRUE);
    expect(compare('=', value('exact', 2 ** 53, 3), value('exact', 2 ** 53 + 2, 3))).toBe(FALSE);
    expect(boundsOf(value('exact', 0.5)).low).toEqual({ n: 1n, d: 2n });
  });
});

describe('evidence', () => {
  test('each kind of window says where it lies', () => {
    const state = take(stateIn('UTC'), hourly([1, 2, 3, 4, 5]));
    const places = (
      [
        { kind: 'tumbling', spanMs: 2 * HOUR_MS },
        { kind: 'hopping', spanMs: 3 * HOUR_MS, everyMs: 2 * HOUR_MS },
        { kind: 'session', gapMs: HOUR_MS },
        { kind: 'count', reports: 10 },
        { kind: 'count', reports: 2, tumbling: true },
      ] as const
    ).map((window) => {
      const condition = comparison(aggregate('sum', 'rainfall', window), '>=', 1, 'mm');
      const [one] = evidenceOf(condition, new InstantReader(state, hour(5), 0, 0), hour(5));
      return [one?.from, one?.to, one?.value, one?.coverage, one?.observations].map((x, i) =>
        i < 2 ? ((x as number) - T0) / HOUR_MS : x,
      );
    });
    expect(places).toEqual([
      [2, 4, 7, 1, 2],
      [1, 4, 9, 1, 3],
      [0, 5, 15, 1, 5],
      [0, 5, 15, 0.5, 5],
      [2, 4, 7, 1, 2],
    ]);
  });
  test('a sequence shows its first part as it was when it was true', () => {
    const first = comparison(aggregate('sum', 'rainfall', sliding), '>=', 20, 'mm');
    const then = comparison(aggregate('sum', 'rainfall', sliding), '<', 5, 'mm');
    const condition = sequence(first, then, 3 * HOUR_MS);
    const state = take(stateIn('UTC'), hourly([25, 22, 9, 1]));
    const reader = new InstantReader(state, hour(4), 0, 0);
    reader.inputs = [{ quantity: 'rainfall', spansMs: [HOUR_MS], windows: [] }];
    expect(compileCondition(condition)(reader)).toBe(TRUE);
    expect(evidenceOf(condition, reader, hour(4))).toMatchObject([
      { value: 22, from: hour(1), to: hour(2) },
      { value: 1, from: hour(3), to: hour(4) },
    ]);
    // At the fifth hour both lie more than the span back.
    const far = sequence(first, then, 2 * HOUR_MS - 1);
    expect(compileCondition(far)(reader)).toBe(FALSE);
  });
});

test('a sequence keeps its past as long as it may look back, however short its windows and the lateness are', () => {
  const wet = comparison(aggregate('sum', 'rainfall', sliding), '>=', 20, 'mm');
  const hot = comparison(aggregate('last', 'airTemperature', sliding), '>=', 30, '°C');
  const levels = [{ level: 'yellow' as const, condition: sequence(wet, hot, 9 * HOUR_MS), holdMs: 0 }];
  const one: Rule = { ...rule({ yellow: 'sum(rainfall, 1h) >= 0 mm' }, null), levels };
  const bench = new Bench([one], T0, [station('A801')], HOUR_MS);
  bench.feed(rain(1, 25), ...Array.from({ length: 7 }, (_, i) => rain(i + 2, 0)));
  bench.feed(report(9, { airTemperature: 31 }));
  expect(bench.story).toEqual(['raised yellow @9']);
  expect(bench.events[0]?.evidence).toMatchObject([
    { value: 25, from: hour(0), to: hour(1) },
    { value: 31, from: hour(8), to: hour(9) },
  ]);
});

describe('local days', () => {
  test('starts of days where clocks change at midnight, jump over a day, or stand on a quarter', () => {
    const start = (date: string, zone: string): string =>
      new Date(dayStart(Date.parse(date) / 86_400_000, zone)).toISOString();
    expect(start('2024-09-08', 'America/Santiago')).toBe('2024-09-08T04:00:00.000Z');
    expect(start('2018-02-18', 'America/Sao_Paulo')).toBe('2018-02-18T03:00:00.000Z');
    expect(start('2018-11-04', 'America/Sao_Paulo')).toBe('2018-11-04T03:00:00.000Z');
    // Havana goes back from one o'clock to midnight: the first of the two begins the day.
    expect(start('2024-11-03', 'America/Havana')).toBe('2024-11-03T04:00:00.000Z');
    expect(start('2011-12-31', 'Pacific/Apia')).toBe('2011-12-30T10:00:00.000Z');
    expect(start('2024-04-26', 'Asia/Kathmandu')).toBe('2024-04-25T18:15:00.000Z');
  });
  test('an instant lies in the newest day that has begun', () => {
    const midnight = Date.UTC(2024, 3, 26, 3);
    expect(localDay(midnight, 'America/Sao_Paulo') - localDay(midnight - 1, 'America/Sao_Paulo')).toBe(1);
  });
  test('1 March is day 61 in every year', () => {
    const noon = (year: number, month: number, day: number) =>
      dayOfYear(Date.UTC(year, month, day, 12), 'UTC');
    expect([noon(2023, 2, 1), noon(2024, 2, 1), noon(2023, 1, 28), noon(2024, 11, 31)]).toEqual([
      61, 61, 59, 366,
    ]);
  });
});

test('a climatology comes by command, reaches stations of before and after, and survives a checkpoint', () => {
  const byDay = Array(366).fill(9000);
  const tables = { percentiles: [{ quantity: 'rainfall', percent: 95, byDay }], extremes: [] };
  const options = {
    ...foldOptions,
    climatology: (): Climatology => ({ stations: { A801: tables, A802: tables } }),
  };
  const wet: Condition = {
    kind: 'comparison',
    operator: '>',
    left: aggregate('sum', 'rainfall', sliding),
    right: { kind: 'climatology', quantity: 'rainfall', percent: 95, by: 'day-of-year', text: '' },
    text: '',
  };
  const levels = [{ level: 'yellow' as const, condition: wet, holdMs: 0 }];
  const one: Rule = { ...rule({ yellow: 'sum(rainfall, 1h) >= 0 mm' }, null), levels };
  const raised = (fold: PartitionFold, at: number, id: string): number =>
    alertsOf([
      ...fold.apply({ kind: 'tick', at: hour(at) }),
      ...fold.apply({ kind: 'report', report: rain(at, 10, { station: id }) }),
    ]).filter(({ event }) => event === 'raised').length;
  const before = new PartitionFold(options);
  for (const record of [rulesRecord([one]), stationsRecord([station('A801'), station('A803')])])
    before.apply(record);
  expect(raised(before, 1, 'A801')).toBe(0);
  before.apply({ kind: 'command', id: 'climate', command: { type: 'climatology', hash: 'c' } });
  const fold = PartitionFold.restore(JSON.parse(JSON.stringify(before.snapshot())) as FoldSnapshot, options);
  fold.apply(stationsRecord([station('A802')], 'more'));
  expect(['A801', 'A802', 'A803'].map((id) => raised(fold, 2, id))).toEqual([1, 1, 0]);
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bounds, naiveStation, truthIn } from '../../test/oracle/naive-fold.ts';
import type { Bounds, Fraction } from '../../test/oracle/naive-windows.ts';
import type { Condition } from '../model/rule.ts';
import { HOUR_MS, MINUTE_MS } from '../model/time.ts';
import { compileRule } from './compiled-rule.ts';
import { evaluationInstants, InstantReader } from './evaluation.ts';
import { rule } from './fixture.ts';
import { readerAtNewest } from './newest-instant.ts';
import { compileCondition, evaluateExpression, FALSE, TRUE } from './truth.ts';
import { boundsOf } from './value.ts';
import {
  aggregate,
  comparison,
  kinds,
  names,
  places,
  readings,
  reportsAt,
  sequence,
  stateIn,
  take,
} from './window-fixture.ts';
import { WindowSlots } from './window-slots.ts';

const spread = fc.constantFrom('rainfall', 'airTemperature');
const ruleOf = (condition: Condition, rest: object = {}) => ({
  ...rule({ yellow: 'sum(rainfall, 1h) >= 0 mm' }, null),
  levels: [{ level: 'yellow' as const, condition, holdMs: 0 }],
  ...rest,
});

/** The engine's values are scaled by 1000. A root that is no fraction is known to the last digit of a double. */
function expectSame(found: Bounds, wanted: Bounds, isRoot: boolean): void {
  for (const side of ['low', 'high'] as const) {
    const [a, b] = [found[side], wanted[side]];
    expect(a === null, side).toBe(b === null);
    if (!a || !b || a.n * b.d === 1000n * b.n * a.d) continue;
    const ratio = (f: Fraction): number => Number((f.n * 10n ** 18n) / f.d) / 1e18;
    expect(isRoot, `${ratio(a)} is ${1000 * ratio(b)}`).toBe(true);
    expect(Math.abs(ratio(a) / (1000 * ratio(b)) - 1)).toBeLessThan(1e-12);
  }
}

test('every aggregate over every kind of window is what a plain recomputation finds, in any order of arrival', () => {
  fc.assert(
    fc.property(
      readings,
      spread,
      fc.constantFrom(...places),
      fc.constantFrom(...kinds),
      fc.constantFrom(HOUR_MS / 2, null),
      fc.oneof(
        fc.integer({ min: 0, max: 3100 }),
        fc.integer({ min: 0, max: 52 }).map((n) => n * 60),
      ),
      fc.constantFrom(0, 0.5, 0.8, 1),
      fc.constantFrom(0, 12.5, 90, 97.123456, 100),
      (list, quantity, { timeZone, startAt }, window, intervalMs, minute, coverage, percent) => {
        const reports = reportsAt(startAt, list, quantity);
        const state = take(stateIn(timeZone, intervalMs), reports);
        const at = startAt + minute * MINUTE_MS;
        const reader = new InstantReader(state, at, at, 0);
        reader.coverage = coverage;
        const place = { timeZone, intervalMs };
        for (const name of names) {
          const expression = aggregate(name, quantity, window, percent);
          const one = ruleOf(comparison(expression, '>=', 1), { coverage });
          const wanted = bounds(expression, naiveStation(one, reports, place), at);
          expectSame(boundsOf(evaluateExpression(expression, reader)), wanted, name === 'stddev');
        }
      },
    ),
    { numRuns: 600 },
  );
});

test('the instants of evaluation are those of the definition, whatever part of them is asked for', () => {
  fc.assert(
    fc.property(
      readings,
      fc.constantFrom(...places),
      fc.subarray([...kinds], { minLength: 1, maxLength: 3 }),
      fc.integer({ min: -60, max: 3000 }),
      (list, { timeZone, startAt }, windows, minute) => {
        const condition: Condition = {
          kind: 'and',
          terms: windows.map((window) => comparison(aggregate('sum', 'rainfall', window), '>=', 1)),
        };
        const reports = reportsAt(startAt, list, 'rainfall');
        const state = take(stateIn(timeZone), reports);
        const { instants } = naiveStation(ruleOf(condition), reports, { timeZone, intervalMs: HOUR_MS });
        const compiled = compileRule(ruleOf(condition));
        const from = startAt + minute * MINUTE_MS;
        expect(evaluationInstants(state, compiled, Number.NEGATIVE_INFINITY, state.newestAt)).toEqual(
          instants,
        );
        expect(evaluationInstants(state, compiled, from, state.newestAt)).toEqual(
          instants.filter((at) => at >= from),
        );
      },
    ),
    { numRuns: 400 },
  );
});

const sequences = fc
  .record({
    first: fc.constantFrom(...kinds),
    next: fc.constantFrom(...kinds),
    names: fc.constantFrom(['sum', 'max'] as const, ['last', 'rise'] as const, ['avg', 'last'] as const),
    within: fc.constantFrom(30, 90, 600),
    isNested: fc.boolean(),
  })
  .map(({ first, next, names: [a, b], within, isNested }): Condition => {
    const one = sequence(
      comparison(aggregate(a, 'rainfall', first), '>=', 20),
      comparison(aggregate(b, 'rainfall', next), '<', 5),
      within * MINUTE_MS,
    );
    const calm = comparison(aggregate('last', 'rainfall', { kind: 'count', reports: 1 }), '<', 1);
    return isNested ? sequence(one, calm, HOUR_MS) : one;
  });

test('a sequence is what a plain recomputation finds, one in another too', () => {
  const seen = new Set<unknown>();
  fc.assert(
    fc.property(readings, sequences, fc.constantFrom(...places), (list, condition, { timeZone, startAt }) => {
      const reports = reportsAt(startAt, list, 'rainfall');
      const state = take(stateIn(timeZone), reports);
      const one = ruleOf(condition);
      const compiled = compileRule(one);
      const naive = naiveStation(one, reports, { timeZone, intervalMs: HOUR_MS });
      for (const at of naive.instants.slice(-12)) {
        const reader = new InstantReader(state, at, at, 0);
        reader.inputs = compiled.inputs;
        const truth = compileCondition(condition)(reader);
        seen.add(truth);
        expect(truth === TRUE ? true : truth === FALSE ? false : null).toBe(truthIn(condition, naive, at));
      }
    }),
    { numRuns: 300 },
  );
  expect(seen.size, 'true, false and unknown were seen').toBe(3);
});

test('what was forgotten changes nothing that can still be evaluated', () => {
  fc.assert(
    fc.property(
      readings,
      fc.constantFrom(...kinds),
      fc.option(sequences, { freq: 2 }),
      fc.constantFrom(...places),
      fc.integer({ min: 60, max: 600 }),
      (list, window, chain, { timeZone, startAt }, lateness) => {
        const plain = comparison(aggregate('sum', 'rainfall', window), '>=', 20);
        const condition: Condition = chain ? { kind: 'or', terms: [plain, chain] } : plain;
        const { inputs, longestWindowMs, readingsKept } = compileRule(ruleOf(condition));
        const whole = stateIn(timeZone);
        const forgetful = stateIn(timeZone);
        for (const report of reportsAt(startAt, list, 'rainfall')) {
          if (report.observedAt < whole.newestAt - lateness * MINUTE_MS) continue;
          take(whole, [report]);
          take(forgetful, [report]);
          const lateBefore = forgetful.newestAt - lateness * MINUTE_MS;
          forgetful.forget(lateBefore, longestWindowMs, readingsKept);
          const instants = evaluationInstants(whole, { inputs }, lateBefore, whole.newestAt);
          expect(evaluationInstants(forgetful, { inputs }, lateBefore, whole.newestAt)).toEqual(instants);
          for (const at of [instants[0] ?? whole.newestAt, whole.newestAt]) {
            const [a, b] = [whole, forgetful].map((state) => {
              const reader = new InstantReader(state, at, at, 0);
              reader.inputs = inputs;
              return [reader.window('rainfall', window).extent, compileCondition(condition)(reader)];
            });
            expect(b).toEqual(a);
          }
        }
      },
    ),
    { numRuns: 150 },
  );
});

test('a sliding window that follows its newest instant gives the same as a fresh one, for every aggregate', () => {
  let compared = 0;
  fc.assert(
    fc.property(readings, spread, fc.constantFrom(30, 60, 360), (list, quantity, span) => {
      const window = { kind: 'sliding', spanMs: span * MINUTE_MS } as const;
      const slots = new WindowSlots();
      compileRule(ruleOf(comparison(aggregate('sum', quantity, window), '>=', 1)), slots);
      const state = stateIn('UTC');
      for (const report of reportsAt(0, list, quantity)) {
        const since = state.newestAt;
        take(state, [report]);
        const newest = report.observedAt > since ? readerAtNewest(state, slots, since) : null;
        if (newest?.move([0]) !== 'moved') continue;
        compared++;
        const fresh = new InstantReader(state, state.newestAt, 0, 0);
        for (const name of names) {
          const expression = aggregate(name, quantity, window);
          expect(evaluateExpression(expression, newest), name).toEqual(evaluateExpression(expression, fresh));
        }
      }
    }),
    { numRuns: 150 },
  );
  expect(compared).toBeGreaterThan(200);
});

describe('days', () => {
  const day = { kind: 'tumbling', spanMs: 24 * HOUR_MS } as const;
  test.each([
    ['Europe/Lisbon', Date.UTC(2024, 3, 1), 23],
    ['Europe/Lisbon', Date.UTC(2024, 9, 28), 25],
    ['America/Santiago', Date.UTC(2024, 8, 9, 3), 23],
    ['America/Sao_Paulo', Date.UTC(2024, 4, 1, 3), 24],
  ])('%s: the day before has its own length', (timeZone, at, hours) => {
    const hourly = Array.from({ length: 80 }, (_, i) => ({ minute: i * 60, interval: 60, value: 1000 }));
    const state = take(stateIn(timeZone), reportsAt(at - 60 * HOUR_MS, hourly, 'rainfall'));
    // Lisbon's midnight is at 23:00 UTC in summer.
    const reader = new InstantReader(state, at + HOUR_MS, at, 0);
    const window = reader.window('rainfall', day);
    const { from, to } = window.extent as { from: number; to: number };
    expect([window.count, (to - from) / HOUR_MS]).toEqual([hours, hours]);
  });

  test('groups by count: at midnight the day that ends is still the newest, and the one before is looked at, too', () => {
    const four = { kind: 'count', reports: 4, tumbling: true } as const;
    const hours = [1, 2, 3, 4, 5, 25, 26, 49, 50, 51, 52];
    const list = hours.map((h) => ({ minute: h * 60, interval: 60, value: h * 1000 }));
    const state = take(stateIn('UTC'), reportsAt(0, list, 'rainfall'));
    const lastAt = (h: number) =>
      new InstantReader(state, h * HOUR_MS, 0, 0).window('rainfall', four).last / 1000;
    expect([3, 4, 8, 24, 48, 49, 51, 52].map(lastAt)).toEqual([0, 4, 4, 4, 4, 0, 0, 52]);
  });
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { naiveFold } from '../../test/oracle/naive-fold.ts';
import type { LogRecord } from '../model/record.ts';
import type { Report } from '../model/report.ts';
import type { Condition, Rule } from '../model/rule.ts';
import { HOUR_MS, MINUTE_MS } from '../model/time.ts';
import { Bench, foldOptions, recordsOf, rule, station } from './fixture.ts';
import { type FoldSnapshot, PartitionFold } from './fold.ts';
import {
  aggregate,
  comparison,
  kinds,
  names,
  places,
  readings,
  reportsAt,
  sequence,
} from './window-fixture.ts';

/** A run that looks deeper: ATALAIA_RUNS=3000. */
const numRuns = Number(process.env.ATALAIA_RUNS ?? 150);

const threshold = { count: 4, delta: 3, rate: 8, trend: 4, stddev: 6, rise: 15 } as Record<string, number>;
const condition = fc
  .tuple(
    fc.constantFrom(...names),
    fc.constantFrom(...kinds),
    fc.constantFrom('rainfall', 'rainfall', 'riverLevel'),
  )
  .map(([name, window, quantity]): Condition => {
    return comparison(aggregate(name, quantity, window), '>=', threshold[name] ?? 12);
  });
const sequences = fc
  .tuple(condition, condition, fc.constantFrom(1, 6))
  .map(([first, next, hours]) => sequence(first, { kind: 'not', term: next }, hours * HOUR_MS));
const level = fc.oneof({ weight: 4, arbitrary: condition }, { weight: 1, arbitrary: sequences });
const hold = fc.constantFrom(0, 0, HOUR_MS);
const rules: fc.Arbitrary<Rule> = fc
  .record({ yellow: level, red: level, clear: fc.option(condition), holds: fc.tuple(hold, hold, hold) })
  .map(({ yellow, red, clear, holds }) => ({
    ...rule({ yellow: 'sum(rainfall, 1h) >= 0 mm' }, null),
    levels: [
      { level: 'yellow', condition: yellow, holdMs: holds[0] },
      { level: 'red', condition: red, holdMs: holds[1] },
    ],
    clear: clear && { condition: { kind: 'not', term: clear }, holdMs: holds[2] },
    expiresMs: 700 * HOUR_MS,
  }));

/** Rain and now and then a level, as they arrive: every report two seconds after the one before. */
const arriving = (reports: readonly Report[]): Report[] => {
  let clock = Math.max(...reports.map(({ observedAt }) => observedAt));
  return reports.map((one) => {
    clock += 2000;
    return { ...one, receivedAt: clock };
  });
};
const story = fc.record({
  list: readings,
  levels: fc.array(
    fc.record({
      minute: fc.integer({ min: 0, max: 96 }).map((n) => n * 30),
      interval: fc.constant(30 as const),
      value: fc.integer({ min: -5000, max: 30_000 }),
    }),
    { maxLength: 20 },
  ),
  place: fc.constantFrom(...places),
});
const reportsOf = ({ list, levels, place }: typeof story extends fc.Arbitrary<infer T> ? T : never) => [
  ...reportsAt(place.startAt, list, 'rainfall'),
  ...reportsAt(place.startAt, levels, 'riverLevel'),
];
const inOrder = (reports: readonly Report[]): Report[] =>
  reports.toSorted((a, b) => a.observedAt - b.observedAt || a.intervalMs - b.intervalMs);

function run(one: Rule, timeZone: string, reports: readonly Report[]): Bench {
  const bench = new Bench([one], 0, [{ ...station('A801'), timeZone }], 700 * HOUR_MS);
  bench.feed(...reports);
  const end = (reports.at(-1)?.receivedAt ?? 0) + 1000;
  for (let i = 1; i <= 3; i++) bench.tick(end + i * 1000);
  return bench;
}
/** The level told last, at an instant or at all. */
function told(bench: Bench, at = Number.POSITIVE_INFINITY): string | null {
  const last = bench.events.findLast(
    (e) => e.at <= at && e.event !== 'unverified' && e.event !== 'verified' && e.endReason !== 'merged',
  );
  return !last || last.event === 'ended' ? null : last.level;
}

test('in order of observation, the level over time is that of the naive recomputation', () => {
  let raised = 0;
  fc.assert(
    fc.property(story, rules, (one, which) => {
      // One report an instant: what arrives second for an instant is a correction of what was told.
      const seen = new Set<number>();
      const reports = inOrder(reportsOf(one)).filter(
        ({ observedAt }) => !seen.has(observedAt) && seen.add(observedAt),
      );
      const place = { timeZone: one.place.timeZone, intervalMs: HOUR_MS };
      const bench = run(which, place.timeZone, arriving(reports));
      const line = naiveFold(which, reports, place).filter((instant) => instant.newest);
      raised += bench.events.length;
      expect(line.map(({ at }) => [at, told(bench, at)])).toEqual(line.map(({ at, level: l }) => [at, l]));
    }),
    { numRuns },
  );
  expect(raised).toBeGreaterThan(numRuns);
});

test('any order of arrival within lateness, repeats and corrections end with the level of the recomputation', () => {
  fc.assert(
    fc.property(story, rules, fc.infiniteStream(fc.nat()), (one, which, chance) => {
      const reports = reportsOf(one)
        .map((report) => ({ report, key: chance.next().value as number }))
        .sort((a, b) => a.key - b.key)
        .map(({ report }) => report);
      const place = { timeZone: one.place.timeZone, intervalMs: HOUR_MS };
      const bench = run(which, place.timeZone, arriving(reports));
      expect(told(bench)).toBe(naiveFold(which, reports, place).at(-1)?.level ?? null);
    }),
    { numRuns },
  );
});

test('a checkpoint at any record changes nothing afterwards', () => {
  fc.assert(
    fc.property(story, rules, fc.nat(), (one, which, cut) => {
      const lists = recordsOf(
        arriving(reportsOf(one)),
        [which],
        [{ ...station('A801'), timeZone: one.place.timeZone }],
        one.place.startAt + 4000 * MINUTE_MS,
      );
      const at = cut % lists.length;
      const feed = (fold: PartitionFold, records: readonly LogRecord[]): string[] =>
        records.map((record) => JSON.stringify(fold.apply(record)));
      const whole = new PartitionFold({ ...foldOptions, latenessMs: 12 * HOUR_MS });
      feed(whole, lists.slice(0, at));
      const again = PartitionFold.restore(JSON.parse(JSON.stringify(whole.snapshot())) as FoldSnapshot, {
        ...foldOptions,
        latenessMs: 12 * HOUR_MS,
      });
      expect(feed(again, lists.slice(at))).toEqual(feed(whole, lists.slice(at)));
    }),
    { numRuns: Math.min(numRuns, 100) },
  );
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AreaNetwork, areaRule } from '../../test/oracle/area-network.ts';
import type { AlertEvent } from '../model/alert.ts';
import type { Report } from '../model/report.ts';
import type { Rule } from '../model/rule.ts';
import { HOUR_MS, MINUTE_MS } from '../model/time.ts';
import { Bench, hour, hourRule, rain, rule, rulesRecord, station } from './fixture.ts';

// The ledger refuses a revision that it holds: whatever late data and corrections do, an alert's revisions count on.

const held = rule({ yellow: 'sum(rainfall, 1h) >= 20 mm for 2h' }, 'sum(rainfall, 1h) < 10 mm', {
  name: 'held',
});
const brief = rule({ yellow: 'sum(rainfall, 2h) >= 20 mm' }, null, { name: 'brief', expiresMs: 3 * HOUR_MS });
const stations = [station('A801'), station('A802')];

/** Values of few hours, told again and again with other values, up to the lateness and beyond. */
const reports = fc
  .array(
    fc.record({
      at: fc.integer({ min: 1, max: 16 }),
      // Few of many values, so that most corrections are no repeats of a value replaced before.
      mm: fc.oneof(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 18_000, max: 35_000 })),
      delay: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 8 * 60 })),
      station: fc.constantFrom('A801', 'A802'),
    }),
    { minLength: 10, maxLength: 120 },
  )
  .map((all): Report[] =>
    all
      .map(({ at, mm, delay, station }) =>
        rain(at, mm / 1000, { station, receivedAt: hour(at) + delay * MINUTE_MS }),
      )
      .sort((a, b) => a.receivedAt - b.receivedAt),
  );

function toldTwice(events: readonly AlertEvent[]): string[] {
  const newest = new Map<string, number>();
  const wrong: string[] = [];
  for (const { alert, revision, rule } of events) {
    if (revision !== (newest.get(alert) ?? 0) + 1) wrong.push(`${rule} ${alert} ${revision}`);
    newest.set(alert, revision);
  }
  return wrong;
}

for (const latenessMs of [3 * HOUR_MS, 24 * HOUR_MS])
  test(`no revision is made twice or passed over, lateness ${latenessMs / HOUR_MS} h`, () => {
    fc.assert(
      fc.property(reports, (all) => {
        const bench = new Bench([brief, held, hourRule], hour(0), stations, latenessMs);
        for (const one of all) bench.feed(one).tick(one.receivedAt + 1000);
        bench.tick(hour(60));
        expect(toldTwice(bench.events)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

test('a rule that comes back goes on with the revisions of its alerts', () => {
  const bench = new Bench([hourRule], hour(0)).feed(rain(1, 25)).tick(hour(1) + MINUTE_MS);
  bench.apply(rulesRecord([], 'gone'), rulesRecord([hourRule], 'back'));
  bench.feed(rain(1, 26, { receivedAt: hour(1) + 2 * MINUTE_MS }));
  expect(bench.events.map(({ revision, event }) => `${revision} ${event}`)).toEqual([
    '1 raised',
    '2 ended',
    '3 raised',
  ]);
  expect(new Set(bench.events.map(({ alert }) => alert)).size).toBe(1);
});

test('a rule that goes in the second of its alert ends it all the same, as issued in the next one', () => {
  const bench = new Bench([hourRule], hour(0)).feed(rain(1, 25)).apply(rulesRecord([], 'gone'));
  expect(bench.events).toMatchObject([
    { event: 'raised', issuedAt: hour(1) },
    { event: 'ended', endReason: 'withdrawn', issuedAt: hour(1) + 1000 },
  ]);
});

const pooled = areaRule({ yellow: 'sum(rainfall, 1h) >= 20 mm' }, 'sum(rainfall, 1h) < 10 mm', {
  name: 'pooled',
  expiresMs: 3 * HOUR_MS,
});
const heldArea = areaRule(
  {
    yellow: 'count(stations where sum(rainfall, 1h) >= 20 mm) >= 1 for 2h',
    red: 'max(rainfall, 2h) >= 30 mm',
  },
  null,
  { name: 'heldArea' },
);
const sets: readonly (readonly Rule[])[] = [
  [],
  [pooled],
  [hourRule, heldArea],
  [brief, held, hourRule, pooled, heldArea],
  // A version with one level less.
  [brief, { ...hourRule, levels: hourRule.levels.slice(0, 1) }, pooled],
];
const changesOf = fc.array(fc.tuple(fc.nat({ max: 119 }), fc.constantFrom(...sets.keys()), fc.boolean()), {
  minLength: 1,
  maxLength: 12,
});

for (const latenessMs of [3 * HOUR_MS, 24 * HOUR_MS])
  test(`nor when rules go and come back, lateness ${latenessMs / HOUR_MS} h`, () => {
    let raisedAgain = 0;
    fc.assert(
      fc.property(reports, changesOf, (all, changes) => {
        const one = new AreaNetwork({ rules: sets[3] ?? [], stations, startAt: hour(0), latenessMs });
        all.forEach((report, i) => {
          one.feed(report);
          for (const [place, set, isRestarted] of changes) {
            if (place % all.length !== i) continue;
            one.rules(sets[set] ?? []);
            if (isRestarted) one.restart();
          }
          one.tick(report.receivedAt + 1000);
        });
        const { events } = one.tick(hour(60));
        raisedAgain += events.filter(({ event, revision }) => event === 'raised' && revision > 1).length;
        expect(toldTwice(events)).toEqual([]);
      }),
      { numRuns: 200 },
    );
    expect(raisedAgain).toBeGreaterThan(10);
  });

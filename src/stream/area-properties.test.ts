import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AreaNetwork, areaRule } from '../../test/oracle/area-network.ts';
import { naiveArea } from '../../test/oracle/naive-area.ts';
import { all, ids, network, stations, story } from '../../test/oracle/three-stations.ts';
import type { Report } from '../model/report.ts';
import type { Rule } from '../model/rule.ts';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../model/time.ts';
import { hour, hourRule, rain, T0 } from './fixture.ts';

const count = areaRule(
  {
    yellow: 'count(stations where sum(rainfall, 1h) >= 20 mm) >= 1',
    orange: 'count(stations where sum(rainfall, 2h) >= 30 mm) >= 2',
    red: 'share(stations where sum(rainfall, 2h) >= 30 mm or max(rainfall, 1h) > 40 mm) >= 70 %',
  },
  'count(stations where sum(rainfall, 1h) >= 12 mm) < 1 for 1h',
  { name: 'count' },
);
const share = areaRule(
  { yellow: 'share(stations where avg(rainfall, 3h) > 10 mm) >= 50 % for 1h' },
  'share(stations where avg(rainfall, 3h) > 10 mm) < 30 % for 2h',
  { name: 'share' },
);
const pool = areaRule(
  {
    yellow: 'sum(rainfall, 2h) >= 60 mm',
    orange: 'avg(rainfall, 3h) > 20 mm for 1h',
    red: 'max(rainfall, 2h) >= 70 mm and count(rainfall, 2h) >= 4',
  },
  'sum(rainfall, 1h) < 20 mm for 1h',
  { name: 'pool' },
);
const bare = areaRule({ yellow: 'min(rainfall, 2h) > 1 mm', red: 'sum(rainfall, 1h) > 100 mm' }, null, {
  name: 'bare',
  coverage: 0.5,
});
const rules = [bare, count, pool, share];

const amount = fc.constantFrom(0, 1, 9, 12, 20, 25, 35, 70);
/** Hours of one station: rain, a report without rain, or nothing. */
const hours = fc.array(
  fc.oneof({ weight: 6, arbitrary: amount }, { weight: 2, arbitrary: fc.constantFrom('dry', 'gap') }),
  { minLength: 0, maxLength: 24 },
);
const lull = fc
  .tuple(hours, fc.integer({ min: 0, max: 8 }), hours)
  .map(([a, n, b]) => [...a, ...Array(n).fill('gap'), ...b]);
/** Three stations, one of which reports ten minutes past the hour and one half-hourly. */
const paces = [
  { shiftMs: 0, intervalMs: HOUR_MS },
  { shiftMs: 10 * MINUTE_MS, intervalMs: HOUR_MS },
  { shiftMs: 0, intervalMs: HOUR_MS / 2 },
];
const paced = stations.map((one, i) => ({ ...one, intervalMs: paces[i]?.intervalMs as number }));
type Amount = number | 'dry' | 'gap';
const stormOf = (all: readonly (readonly Amount[])[]): Report[] =>
  all
    .flatMap((amounts, i) => {
      const { shiftMs, intervalMs } = paces[i] as (typeof paces)[number];
      return amounts.flatMap((one, n) => {
        const observedAt = T0 + (n + 1) * intervalMs + shiftMs;
        const rest = { station: ids[i] as string, observedAt, receivedAt: observedAt, intervalMs };
        if (one === 'gap') return [];
        const report = rain(0, one === 'dry' ? 0 : one, rest);
        return one === 'dry' ? [{ ...report, quantities: ['airTemperature'], values: [20_000] }] : [report];
      });
    })
    .sort((a, b) => a.receivedAt - b.receivedAt || (a.station < b.station ? -1 : 1));
const storm = fc.tuple(lull, lull, lull).map(stormOf);
/** Arrivals mixed within half a day. */
const mixed = storm.chain((reports) =>
  fc
    .array(fc.integer({ min: 0, max: 12 * 3600 }), { minLength: reports.length, maxLength: reports.length })
    .map((delays) =>
      reports
        .map((one, i) => ({ ...one, receivedAt: one.receivedAt + (delays[i] as number) * SECOND_MS }))
        .sort((a, b) => a.receivedAt - b.receivedAt),
    ),
);
const END = 80;
const run = (reports: readonly Report[], which: readonly Rule[] = rules): AreaNetwork => {
  const one = new AreaNetwork({ rules: which, stations: paced, startAt: T0, latenessMs: 100 * HOUR_MS });
  one.feed(...reports).tick(hour(END));
  for (let i = 1; i <= 3; i++) one.tick(hour(END) + i * SECOND_MS);
  return one;
};
const naive = (rule: Rule, reports: readonly Report[]): ReturnType<typeof naiveArea> =>
  naiveArea(
    rule,
    paced.map(({ id, intervalMs }) => ({ id, intervalMs, reports: reports.filter((r) => r.station === id) })),
    T0,
    hour(END),
  );

const gaps = (n: number): Amount[] => Array(n).fill('gap');
const ended: [Amount[], Amount[], Amount[]] = [
  [0, 25, 'dry', 'gap', 'dry'],
  [0, 20, 0, 0],
  ['gap', 'gap', 9, 'dry', 20, 25, 70, 70],
];
const endedDry: [Amount[], Amount[], Amount[]] = [
  [0, 0, ...gaps(3), 9, 'dry', 'dry', 'gap', 0],
  [0, 'dry', 0, 0, 25, 35, 'dry', 0, 0],
  ['dry', 'dry', 0, 0, 'dry', 'dry', 0, 'dry', 'dry', 'dry', 'gap', 'dry', 'dry', 0, 0, 0, 35, 70],
];
const returned: [Amount[], Amount[], Amount[]] = [
  [0, 0, 0, 'dry', 'dry', 0, 0, 0, 0],
  [],
  [0, 0, 0, 'dry', ...gaps(6), 0, 0, 0, 'dry', 20, ...gaps(2), 0],
];

const checkLevels = (reports: readonly Report[]): number => {
  const { events } = run(reports);
  let raised = 0;
  for (const rule of rules) {
    const told = events.filter(
      (e) => e.rule === rule.name && e.event !== 'unverified' && e.event !== 'verified',
    );
    const levelAt = (at: number): string | null => {
      const last = told.findLast((e) => e.at <= at);
      return !last || last.event === 'ended' ? null : last.level;
    };
    const line = naive(rule, reports).filter(({ newest }) => newest);
    raised += told.length;
    expect([rule.name, line.map(({ at }) => [at, levelAt(at)])]).toEqual([
      rule.name,
      line.map(({ at, level }) => [at, level]),
    ]);
  }
  return raised;
};

describe('against the naive recomputation', () => {
  test('in order, the level over time is the same, with gaps and silent stations', () => {
    let raised = 0;
    fc.assert(
      fc.property(storm, (reports) => {
        raised += checkLevels(reports);
      }),
      { numRuns: 70 },
    );
    expect(raised).toBeGreaterThan(300);
  });
  test.each([
    ['one move ends an alert and raises another, which clears a second later', ended],
    ['it does so and the station that ended it was silent before', endedDry],
    ['a silent station is back at the very instant that ended the alert without it', returned],
  ])('so it is where %s', (_, all) => {
    expect(checkLevels(stormOf(all))).toBeGreaterThan(1);
  });

  test('any order of arrival within lateness ends with the same level', () => {
    fc.assert(
      fc.property(mixed, (most) => {
        // At last all stations are heard: then everything before is decided by reports.
        const reports = [
          ...most,
          ...ids.map((id, i) => ({
            ...rain(70, 0, { station: id, intervalMs: paces[i]?.intervalMs as number }),
            quantities: ['airTemperature'],
          })),
        ];
        const { events } = run(reports);
        const last = (rule: Rule): string | null => {
          const told = events.findLast((e) => e.rule === rule.name && e.endReason !== 'merged');
          return !told || told.event === 'ended' ? null : told.level;
        };
        expect(rules.map((rule) => [rule.name, last(rule)])).toEqual(
          rules.map((rule) => [rule.name, naive(rule, reports).at(-1)?.level ?? null]),
        );
      }),
      { numRuns: 70 },
    );
  });
});

// Of the fixed seeds the first found a frontier beyond a station that an outage of ours excuses, the other one that all of
// whose stations fall silent at once.
test.each([undefined, 1916401711, 7])(
  'a checkpoint at any record gives the same bytes afterwards (seed %s)',
  (seed) => {
    const drive = (reports: readonly Report[], cut: number): AreaNetwork => {
      const one = new AreaNetwork({
        rules: [...rules, hourRule],
        stations: paced,
        areas: [{ id: 'basin', name: 'Basin', region: '1', stations: ['A801', 'A803'] }],
        startAt: T0,
      });
      reports.forEach((report, i) => {
        if (i === cut) one.restart();
        if (i === 12) one.tick(report.receivedAt, true);
        if (i === 20) one.rules([count, { ...pool, area: { kind: 'named', name: 'basin' } }, hourRule]);
        if (i === 30)
          one.put(paced, [{ id: 'basin', name: 'Basin', region: '1', stations: ['A802', 'A803'] }]);
        one.feed(report);
      });
      return one.tick(hour(END));
    };
    fc.assert(
      fc.property(mixed, fc.nat({ max: 40 }), (reports, cut) => {
        const whole = drive(reports, -1);
        const again = drive(reports, reports.length > 0 ? cut % reports.length : 0);
        expect(again.lines).toEqual(whole.lines);
        expect(again.snapshots).toEqual(whole.snapshots);
      }),
      seed === undefined ? { numRuns: 70 } : { numRuns: 130, seed },
    );
  },
);

test('while an outage of ours excuses silent stations, late data tells the same before and after a checkpoint', () => {
  const share = areaRule({ yellow: 'share(stations where sum(rainfall, 1h) >= 20 mm) >= 100 %' }, null);
  const afterOutage = (isRestarted: boolean): AreaNetwork => {
    const one = network([share]);
    for (const h of [1, 2, 3, 4]) one.feed(...all(h, 0, 0, 0));
    const correct = (mm: number, minutes: number): Report =>
      rain(1, mm, { station: 'A803', receivedAt: hour(12) + minutes * MINUTE_MS });
    one.tick(hour(12), true).feed(correct(1, 1));
    one.feed(rain(8, 25, { station: 'A801', receivedAt: hour(12) + 2 * MINUTE_MS }));
    if (isRestarted) one.restart();
    // By the clock two stations hold the area at 4; by the reports they are silent at 8.
    return one.feed(correct(2, 3)).tick(hour(20));
  };
  expect(story(afterOutage(false))[0]).toBe('raised 1 @8');
  expect(afterOutage(true).lines).toEqual(afterOutage(false).lines);
});
test('what an area keeps to go on quickly changes nothing: a fold that forgets it at every record gives the same bytes', () => {
  let alerts = 0;
  fc.assert(
    fc.property(mixed, (reports) => {
      const [whole, bare] = [0, 1].map(
        () =>
          new AreaNetwork({
            rules,
            stations: paced,
            startAt: T0,
            latenessMs: 100 * HOUR_MS,
          }),
      ) as [AreaNetwork, AreaNetwork];
      for (const report of reports) {
        whole.feed(report);
        bare.restart().feed(report);
      }
      alerts += whole.events.length;
      expect(bare.lines).toEqual(whole.lines);
      expect(bare.snapshots).toEqual(whole.snapshots);
    }),
    { numRuns: 30 },
  );
  expect(alerts).toBeGreaterThan(30);
});

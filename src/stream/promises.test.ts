import fc from 'fast-check';
import { expect, test } from 'vitest';
import { naiveFold } from '../../test/oracle/naive-fold.ts';
import { Replay } from '../app/replay.ts';
import type { LogRecord } from '../model/record.ts';
import type { Report } from '../model/report.ts';
import { HOUR_MS } from '../model/time.ts';
import {
  alertsOf,
  Bench,
  foldOptions,
  hour,
  hourRule,
  rainRule,
  recordsOf,
  report,
  rule,
  station,
} from './fixture.ts';
import { type FoldSnapshot, PartitionFold } from './fold.ts';

const silence = rule({ yellow: 'silent(3h)' }, null, { name: 'mute' });
const holding = rule(
  { yellow: 'sum(rainfall, 2h) >= 15 mm for 1h', red: 'max(rainfall, 3h) > 40 mm' },
  'sum(rainfall, 3h) < 8 mm for 2h',
  { name: 'hold' },
);
const rules = [rainRule, silence, holding].toSorted((a, b) => (a.name < b.name ? -1 : 1));
const stations = [station('A801', '1'), station('A802', '2'), station('A803', '1')];

const amount = fc.constantFrom(0, 1, 9, 12, 20, 25, 35, 70);
/** Hours of one station: rain, a report without rain, or nothing. */
const series = fc.array(
  fc.oneof({ weight: 6, arbitrary: amount }, { weight: 1, arbitrary: fc.constantFrom('dry', 'gap') }),
  { minLength: 4, maxLength: 30 },
);

const reportsOf = (hours: readonly (number | string)[], id: string): Report[] =>
  hours.flatMap((one, i) => {
    if (one === 'gap') return [];
    return report(i, one === 'dry' ? { airTemperature: 20 } : { rainfall: one as number }, { station: id });
  });
const network = fc
  .tuple(series, series, series)
  .map((all) =>
    all
      .flatMap((hours, i) => reportsOf(hours, stations[i]?.id as string))
      .sort((a, b) => a.receivedAt - b.receivedAt || (a.station < b.station ? -1 : 1)),
  );
/** Reports with arrivals mixed within half a day, in order of arrival. */
const mixed = network.chain((reports) =>
  fc
    .array(fc.integer({ min: 0, max: 12 * 3600 }), { minLength: reports.length, maxLength: reports.length })
    .map((delays) =>
      reports
        .map((one, i) => ({ ...one, receivedAt: one.receivedAt + (delays[i] as number) * 1000 }))
        .sort((a, b) => a.receivedAt - b.receivedAt),
    ),
);

const foldAll = (fold: PartitionFold, records: readonly LogRecord[]): string[] =>
  records.map((record) => JSON.stringify(fold.apply(record)));
const replay = (reports: readonly Report[], partitions: number): string => {
  const run = new Replay({ rules, stations, partitions });
  for (const one of reports) run.feed(one);
  run.advanceTo(hour(60));
  return JSON.stringify(run.finish());
};

test('two folds of one log give the same bytes', () => {
  fc.assert(
    fc.property(mixed, (reports) => {
      const records = recordsOf(reports, rules, stations, hour(60));
      expect(foldAll(new PartitionFold(foldOptions), records)).toEqual(
        foldAll(new PartitionFold(foldOptions), records),
      );
    }),
    { numRuns: 40 },
  );
});

test('any number of partitions gives the same events', () => {
  fc.assert(
    fc.property(mixed, (reports) => {
      const one = replay(reports, 1);
      expect([replay(reports, 4), replay(reports, 64)]).toEqual([one, one]);
    }),
    { numRuns: 25 },
  );
});

test('a checkpoint at any record changes nothing afterwards', () => {
  fc.assert(
    fc.property(mixed, fc.nat(), (reports, cut) => {
      const records = recordsOf(reports, rules, stations, hour(60));
      const at = cut % records.length;
      const whole = new PartitionFold(foldOptions);
      foldAll(whole, records.slice(0, at));
      const again = PartitionFold.restore(
        JSON.parse(JSON.stringify(whole.snapshot())) as FoldSnapshot,
        foldOptions,
      );
      expect(foldAll(again, records.slice(at))).toEqual(foldAll(whole, records.slice(at)));
    }),
    { numRuns: 150 },
  );
});

test('reports that come three times change no alert', () => {
  fc.assert(
    fc.property(mixed, (reports) => {
      const once = recordsOf(reports, rules, stations, hour(60));
      const thrice = recordsOf(
        reports.flatMap((one, i) => [one, reports[i >> 1] as Report, one]),
        rules,
        stations,
        hour(60),
      );
      const events = (records: readonly LogRecord[]): unknown => {
        const fold = new PartitionFold(foldOptions);
        return records.flatMap((record) => alertsOf(fold.apply(record)));
      };
      expect(events(thrice)).toEqual(events(once));
    }),
    { numRuns: 60 },
  );
});

/** The level in force after all is told, by (rule, station). */
const finalLevels = (reports: readonly Report[], which = [hourRule, holding]): unknown => {
  const bench = new Bench(
    which.map((one) => ({ ...one, expiresMs: 400 * HOUR_MS })),
    hour(0),
    stations,
    100 * HOUR_MS,
  );
  bench.feed(...reports);
  for (let i = 1; i <= 3; i++) bench.tick(hour(60) + i * 1000);
  const last = new Map(
    bench.events
      .filter((e) => e.event !== 'ended' || e.endReason !== 'merged')
      .map((e) => [`${e.rule}/${e.subject.id}`, e.event === 'ended' ? null : e.level]),
  );
  return Object.fromEntries([...last].filter(([, level]) => level !== null).sort());
};

test('any order of arrival within lateness ends with the level of the order of observation', () => {
  fc.assert(
    fc.property(mixed, (reports) => {
      expect(finalLevels(reports)).toEqual(
        finalLevels(
          reports
            .toSorted((a, b) => a.observedAt - b.observedAt)
            .map((r) => ({ ...r, receivedAt: r.observedAt })),
        ),
      );
    }),
    { numRuns: 150 },
  );
});

test('a correction gives what the corrected series would', () => {
  fc.assert(
    fc.property(network, fc.nat(), amount, (reports, pick, value) => {
      const rainy = reports.filter((one) => one.quantities[0] === 'rainfall');
      const old = rainy[pick % Math.max(1, rainy.length)];
      if (!old) return;
      const corrected: Report = { ...old, values: [value * 1000], receivedAt: hour(50) };
      const clean = reports.map((one) => (one === old ? { ...one, values: corrected.values } : one));
      expect(finalLevels([...reports, corrected])).toEqual(finalLevels(clean));
    }),
    { numRuns: 150 },
  );
});

test('in order, the level over time is that of the naive recomputation', () => {
  const sorts = [
    hourRule,
    rainRule,
    holding,
    rule(
      { yellow: 'avg(rainfall, 3h) > 10 mm', orange: 'avg(rainfall, 3h) > 20 mm for 2h' },
      'last(rainfall, 4h) < 5 mm for 2h',
      { name: 'avg' },
    ),
  ];
  fc.assert(
    fc.property(series, fc.constantFrom(...sorts), (hours, one) => {
      const reports = reportsOf(
        hours.map((h) => (h === 'dry' ? 'gap' : h)),
        'A801',
      );
      const bench = new Bench([{ ...one, expiresMs: 400 * HOUR_MS }]);
      bench.feed(...reports);
      const line = naiveFold(one, reports);
      const told = (at: number): string | null => {
        const last = bench.events.findLast(
          (e) => e.at <= at && e.event !== 'unverified' && e.event !== 'verified',
        );
        return !last || last.event === 'ended' ? null : last.level;
      };
      expect(line.filter((i) => i.newest).map((i) => [i.at, told(i.at)])).toEqual(
        line.filter((i) => i.newest).map((i) => [i.at, i.level]),
      );
    }),
    { numRuns: 200 },
  );
});

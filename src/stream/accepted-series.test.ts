import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { AreaNetwork, areaRule } from '../../test/oracle/area-network.ts';
import { naiveArea } from '../../test/oracle/naive-area.ts';
import { naiveFold } from '../../test/oracle/naive-fold.ts';
import type { Report } from '../model/report.ts';
import type { Rule } from '../model/rule.ts';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../model/time.ts';
import { parseRule } from '../rules/document.ts';
import { Bench, foldOptions, hour, recordsOf, report, rule, station, T0 } from './fixture.ts';
import { PartitionFold } from './fold.ts';

const heatOf = (name: string, rest: Partial<Rule> = {}): Rule =>
  rule({ yellow: 'max(airTemperature, 2h) >= 35 °C' }, null, { name, hazard: 'heat', ...rest });
const strict = heatOf('strict');
const wide = heatOf('wide', { quality: 'suspect' });

/** 46 °C is a little beyond what is known of the place at noon: suspect. */
const hot = [44, 44.4, 46, 44.6, 33, 32, 31].map((t, i) => report(15 + i, { airTemperature: t }));
const told = (bench: Bench): string[] => bench.events.map((e) => `${e.rule} ${e.event}`);

describe('a rule that accepts suspect readings', () => {
  const beyond = (name: string, rest: Partial<Rule> = {}): Rule =>
    rule({ yellow: 'max(airTemperature, 2h) >= 45 °C' }, null, { name, hazard: 'heat', ...rest });

  it('counts them in the same window in which another rule does not', () => {
    const both = [beyond('strict'), beyond('wide', { quality: 'suspect' })];
    const bench = new Bench(both).feed(...hot);
    expect(told(bench)).toEqual(['wide raised', 'wide ended']);
    expect(bench.events[0]?.evidence[0]).toMatchObject({
      expression: 'max(airTemperature, 2h) >= 45 °C',
      value: 46,
      observations: 2,
      coverage: 1,
    });
    // Alone or beside the other, in either order.
    expect(told(new Bench([beyond('wide', { quality: 'suspect' })]).feed(...hot))).toEqual(told(bench));
    expect(told(new Bench([beyond('a', { quality: 'suspect' }), beyond('b')]).feed(...hot))).toEqual([
      'a raised',
      'a ended',
    ]);
  });

  it('counts no bad one', () => {
    const false_ = [30, 30.4, 59, 30.6].map((t, i) => report(15 + i, { airTemperature: t }));
    const bench = new Bench([beyond('wide', { quality: 'suspect' })]).feed(...false_);
    expect(bench.fold.snapshot().stations[0]?.flagged?.[0]?.[1][0]?.flag).toBe('bad');
    expect(told(bench)).toEqual([]);
  });

  it('goes back on a reading that turns out bad', () => {
    const spike = [20, 20.4, 36, 20.8].map((t, i) => report(i, { airTemperature: t }));
    const bench = new Bench([strict, wide]).feed(...spike).tick(hour(3) + SECOND_MS);
    expect(told(bench)).toEqual(['wide raised', 'wide unverified', 'wide ended']);
    expect(bench.events.at(-1)?.endReason).toBe('withdrawn');
  });

  it('goes on from a checkpoint', () => {
    for (let cut = 1; cut < hot.length; cut++) {
      const bench = new Bench([beyond('strict'), beyond('wide', { quality: 'suspect' })]).feed(
        ...hot.slice(0, cut),
      );
      const again = PartitionFold.restore(JSON.parse(JSON.stringify(bench.fold.snapshot())), foldOptions);
      for (const one of hot.slice(cut))
        for (const record of [
          { kind: 'tick' as const, at: one.receivedAt },
          { kind: 'report' as const, report: one },
        ])
          expect(again.apply(record)).toEqual(bench.fold.apply(record));
    }
  });
});

/** Readings good, suspect and bad in turn; gaps, and pauses that let all be forgotten. */
const weather = fc.array(
  fc.record({
    step: fc.oneof({ weight: 8, arbitrary: fc.constant(1) }, { arbitrary: fc.constantFrom(2, 5), weight: 1 }),
    values: fc.record(
      {
        airTemperature: fc.constantFrom(20, 21, 34, 36, 38, 44, 46, 59),
        dewPoint: fc.constantFrom(15, 16, 30),
        relativeHumidity: fc.constantFrom(70, 95, 20),
        windSpeed: fc.constantFrom(0, 5),
        rainfall: fc.constantFrom(0, 2, 6, 25),
      },
      { requiredKeys: ['airTemperature'] },
    ),
  }),
  { minLength: 3, maxLength: 40, size: 'max' },
);
type Story = typeof weather extends fc.Arbitrary<infer T> ? T : never;
const reportsOf = (story: Story, id = 'A801'): Report[] => {
  let at = 0;
  return story.map(({ step, values }) => {
    at += step;
    return report(at, values, { station: id });
  });
};
const mixedBy = (reports: readonly Report[], keys: readonly number[]): Report[] => {
  const end = Math.max(...reports.map(({ observedAt }) => observedAt));
  return reports
    .map((one, i) => ({ one, key: keys[i] ?? 0 }))
    .sort((a, b) => a.key - b.key)
    .map(({ one }, i) => ({ ...one, receivedAt: end + (i + 1) * 2 * SECOND_MS }));
};
const keys = fc.array(fc.nat(), { minLength: 160, maxLength: 160 });

const spells = [
  rule({ yellow: 'max(airTemperature, 3h) >= 35 °C', red: 'max(airTemperature, 2h) >= 45 °C for 1h' }, null),
  rule({ yellow: 'avg(airTemperature, 3h) > 33 °C' }, 'last(airTemperature, 3h) < 30 °C for 1h'),
  rule({ yellow: 'delta(airTemperature, 2 reports) >= 10 °C and min(windSpeed, 2h) > 3 m/s' }, null),
  rule({ yellow: 'max(airTemperature, 3h tumbling) >= 35 °C then sum(rainfall, 2h) > 5 mm within 4h' }, null),
];
const accepting = spells.map((one, i) => ({
  ...one,
  name: `wide-${i}`,
  quality: 'suspect' as const,
  expiresMs: 4000 * HOUR_MS,
}));
const ordinary = spells.map((one, i) => ({ ...one, name: `strict-${i}`, expiresMs: 4000 * HOUR_MS }));
const numRuns = Number(process.env.ATALAIA_RUNS ?? 120);

const dry = (airTemperature: 20 | 36 | 38 | 44 | 46 | 59, step: 1 | 2 | 5 = 1): Story[number] => ({
  step,
  values: { airTemperature },
});
const moist = (airTemperature: 20 | 38, relativeHumidity: 20 | 70 | 95): Story[number] => ({
  step: 1,
  values: { airTemperature, dewPoint: 15, relativeHumidity },
});

/** Found by chance: late data takes every reading that was evaluated after it, so that no instant is left to decide anew. */
const takenSeries: [Story, number[], boolean] = [
  [moist(20, 95), dry(36), dry(20), dry(20), moist(20, 20)],
  [22, 0, 277003913, 277003913],
  true,
];
const takenArea: [Story, Story, number[], boolean] = [
  [...Array.from({ length: 12 }, () => dry(20)), dry(38), moist(20, 20), moist(20, 20)],
  [dry(20), dry(20), dry(20)],
  [0, 0, 0, 0, 0, 0, 0, 995069407, 0, 802116862, 802116862, 802116862],
  true,
];

const levelOf = (bench: Bench, name: string): string | null => {
  const last = bench.events.findLast(
    (e) => e.rule === name && e.event !== 'unverified' && e.event !== 'verified' && e.endReason !== 'merged',
  );
  return !last || last.event === 'ended' ? null : last.level;
};

/** The same, and then late data before it: what it came to before the readings that were taken is still so. */
const restedArea: [Story, Story, number[], boolean] = [
  [dry(20), dry(20), dry(20)],
  [
    ...[
      dry(20),
      dry(20),
      dry(20, 5),
      dry(20),
      dry(20),
      dry(44),
      dry(59, 2),
      dry(38),
      dry(46),
      dry(20),
      dry(20),
    ],
    ...[moist(38, 70), dry(20), moist(20, 95), dry(38), moist(20, 95)],
  ],
  [0, 0, 0, 0, 1197460917, 0, 0, 0, 0, 0, 0, 0, 0, 1197460917, 0, 0, 267804643],
  true,
];

test('in any order of arrival, each rule ends with the level of the recomputation over what it accepts', () => {
  let differing = 0;
  fc.assert(
    fc.property(weather, keys, fc.boolean(), (story, order, isMixed) => {
      const reports = isMixed ? mixedBy(reportsOf(story), order) : reportsOf(story);
      const all = [...ordinary, ...accepting];
      const bench = new Bench(all, 0, [station('A801')], 700 * HOUR_MS).feed(...reports);
      for (let i = 1; i <= 3; i++) bench.tick((reports.at(-1)?.receivedAt as number) + (1 + i) * SECOND_MS);
      for (const one of all)
        expect([one.name, levelOf(bench, one.name)]).toEqual([
          one.name,
          naiveFold(one, reports).at(-1)?.level ?? null,
        ]);
      if (spells.some((_, i) => levelOf(bench, `wide-${i}`) !== levelOf(bench, `strict-${i}`))) differing++;
    }),
    { numRuns, examples: [takenSeries] },
  );
  expect(differing).toBeGreaterThan(numRuns / 20);
});

test('the short cuts of the newest instant change no effect', () => {
  fc.assert(
    fc.property(weather, keys, fc.boolean(), (story, order, isMixed) => {
      const reports = isMixed ? mixedBy(reportsOf(story), order) : reportsOf(story);
      const all = [...ordinary, ...accepting];
      const effects = (isPlain: boolean): string[] =>
        new Bench(all, 0, [station('A801')], 30 * HOUR_MS, { isPlain })
          .feed(...reports)
          .events.map((one) => JSON.stringify(one));
      expect(effects(false)).toEqual(effects(true));
    }),
    { numRuns },
  );
});

test('so does a rule about an area', () => {
  const levels = { yellow: 'count(stations where max(airTemperature, 2h) >= 35 °C) >= 1' };
  const pooled = { yellow: 'max(airTemperature, 2h) >= 45 °C', red: 'avg(airTemperature, 2h) > 33 °C' };
  const which = [
    areaRule(levels, null, { name: 'strict' }),
    areaRule(levels, null, { name: 'wide', quality: 'suspect' }),
    areaRule(pooled, null, { name: 'pool-strict' }),
    areaRule(pooled, null, { name: 'pool-wide', quality: 'suspect' }),
  ];
  const stations = ['A801', 'A802'].map((id) => station(id));
  fc.assert(
    fc.property(weather, weather, keys, fc.boolean(), (one, other, order, isMixed) => {
      const both = [...reportsOf(one), ...reportsOf(other, 'A802')];
      const reports = isMixed ? mixedBy(both, order) : both.sort((a, b) => a.receivedAt - b.receivedAt);
      const end = (reports.at(-1)?.receivedAt as number) + 10 * HOUR_MS;
      const network = new AreaNetwork({ rules: which, stations, startAt: T0, latenessMs: 700 * HOUR_MS });
      network.feed(...reports).tick(end);
      for (let i = 1; i <= 3; i++) network.tick(end + i * SECOND_MS);
      for (const r of which) {
        const last = network.events.findLast(
          (e) =>
            e.rule === r.name &&
            e.event !== 'unverified' &&
            e.event !== 'verified' &&
            e.endReason !== 'merged',
        );
        const naive = naiveArea(
          r,
          stations.map(({ id }) => ({
            id,
            intervalMs: HOUR_MS,
            reports: reports.filter((report_) => report_.station === id),
          })),
          T0,
          end,
        );
        expect([r.name, !last || last.event === 'ended' ? null : last.level]).toEqual([
          r.name,
          naive.at(-1)?.level ?? null,
        ]);
      }
    }),
    { numRuns, examples: [takenArea, restedArea] },
  );
});

/** Calm readings that a late one joins to one run: those long after it turn suspect. */
test('a late reading that makes others suspect hours after it withdraws the alert of an area that rested on them', () => {
  const three = areaRule({ yellow: 'count(stations where count(airTemperature, 3h) >= 3) >= 1' }, null, {
    name: 'three',
  });
  const at = (n: number, rest: Partial<Report> = {}): Report =>
    report(n, { airTemperature: 20, rainfall: 0 }, rest);
  const late = at(4, { receivedAt: hour(14) + MINUTE_MS });
  const reports = [...[0, 1, 8, 9, 10, 11, 12, 13, 14].map((n) => at(n)), late];
  const stations = [station('A801')];
  const network = new AreaNetwork({ rules: [three], stations, startAt: T0 });
  network.feed(...reports).tick(hour(14) + 2 * MINUTE_MS);
  const naive = naiveArea(
    three,
    [{ id: 'A801', intervalMs: HOUR_MS, reports }],
    T0,
    hour(14) + 2 * MINUTE_MS,
  );
  expect(naive.at(-1)?.level).toBeNull();
  expect(network.events.map(({ event, endReason }) => [event, endReason])).toEqual([
    ['raised', undefined],
    ['ended', 'withdrawn'],
  ]);
});

describe('the example of docs/rules.md for a second station', () => {
  const [, text = ''] = /```yaml\n(rule: calor-confirmado[\s\S]*?)```/.exec(
    readFileSync(join(import.meta.dirname, '../../docs/rules.md'), 'utf8'),
  ) ?? [''];
  const { rule: confirmed, problems } = parseRule(text, 'docs/rules.md');
  const stations = ['A801', 'A802', 'A803'].map((id) => station(id));
  const of = (id: string, values: readonly number[]): Report[] =>
    values.map((t, i) => report(15 + i, { airTemperature: t }, { station: id }));
  const levelsOf = (...all: Report[][]): string[] => {
    const network = new AreaNetwork({ rules: [confirmed as Rule], stations, startAt: T0 });
    network.feed(...all.flat().sort((a, b) => a.receivedAt - b.receivedAt)).tick(hour(20));
    return network.events.map((e) => `${e.event} ${e.level} ${e.evidence[0]?.stations?.join('+') ?? ''}`);
  };
  const record = [44, 44.4, 46];
  const mild = [38, 38.4, 38.6];

  it('is a rule, and raises nothing for one station', () => {
    expect(problems).toEqual([]);
    expect(levelsOf(of('A801', record), of('A802', mild), of('A803', mild))).toEqual([]);
    expect(levelsOf(of('A801', record))).toEqual([]);
  });

  it('raises as soon as a second one agrees, and names both', () => {
    expect(levelsOf(of('A801', record), of('A802', record), of('A803', mild)).slice(0, 2)).toEqual([
      'raised yellow A801+A802',
      'escalated orange A801+A802',
    ]);
  });
});

test('two folds of one log with both kinds of rules give the same bytes', () => {
  const records = recordsOf(hot, [strict, wide], [station('A801')], hour(40));
  const run = (): string[] => {
    const fold = new PartitionFold(foldOptions);
    return records.map((record) => JSON.stringify(fold.apply(record)));
  };
  expect(run()).toEqual(run());
});

import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { flaggedIn } from '../../test/oracle/naive-quality.ts';
import type { Observation } from '../model/observation.ts';
import type { Report } from '../model/report.ts';
import { HOUR_MS, MINUTE_MS } from '../model/time.ts';
import { greatestRain } from '../quality/limits.ts';
import { Bench, foldOptions, hour, report, rule, station } from './fixture.ts';
import { PartitionFold } from './fold.ts';

const place = station('A801');
const heat = rule({ yellow: 'max(airTemperature, 1h) >= 35 °C' }, null, { name: 'heat', hazard: 'heat' });

/** What the archive shows of each key in the end: `quantity hour` with flag and check where it is not good. */
function archived(bench: Bench): Map<string, string> {
  const rows = new Map<string, string>();
  const tell = (o: Pick<Observation, 'quantity' | 'observedAt' | 'flag' | 'check'>): void =>
    void rows.set(`${o.quantity} ${(o.observedAt - hour(0)) / HOUR_MS}`, `${o.flag} ${o.check ?? ''}`.trim());
  for (const effect of bench.effects) {
    if (effect.kind === 'observation') tell(effect.observation);
    if (effect.kind === 'readings')
      for (const quantity of effect.report.quantities) tell({ ...effect.report, quantity, flag: 'good' });
  }
  return rows;
}
const flagged = (bench: Bench): string[] =>
  [...archived(bench)].filter(([, f]) => f !== 'good').map((one) => one.join(': '));

it('where quality control is off every reading counts', () => {
  const spike = [20, 20.4, 36, 20.8].map((t, i) => report(i, { airTemperature: t }));
  const told = (hasQuality: boolean) => {
    const bench = new Bench([heat], hour(0), [place], undefined, { hasQuality }).feed(...spike);
    return [bench.story[0], flagged(bench)];
  };
  expect(told(true)).toEqual([undefined, ['airTemperature 2: bad step']]);
  expect(told(false)).toEqual(['raised yellow @2', []]);
});

describe('a broken instrument raises no alert', () => {
  const mild = [20, 20.4, 20.8, 21.2].map((t, i) => report(i, { airTemperature: t }));

  it('a spike is suspect when it comes, bad when the next reading is back, and counts at no time', () => {
    const bench = new Bench([heat]).feed(...mild, report(4, { airTemperature: 36 }));
    expect(flagged(bench)).toEqual(['airTemperature 4: suspect step']);
    bench.feed(report(5, { airTemperature: 21.5 }));
    expect(flagged(bench)).toEqual(['airTemperature 4: bad step']);
    expect(bench.story).toEqual([]);
  });

  it('what comes late and leads up to a jump makes it good again, and the alert is raised', () => {
    const warm = rule({ yellow: 'avg(airTemperature, 2h) >= 33 °C' }, null, { name: 'warm', hazard: 'heat' });
    const bench = new Bench([warm]).feed(
      ...mild,
      report(4, { airTemperature: 36 }),
      report(5, { airTemperature: 36.2 }),
    );
    expect(flagged(bench)).toEqual(['airTemperature 4: suspect step']);
    expect(bench.story).toEqual([]);
    bench.feed(report(3.5, { airTemperature: 29, rainfall: 0.6 }, { receivedAt: hour(5) + MINUTE_MS }));
    expect(flagged(bench)).toEqual([]);
    expect(bench.story).toEqual(['raised yellow @5']);
  });

  it('a correction of a flagged reading stands in its place', () => {
    const bench = new Bench([heat]).feed(...mild, report(4, { airTemperature: 59 }));
    expect(flagged(bench)).toEqual(['airTemperature 4: bad range']);
    bench.feed(report(4, { airTemperature: 59 }, { receivedAt: hour(4) + MINUTE_MS }));
    expect(bench.counted('repeat')).toBe(1);
    bench.feed(report(4, { airTemperature: 22 }, { receivedAt: hour(4) + 2 * MINUTE_MS }));
    bench.feed(report(4, { airTemperature: 59 }, { receivedAt: hour(4) + 3 * MINUTE_MS }));
    expect(bench.counted('stale-repeat')).toBe(1);
    expect(flagged(bench)).toEqual([]);
  });

  it('what was derived from a reading that turns out bad goes with it', () => {
    const index = rule({ yellow: 'max(heatIndex, 1h) >= 27 °C' }, null, { name: 'index', hazard: 'heat' });
    const bench = new Bench([index]).feed(
      ...[26, 27, 28].map((t, i) => report(i, { airTemperature: t, relativeHumidity: 60 - i })),
      report(3, { airTemperature: 29, relativeHumidity: 57 }),
    );
    expect(bench.story[0]).toMatch(/^raised/);
    // The dew point of the same instant, sent later, contradicts both.
    bench.feed(report(3, { dewPoint: 29.2 }, { receivedAt: hour(3) + MINUTE_MS }));
    expect(archived(bench).get('heatIndex 3')).toBe('bad consistency');
  });

  it('a gust front is good', () => {
    const bench = new Bench([heat]).feed(
      report(0, { airTemperature: 37.7, relativeHumidity: 35, windGust: 5, rainfall: 0 }),
      report(1, { airTemperature: 23.4, relativeHumidity: 82, windGust: 19, rainfall: 4 }),
    );
    expect(flagged(bench)).toEqual([]);
  });
});

describe('an ever-growing rain counter', () => {
  it('and a gauge that sends its hour beside it are not added up, whichever comes first', () => {
    const told = (limit: number, isSumFirst: boolean) => {
      const wet = rule({ yellow: `sum(rainfall, 1h) >= ${limit} mm` }, null, { coverage: 0.5 });
      const tenth = { intervalMs: 10 * MINUTE_MS };
      const counter = Array.from({ length: 13 }, (_, i) => report(i / 6, { rainfallTotal: i * 2 }, tenth));
      const late = { receivedAt: hour(2) + MINUTE_MS };
      const sum = report(2, { rainfall: 12 }, isSumFirst ? {} : late);
      const arriving = isSumFirst ? [sum, ...counter.map((one) => ({ ...one, ...late }))] : [...counter, sum];
      return new Bench([wet], hour(0), [place])
        .feed(...arriving)
        .events.some(({ event }) => event === 'raised');
    };
    for (const isSumFirst of [true, false]) {
      expect(told(10, isSumFirst)).toBe(true);
      expect(told(12.5, isSumFirst)).toBe(false);
    }
  });

  const wet = rule({ yellow: 'sum(rainfall, 3h) >= 20 mm' }, null);
  const totals = [0, 5, 12, 0.4, 8, 8.2];
  const reports = totals.map((total, i) => report(i, { rainfallTotal: total }));
  const rainOf = (bench: Bench): (readonly [number, number])[] => {
    const series = new Map(bench.fold.snapshot().stations[0]?.series).get('rainfall');
    return (series?.at ?? []).map((at, i) => [(at - hour(0)) / HOUR_MS, series?.value[i] as number] as const);
  };

  it('becomes rain, over a reset too, and rules on rain see it', () => {
    const bench = new Bench([wet]).feed(...reports, report(6, { rainfallTotal: 21 }));
    expect(rainOf(bench)).toEqual([
      [1, 5000],
      [2, 7000],
      [3, 400],
      [4, 7600],
      [5, 200],
      [6, 12_800],
    ]);
    expect(bench.story).toEqual(['raised yellow @6']);
  });

  test('in any order of arrival', () => {
    const wanted = rainOf(new Bench([wet]).feed(...reports));
    fc.assert(
      fc.property(fc.shuffledSubarray(reports, { minLength: reports.length }), (shuffled) => {
        const bench = new Bench([wet]).tick(hour(6));
        bench.feed(...shuffled.map((one, i) => ({ ...one, receivedAt: hour(6) + i * 2000 })));
        expect(rainOf(bench)).toEqual(wanted);
      }),
    );
  });

  it('rain that is measured goes before', () => {
    const bench = new Bench([wet]).feed(
      ...reports.slice(0, 2),
      report(1, { rainfall: 4.8 }, { receivedAt: hour(1) + MINUTE_MS }),
    );
    expect(rainOf(bench)).toEqual([[1, 4800]]);
  });

  it('a checkpoint keeps it', () => {
    const bench = new Bench([wet]).feed(...reports.slice(0, 3));
    const again = PartitionFold.restore(JSON.parse(JSON.stringify(bench.fold.snapshot())), foldOptions);
    for (const next of reports.slice(3))
      expect(again.apply({ kind: 'report', report: next })).toEqual(
        bench.fold.apply({ kind: 'report', report: next }),
      );
  });
});

/** Readings that break in every way, an hour or ten minutes apart; several reports share an instant now and then. */
const weather = fc.array(
  fc.record({
    step: fc.oneof(
      { weight: 5, arbitrary: fc.constant(60) },
      { weight: 2, arbitrary: fc.constantFrom(0, 10, 240) },
    ),
    intervalMs: fc.constantFrom(HOUR_MS, HOUR_MS, HOUR_MS, 10 * MINUTE_MS),
    values: fc.record(
      {
        airTemperature: fc.oneof(fc.constantFrom(20, 21, 21, 21, 68, 38), fc.integer({ min: -20, max: 59 })),
        dewPoint: fc.constantFrom(15, 15, 16, 30, 60),
        relativeHumidity: fc.constantFrom(70, 70, 95, 100, 20),
        windSpeed: fc.constantFrom(0, 0, 0, 5, 30),
        windGust: fc.constantFrom(0, 0, 0, 7, 45),
        windDirection: fc.constantFrom(0, 0, 0, 90),
        stationPressure: fc.constantFrom(1010, 1010, 1000, 900, 101),
        rainfall: fc.constantFrom(0, 2, 6, 6, 6, 120),
        globalRadiation: fc.constantFrom(0, 0, 900, 4000),
      },
      { requiredKeys: [] },
    ),
  }),
  { minLength: 2, maxLength: 60, size: 'max' },
);
const reportsOf = (story: typeof weather extends fc.Arbitrary<infer T> ? T : never): Report[] => {
  let minute = 0;
  return story.map(({ step, values, intervalMs }) => {
    minute += step;
    return report(minute / 60, values, { intervalMs });
  });
};

const numRuns = Number(process.env.ATALAIA_RUNS ?? 150);

test('in any order of arrival, the flags are those of the naive recomputation', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(weather, fc.infiniteStream(fc.nat()), fc.boolean(), (story, chance, isShuffled) => {
      const reports = reportsOf(story);
      const end = Math.max(...reports.map(({ observedAt }) => observedAt));
      const arriving = isShuffled
        ? reports
            .map((one) => ({ one, key: chance.next().value as number }))
            .sort((a, b) => a.key - b.key)
            .map(({ one }, i) => ({ ...one, receivedAt: end + i * 2000 }))
        : reports;
      const bench = new Bench([heat], 0, [place], 700 * HOUR_MS).feed(...arriving);
      const found = new Map(
        (bench.fold.snapshot().stations[0]?.flagged ?? []).flatMap(([quantity, list]) =>
          list.map(
            ({ at, intervalMs, flag, check }) =>
              [`${quantity} ${at} ${intervalMs}`, { flag, check }] as const,
          ),
        ),
      );
      for (const { check } of found.values()) seen.add(check);
      expect(new Map([...found].sort())).toEqual(new Map([...flaggedIn(arriving, place)].sort()));
    }),
    { numRuns },
  );
  expect([...seen].sort()).toEqual(['consistency', 'persistence', 'range', 'step', 'unit']);
});

test('a pyranometer that stands still from its first report on is found by the light that its intervals saw', () => {
  const still = [14, 14 + 5 / 6, 14 + 10 / 6, 14 + 15 / 6, 14 + 20 / 6].map((at) =>
    report(at, { globalRadiation: 900, rainfall: 0 }, { intervalMs: 50 * MINUTE_MS }),
  );
  const naive = [...flaggedIn(still, place)].map(([key, { flag, check }]) => `${key}: ${flag} ${check}`);
  expect(naive).toHaveLength(2);
  const bench = new Bench([heat], 0, [place]).feed(...still);
  const found = (bench.fold.snapshot().stations[0]?.flagged ?? []).flatMap(([quantity, list]) =>
    list.map(({ at, intervalMs, flag, check }) => `${quantity} ${at} ${intervalMs}: ${flag} ${check}`),
  );
  expect(found).toEqual(naive);
});

test('of values that stand still from the first report on the one that may least is found in time', () => {
  const still = Array.from({ length: 12 }, (_, n) => report(n, { relativeHumidity: 70, airTemperature: 20 }));
  const found = flagged(new Bench([heat], 0, [place]).feed(...still));
  expect(found).toEqual([8, 9, 10, 11].map((n) => `airTemperature ${n}: suspect persistence`));
  expect(flaggedIn(still, place).size).toBe(found.length);
});

test('a correction that makes a run longer is seen by the readings after it', () => {
  const at = (n: number, t: number, rest: Partial<Report> = {}) =>
    report(n, { airTemperature: t, rainfall: 0 }, rest);
  const corrected = at(4, 20, { receivedAt: hour(7) + MINUTE_MS });
  const reports = [20, 20, 20, 20, 21, 20, 20, 20].map((t, n) => at(n, t));
  const arriving = [...reports, corrected, at(8, 20), at(9, 20)];
  const bench = new Bench([heat], 0, [place]).feed(...arriving);
  expect(flagged(bench)).toEqual([
    'airTemperature 8: suspect persistence',
    'airTemperature 9: suspect persistence',
  ]);
  expect(flaggedIn(arriving, place).size).toBe(2);
});

/** Whatever else a station sends, in whatever order and however long alike: the reading that warns of a storm counts. */
test('no rain that can fall and no wind that can blow is withheld', () => {
  fc.assert(
    fc.property(
      weather,
      fc.integer({ min: 60_000, max: greatestRain(HOUR_MS) * 1000 }),
      fc.record({
        windGust: fc.integer({ min: 0, max: 113_000 }),
        windSpeed: fc.integer({ min: 0, max: 75_000 }),
      }),
      (story, rain, wind) => {
        const before = reportsOf(story);
        const n = Math.floor(((before.at(-1) as Report).observedAt - hour(0)) / HOUR_MS) + 1;
        const { windGust, windSpeed } = wind;
        const beside = story.at(-1)?.values ?? {};
        const storm = {
          ...beside,
          rainfall: rain / 1000,
          windGust: windGust / 1000,
          windSpeed: windSpeed / 1000,
        };
        const bench = new Bench([], 0, [place], 700 * HOUR_MS).feed(...before, report(n, storm));
        const levels = (name: string) =>
          bench.fold.snapshot().stations[0]?.flagged?.find(([quantity]) => quantity === name)?.[1] ?? [];
        const flags = (name: string) => levels(name).filter(({ at }) => at === hour(n));
        expect(flags('rainfall')).toEqual([]);
        const strongest = windGust >= windSpeed ? 'windGust' : 'windSpeed';
        if (wind[strongest] >= 30_000) expect(flags(strongest)).toEqual([]);
      },
    ),
    { numRuns },
  );
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Forecast } from '../model/forecast.ts';
import type { LogRecord } from '../model/record.ts';
import { HOUR_MS } from '../model/time.ts';
import { Bench, foldOptions, hour, rain, rule } from './fixture.ts';
import { PartitionFold } from './fold.ts';
import { MAX_ISSUES, StationForecasts } from './forecasts.ts';

const ahead = rule({ yellow: 'max(forecast(rainfall, 6h)) >= 40 mm' }, null, { expiresMs: 48 * HOUR_MS });

/** A forecast issued at the hour `at`: mm of each hour that follows. */
function forecast(at: number, mm: readonly number[], rest: Partial<Forecast> = {}): Forecast {
  return {
    station: 'A801',
    issuer: 'gfs',
    issuedAt: hour(at),
    receivedAt: hour(at),
    quantity: 'rainfall',
    intervalMs: HOUR_MS,
    validAt: mm.map((_, i) => hour(at + 1 + i)),
    values: mm.map((one) => one * 1000),
    ...rest,
  };
}
const record = (one: Forecast): LogRecord => ({ kind: 'forecast', forecast: one });
const dry = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => rain(from + i, 0, { receivedAt: hour(from + i) }));
const rainAt = (lead: number, mm: number, hours = 12): number[] =>
  Array.from({ length: hours }, (_, i) => (i + 1 === lead ? mm : 0));

describe('a rule on a forecast', () => {
  it('fires as soon as the hour forecast is in its span, and says by whose forecast', () => {
    const one = new Bench([ahead])
      .feed(...dry(0, 1))
      .apply(record(forecast(1, rainAt(9, 45, 24))))
      .feed(...dry(2, 12));
    expect(one.story).toEqual(['raised yellow @4', 'ended:cleared yellow @10']);
    expect(one.events[0]).toMatchObject({
      forecast: true,
      evidence: [
        {
          value: 45,
          threshold: 40,
          unit: 'mm',
          from: hour(4),
          to: hour(10),
          coverage: 1,
          observations: 6,
          forecast: { issuer: 'gfs', issuedAt: hour(1) },
        },
      ],
    });
  });

  it('reads no observation, and a rule on observations reads no forecast', () => {
    const observed = rule({ yellow: 'max(rainfall, 6h) >= 40 mm' }, null, { name: 'observed' });
    const one = new Bench([ahead, observed])
      .feed(...dry(0, 1))
      .apply(record(forecast(1, rainAt(2, 45))))
      .feed(rain(2, 0), rain(3, 50), rain(4, 50));
    expect(one.events.map((event) => `${event.rule} ${event.event}`)).toEqual([
      'rain raised',
      'rain ended',
      'observed raised',
    ]);
    expect(one.events[2]?.forecast).toBeUndefined();
  });

  it('says that it was observed where that alone is enough', () => {
    const either = rule(
      { yellow: 'sum(rainfall, 1h) >= 20 mm or max(forecast(rainfall, 6h)) >= 40 mm' },
      null,
    );
    const one = new Bench([either])
      .feed(...dry(0, 1))
      .apply(record(forecast(1, rainAt(3, 45))))
      .feed(rain(2, 25));
    expect(one.events.map(({ event, forecast: isExpected }) => [event, isExpected])).toEqual([
      ['raised', true],
    ]);
    const seen = new Bench([either]).feed(...dry(0, 1), rain(2, 25));
    expect(seen.events[0]?.forecast).toBeUndefined();
    expect(seen.events[0]?.evidence[1]).toMatchObject({ forecast: null, coverage: 0, observations: 0 });
  });

  it('knows nothing of a forecast that is a day old: it neither raises nor clears', () => {
    const wet = Array.from({ length: 48 }, () => 45);
    const one = new Bench([ahead])
      .feed(...dry(0, 0))
      .apply(record(forecast(0, wet)))
      .feed(...dry(1, 26));
    expect(one.story.filter((told) => !told.startsWith('updated'))).toEqual([
      'raised yellow @0',
      'unverified yellow @24',
    ]);
    const late = new Bench([ahead]).apply(record(forecast(0, wet))).feed(...dry(25, 30));
    expect(late.story).toEqual([]);
  });

  it('is unknown where too little of the span is forecast, though what is forecast may be enough', () => {
    const sum = rule(
      { yellow: 'sum(forecast(rainfall, 6h)) < 40 mm', red: 'sum(forecast(rainfall, 6h)) >= 60 mm' },
      null,
    );
    const little = new Bench([sum]).feed(...dry(0, 0)).apply(record(forecast(0, [1, 1, 1])));
    expect(little.story).toEqual([]);
    const enough = new Bench([sum]).feed(...dry(0, 0)).apply(record(forecast(0, [30, 31, 1])));
    expect(enough.story).toEqual(['raised red @0']);
    const all = new Bench([sum]).feed(...dry(0, 0)).apply(record(forecast(0, [1, 1, 1, 1, 1])));
    expect(all.story).toEqual(['raised yellow @0']);
  });

  it('lets the newest issue count, however late the one before it comes', () => {
    const one = new Bench([ahead])
      .feed(...dry(0, 2))
      .apply(record(forecast(2, rainAt(1, 0))))
      .apply(record(forecast(1, rainAt(3, 99), { receivedAt: hour(2) })));
    // At hour 1 it would have fired; at hour 2 the newer one says that nothing comes.
    expect(one.fold.snapshot().stations[0]?.tracks[0]?.[1].truths).toEqual([0]);
    expect(one.story).toEqual([]);
  });

  it('tells at once of a forecast that came hours after its reference time', () => {
    const one = new Bench([ahead])
      .feed(...dry(0, 5))
      .tick(hour(5.5))
      .apply(record(forecast(1, rainAt(8, 45, 24), { receivedAt: hour(5.5) })));
    expect(one.story).toEqual(['raised yellow @3']);
    expect(one.events[0]).toMatchObject({ onsetAt: hour(3), issuedAt: hour(5.5), forecast: true });
  });

  it('ends no silence, and is no report', () => {
    const silent = rule({ yellow: 'silent(2h)' }, null);
    const one = new Bench([silent, { ...ahead, name: 'ahead' }])
      .feed(...dry(0, 1))
      .apply(record(forecast(3, rainAt(2, 45))))
      .tick(hour(4));
    expect(one.events.map((event) => `${event.rule} ${event.event}`)).toEqual(['rain raised']);
  });

  it('counts what it does not take', () => {
    const one = new Bench([ahead]).feed(...dry(0, 60));
    one.apply(record(forecast(60, [1], { station: 'ZZZ' })));
    one.apply(record(forecast(60, [1], { receivedAt: hour(58) })));
    one.apply(record(forecast(11, [1])));
    one.apply(record(forecast(60, [1])), record(forecast(60, [1])));
    expect(
      ['unknown-station', 'future', 'beyond-lateness', 'repeat'].map((what) => one.counted(what)),
    ).toEqual([1, 1, 1, 1]);
  });
});

const issues = fc.array(
  fc.record({
    at: fc.integer({ min: 0, max: 14 }),
    issuer: fc.constantFrom('gfs', 'icon'),
    receivedAt: fc.integer({ min: 20, max: 22 }).map(hour),
    mm: fc.array(fc.constantFrom(0, 10, 41, 60), { minLength: 1, maxLength: 9 }),
  }),
  { maxLength: 12 },
);
const stories = issues.chain((all) => {
  const records = [
    ...all.map(({ at, mm, ...rest }) => record(forecast(at, mm, rest))),
    ...dry(0, 16).map(
      (report): LogRecord => ({ kind: 'report', report: { ...report, receivedAt: hour(20) } }),
    ),
  ];
  const order = (): fc.Arbitrary<LogRecord[]> =>
    fc.shuffledSubarray(records, { minLength: records.length, maxLength: records.length });
  return fc.tuple(order(), order());
});
const rules = [
  ahead,
  rule(
    { yellow: 'sum(forecast(rainfall, 3h)) > 20 mm for 1h', red: 'avg(forecast(rainfall, 4h)) > 30 mm' },
    null,
    {
      name: 'held',
      expiresMs: 48 * HOUR_MS,
    },
  ),
  rule({ yellow: 'sum(rainfall, 1h) < 1 mm and max(forecast(rainfall, 2h)) >= 41 mm' }, null, {
    name: 'both',
  }),
];
const known = (fold: PartitionFold) =>
  fold.snapshot().stations.map(({ tracks, forecasts = [] }) => ({
    forecasts,
    tracks: [...tracks]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, { timeline, truths, evaluatedAt }]) => ({ name, timeline, truths, evaluatedAt })),
  }));

describe('forecasts and reports in any order', () => {
  it('give the same levels over time', () => {
    fc.assert(
      fc.property(stories, ([one, other]) => {
        const folds = [one, other].map((records) => new Bench(rules, hour(-1)).apply(...records).fold);
        expect(known(folds[0] as PartitionFold)).toEqual(known(folds[1] as PartitionFold));
      }),
      { numRuns: Number(process.env.ATALAIA_RUNS ?? 150) },
    );
  });

  it('go on from a checkpoint as if there had been none, and evaluating everything changes nothing', () => {
    fc.assert(
      fc.property(stories, fc.nat({ max: 30 }), ([records], cut) => {
        const whole = new Bench(rules, hour(-1)).apply(...records);
        const plain = new Bench(rules, hour(-1), undefined, undefined, { isPlain: true }).apply(...records);
        expect(plain.events).toEqual(whole.events);
        const before = new Bench(rules, hour(-1)).apply(...records.slice(0, cut));
        const after = PartitionFold.restore(JSON.parse(JSON.stringify(before.fold.snapshot())), foldOptions);
        const effects = records.slice(cut).flatMap((one) => after.apply(one));
        expect([...before.effects, ...effects]).toEqual(whole.effects);
      }),
      { numRuns: Number(process.env.ATALAIA_RUNS ?? 100) },
    );
  });
});

it('keeps the newest forecasts alone, and of one issue what was received last', () => {
  const all = Array.from({ length: MAX_ISSUES + 5 }, (_, i) => forecast(i, [i]));
  const [up, down] = [all, [...all].reverse()].map((list) => {
    const forecasts = new StationForecasts();
    for (const one of list) forecasts.insert(one, HOUR_MS);
    return forecasts.snapshot();
  });
  expect(up).toEqual(down);
  expect(up?.[0]?.[1]).toHaveLength(MAX_ISSUES);
  // Of two issuers at one instant the name that comes first counts, whatever came first.
  for (const order of [
    ['gfs', 'ecmwf'],
    ['ecmwf', 'gfs'],
  ]) {
    const both = new StationForecasts();
    for (const issuer of order) both.insert(forecast(1, [7], { issuer }), HOUR_MS);
    expect(both.window({ quantity: 'rainfall', spanMs: HOUR_MS }, hour(1)).issue?.issuer).toBe('ecmwf');
  }
  const twice = new StationForecasts();
  expect(twice.insert(forecast(1, [7], { receivedAt: hour(3) }), HOUR_MS)).toBe('new');
  expect(twice.insert(forecast(1, [5], { receivedAt: hour(2) }), HOUR_MS)).toBe('repeat');
  expect(twice.window({ quantity: 'rainfall', spanMs: HOUR_MS }, hour(1)).statistics.max).toBe(7000);
});

it('keeps no value that no rule can read', () => {
  const long = Array.from({ length: 40 }, (_, i) => i);
  const one = new Bench([ahead]).feed(...dry(0, 0)).apply(record(forecast(0, long)));
  // A day until it is too old, and six hours ahead.
  expect(one.fold.snapshot().stations[0]?.forecasts?.[0]?.[1][0]?.values).toHaveLength(30);
  const other = new Bench([ahead])
    .feed(...dry(0, 0))
    .apply(record(forecast(0, [1], { quantity: 'windGust' })));
  expect(other.fold.snapshot().stations[0]?.forecasts).toBeUndefined();
});

import { expect, test } from 'vitest';
import { ReportColumns } from '../../ingest/report-columns.ts';
import { seededRandom } from '../../lib/random.ts';
import type { Report } from '../../model/report.ts';
import type { Rule } from '../../model/rule.ts';
import { DAY_MS, formatInstant, HOUR_MS } from '../../model/time.ts';
import { parseRule } from '../../rules/document.ts';
import { gevByLMoments, gevReturnLevel } from '../../statistics/gev.ts';
import { station } from '../../stream/fixture.ts';
import { evaluate } from './evaluate.ts';
import { historyOf } from './history.ts';
import { parseProposal } from './propose.ts';
import type { Recording } from './recording.ts';

const ruleOf = (condition: string): Rule =>
  parseRule(`rule: r\nhazard: rain\nlevels: { red: '${condition}' }\nexpires: 1h\n`, 'r.yaml').rule as Rule;
const start = Date.UTC(2010, 0, 1);
const YEARS = 12;

/** Twelve years of one report a day, dry on four of five, else up to 100 mm, the little often and the much seldom. */
const random = seededRandom(3);
const rain = Array.from({ length: Math.floor(YEARS * 365.25) }, (_, day) => {
  const mm = random() < 0.8 ? 0 : Math.round(100 * random() ** 4 * 10) / 10;
  return { at: start + (day + 1) * DAY_MS - HOUR_MS, mm };
});
const reportsOf = (quantity: string, values: readonly { at: number; mm: number }[], id = 'A'): Report[] =>
  values.map(({ at, mm }) => ({
    ...{ station: id, observedAt: at, receivedAt: at, intervalMs: DAY_MS },
    ...{ quantities: [quantity], values: [Math.round(mm * 1000)] },
  }));
const recordingOf = (reports: readonly Report[]): Recording => ({
  reports: ReportColumns.of(reports),
  stations: [{ ...station('A', '1'), intervalMs: DAY_MS }],
  ...{ areas: [], partitions: 1, delayMs: 0 },
});
const recording = recordingOf(reportsOf('rainfall', rain));
/** It mattered above 50 mm. */
const truth = rain.flatMap(({ at, mm }) =>
  mm > 50 ? [`r,A,red,${formatInstant(at)},${formatInstant(at)}`] : [],
);
const propose = (condition: string, rows = truth) => {
  const rule = ruleOf(condition);
  const { report } = evaluate({
    ...{ recording, rules: [rule], sweeps: [], proposals: [parseProposal('r/red', [rule])], toleranceMs: 0 },
    truth: { text: ['rule,subject,level,from,to', ...rows].join('\n'), name: 'truth' },
  });
  const [found] = report.proposals ?? [];
  return found as NonNullable<typeof found>;
};

test('finds the threshold that parts what mattered from what did not, also in years that it has not seen', () => {
  const found = propose('sum(rainfall, 24h) >= 30 mm');
  const best = found.proposals.find(({ method }) => method === 'best-csi');
  expect(best?.value).toBeGreaterThan(45);
  expect(best?.value).toBeLessThan(53);
  expect(best?.interval?.[0]).toBeLessThanOrEqual(best?.value as number);
  expect(best?.interval?.[1]).toBeGreaterThanOrEqual(best?.value as number);
  const own = found.current.skill;
  expect(own?.misses).toBe(0);
  expect((best?.outOfSample?.csi as number) - (own?.csi as number)).toBeCloseTo(
    best?.outOfSample?.gain as number,
    12,
  );
  expect(best?.outOfSample?.gainInterval?.[0]).toBeGreaterThan(0.1);
  // What is counted out of sample are the same occurrences.
  const { hits = 0, misses = 0 } = best?.outOfSample ?? {};
  expect(hits + misses).toBe(truth.length);
  expect(best?.falseAlarmsPerYear).toBeLessThan(3);
});

test('the history gives percentiles of days and return levels as computed apart', () => {
  const found = propose('sum(rainfall, 24h) >= 30 mm', []);
  const sorted = rain.map(({ mm }) => mm).sort((a, b) => a - b);
  const maxima = Array.from({ length: YEARS }, (_, i) =>
    Math.max(...rain.flatMap(({ at, mm }) => (new Date(at).getUTCFullYear() === 2010 + i ? [mm] : []))),
  );
  const level = (years: number) =>
    gevReturnLevel(gevByLMoments(maxima) as NonNullable<ReturnType<typeof gevByLMoments>>, years);
  const three = (value: number): number => Number(value.toPrecision(3));
  expect(found.proposals.map(({ method, parameter, value }) => [method, parameter, value])).toEqual([
    ['percentile', 99, three(sorted[Math.ceil(0.99 * sorted.length) - 1] as number)],
    ['percentile', 99.9, three(sorted[Math.ceil(0.999 * sorted.length) - 1] as number)],
    ['return-period', 2, three(level(2))],
    ['return-period', 10, three(level(10))],
  ]);
  for (const { value, interval, skill, outOfSample } of found.proposals) {
    expect(interval?.[0]).toBeLessThanOrEqual(value);
    expect(interval?.[1]).toBeGreaterThanOrEqual(value);
    expect([skill, outOfSample]).toEqual([null, null]);
  }
  expect(found.stations).toMatchObject([{ station: 'A', days: rain.length, years: YEARS }]);
  expect(found.stations[0]?.values.map(({ value }) => value)).toEqual(
    found.proposals.map(({ value }) => value),
  );
});

test('a window moves over the readings, in the unit of the threshold; gaps are left out, low values are turned', () => {
  const values = [1, 2, 4, 8, 16, 32].map((mm, i) => ({ at: start + (i + (i > 2 ? 2 : 1)) * DAY_MS, mm }));
  const daysOf = (condition: string, quantity: string) => {
    const rule = ruleOf(condition);
    const { stations, sign } = historyOf(
      parseProposal('r/red', [rule]),
      recordingOf(reportsOf(quantity, values)),
    );
    return [...(stations[0]?.days.get(2010) ?? [])].map((value) => Math.round(sign * value * 1000) / 1000);
  };
  // Two days, of which four fifths must be covered: 1+2, 2+4, then a gap, 8+16, 16+32.
  expect(daysOf('sum(rainfall, 2d) > 1 cm', 'rainfall')).toEqual([0.3, 0.6, 2.4, 4.8]);
  expect(daysOf('10 mm < sum(rainfall, 2d)', 'rainfall')).toEqual([3, 6, 24, 48]);
  expect(daysOf('min(relativeHumidity, 2d) <= 5 %', 'relativeHumidity')).toEqual([16, 8, 2, 1]);
  expect(daysOf('avg(airTemperature, 2d) > 41 degF', 'airTemperature')).toEqual([34.7, 37.4, 53.6, 75.2]);
  expect(daysOf('max(airTemperature, 2d) > 4 °C', 'airTemperature')).toEqual([2, 4, 16, 32]);
});

test('a number without a history is refused, with what to do', () => {
  const refused = (condition: string): (() => unknown) => {
    const rule = ruleOf(condition);
    return () => historyOf(parseProposal('r/red', [rule]), recording);
  };
  expect(refused('rise(riverLevel, 3h) > 1 m')).toThrow(/only sum, max, min or avg.*--sweep/);
  expect(refused('sum(rainfall, 1h tumbling) > 1 mm')).toThrow(/only sum/);
  expect(refused('max(riverLevel, 3h) > 1 m')).toThrow(/no full window of max\(riverLevel, 3h\)/);
  expect(() => parseProposal('r/blue', [ruleOf('sum(rainfall, 1h) > 1 mm')])).toThrow(/has the levels red/);
  expect(() => parseProposal('r', [ruleOf('sum(rainfall, 1h) > 1 mm')])).toThrow(/RULE\/LEVEL/);
});

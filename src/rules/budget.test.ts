import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Rule } from '../model/rule.ts';
import type { Station } from '../model/station.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../model/time.ts';
import { ReadingSeries } from '../stream/series.ts';
import { defaultBudget, tellBytes, weighRules } from './budget.ts';
import { ruleSetCost, stationCost } from './cost.ts';
import { parseRule } from './document.ts';
import { readsOf } from './reads.ts';
import { comparisonsOf } from './work.ts';

const rule = (yellow: string, rest = '', name = 'r'): Rule => {
  const read = parseRule(`rule: ${name}\nhazard: rain\nlevels:\n  yellow: ${yellow}\n${rest}`, 'r.yaml');
  expect(read.problems).toEqual([]);
  return read.rule as Rule;
};
const station = (id: string, intervalMs: number | null, region = 'r1'): Station => ({
  id,
  name: id,
  latitude: 0,
  longitude: 0,
  altitude: null,
  region,
  timeZone: 'UTC',
  intervalMs,
});
const many = (count: number, intervalMs: number | null): Station[] =>
  Array.from({ length: count }, (_, i) => station(`S${i}`, intervalMs));

describe('what rules read', () => {
  it('names quantities, what they are computed from, and windows, wherever they stand', () => {
    const { quantities, windows, withinMs } = readsOf(
      rule(
        'silent(windGust, 2h) or (max(heatIndex, 1h) < 30 °C then not max(heatIndex, 1h) >= 41 °C within 3h) or returnPeriod(sum(rainfall, 24h)) > 2 years',
      ),
    );
    expect([...quantities].sort()).toEqual([
      'airTemperature',
      'dewPoint',
      'heatIndex',
      'rainfall',
      'relativeHumidity',
      'windGust',
    ]);
    expect(windows.map(({ quantity }) => quantity)).toEqual(['heatIndex', 'heatIndex', 'rainfall']);
    expect(withinMs).toBe(3 * HOUR_MS);
    expect(readsOf(rule('last(fireWeatherIndex, 24h) > 20')).quantities).toContain('windSpeed');
  });
  it('counts comparisons: a sequence looks back at every report, an area at every station', () => {
    expect(comparisonsOf(rule('silent(1h) and not silent(2h)', 'clear: silent(3h)\n'), MINUTE_MS)).toBe(3);
    expect(
      comparisonsOf(rule('max(windGust, 1h) > 1 m/s then max(windGust, 1h) > 1 m/s within 3h'), MINUTE_MS),
    ).toBe(180 * 8.5 + 1);
    const area = rule('count(stations where silent(1h) or silent(2h)) > 3', 'subject: area\n');
    expect(comparisonsOf(area, MINUTE_MS, 20)).toBe(41);
    expect(comparisonsOf(rule('silent(1h)', 'subject: area\n'), MINUTE_MS, 20)).toBe(20);
    expect(comparisonsOf(rule('silent(1h)'), MINUTE_MS, 20)).toBe(1);
  });
  it('counts readings of windows that are read through', () => {
    const of = (text: string, rest = '') => comparisonsOf(rule(text, rest), MINUTE_MS, 20);
    expect(of('sum(rainfall, 8h) > 3 mm')).toBe(1);
    expect(of('median(rainfall, 8h) > 3 mm')).toBe(61);
    expect(of('sum(rainfall, 8h tumbling) > 3 mm')).toBe(61);
    expect(of('max(windGust, 800 reports) > 3 m/s')).toBe(101);
    expect(of('sum(rainfall, session 8h) > 3 mm')).toBe(1261);
    expect(of('sum(rainfall, 8h) > 3 mm', 'subject: area\n')).toBe(1201);
    expect(of('count(stations where sum(rainfall, 8h) > 3 mm) > 3', 'subject: area\n')).toBe(21);
    expect(of('returnPeriod(sum(rainfall, 8h tumbling)) > 3 years')).toBe(61);
    expect(of('sum(rainfall, 8h) > 3 mm then max(windGust, 1h) > 1 m/s within 2h')).toBe(120 * 61 + 1);
  });
});

describe('state', () => {
  const kept = (text: string, intervalMs: number): number =>
    stationCost(ruleSetCost([rule(text)]), intervalMs).readings;
  it('holds the longest window, lateness and a margin, of every kind of window', () => {
    expect(kept('sum(rainfall, 24h) > 1 mm', HOUR_MS)).toBe(24 + 24 + 2 + 3);
    expect(kept('sum(rainfall, 24h) > 1 mm', MINUTE_MS)).toBe(50 * 60 + 3);
    expect(kept('max(windGust, 500 reports) > 1 m/s', HOUR_MS)).toBe(24 + 2 + 3 + 500);
    expect(kept('sum(rainfall, 6h tumbling) > 1 mm', HOUR_MS)).toBeGreaterThanOrEqual(12 + 24);
    expect(kept('sum(rainfall, session 30m) > 1 mm', HOUR_MS)).toBeGreaterThanOrEqual(8 * 24);
    expect(
      kept('sum(rainfall, 1h) > 5 mm then sum(rainfall, 1h) > 1 mm within 48h', HOUR_MS),
    ).toBeGreaterThanOrEqual(73);
  });
  it('is no less than what a series in use takes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 72 }), fc.integer({ min: 1, max: 60 }), (hours, minutes) => {
        const intervalMs = minutes * MINUTE_MS;
        const series = new ReadingSeries(true);
        let most = 0;
        for (let at = 0; at < 6 * DAY_MS; at += intervalMs) {
          series.insert(at, intervalMs, intervalMs, 1);
          series.forget(at - DAY_MS - hours * HOUR_MS - HOUR_MS);
          most = Math.max(most, series.length);
        }
        const { readings } = stationCost(ruleSetCost([rule(`sum(rainfall, ${hours}h) > 1 mm`)]), intervalMs);
        expect(readings).toBeGreaterThanOrEqual(most);
        expect(readings - most).toBeLessThanOrEqual(Math.ceil(HOUR_MS / intervalMs) + 4);
      }),
      { numRuns: 30 },
    );
  });
});

describe('the budget', () => {
  const names = (problems: readonly string[]): string => problems.join('\n');
  it('lets ordinary rules pass for ten thousand stations', () => {
    const { problems, registry } = weighRules([rule('sum(rainfall, 24h) > 50 mm')], many(10_000, HOUR_MS));
    expect(problems).toEqual([]);
    expect(registry?.totalBytes).toBeLessThan(2 ** 28);
  });
  it('refuses a station with too much state, with figure and remedy, unless its interval is long', () => {
    const long = [rule('avg(airTemperature, 366d) > 20 °C', '', 'seca')];
    expect(names(weighRules(long).problems)).toMatch(
      /that reports every minute would hold 112 MiB \(\d+ readings .* more than 64 MiB; give --stations .*rule seca looks back 8784h/,
    );
    expect(weighRules(long, [station('A', HOUR_MS)]).problems).toEqual([]);
    expect(names(weighRules(long, [station('A', HOUR_MS), station('B', null)]).problems)).toContain(
      'station B',
    );
  });
  it('refuses too much in total, and grows with the stations', () => {
    const rules = [rule('sum(rainfall, 30d) > 500 mm')];
    expect(names(weighRules(rules, many(10_000, 10 * MINUTE_MS)).problems)).toMatch(
      /the 10000 stations would hold 8\.\d GiB, more than 1\.0 GiB; shorten .* or give more: pipeline\.budget of the configuration, --budget of rules check/,
    );
    const budget = { ...defaultBudget, totalBytes: 10 * 2 ** 30 };
    expect(weighRules(rules, many(10_000, 10 * MINUTE_MS), { budget }).problems).toEqual([]);
    expect(weighRules([rule('sum(rainfall, 24h) > 50 mm')], many(30_000, HOUR_MS)).problems).toEqual([]);
  });
  it('refuses too much work, and names the heaviest rule', () => {
    const chain = rule('max(windGust, 1h) > 1 m/s then max(windGust, 1h) > 1 m/s within 10d', '', 'longa');
    expect(weighRules([chain]).problems).toEqual([]);
    const nested = rule(
      'max(windGust, 1h) > 1 m/s then max(windGust, 1h) > 1 m/s within 30d then max(windGust, 1h) > 1 m/s within 30d',
      '',
      'funda',
    );
    const light = rule('silent(3h)', '', 'leve');
    expect(names(weighRules([light, nested], many(1, MINUTE_MS)).problems)).toContain('heaviest: rule funda');
    const area = rule('count(stations where silent(1h)) > 3', 'subject: area\n');
    expect(names(weighRules([area], many(10_000, MINUTE_MS)).problems)).toContain('comparisons a second');
    expect(weighRules([area], many(50, MINUTE_MS)).problems).toEqual([]);
    const long = [
      'stddev(riverLevel, 180d) > 1 m',
      'median(riverLevel, 180d) > 1 m',
      'trend(riverLevel, 180d) > 1 m/h',
      'percentile(riverLevel, 90, 180d) > 1 m',
    ].join(' and ');
    expect(names(weighRules([rule(long)], many(1, MINUTE_MS)).problems)).toBe(
      'one report of station S0 would cause 259208 comparisons, more than 250000; take fewer rules, shorter windows and "within" spans or smaller areas (heaviest: rule r)',
    );
  });
  it('tells bytes', () => {
    expect([512, 1536, 20 * 2 ** 20, 3 * 2 ** 40].map(tellBytes)).toEqual([
      '512 B',
      '1.5 KiB',
      '20 MiB',
      '3.0 TiB',
    ]);
  });
});

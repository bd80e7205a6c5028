import { describe, expect, it } from 'vitest';
import type { AlertEvent } from '../model/alert.ts';
import { parseRuleTest, type RuleTest, runRuleTest, testReports } from './rule-test.ts';
import { parseSeries } from './series.ts';

const text = `rules: [a.yaml]
tests:
  - name: one
    every: 1h
    start: 2024-04-30T00:00:00Z
    until: 2024-04-30T09:00:00Z
    stations: { A801: { rainfall: "0x2 12.4 _ 1", airTemperature: [-1.5, 2] } }
    expect: [{ at: 2024-04-30T02:00:00Z, event: raised, level: yellow, subject: A801 }]
`;
const test = parseRuleTest(text, 'a.test.yaml').testFile?.tests[0] as RuleTest;

const event = (more: Partial<AlertEvent>): AlertEvent => ({
  alert: 'a',
  revision: 1,
  event: 'raised',
  rule: 'r',
  hazard: 'rain',
  subject: { kind: 'station', id: 'A801' },
  level: 'yellow',
  onsetAt: 0,
  at: Date.UTC(2024, 3, 30, 2),
  issuedAt: 0,
  evidence: [],
  ...more,
});

it('series: repeats, gaps, refusals', () => {
  expect(parseSeries('0x3 12 _ -1.5x2 _x2').values).toEqual([0, 0, 0, 12, null, -1.5, -1.5, null, null]);
  for (const bad of ['', '1e5', '0x0', 'x5', '1,5', '0x99999'])
    expect(parseSeries(bad).message).toBeDefined();
});

it('reads an unquoted series as written', () => {
  const unquoted = parseRuleTest(text.replace('"0x2 12.4 _ 1"', '0x5'), 'a.test.yaml').testFile?.tests[0];
  expect(unquoted?.stations.A801?.rainfall).toEqual([0, 0, 0, 0, 0]);
});

it('turns a test into reports in order of arrival', () => {
  const { reports, stations } = testReports(test);
  expect(reports.map(({ quantities, values }) => [quantities.join(), values.join()])).toEqual([
    ['rainfall,airTemperature', '0,-1500'],
    ['rainfall,airTemperature', '0,2000'],
    ['rainfall', '12400'],
    ['rainfall', '1000'],
  ]);
  expect(reports[3]).toMatchObject({
    observedAt: Date.UTC(2024, 3, 30, 4),
    intervalMs: 3_600_000,
    station: 'A801',
  });
  expect(stations).toMatchObject([{ id: 'A801', intervalMs: 3_600_000 }]);
});

it('passes on equal events, and compares updated only when expected', () => {
  const until: number[] = [];
  const replay = (...[, , , untilAt]: [unknown, unknown, unknown, number]) => {
    until.push(untilAt);
    return [event({}), event({ event: 'updated', revision: 2 })];
  };
  expect(runRuleTest(test, [], replay)).toEqual([]);
  expect(until).toEqual([Date.UTC(2024, 3, 30, 9)]);
});

it('passes the time of gaps at the end, so that silence can be told', () => {
  const gaps = text.replace('0x2 12.4 _ 1', '0x2 _x4').replace(/ {4}until: .*\n/, '');
  const quiet = parseRuleTest(gaps, 'a.test.yaml').testFile?.tests[0] as RuleTest;
  const until: number[] = [];
  runRuleTest(quiet, [], (...[, , , untilAt]: [unknown, unknown, unknown, number]) => {
    until.push(untilAt);
    return [];
  });
  expect(until).toEqual([Date.UTC(2024, 3, 30, 5)]);
});

it('tells what differs', () => {
  expect(runRuleTest(test, [], () => [event({ level: 'red' })])).toEqual([
    'expected raised yellow at A801 on 2024-04-30T02:00:00Z, got raised red at A801 by r on 2024-04-30T02:00:00Z',
    'got raised red at A801 by r on 2024-04-30T02:00:00Z, expected nothing of the kind',
  ]);
  expect(runRuleTest(test, [], () => [])).toEqual([
    'expected raised yellow at A801 on 2024-04-30T02:00:00Z, got nothing',
  ]);
});

it('names mistakes at their place', () => {
  const place = (from: string, to: string) =>
    parseRuleTest(text.replace(from, to), 'a.test.yaml').problems.map(
      ({ line, column, message }) => `${line}:${column} ${message}`,
    );
  expect(place('rainfall', 'rainfal')).toEqual(['7:25 unknown quantity "rainfal"; did you mean "rainfall"?']);
  expect(place('raised', 'rased')[0]).toContain('8:49 unknown event "rased"; did you mean "raised"?');
  expect(place('2024-04-30T02:00:00Z', '2024-04-30')[0]).toContain('8:20 at: "2024-04-30" is no instant');
  expect(place('start:', 'strat:')[0]).toContain('did you mean "start"?');
});

describe('rules over areas', () => {
  const yaml = `rules: [a.yaml]
tests:
  - name: two regions
    every: 1h
    start: 2024-04-30T00:00:00Z
    stations:
      A801: { region: 4314902, rainfall: "0 12" }
      A802: { region: "4304606", timeZone: America/Manaus, latitude: -3.1, longitude: -60, rainfall: "0 7" }
      A803: { rainfall: 5 }
    areas: { vale: [A802, A803] }
    expect:
      - { at: 2024-04-30T01:00:00Z, event: raised, subject: "area:4314902" }
      - { at: 2024-04-30T02:00:00Z, event: raised, subject: area:vale }
`;
  const read = parseRuleTest(yaml, 'a.test.yaml');
  const one = read.testFile?.tests[0] as RuleTest;
  it('place stations in regions, zones and named areas', () => {
    expect(read.problems).toEqual([]);
    const { stations, reports } = testReports(one);
    expect(stations).toMatchObject([
      { id: 'A801', region: '4314902', timeZone: 'America/Sao_Paulo', latitude: -30.05 },
      { id: 'A802', region: '4304606', timeZone: 'America/Manaus', latitude: -3.1, longitude: -60 },
      { id: 'A803', region: '4314902' },
    ]);
    expect(reports.every(({ quantities }) => quantities.join() === 'rainfall')).toBe(true);
    expect(one.areas).toEqual([{ id: 'vale', name: 'vale', region: '4304606', stations: ['A802', 'A803'] }]);
  });
  it('name an area by its kind, apart from a station of the same id', () => {
    const area = (id: string, hour: number, kind: 'area' | 'station' = 'area') =>
      event({ subject: { kind, id }, at: Date.UTC(2024, 3, 30, hour) });
    const given: unknown[] = [];
    const passes = runRuleTest(one, [], (...args) => {
      given.push(args[4]);
      return [area('4314902', 1), area('vale', 2)];
    });
    expect(passes).toEqual([]);
    expect(given).toEqual([one.areas]);
    expect(runRuleTest(one, [], () => [area('4314902', 1), area('vale', 2, 'station')])[0]).toBe(
      'expected raised at area:vale on 2024-04-30T02:00:00Z, got raised yellow at vale by r on 2024-04-30T02:00:00Z',
    );
  });
  it.each([
    ['regin: 1', 'region: 4314902', 'did you mean "region"'],
    ['timeZone: Manaus', 'timeZone: America/Manaus', 'no IANA zone'],
    ['latitude: 91', 'latitude: -3.1', 'from -90 to 90'],
    ['[A802, A80]', '[A802, A803]', 'unknown station "A80"; did you mean'],
  ])('name the mistake %s', (to, from, message) => {
    const { problems } = parseRuleTest(yaml.replace(from, to), 'a.test.yaml');
    expect(problems).toHaveLength(1);
    expect(problems[0]?.message).toContain(message);
  });
});

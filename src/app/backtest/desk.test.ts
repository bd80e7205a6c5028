import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { BacktestRequest } from '../../api/deps.ts';
import { ReportColumns } from '../../ingest/report-columns.ts';
import { openScenario } from '../../ingest/scenario.ts';
import { loadRules } from '../../rules/rule-set.ts';
import type { Archive } from '../../store/archive/archive.ts';
import { batch } from '../../store/archive/conformance.ts';
import { openDuckdbArchive } from '../../store/archive/duckdb/archive.ts';
import { findRuleFiles } from '../rule-files.ts';
import { Backtests } from './desk.ts';
import { evaluate } from './evaluate.ts';
import { parseProposal } from './propose.ts';

const root = join(import.meta.dirname, '../../..');
const scenario = openScenario(join(root, 'scenarios/rs-2024'));
const { rules } = loadRules(findRuleFiles([join(root, 'rules/inmet/chuva-intensa.yaml')], 'rules'));
const truth =
  'rule,subject,level,from,to\nchuva-intensa,A801,red,2024-04-30T06:00:00Z,2024-05-03T00:00:00Z\n';
const folder = mkdtempSync(join(tmpdir(), 'atalaia-desk-'));
let archive: Archive;
let desk: Backtests;

const request = (more: Partial<BacktestRequest> = {}): BacktestRequest => ({
  ...{ rules, truth, sweeps: ['chuva-intensa/red#2=80..120/20'], toleranceMs: 3_600_000, author: 'Ana' },
  ...{ from: Date.UTC(2024, 3, 1), to: Date.UTC(2024, 5, 1), ...more },
});
const ended = (id: string) =>
  vi.waitUntil(() => (desk.job(id)?.endedAt === null ? undefined : desk.job(id)), { timeout: 60_000 });

beforeAll(async () => {
  archive = await openDuckdbArchive({ path: join(folder, 'archive.duckdb') });
  const observations = [...scenario.reports()].flatMap((report) =>
    report.quantities.map((quantity, i) => ({
      ...{ station: report.station, quantity, observedAt: report.observedAt, intervalMs: report.intervalMs },
      ...{ receivedAt: report.receivedAt, value: report.values[i] as number },
      ...{ flag: 'good' as const, arrival: 'on-time' as const },
    })),
  );
  await archive.commit([batch(0, 1, observations)]);
  const { stations } = scenario;
  desk = new Backtests({ archive, stations: () => stations, areas: () => [], now: () => 7 });
});
afterAll(async () => {
  await desk.close();
  await archive.close();
  rmSync(folder, { recursive: true });
});

test('a job ends with the report that the recording itself gives', async () => {
  const before = readdirSync(tmpdir()).filter((name) => name.startsWith('atalaia-backtest-'));
  const { id, state } = desk.submit({ ...request(), proposals: ['chuva-intensa/red#2'] });
  expect(state).toBe('waiting');
  const job = await ended(id);
  const { stations } = scenario;
  const recording = {
    reports: ReportColumns.of(scenario.reports()),
    stations,
    areas: [],
    partitions: 64,
    delayMs: 0,
  };
  const plan = { rule: rules[0], level: 'red', place: 1, values: [80, 100, 120] } as const;
  const { report } = evaluate({
    ...{ recording, rules, sweeps: [{ ...plan, rule: rules[0] as (typeof rules)[number] }] },
    proposals: [parseProposal('chuva-intensa/red#2', rules)],
    ...{ toleranceMs: 3_600_000, truth: { text: truth, name: 'truth' } },
  });
  expect(job).toMatchObject({ state: 'done', author: 'Ana', endedAt: 7 });
  expect(report.proposals?.[0]?.stations.length).toBeGreaterThan(30);
  expect(job?.report).toEqual({ ...report, refused: 0, truthLeftOut: 0 });
  expect(report.rows.find(({ level }) => level === 'red')?.alerts).toBeGreaterThan(30);
  // Nothing is left on disk.
  const after = readdirSync(tmpdir()).filter((name) => name.startsWith('atalaia-backtest-'));
  expect(after.filter((name) => !before.includes(name))).toEqual([]);
});

test('one at a time; the one under way and those that wait can be ended', async () => {
  const jobs = [1, 2, 3].map(() => desk.submit(request()));
  const [first, second, third] = jobs as [(typeof jobs)[0], (typeof jobs)[0], (typeof jobs)[0]];
  desk.cancel(second.id);
  expect(desk.job(second.id)?.state).toBe('cancelled');
  await vi.waitUntil(() => desk.job(first.id)?.state === 'running', { timeout: 60_000 });
  expect(desk.job(third.id)?.state).toBe('waiting');
  desk.cancel(first.id);
  expect((await ended(first.id))?.state).toBe('cancelled');
  expect((await ended(third.id))?.state).toBe('done');
  expect(desk.jobs()[0]?.id).toBe(third.id);
});

test('what cannot be tested is refused at once, what nobody observed fails', async () => {
  expect(() => desk.submit(request({ stations: ['A801', 'A000'] }))).toThrow('no station A000');
  expect(() => desk.submit(request({ sweeps: ['x'] }))).toThrow('The sweep x: write RULE/LEVEL');
  expect(() => desk.submit(request({ truth: 'a,b\n' }))).toThrow('truth, line 1: the header must be');
  const { id } = desk.submit(request({ to: Date.UTC(2024, 3, 2) }));
  expect(await ended(id)).toMatchObject({
    state: 'failed',
    error: expect.stringContaining('no report to fold'),
  });
});

test('no more wait than there is room for', async () => {
  const taken = Array.from({ length: 8 }, () => desk.submit(request()));
  expect(() => Array.from({ length: 2 }, () => desk.submit(request()))).toThrow('8 backtests wait already');
  for (const { id } of desk.jobs()) desk.cancel(id);
  for (const { id } of taken) expect((await ended(id))?.state).toBe('cancelled');
});

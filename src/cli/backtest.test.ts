import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, expect, it } from 'vitest';
import { formatAlertEvent } from '../alerts/event-json.ts';
import { Replay } from '../app/replay.ts';
import { findRuleFiles } from '../app/rule-files.ts';
import { openScenario } from '../ingest/scenario.ts';
import { fromScaled } from '../model/quantity.ts';
import { formatInstant } from '../model/time.ts';
import { loadRules } from '../rules/rule-set.ts';
import { batch } from '../store/archive/conformance.ts';
import { openDuckdbArchive } from '../store/archive/duckdb/archive.ts';
import { backtestCommand } from './backtest.ts';
import { replayCommand } from './replay.ts';

const root = join(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'atalaia-backtest-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, content: string): string => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};
async function run(command: typeof replayCommand, ...argv: string[]): Promise<string> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  stderr.resume();
  const told = text(stdout);
  await command.run(argv, { stdout, stderr }).finally(() => stdout.end());
  return told;
}

const scenario = openScenario(join(root, 'scenarios/rs-2024'));
const rules = join(root, 'rules/inmet/chuva-intensa.yaml');
const stations = join(root, 'scenarios/rs-2024/stations.csv');
const lines = [...scenario.reports()].flatMap((report) => {
  const i = report.quantities.indexOf('rainfall');
  if (i < 0) return [];
  return JSON.stringify({
    station: report.station,
    observedAt: formatInstant(report.observedAt),
    interval: `PT${report.intervalMs / 60_000}M`,
    values: { rainfall: fromScaled(report.values[i] as number) },
  });
});
const storm = file('storm.ndjson', `${lines.join('\n')}\n`);
const args = [storm, '--rules', rules, '--stations', stations];

it('a file of which every row is refused says why, with the line, and not only that nothing is left', async () => {
  const flawed = file('flawed.ndjson', '{"station":"A1","readings":{"rainfall":1}}\n{"station":"A1"\n');
  const truth = file('no.csv', 'rule,subject,level,from,to\n');
  const stderr = new PassThrough();
  const told = text(stderr);
  const command = backtestCommand.run([flawed, '--rules', rules, '--truth', truth], {
    stdout: new PassThrough(),
    stderr,
  });
  await expect(command).rejects.toThrow('no report to fold');
  stderr.end();
  expect(await told).toMatch(
    /flawed\.ndjson, 1: A report needs values.*\nflawed\.ndjson, 2: .*\nrefused form: 2\n/,
  );
});

it('scores exactly the alerts that replay raises in the recorded storm', async () => {
  const events = (await run(replayCommand, ...args))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const replay = new Replay({
    rules: loadRules(findRuleFiles([rules], 'rules')).rules,
    stations: scenario.stations,
  });
  for (const report of scenario.reports()) replay.feed(report);
  expect(replay.finish().map((event) => JSON.parse(formatAlertEvent(event)))).toEqual(events);
  const raised = events.filter((event) => event.event === 'raised');
  const rows = raised.map((e) => `${e.rule},${e.subject.id},yellow,${e.at},${e.at}`);
  const missed = `${raised[0].rule},NOWHERE,yellow,2024-05-01T00:00:00Z,2024-05-01T01:00:00Z`;
  const truth = file('truth.csv', ['rule,subject,level,from,to', ...rows, missed].join('\n'));
  const report = JSON.parse(
    await run(backtestCommand, ...args, '--truth', truth, '--tolerance', '0', '--json'),
  );
  const yellow = report.rows.find((row: { level: string }) => row.level === 'yellow');
  expect(yellow).toMatchObject({
    alerts: raised.length,
    hits: raised.length,
    misses: 1,
    falseAlarms: 0,
    hss: null,
  });
  // One alert ended at the instant when the next of its station was raised: they touch, so its lead is the earlier one's.
  const ends = events.filter((event) => event.event === 'ended');
  const touching = ends.filter((e) =>
    raised.some((next) => next.subject.id === e.subject.id && next.at === e.at),
  );
  expect(touching).toHaveLength(1);
  const hours = (Date.parse(touching[0].at) - Date.parse(touching[0].onsetAt)) / 3_600_000;
  expect(yellow.lead.histogram).toEqual([
    { hours: 0, count: raised.length - 1 },
    { hours, count: 1 },
  ]);
  expect(yellow.missed).toEqual([
    { subject: 'NOWHERE', from: '2024-05-01T00:00:00Z', to: '2024-05-01T01:00:00Z' },
  ]);
});

it('finds the same alerts in what the archive exports', async () => {
  const archive = await openDuckdbArchive({ path: join(folder, 'archive.duckdb') });
  const observations = [...scenario.reports()].flatMap((report) =>
    report.quantities.map((quantity, i) => ({
      ...{ station: report.station, quantity, observedAt: report.observedAt, intervalMs: report.intervalMs },
      ...{ receivedAt: report.receivedAt, value: report.values[i] as number },
      ...{ flag: 'good' as const, arrival: 'on-time' as const },
    })),
  );
  await archive.commit([batch(0, 1, observations)]);
  const path = join(folder, 'storm.csv.gz');
  await archive.export({ path, format: 'csv' });
  await archive.close();
  const more = ['--rules', rules, '--stations', stations];
  const alerts = await run(replayCommand, path, ...more);
  expect(alerts.split('\n').length).toBeGreaterThan(114);
  const replay = new Replay({
    rules: loadRules(findRuleFiles([rules], 'rules')).rules,
    stations: scenario.stations,
  });
  for (const report of scenario.reports()) replay.feed(report);
  expect(alerts).toBe(`${replay.finish().map(formatAlertEvent).join('\n')}\n`);
});

it('gives no score to a rule of which the truth is silent', async () => {
  const silent = file('silent.csv', 'rule,subject,level,from,to\n');
  const { rows } = JSON.parse(await run(backtestCommand, ...args, '--truth', silent, '--json'));
  expect(rows[0]).toMatchObject({ judged: false, alerts: 114, falseAlarms: 0, far: null, csi: null });
});

it('names the line of a truth that cannot be read', async () => {
  const bad = file(
    'bad.csv',
    'rule,subject,level,from,to\nchuva-intensa,A801,purple,2024-05-01T00:00:00Z,2024-05-01T00:00:00Z\n',
  );
  await expect(run(backtestCommand, ...args, '--truth', bad)).rejects.toThrow(
    /bad\.csv, line 2: level "purple"/,
  );
});

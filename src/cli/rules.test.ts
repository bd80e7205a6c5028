import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, expect, it } from 'vitest';
import { rulesCommand } from './rules.ts';

async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const told = Promise.all([text(stdout), text(stderr)]);
  const code = await rulesCommand.run(argv, { stdout, stderr }).finally(() => {
    stdout.end();
    stderr.end();
  });
  const [out, err] = await told;
  return { code, out, err };
}

const folder = mkdtempSync(join(tmpdir(), 'atalaia-rules-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, content: string): string => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};
const stations = file(
  'stations.csv',
  'id,name,latitude,longitude,region,interval\nA,A,-30,-51,r1,PT1H\nB,B,-30,-51,r1,\n',
);
const rule = file(
  'seca.yaml',
  'rule: seca\nhazard: rain\nlevels:\n  yellow: sum(rainfall, 60d) < 10 mm and max(windGust, 1h) > 1 m/s\n',
);

it('tells state and work at the worst and for each station', async () => {
  const { code, out, err } = await run('check', rule, '--stations', stations);
  expect(err).toBe('');
  expect(code).toBe(0);
  expect(out).toMatch(
    /^1 of 1 rules are good\nkept: 2 quantities \(rainfall, windGust\), 1440h and 24h of lateness\n/,
  );
  expect(out).toMatch(
    /every minute: 28 MiB of state \(87963 readings of each quantity\), 6 comparisons a report\n/,
  );
  expect(out).toMatch(
    /stations.csv: 2 stations, 14 MiB of state each on average, 28 MiB at most \(B\), 28 MiB in total \(at most 1.0 GiB\)/,
  );
});

it('refuses what is over the budget, on stderr and with status 1', async () => {
  const { code, err } = await run('check', rule, '--station-budget', '10MiB');
  expect(code).toBe(1);
  expect(err).toMatch(
    /^too costly: station that reports every minute would hold 28 MiB .*rule seca looks back 1440h/,
  );
  const total = await run('check', rule, '--stations', stations, '--budget', '20 MiB');
  expect([total.code, total.err]).toEqual([1, expect.stringContaining('2 stations would hold 28 MiB')]);
  expect((await run('check', rule, '--lateness', '31d', '--station-budget', '30MiB')).code).toBe(1);
});

it.each([
  [['--budget', '1GB'], 'is not a size; write 512MiB or 8GiB'],
  [['--lateness', 'soon'], 'is not a span such as 24h'],
  [['--stations', join(folder, 'none.csv')], 'none.csv cannot be read'],
])('names the mistake in %j', async (args, message) => {
  await expect(run('check', rule, ...args)).rejects.toThrow(message);
});

it('runs tests over named areas', async () => {
  file(
    'vale.yaml',
    'rule: vale\nhazard: rain\nsubject: area\narea: { name: vale }\nlevels:\n  yellow: count(stations where sum(rainfall, 1h) >= 20 mm) >= 2\n',
  );
  const named = (stationsOfArea: string): string =>
    file(
      'vale.test.yaml',
      [
        'rules: [vale.yaml]',
        'tests:',
        '  - name: two of the valley',
        '    every: 1h',
        '    start: 2024-04-30T00:00:00Z',
        '    stations: { A: { rainfall: "0 25" }, B: { rainfall: "0 30" } }',
        `    areas: { vale: ${stationsOfArea} }`,
        '    expect:',
        '      - { at: 2024-04-30T01:00:00Z, event: raised, level: yellow, subject: "area:vale" }',
      ].join('\n'),
    );
  expect(await run('test', named('[A, B]'))).toMatchObject({ code: 0, out: '1 passed, 0 failed\n' });
  expect((await run('test', named('[A]'))).code).toBe(1);
});

it('warns where a backtest found more false alarms than the budget of a rule, and where it judged nothing', async () => {
  const of = (name: string, budget: string): string =>
    file(
      `${name}.yaml`,
      `rule: ${name}\nhazard: rain\nlevels:\n  orange: sum(rainfall, 1h) > 9 mm\n  yellow: sum(rainfall, 1h) > 4 mm\n${budget}`,
    );
  const three = of('tres', 'budget: { falseAlarmsPerYear: 3 }\n');
  const row = (level: string, falseAlarmsPerYear: number, judged = true): object => ({
    ...{ rule: 'tres', level, judged, falseAlarmsPerYear },
  });
  const report = (...rows: object[]): string => file('report.json', JSON.stringify({ rows }));
  const check = (...rows: object[]) => run('check', three, '--backtest', report(...rows));
  expect(await check(row('orange', 1), row('yellow', 3.25))).toMatchObject({
    code: 0,
    err: 'over budget: tres yellow: 3.3 false alarms a year; its budget is 3\n',
  });
  expect((await check(row('orange', 9), row('yellow', 3))).err).toBe('');
  expect((await check(row('yellow', 0, false))).err).toMatch(/^tres: .*report.json does not judge it/);
  expect((await run('check', of('sem', ''), '--backtest', report(row('yellow', 99)))).err).toBe('');
  await expect(run('check', three, '--backtest', three)).rejects.toThrow(/no report of atalaia backtest/);
  const bad = await run('check', of('ruim', 'budget: { falseAlarmsPerYear: few }\n'));
  expect(bad.err).toMatch(/ruim\.yaml:6:\d+: falseAlarmsPerYear: "few" is no number/);
  expect((await run('check', of('vazia', 'budget: {}\n'))).code).toBe(1);
});

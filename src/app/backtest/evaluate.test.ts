import { expect, test } from 'vitest';
import { ReportColumns } from '../../ingest/report-columns.ts';
import type { Rule } from '../../model/rule.ts';
import { formatInstant, HOUR_MS } from '../../model/time.ts';
import { parseRule } from '../../rules/document.ts';
import { hour, rain, station } from '../../stream/fixture.ts';
import { scoreDays } from './days.ts';
import { evaluate } from './evaluate.ts';
import { observedDays, type Recording } from './recording.ts';
import { parseSweep, rocArea } from './sweep.ts';

const ruleOf = (mm: number): Rule =>
  parseRule(
    `rule: rain-hour\nhazard: rain\nlevels: { red: 'sum(rainfall, 1h) >= ${mm} mm' }\nexpires: 1h\n`,
    'rain.yaml',
  ).rule as Rule;

/** Ten days of two stations: amounts of the twelfth hour of each day, dry otherwise. */
const amounts = { A801: [0, 10, 20, 30, 40, 0, 0, 0, 0, 0], A802: [0, 0, 0, 0, 0, 20, 30, 40, 50, 0] };
const recording: Recording = {
  reports: ReportColumns.of(
    Object.entries(amounts).flatMap(([id, days]) =>
      days.flatMap((mm, day) =>
        Array.from({ length: 24 }, (_, h) => rain(24 * day + h, h === 12 ? mm : 0, { station: id })),
      ),
    ),
  ).sorted(),
  stations: [station('A801', '1'), station('A802', '1')],
  areas: [],
  partitions: 3,
  delayMs: 0,
};
/** It mattered when 30 mm fell at A801 and 40 mm at A802. */
const at = (day: number): string => formatInstant(hour(24 * day + 12));
const truth = ['A801,3', 'A801,4', 'A802,7', 'A802,8']
  .map((one) => one.split(','))
  .map(([id, day]) => `rain-hour,${id},red,${at(Number(day))},${at(Number(day))}`);
const plan = (rules: Rule[], more: object = {}) => ({
  ...{ recording, rules, sweeps: [], toleranceMs: HOUR_MS, ...more },
  truth: { text: ['rule,subject,level,from,to', ...truth].join('\n'), name: 'truth.csv' },
});

test('a sweep gives at each value what the rule with that value gives', () => {
  const sweeps = [parseSweep('rain-hour/red=10..50/10', [ruleOf(30)])];
  const { report } = evaluate(plan([ruleOf(30)], { sweeps }));
  const [sweep] = report.sweeps ?? [];
  expect(
    sweep?.points.map(({ value, hits, misses, falseAlarms }) => [value, hits, misses, falseAlarms]),
  ).toEqual([
    [10, 4, 0, 4],
    [20, 4, 0, 3],
    [30, 4, 0, 1],
    [40, 3, 1, 0],
    [50, 1, 3, 0],
  ]);
  for (const point of sweep?.points ?? []) {
    const { value, ...row } = point;
    expect(evaluate(plan([ruleOf(value)])).report.rows).toEqual([row]);
  }
  // CSI 0.8 at 30 mm: 4 of 5. 3 of 4 at 40 mm.
  expect(sweep).toMatchObject({ current: 30, best: 30, unit: 'mm', condition: 'sum(rainfall, 1h) >= 30 mm' });
  // Of 20 days 4 mattered; false alarm rates 4/16, 3/16, 1/16, 0, 0 with POD 1, 1, 1, 3/4, 1/4.
  expect(sweep?.rocArea).toBeCloseTo(1 - (1 / 2) * (1 / 4) * (1 / 16), 12);
});

test('two versions stand side by side, with what only one of them tells', () => {
  const [row] = evaluate(plan([ruleOf(20)], { others: [ruleOf(40)] })).report.compare ?? [];
  expect(row?.before).toMatchObject({ hits: 4, falseAlarms: 3 });
  expect(row?.after).toMatchObject({ hits: 3, misses: 1, falseAlarms: 0 });
  expect(row?.gone.count).toBe(4);
  expect(row?.gone.first.map(({ subject, from }) => [subject, from])).toEqual([
    ['A801', at(2)],
    ['A801', at(3)],
    ['A802', at(5)],
    ['A802', at(6)],
  ]);
  expect(row?.added).toEqual({ count: 0, first: [] });
});

test('days are cases by subject: those without reports count only where something happened', () => {
  const DAY = 24;
  const first = [...recording.reports.blocks()].flat().slice(0, 2 * 3 * DAY);
  const observed = observedDays({ ...recording, reports: ReportColumns.of(first) });
  expect([...observed.entries()].map(([subject, days]) => [subject, days.size])).toEqual([
    ['A801', 3],
    ['1', 3],
    ['A802', 3],
  ]);
  const spell = (day: number, days = 0, subject = 'A801') => ({
    subject,
    from: hour(day * DAY + 12),
    to: hour((day + days) * DAY + 12),
  });
  // Warned on days 0, 1 and 5; it mattered on 1, 2 and, at a station nobody knows, on 2.
  expect(
    scoreDays(['A801', 'A802'], observed, [spell(0, 1), spell(5)], [spell(1, 1), spell(2, 0, 'B999')]),
  ).toMatchObject({ hits: 1, misses: 2, falseAlarms: 2, correctNegatives: 3, pofd: 2 / 5, pod: 1 / 3 });
});

test('the area under a ROC is that of trapezoids, a half on the diagonal', () => {
  expect(rocArea([])).toBeNull();
  expect(rocArea([{ pofd: 0.3, pod: 0.3 }])).toBeCloseTo(0.5, 12);
  expect(rocArea([{ pofd: 0.5, pod: 1 }, null, { pofd: 0.1, pod: 0.6 }])).toBeCloseTo(0.03 + 0.32 + 0.5, 12);
});

test('a rule with more false alarms a year than its budget is named', () => {
  // At 20 mm three false alarms in ten days, at 30 mm one: 111 and 37 a year.
  const of = (mm: number, falseAlarmsPerYear: number) => ({ ...ruleOf(mm), budget: { falseAlarmsPerYear } });
  const { overBudget, rows } = evaluate(plan([of(20, 40)])).report;
  expect(rows[0]?.falseAlarmsPerYear).toBeCloseTo((3 * 365.25 * 24) / 239, 6);
  expect(overBudget).toEqual([
    { rule: 'rain-hour', level: 'red', budget: 40, falseAlarmsPerYear: rows[0]?.falseAlarmsPerYear },
  ]);
  expect(evaluate(plan([of(30, 40)])).report).not.toHaveProperty('overBudget');
});

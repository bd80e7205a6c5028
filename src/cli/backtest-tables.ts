import type { Comparison } from '../app/backtest/compare.ts';
import type { BacktestReport } from '../app/backtest/evaluate.ts';
import type { Proposal, Proposals } from '../app/backtest/propose.ts';
import type { BacktestRow } from '../app/backtest/score.ts';
import type { Sweep } from '../app/backtest/sweep.ts';

const figure = (value: number | null | undefined): string => (value == null ? '-' : value.toFixed(2));

/** Lines of a table, the first `left` columns to the left, the others to the right. */
function align(
  head: string | readonly string[],
  cells: readonly (readonly string[])[],
  left: number,
): string[] {
  const lines = [typeof head === 'string' ? head.split(' ') : head, ...cells];
  const widths = lines[0]?.map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0))) ?? [];
  return lines.map((line) =>
    line
      .map((cell, i) => (i < left ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}

/** Rules and levels with their scores, then the occurrences missed. */
function scoreTable(rows: readonly BacktestRow[]): string {
  const cells = rows.map((row) => [
    ...[row.rule, row.level],
    ...[row.hits, row.misses, row.falseAlarms].map((count) => (row.judged ? String(count) : '-')),
    ...[row.pod, row.far, row.csi, row.bias, row.lead.median, row.byDay?.hss].map(figure),
    ...[String(row.alerts), figure(row.alertsPerYear), String(row.daysWithAlerts)],
  ]);
  const head = 'rule level hits misses false POD FAR CSI bias lead/h HSS/day alerts per-year days';
  const missed = rows.flatMap((row) =>
    row.missed.map((miss) => `missed ${row.rule} ${row.level} ${miss.subject} ${miss.from} to ${miss.to}`),
  );
  return `${[...align(head, cells, 2), ...missed].join('\n')}\n`;
}

/** A line for each value; the rule's own value is marked `<`, the best CSI `*`. */
function sweepTable(sweep: Sweep): string {
  const { rule, level, unit, current, best, condition } = sweep;
  const cells = sweep.points.map((row) => [
    `${row.value}${row.value === best ? ' *' : ''}${row.value === current ? ' <' : ''}`,
    ...[row.hits, row.misses, row.falseAlarms].map((count) => (row.judged ? String(count) : '-')),
    ...[row.pod, row.far, row.csi, row.bias, row.lead.median].map(figure),
    ...[row.byDay?.pod, row.byDay?.pofd, row.alertsPerYear].map(figure),
  ]);
  const head = `${unit ?? 'value'} hits misses false POD FAR CSI bias lead/h POD/day POFD/day per-year`;
  const area = sweep.rocArea === null ? [] : [`area under ROC, by day: ${sweep.rocArea.toFixed(3)}`];
  return `${[`${rule} ${level}: ${condition}`, ...align(head, cells, 1), ...area].join('\n')}\n`;
}

const between = (interval: readonly [number, number] | null, write: (value: number) => string): string =>
  interval === null ? '-' : interval.map(write).join('..');
const called = ({ method, parameter }: Pick<Proposal, 'method' | 'parameter'>): string =>
  method === 'best-csi'
    ? 'best CSI'
    : method === 'percentile'
      ? `${parameter}% of days`
      : `${parameter} years`;

/** A line for each way to a threshold, the rule's own first; then what each station's history gives. */
function proposalTable({ rule, level, unit, condition, current, years, ...rest }: Proposals): string {
  const own = ['own', String(current.value), '-', figure(current.skill?.csi), ...Array(5).fill('-')];
  const cells = rest.proposals.map((one) => [
    ...[called(one), String(one.value), between(one.interval, String), figure(one.skill?.csi)],
    ...[figure(one.outOfSample?.csi), figure(one.outOfSample?.gain)],
    between(one.outOfSample?.gainInterval ?? null, figure),
    ...[one.alertsPerYear, one.falseAlarmsPerYear].map(figure),
  ]);
  const head = [
    'from',
    unit ?? 'value',
    '95%',
    'CSI',
    'CSI-out',
    'gain',
    '95%',
    'per-year',
    'false-per-year',
  ];
  const stations = rest.stations.map((one) => [
    ...[one.station, String(one.days), String(one.years)],
    one.values
      .map((value) => `${called(value)}: ${value.value} (${between(value.interval, String)})`)
      .join('; '),
  ]);
  const title = `${rule} ${level}: ${condition}, ${years.length} years from ${years[0]} to ${years.at(-1)}`;
  return `${[title, ...align(head, [own, ...cells], 1), '', ...align(['station', 'days', 'years', 'its own history'], stations, 1)].join('\n')}\n`;
}

/** Two versions side by side, `before > after`, and the spells that only one of them has. */
function compareTable(comparisons: readonly Comparison[]): string {
  const pair = (one: Comparison, of: (row: BacktestRow) => string): string =>
    `${one.before === null ? '-' : of(one.before)} > ${one.after === null ? '-' : of(one.after)}`;
  const cells = comparisons.map((one) => [
    ...[one.rule, one.level],
    pair(one, (row) => (row.judged ? `${row.hits}/${row.misses}/${row.falseAlarms}` : '-')),
    ...(['pod', 'far', 'csi'] as const).map((score) => pair(one, (row) => figure(row[score]))),
    pair(one, (row) => figure(row.lead.median)),
    pair(one, (row) => String(row.alerts)),
    ...[String(one.gone.count), String(one.added.count)],
  ]);
  const lone = comparisons.flatMap((one) => [...loneLines(one, 'gone'), ...loneLines(one, 'added')]);
  const head = 'rule level hits/misses/false POD FAR CSI lead/h alerts gone added';
  return `${[...align(head, cells, 2), ...lone].join('\n')}\n`;
}

const MAX_SHOWN = 10;

/** The first spells that one version has alone. */
function loneLines(one: Comparison, side: 'gone' | 'added'): string[] {
  const name = `${side} ${one.rule} ${one.level}`;
  const shown = one[side].first.slice(0, MAX_SHOWN);
  const rest = one[side].count - shown.length;
  return [
    ...shown.map(({ subject, from, to }) => `${name} ${subject} ${from} to ${to}`),
    ...(rest > 0 ? [`${name} and ${rest} more; --json lists 100`] : []),
  ];
}

/** The report for a terminal: the scores, then each sweep, then the two versions side by side. */
export function reportTables({ rows, sweeps = [], proposals = [], compare }: BacktestReport): string {
  return [
    scoreTable(rows),
    ...sweeps.map(sweepTable),
    ...proposals.map(proposalTable),
    ...(compare ? [compareTable(compare)] : []),
  ].join('\n');
}

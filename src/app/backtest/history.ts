import { AtalaiaError } from '../../lib/errors.ts';
import { fromScaled, quantities } from '../../model/quantity.ts';
import type { Report } from '../../model/report.ts';
import type { Expression } from '../../model/rule.ts';
import { DAY_MS, HOUR_MS } from '../../model/time.ts';
import { unitFor } from '../../model/unit.ts';
import { comparisonAt } from '../../rules/threshold.ts';
import type { Recording } from './recording.ts';
import type { Target } from './sweep.ts';

/** Days of a year that must be observed before its greatest value counts as the year's. */
const LEAST_DAYS = 292;

type Aggregate = Extract<Expression, { kind: 'aggregate' }>;

/** The worst value of each UTC day of one station, in the unit of the threshold. */
export interface StationHistory {
  readonly station: string;
  /** By UTC year, sorted so that the worst stands last; for a threshold that is fallen below, with their sign turned. */
  readonly days: ReadonlyMap<number, Float64Array>;
  /** Worst value of each year that was observed on four fifths of its days, by year. */
  readonly extremes: ReadonlyMap<number, number>;
}

export interface History {
  readonly stations: readonly StationHistory[];
  /** 1 where the threshold is exceeded, -1 where it is fallen below: values are multiplied by it. */
  readonly sign: 1 | -1;
}

const wrong = (why: string): AtalaiaError => new AtalaiaError('ATL_USAGE', `--propose: ${why}`);

/** The value that is compared with the number, and on which side it is worse. Throws ATL_USAGE. */
function comparedWith({ rule, level, place }: Target): { of: Aggregate; sign: 1 | -1; unit: string | null } {
  const held = rule.levels.find((one) => one.level === level);
  const comparison = held && comparisonAt(held.condition, place);
  if (rule.subject !== 'station' || !comparison)
    throw wrong(`${rule.name} is not a rule for stations: it has no history of its own. Use --sweep.`);
  const { left, right, operator } = comparison;
  const isTurned = left.kind === 'number';
  const [of, number] = isTurned ? [right, left] : [left, right];
  const isSimple =
    of.kind === 'aggregate' &&
    number.kind === 'number' &&
    of.window.kind === 'sliding' &&
    /[<>]/.test(operator);
  if (!isSimple || !['sum', 'max', 'min', 'avg'].includes(of.name) || !quantities.has(of.quantity))
    throw wrong(
      `${comparison.text}: only sum, max, min or avg over a span, compared with a number by > or <, has a history. Use --sweep.`,
    );
  return { of, unit: number.unit, sign: operator.startsWith('>') === isTurned ? -1 : 1 };
}

/** What the recording's stations would have compared with the threshold, day by day. Throws ATL_USAGE. */
export function historyOf(target: Target, recording: Recording): History {
  const { of, sign, unit } = comparedWith(target);
  const known = quantities.get(of.quantity);
  const by = unit === null ? undefined : unitFor(unit, known?.unit ?? '');
  // canonical = (value + offset) × numerator / denominator
  const inUnit = (canonical: number): number =>
    by ? (canonical * by.denominator) / by.numerator - by.offset : canonical;
  const own = new Map<string, Reading[]>();
  for (const block of recording.reports.blocks())
    for (const report of block) {
      const value = readingOf(report, of.quantity);
      if (value === undefined) continue;
      const list = own.get(report.station) ?? [];
      own.set(report.station, list);
      list.push({ at: report.observedAt, intervalMs: report.intervalMs, value });
    }
  const isInterval = known?.kind === 'interval';
  const paces = new Map(recording.stations.map(({ id, intervalMs }) => [id, intervalMs ?? HOUR_MS]));
  const stations = [...own].map(([station, readings]) => {
    const worst = new Map<number, number>();
    const paceMs = isInterval ? null : (paces.get(station) ?? HOUR_MS);
    slide(readings, of, paceMs, target.rule.coverage, (at, value) => {
      const day = Math.floor(at / DAY_MS);
      const signed = sign * inUnit(value);
      if (!(signed <= (worst.get(day) ?? Number.NEGATIVE_INFINITY))) worst.set(day, signed);
    });
    return byYear(station, worst);
  });
  const found = stations.filter(({ days }) => days.size > 0).sort((a, b) => (a.station < b.station ? -1 : 1));
  if (found.length === 0) throw wrong(`the recording has no full window of ${of.text}.`);
  return { stations: found, sign };
}

interface Reading {
  readonly at: number;
  readonly intervalMs: number;
  readonly value: number;
}

function readingOf({ quantities: names, values }: Report, quantity: string): number | undefined {
  const i = names.indexOf(quantity);
  return i < 0 ? undefined : values[i];
}

/**
 * The aggregate over (t - span, t] at each reading t, where the window is covered. `paceMs`: what a reading of an instant
 * covers; null for readings of intervals, which lie in the window whole or not at all.
 */
function slide(
  given: readonly Reading[],
  { name, window }: Aggregate,
  paceMs: number | null,
  coverage: number,
  take: (at: number, canonical: number) => void,
): void {
  // Of repeats the last counts.
  const readings = [...new Map(given.map((one) => [one.at, one])).values()].sort((a, b) => a.at - b.at);
  const spanMs = window.kind === 'sliding' ? window.spanMs : 0;
  let [from, sum, covered] = [0, 0, 0];
  for (const [to, reading] of readings.entries()) {
    sum += reading.value;
    covered += paceMs ?? reading.intervalMs;
    for (let first = readings[from]; first; first = readings[++from]) {
      const begin = paceMs === null ? first.at - first.intervalMs : first.at - 1;
      if (begin >= reading.at - spanMs) break;
      sum -= first.value;
      covered -= paceMs ?? first.intervalMs;
    }
    if (from > to || covered < coverage * spanMs) continue;
    take(reading.at, fromScaled(name === 'sum' ? sum : aggregateOf(name, readings, from, to, sum)));
  }
}

function aggregateOf(
  name: string,
  readings: readonly Reading[],
  from: number,
  to: number,
  sum: number,
): number {
  if (name === 'avg') return sum / (to - from + 1);
  let found = (readings[to] as Reading).value;
  for (let i = from; i < to; i++) {
    const { value } = readings[i] as Reading;
    found = name === 'max' ? Math.max(found, value) : Math.min(found, value);
  }
  return found;
}

function byYear(station: string, worst: ReadonlyMap<number, number>): StationHistory {
  const years = Map.groupBy(worst, ([day]) => new Date(day * DAY_MS).getUTCFullYear());
  const days = new Map(
    [...years].map(([year, all]) => [year, Float64Array.from(all, ([, one]) => one).sort()]),
  );
  const whole = [...days].filter(([, all]) => all.length >= LEAST_DAYS);
  return { station, days, extremes: new Map(whole.map(([year, all]) => [year, all.at(-1) as number])) };
}

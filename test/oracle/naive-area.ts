/**
 * The semantics of a rule over an area, computed anew from all reports: who was heard by when, what the frontier let
 * through, what every station or all of them together showed at each instant. Slow on purpose, no incremental state. For
 * quantities over an interval whose readings do not overlap; event time only (no expiry, no revisions).
 */
import type { Report } from '../../src/model/report.ts';
import type { Condition, Expression, Level, Rule } from '../../src/model/rule.ts';
import { fixtureSite } from './naive-fold.ts';
import { acceptedOnly } from './naive-quality.ts';

type Truth = boolean | null;

export interface NaiveStation {
  readonly id: string;
  readonly intervalMs: number;
  readonly reports: readonly Report[];
}
export interface NaiveAreaInstant {
  readonly at: number;
  /** The last instant of one move of the frontier: only here may the alert be raised or escalate. */
  readonly newest: boolean;
  readonly levels: readonly Truth[];
  /** Level of the open alert after this instant; null when none is open. */
  readonly level: Level | null;
}

/** What is known of a number: its least and greatest possible value; null is unbounded. */
interface Bounds {
  readonly low: number | null;
  readonly high: number | null;
}
const UNKNOWN: Bounds = { low: null, high: null };
const exactly = (value: number): Bounds => ({ low: value, high: value });

/** The windows that an expression or a condition names. */
function windowsOf(c: Condition | Expression): { quantity: string; spanMs: number }[] {
  switch (c.kind) {
    case 'and':
    case 'or':
      return c.terms.flatMap(windowsOf);
    case 'not':
      return windowsOf(c.term);
    case 'comparison':
    case 'arithmetic':
      return [...windowsOf(c.left), ...windowsOf(c.right)];
    case 'stations':
      return windowsOf(c.where);
    case 'aggregate':
      return c.window.kind === 'sliding' ? [{ quantity: c.quantity, spanMs: c.window.spanMs }] : [];
    default:
      return [];
  }
}

/** Of one station: sum, readings and covered share of a window that ends at t. */
function windowOf(
  { reports }: NaiveStation,
  quantity: string,
  t: number,
  spanMs: number,
): { values: number[]; coverage: number } {
  const inside = reports.filter(
    (r) => r.quantities.includes(quantity) && r.observedAt <= t && r.observedAt - r.intervalMs >= t - spanMs,
  );
  return {
    values: inside.map((r) => (r.values[r.quantities.indexOf(quantity)] as number) / 1000),
    coverage: inside.reduce((sum, r) => sum + r.intervalMs, 0) / spanMs,
  };
}

function bounds(
  e: Expression,
  stations: readonly NaiveStation[],
  silent: ReadonlySet<string>,
  t: number,
  coverage: number,
): Bounds {
  if (e.kind === 'number') return exactly(e.canonical.numerator / e.canonical.denominator);
  if (e.kind === 'stations') {
    const asked = stations.filter(({ id }) => !silent.has(id));
    const truths = asked.map((station) => truthOf(e.where, [station], silent, t, coverage));
    const holding = truths.filter((truth) => truth === true).length;
    const open = truths.filter((truth) => truth === null).length;
    if (asked.length === 0) return UNKNOWN;
    const per = e.measure === 'share' ? 100 / asked.length : 1;
    return { low: holding * per, high: (holding + open) * per };
  }
  if (e.kind !== 'aggregate' || e.window.kind !== 'sliding') throw new Error(`Not known here: ${e.kind}.`);
  const { spanMs } = e.window;
  const windows = stations.map((station) => windowOf(station, e.quantity, t, spanMs));
  const values = windows.flatMap((window) => window.values);
  const mean = windows.reduce((sum, window) => sum + window.coverage, 0) / windows.length;
  const covered = mean >= coverage - 1e-9;
  const sum = values.reduce((a, b) => a + b, 0);
  if (e.name === 'sum') return covered ? exactly(sum) : { low: sum, high: null };
  if (values.length === 0) return UNKNOWN;
  if (e.name === 'count') return exactly(values.length);
  if (e.name === 'avg') return covered ? exactly(sum / values.length) : UNKNOWN;
  const extreme = e.name === 'max' ? Math.max(...values) : Math.min(...values);
  if (covered) return exactly(extreme);
  return e.name === 'max' ? { low: extreme, high: null } : { low: null, high: extreme };
}

function truthOf(
  c: Condition,
  stations: readonly NaiveStation[],
  silent: ReadonlySet<string>,
  t: number,
  coverage: number,
): Truth {
  const of = (term: Condition): Truth => truthOf(term, stations, silent, t, coverage);
  if (c.kind === 'and') {
    const terms = c.terms.map(of);
    return terms.includes(false) ? false : terms.includes(null) ? null : true;
  }
  if (c.kind === 'or') {
    const terms = c.terms.map(of);
    return terms.includes(true) ? true : terms.includes(null) ? null : false;
  }
  if (c.kind !== 'comparison') throw new Error(`Not known here: ${c.kind}.`);
  const { low, high } = bounds(c.left, stations, silent, t, coverage);
  const limit = bounds(c.right, stations, silent, t, coverage).low as number;
  switch (c.operator) {
    case '>=':
      return low !== null && low >= limit ? true : high !== null && high < limit ? false : null;
    case '>':
      return low !== null && low > limit ? true : high !== null && high <= limit ? false : null;
    case '<':
      return high !== null && high < limit ? true : low !== null && low >= limit ? false : null;
    case '<=':
      return high !== null && high <= limit ? true : low !== null && low > limit ? false : null;
    default:
      throw new Error(`Not known here: ${c.operator}.`);
  }
}

interface Step {
  readonly at: number;
  readonly newest: boolean;
  readonly silent: Set<string>;
}

/** The instants evaluated, in order, each with the stations that were silent then; reports come as they are observed. */
function steps(rule: Rule, stations: readonly NaiveStation[], startAt: number, endAt: number): Step[] {
  const conditions = [...rule.levels.map((l) => l.condition), ...(rule.clear ? [rule.clear.condition] : [])];
  const windows = conditions.flatMap(windowsOf);
  const instants = new Set<number>();
  for (const report of stations.flatMap(({ reports }) => reports)) {
    for (const { quantity, spanMs } of windows) {
      if (!report.quantities.includes(quantity)) continue;
      instants.add(report.observedAt);
      instants.add(report.observedAt + spanMs);
    }
  }
  const paceMs = ({ intervalMs }: NaiveStation): number => 2 * intervalMs + 1000;
  // Stations fall silent before the reports of the same instant; those follow each other by their stations' ids.
  const events: { at: number; id: string }[] = [];
  for (const station of stations) {
    events.push({ at: startAt + paceMs(station), id: '' });
    for (const { observedAt } of station.reports)
      events.push({ at: observedAt, id: station.id }, { at: observedAt + paceMs(station), id: '' });
  }
  events.sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1));
  const heard = new Map(stations.map(({ id }) => [id, Number.NEGATIVE_INFINITY]));
  let frontier = Number.NEGATIVE_INFINITY;
  const found: Step[] = [];
  for (const { at: now, id } of events.filter(({ at }) => at <= endAt)) {
    const heardOf = (station: NaiveStation): number => heard.get(station.id) as number;
    const isQuiet = (one: NaiveStation): boolean => now >= Math.max(heardOf(one), startAt) + paceMs(one);
    if (id !== '') heard.set(id, now);
    // Who is back at the very instant that the frontier has come to is heard at it.
    for (const step of found) if (step.at === now) step.silent.delete(id);
    const quiet = stations.filter(isQuiet);
    const alive = stations.filter((one) => !quiet.includes(one));
    const to = Math.min(...alive.map(heardOf));
    if (alive.length === 0 || to <= frontier) continue;
    const passed = [...instants].filter((at) => at > frontier && at <= to).sort((a, b) => a - b);
    for (const at of passed) {
      const silent = quiet.filter((one) => at > heardOf(one)).map((one) => one.id);
      found.push({ at, newest: at === passed.at(-1), silent: new Set(silent) });
    }
    frontier = to;
  }
  return found;
}

/** True at i and, walking back to no earlier than `from`, at one at least `spanMs` before; unknown is passed over. */
function held(
  values: readonly Truth[],
  at: readonly number[],
  i: number,
  from: number,
  spanMs: number,
): boolean {
  if (values[i] !== true) return false;
  for (let j = i; j >= from && values[j] !== false; j--)
    if (values[j] === true && (at[i] as number) - (at[j] as number) >= spanMs) return true;
  return false;
}

/** The level of the area's alert at every instant evaluated. `endAt`: the partition clock at the end. */
export function naiveArea(
  rule: Rule,
  measured: readonly NaiveStation[],
  startAt: number,
  endAt: number,
): NaiveAreaInstant[] {
  const stations = measured.map((one) => ({
    ...one,
    reports: acceptedOnly(one.reports, fixtureSite, rule.quality),
  }));
  const all = steps(rule, stations, startAt, endAt);
  const at = all.map((step) => step.at);
  const truths = rule.levels.map(({ condition }) =>
    all.map((step) => truthOf(condition, stations, step.silent, step.at, rule.coverage)),
  );
  const falses = truths.map((values) => values.map((value) => (value === null ? null : !value)));
  const { clear } = rule;
  const clears = all.map((step) =>
    clear ? truthOf(clear.condition, stations, step.silent, step.at, rule.coverage) : true,
  );
  const fallMs = clear?.holdMs ?? 0;
  let from = 0;
  // What ends an episode or lowers its level is held within it: after the instant that raised it.
  let raised = 0;
  let open: boolean[] | null = null;
  return all.map((step, i) => {
    const holdsAt = (j: number): boolean[] =>
      rule.levels.map((level, l) => held(truths[l] as Truth[], at, j, from, level.holdMs));
    const holds = holdsAt(i);
    const none = at
      .slice(0, i + 1)
      .map((_, j) =>
        j < from
          ? null
          : holdsAt(j).includes(true)
            ? false
            : truths.some((values) => values[j] === null)
              ? null
              : true,
      );
    if (open === null) {
      if (step.newest && holds.includes(true)) {
        open = holds;
        raised = i + 1;
      }
    } else if (held(none, at, i, raised, fallMs) && held(clears, at, i, raised, fallMs)) {
      open = null;
      from = i + 1;
    } else {
      open = open.map((up, l) =>
        step.newest && holds[l] ? true : up && !held(falses[l] as Truth[], at, i, raised, fallMs),
      );
    }
    const top = open === null ? null : Math.max(0, open.lastIndexOf(true));
    return {
      at: step.at,
      newest: step.newest,
      levels: truths.map((values) => values[i] as Truth),
      level: top === null ? null : (rule.levels[top]?.level ?? null),
    };
  });
}

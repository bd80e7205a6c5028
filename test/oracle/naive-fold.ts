/**
 * The semantics of design section 5 for one rule at one station, computed anew from all rows at every instant: plain
 * arrays, no incremental state, slow on purpose. Event time only (no silence, no expiry, no revisions), and a station's
 * own readings only (no areas, no climatology). Numbers are exact fractions of bigints.
 */
import { quantities } from '../../src/model/quantity.ts';
import type { Report } from '../../src/model/report.ts';
import type { Condition, Expression, Level, Rule, Window } from '../../src/model/rule.ts';
import { acceptedOnly } from './naive-quality.ts';
import {
  add,
  aggregateOf,
  type Bounds,
  changesOf,
  exact,
  type Fraction,
  fraction,
  heldAt,
  negate,
  type Place,
  type Row,
  rowsOf,
  times,
  unknown,
} from './naive-windows.ts';

export type Truth = boolean | null;
export interface NaiveInstant {
  readonly at: number;
  /** In order of observation a report made this the newest instant: only here may the alert be raised or escalate. */
  readonly newest: boolean;
  /** One per level in the rule's order; null is unknown. */
  readonly levels: readonly Truth[];
  readonly clear: Truth;
  /** Level of the open alert after this instant; null when none is open. */
  readonly level: Level | null;
}

const isExact = (b: Bounds): b is { low: Fraction; high: Fraction } =>
  b.low !== null && b.high !== null && b.low.n * b.high.d === b.high.n * b.low.d;

const isSpan = (quantity: string): boolean => quantities.get(quantity)?.kind === 'interval';

/** What a condition is judged by: all rows, and the instants at which its rule is evaluated. */
export interface NaiveStation {
  readonly rows: (quantity: string) => readonly Row[];
  readonly coverage: number;
  readonly place: Place;
  readonly instants: readonly number[];
}

/** Where the stations of src/stream/fixture.ts stand. */
export const fixtureSite = { latitude: -30, longitude: -51, altitude: 10 };
const hourly: Place = { timeZone: 'America/Sao_Paulo', intervalMs: 3_600_000 };

export function naiveStation(rule: Rule, reports: readonly Report[], place: Place = hourly): NaiveStation {
  const station = stationOf(reports, rule.coverage, place, []);
  return { ...station, instants: evaluationInstants(rule, reports, station.rows, place) };
}

function stationOf(
  reports: readonly Report[],
  coverage: number,
  place: Place,
  instants: readonly number[],
): NaiveStation {
  const known = new Map<string, Row[]>();
  const rows = (quantity: string): Row[] => {
    const found = known.get(quantity) ?? rowsOf(reports, quantity, isSpan(quantity), place);
    known.set(quantity, found);
    return found;
  };
  return { rows, coverage, place, instants };
}

function aggregate(
  e: Extract<Expression, { kind: 'aggregate' }>,
  { rows, place, coverage }: NaiveStation,
  t: number,
): Bounds {
  const quantity = quantities.get(e.quantity);
  if (!quantity) throw new Error(`Unknown quantity ${e.quantity}.`);
  const held = heldAt(rows(e.quantity), e.window, t, isSpan(e.quantity), place);
  return aggregateOf(e.name, e.percent, held, coverage, quantity, e.window.kind === 'count');
}

/** Bounds of an expression, in canonical units. */
export function bounds(e: Expression, station: NaiveStation, t: number): Bounds {
  if (e.kind === 'number')
    return exact(fraction(BigInt(e.canonical.numerator), BigInt(e.canonical.denominator)));
  if (e.kind === 'aggregate') return aggregate(e, station, t);
  if (e.kind !== 'arithmetic') throw new Error(`The naive fold does not know ${e.kind}.`);
  const a = bounds(e.left, station, t);
  const b = bounds(e.right, station, t);
  if (e.operator === '+') return plus(a, b);
  if (e.operator === '-') return plus(a, { low: b.high && negate(b.high), high: b.low && negate(b.low) });
  if (e.operator === '*') return isExact(b) ? scale(a, b.low) : isExact(a) ? scale(b, a.low) : unknown;
  return isExact(b) && b.low.n !== 0n ? scale(a, fraction(b.low.d, b.low.n)) : unknown;
}
const plus = (a: Bounds, b: Bounds): Bounds => ({
  low: a.low && b.low && add(a.low, b.low),
  high: a.high && b.high && add(a.high, b.high),
});
const scale = (a: Bounds, by: Fraction): Bounds => {
  const low = a.low && times(a.low, by);
  const high = a.high && times(a.high, by);
  return by.n < 0n ? { low: high, high: low } : { low, high };
};

const not = (value: Truth): Truth => (value === null ? null : !value);

/** Truth of a condition at instant `t`; null is unknown. */
export function truthIn(c: Condition, station: NaiveStation, t: number): Truth {
  if (c.kind === 'not') return not(truthIn(c.term, station, t));
  if (c.kind === 'and' || c.kind === 'or') {
    const terms = c.terms.map((term) => truthIn(term, station, t));
    const decisive = c.kind === 'or';
    return terms.includes(decisive) ? decisive : terms.includes(null) ? null : !decisive;
  }
  if (c.kind === 'sequence') {
    const before = station.instants
      .filter((at) => at >= t - c.withinMs && at < t)
      .map((at) => truthIn(c.first, station, at));
    const first = before.includes(true) ? true : before.includes(null) ? null : false;
    const then = truthIn(c.then, station, t);
    return first === false || then === false ? false : first === null || then === null ? null : true;
  }
  if (c.kind !== 'comparison') throw new Error('The naive fold does not know silent().');
  return compare(c, station, t);
}

/** The same over plain reports of an hourly station; a condition with a sequence needs the instants of its rule. */
export const truthAt = (c: Condition, reports: readonly Report[], t: number, coverage: number): Truth =>
  truthIn(c, stationOf(reports, coverage, hourly, []), t);

function compare(c: Extract<Condition, { kind: 'comparison' }>, station: NaiveStation, t: number): Truth {
  const right = bounds(c.right, station, t);
  const gap = plus(bounds(c.left, station, t), {
    low: right.high && negate(right.high),
    high: right.low && negate(right.low),
  });
  const above = (orEqual: boolean): Truth => {
    if (gap.low && (orEqual ? gap.low.n >= 0n : gap.low.n > 0n)) return true;
    return gap.high && (orEqual ? gap.high.n < 0n : gap.high.n <= 0n) ? false : null;
  };
  const equal = (): Truth => {
    if (isExact(gap)) return gap.low.n === 0n;
    return (gap.low && gap.low.n > 0n) || (gap.high && gap.high.n < 0n) ? false : null;
  };
  switch (c.operator) {
    case '>':
      return above(false);
    case '>=':
      return above(true);
    case '<':
      return not(above(true));
    case '<=':
      return not(above(false));
    case '=':
      return equal();
    case '!=':
      return not(equal());
  }
}

function windowsOf(c: Condition | Expression): { quantity: string; window: Window }[] {
  if (c.kind === 'and' || c.kind === 'or') return c.terms.flatMap(windowsOf);
  if (c.kind === 'not') return windowsOf(c.term);
  if (c.kind === 'sequence') return [...windowsOf(c.first), ...windowsOf(c.then)];
  if (c.kind === 'comparison' || c.kind === 'arithmetic')
    return [...windowsOf(c.left), ...windowsOf(c.right)];
  return c.kind === 'aggregate' ? [{ quantity: c.quantity, window: c.window }] : [];
}

/** Every instant at which the rule is evaluated: readings of its quantities, and when its windows change without one. */
function evaluationInstants(
  rule: Rule,
  reports: readonly Report[],
  rows: (quantity: string) => readonly Row[],
  place: Place,
): number[] {
  const newest = Math.max(...reports.map((report) => report.observedAt));
  const conditions = [
    ...rule.levels.map((level) => level.condition),
    ...(rule.clear ? [rule.clear.condition] : []),
  ];
  const instants = conditions
    .flatMap(windowsOf)
    .flatMap(({ quantity, window }) => [
      ...rows(quantity).map(({ at }) => at),
      ...changesOf(rows(quantity), window, newest, place),
    ]);
  return [...new Set(instants)].filter((at) => at <= newest).sort((a, b) => a - b);
}

/** True at i and, walking back to no earlier than `from`, at an evaluation at least `spanMs` before; unknown is passed over. */
function held(
  values: readonly Truth[],
  at: readonly number[],
  i: number,
  from: number,
  spanMs: number,
): boolean {
  if (values[i] !== true) return false;
  for (let j = i; j >= from && values[j] !== false; j--) {
    if (values[j] === true && (at[i] as number) - (at[j] as number) >= spanMs) return true;
  }
  return false;
}

/** Truth of every level at every evaluation instant, and the level of the alert over event time: of the readings that the rule accepts. */
export function naiveFold(rule: Rule, reports: readonly Report[], place: Place = hourly): NaiveInstant[] {
  if (reports.length === 0) return [];
  const station = naiveStation(rule, acceptedOnly(reports, place.site ?? fixtureSite, rule.quality), place);
  const at = station.instants;
  const reported = reports.map((report) => report.observedAt);
  const truths = rule.levels.map((level) => at.map((t) => truthIn(level.condition, station, t)));
  const { clear } = rule;
  const clears = at.map((t) => (clear ? truthIn(clear.condition, station, t) : true));
  const falses = truths.map((values) => values.map(not));
  const fallMs = clear?.holdMs ?? 0;
  let from = 0;
  // What ends an episode or lowers its level is held within it: after the instant that raised it.
  let raised = 0;
  let open: boolean[] | null = null;
  return at.map((t, i) => {
    const next = at[i + 1] ?? Number.POSITIVE_INFINITY;
    const newest = reported.some((one) => one >= t && one < next);
    const holds = rule.levels.map((level, l) => held(truths[l] as Truth[], at, i, from, level.holdMs));
    // "No level's condition has held": false where one has, unknown where one could have. Without a clear it is "is true".
    const none = at.slice(0, i + 1).map((_, j) => {
      if (!clear && truths.some((values) => values[j] === true)) return false;
      if (rule.levels.some((level, l) => held(truths[l] as Truth[], at, j, from, level.holdMs))) return false;
      return truths.some((values) => values[j] === null) ? null : true;
    });
    if (open === null) {
      if (newest && holds.includes(true)) {
        open = holds;
        raised = i + 1;
      }
    } else if (held(none, at, i, raised, fallMs) && held(clears, at, i, raised, fallMs)) {
      open = null;
      from = i + 1;
    } else {
      open = open.map((up, l) =>
        newest && holds[l] ? true : up && !held(falses[l] as Truth[], at, i, raised, fallMs),
      );
    }
    const top = open === null ? null : Math.max(0, open.lastIndexOf(true));
    return {
      at: t,
      newest,
      levels: truths.map((values) => values[i] as Truth),
      clear: clears[i] as Truth,
      level: top === null ? null : (rule.levels[top]?.level ?? null),
    };
  });
}

/**
 * The semantics of design section 5 for one rule at one station, computed anew from all rows at every instant: plain
 * arrays, no incremental state, slow on purpose. Sliding windows and sum, min, max, avg, count, last, delta only; event
 * time only (no silence, no expiry, no revisions). Numbers are exact fractions of bigints.
 */
import { quantities } from '../../src/model/quantity.ts';
import type { Report } from '../../src/model/report.ts';
import type { Condition, Expression, Level, Rule } from '../../src/model/rule.ts';

export type Truth = boolean | null;
export interface NaiveInstant {
  readonly at: number;
  /** A report of this very instant exists: only here may the alert be raised or escalate. */
  readonly newest: boolean;
  /** One per level in the rule's order; null is unknown. */
  readonly levels: readonly Truth[];
  readonly clear: Truth;
  /** Level of the open alert after this instant; null when none is open. */
  readonly level: Level | null;
}
interface Row {
  readonly at: number;
  readonly interval: number;
  readonly value: bigint;
}
interface Fraction {
  readonly n: bigint;
  readonly d: bigint;
}
/** What is known of a number: its least and greatest possible value; null is unbounded. */
interface Bounds {
  readonly low: Fraction | null;
  readonly high: Fraction | null;
}

const fraction = (n: bigint, d = 1n): Fraction => (d < 0n ? { n: -n, d: -d } : { n, d });
const add = (a: Fraction, b: Fraction): Fraction => fraction(a.n * b.d + b.n * a.d, a.d * b.d);
const times = (a: Fraction, b: Fraction): Fraction => fraction(a.n * b.n, a.d * b.d);
const negate = (a: Fraction): Fraction => fraction(-a.n, a.d);
const exact = (value: Fraction): Bounds => ({ low: value, high: value });
const unknown: Bounds = { low: null, high: null };
const isExact = (b: Bounds): b is { low: Fraction; high: Fraction } =>
  b.low !== null && b.high !== null && b.low.n * b.high.d === b.high.n * b.low.d;

const isSpan = (quantity: string): boolean => quantities.get(quantity)?.kind === 'interval';

function rowsOf(reports: readonly Report[], quantity: string): Row[] {
  const rows = reports.flatMap((report) =>
    report.quantities.flatMap((name, i) =>
      name === quantity
        ? [{ at: report.observedAt, interval: report.intervalMs, value: BigInt(report.values[i] as number) }]
        : [],
    ),
  );
  return rows.sort((a, b) => a.at - b.at || a.interval - b.interval);
}

/** Readings that count in `(t-w, t]` and the milliseconds of it that they cover. */
function inWindow(
  rows: readonly Row[],
  span: boolean,
  t: number,
  w: number,
): { rows: Row[]; coveredMs: number } {
  const from = t - w;
  const counted: Row[] = [];
  let coveredTo = from;
  let coveredMs = 0;
  for (const row of rows) {
    const start = row.at - row.interval;
    if (row.at <= from || row.at > t) continue;
    // A measured span lies wholly inside and overlaps no earlier one that counts; an instant reading just lies inside.
    if (span && (start < from || start < coveredTo)) continue;
    counted.push(row);
    coveredMs += Math.max(0, row.at - Math.max(start, coveredTo));
    coveredTo = Math.max(coveredTo, row.at);
  }
  return { rows: counted, coveredMs };
}

function aggregate(
  e: Extract<Expression, { kind: 'aggregate' }>,
  reports: readonly Report[],
  t: number,
  coverage: number,
): Bounds {
  if (e.window.kind !== 'sliding') throw new Error('The naive fold knows sliding windows only.');
  const quantity = quantities.get(e.quantity);
  if (!quantity) throw new Error(`Unknown quantity ${e.quantity}.`);
  const unit = 10n ** BigInt(quantity.decimals);
  const window = inWindow(rowsOf(reports, e.quantity), isSpan(e.quantity), t, e.window.spanMs);
  const values = window.rows.map((row) => row.value);
  const covered = values.length > 0 && window.coveredMs >= coverage * e.window.spanMs;
  const sum = values.reduce((a, b) => a + b, 0n);
  const first = values[0];
  const last = values.at(-1);
  const ascending = values.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const least = ascending[0] ?? 0n;
  const most = ascending.at(-1) ?? 0n;
  switch (e.name) {
    case 'sum':
      if (covered) return exact(fraction(sum, unit));
      return quantity.nonNegative ? { low: fraction(sum, unit), high: null } : unknown;
    case 'max':
      if (covered) return exact(fraction(most, unit));
      return first === undefined ? unknown : { low: fraction(most, unit), high: null };
    case 'min':
      if (covered) return exact(fraction(least, unit));
      return first === undefined ? unknown : { low: null, high: fraction(least, unit) };
    case 'avg':
      return covered ? exact(fraction(sum, unit * BigInt(values.length))) : unknown;
    case 'count':
      return first === undefined ? unknown : exact(fraction(BigInt(values.length)));
    case 'last':
      return last === undefined ? unknown : exact(fraction(last, unit));
    case 'delta':
      return first === undefined || last === undefined || values.length < 2
        ? unknown
        : exact(fraction(last - first, unit));
    default:
      throw new Error(`The naive fold does not know ${e.name}.`);
  }
}

function bounds(e: Expression, reports: readonly Report[], t: number, coverage: number): Bounds {
  if (e.kind === 'number')
    return exact(fraction(BigInt(e.canonical.numerator), BigInt(e.canonical.denominator)));
  if (e.kind === 'aggregate') return aggregate(e, reports, t, coverage);
  const a = bounds(e.left, reports, t, coverage);
  const b = bounds(e.right, reports, t, coverage);
  if (e.operator === '+') return plus(a, b);
  if (e.operator === '-') return plus(a, { low: b.high && negate(b.high), high: b.low && negate(b.low) });
  if (e.operator === '*') return isExact(a) ? scale(b, a.low) : isExact(b) ? scale(a, b.low) : unknown;
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

/** Truth of a condition at instant `t` over all reports; null is unknown. */
export function truthAt(c: Condition, reports: readonly Report[], t: number, coverage: number): Truth {
  if (c.kind === 'not') return not(truthAt(c.term, reports, t, coverage));
  if (c.kind === 'and' || c.kind === 'or') {
    const terms = c.terms.map((term) => truthAt(term, reports, t, coverage));
    const decisive = c.kind === 'or';
    return terms.includes(decisive) ? decisive : terms.includes(null) ? null : !decisive;
  }
  if (c.kind !== 'comparison') throw new Error('The naive fold does not know silent().');
  return compare(c, reports, t, coverage);
}

function compare(
  c: Extract<Condition, { kind: 'comparison' }>,
  reports: readonly Report[],
  t: number,
  coverage: number,
): Truth {
  const right = bounds(c.right, reports, t, coverage);
  const gap = plus(bounds(c.left, reports, t, coverage), {
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

function windowsOf(c: Condition | Expression): { quantity: string; spanMs: number }[] {
  if (c.kind === 'and' || c.kind === 'or') return c.terms.flatMap(windowsOf);
  if (c.kind === 'not') return windowsOf(c.term);
  if (c.kind === 'comparison' || c.kind === 'arithmetic')
    return [...windowsOf(c.left), ...windowsOf(c.right)];
  return c.kind === 'aggregate' && c.window.kind === 'sliding'
    ? [{ quantity: c.quantity, spanMs: c.window.spanMs }]
    : [];
}

/** Every instant at which the rule is evaluated: readings of its quantities, and their leaving of each window. */
export function evaluationInstants(rule: Rule, reports: readonly Report[]): number[] {
  const newest = Math.max(...reports.map((report) => report.observedAt));
  const conditions = [
    ...rule.levels.map((level) => level.condition),
    ...(rule.clear ? [rule.clear.condition] : []),
  ];
  const instants = conditions
    .flatMap(windowsOf)
    .flatMap((window) => rowsOf(reports, window.quantity).flatMap((row) => [row.at, row.at + window.spanMs]));
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

/** Truth of every level at every evaluation instant, and the level of the alert over event time. */
export function naiveFold(rule: Rule, reports: readonly Report[]): NaiveInstant[] {
  if (reports.length === 0) return [];
  const at = evaluationInstants(rule, reports);
  const reported = new Set(reports.map((report) => report.observedAt));
  const truths = rule.levels.map((level) =>
    at.map((t) => truthAt(level.condition, reports, t, rule.coverage)),
  );
  const { clear } = rule;
  const clears = at.map((t) => (clear ? truthAt(clear.condition, reports, t, rule.coverage) : true));
  const falses = truths.map((values) => values.map(not));
  const fallMs = clear?.holdMs ?? 0;
  let from = 0;
  let open: boolean[] | null = null;
  return at.map((t, i) => {
    const newest = reported.has(t);
    const holds = rule.levels.map((level, l) => held(truths[l] as Truth[], at, i, from, level.holdMs));
    // "No level's condition has held": false where one has, unknown where one could have.
    const none = at.slice(0, i + 1).map((_, j) => {
      if (rule.levels.some((level, l) => held(truths[l] as Truth[], at, j, from, level.holdMs))) return false;
      return truths.some((values) => values[j] === null) ? null : true;
    });
    if (open === null) {
      if (newest && holds.includes(true)) open = holds;
    } else if (held(none, at, i, from, fallMs) && held(clears, at, i, from, fallMs)) {
      open = null;
      from = i + 1;
    } else {
      open = open.map((up, l) =>
        newest && holds[l] ? true : up && !held(falses[l] as Truth[], at, i, from, fallMs),
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

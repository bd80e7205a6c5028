/**
 * Windows and aggregates of design section 5 over plain rows, computed anew at every instant: lists, filters and exact
 * fractions, slow on purpose. Nothing of the engine's windows is used here, so that a defect of one cannot hide in the other.
 */
import type { Quantity } from '../../src/model/quantity.ts';
import type { Report } from '../../src/model/report.ts';
import type { AggregateName, Window } from '../../src/model/rule.ts';
import type { Site } from '../../src/quality/limits.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const SECOND = 1000;
/** A session that goes on for longer is cut to its newest days. */
const SESSION_DAYS = 7;

/** What of the station matters to windows. */
export interface Place {
  readonly timeZone: string;
  /** What an instantaneous reading covers before it; null: the interval of its report. */
  readonly intervalMs: number | null;
  /** Where it stands: its readings are checked. Absent: those of the fixture's stations. */
  readonly site?: Site;
}
export interface Row {
  readonly at: number;
  readonly interval: number;
  /** Span that it covers by itself. */
  readonly cover: number;
  readonly value: bigint;
  /** False when an earlier reading that counts reaches into it. */
  readonly counts: boolean;
}
export interface Fraction {
  readonly n: bigint;
  readonly d: bigint;
}
/** What is known of a number: its least and greatest possible value; null is unbounded. */
export interface Bounds {
  readonly low: Fraction | null;
  readonly high: Fraction | null;
}

export const fraction = (n: bigint, d = 1n): Fraction => (d < 0n ? { n: -n, d: -d } : { n, d });
export const add = (a: Fraction, b: Fraction): Fraction => fraction(a.n * b.d + b.n * a.d, a.d * b.d);
export const times = (a: Fraction, b: Fraction): Fraction => fraction(a.n * b.n, a.d * b.d);
export const negate = (a: Fraction): Fraction => fraction(-a.n, a.d);
export const exact = (value: Fraction): Bounds => ({ low: value, high: value });
export const unknown: Bounds = { low: null, high: null };

/** The readings of a quantity out of reports in order of arrival: of one key the newest value that was not replaced before. */
export function rowsOf(reports: readonly Report[], quantity: string, span: boolean, place: Place): Row[] {
  const values = new Map<string, { at: number; interval: number; seen: number[] }>();
  for (const { quantities, values: all, observedAt: at, intervalMs: interval } of reports) {
    const value = all[quantities.indexOf(quantity)];
    if (value === undefined) continue;
    const known = values.get(`${at} ${interval}`) ?? { at, interval, seen: [] };
    if (!known.seen.includes(value)) known.seen.push(value);
    values.set(`${at} ${interval}`, known);
  }
  const sorted = [...values.values()].sort((a, b) => a.at - b.at || a.interval - b.interval);
  const rows: Row[] = [];
  for (const { at, interval, seen } of sorted) {
    const before = rows.findLast((row) => row.counts)?.at ?? Number.NEGATIVE_INFINITY;
    rows.push({
      at,
      interval,
      cover: span ? interval : (place.intervalMs ?? interval),
      value: BigInt(seen.at(-1) as number),
      counts: span ? at - interval >= before : at > before,
    });
  }
  return rows;
}

const midnights = new Map<string, { at: number; day: number }[]>();

/** Local midnights of a zone in 2024, found by looking at the date every quarter of an hour. */
function midnightsOf(timeZone: string): { at: number; day: number }[] {
  const known = midnights.get(timeZone);
  if (known) return known;
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' });
  const found: { at: number; day: number }[] = [];
  let before = '';
  for (let at = Date.UTC(2024, 0, 1); at < Date.UTC(2025, 0, 1); at += HOUR / 4) {
    const date = format.format(at);
    if (before !== '' && date !== before) found.push({ at, day: Math.round(Date.parse(date) / DAY) });
    before = date;
  }
  midnights.set(timeZone, found);
  return found;
}

/** Starts and ends of all tumbling or hopping windows that end in (after, to]. */
export function windowsEnding(
  window: Window & { kind: 'tumbling' | 'hopping' },
  place: Place,
  after: number,
  to: number,
): { from: number; to: number }[] {
  const every = window.kind === 'hopping' ? window.everyMs : window.spanMs;
  if (every % DAY !== 0) {
    const ends: number[] = [];
    for (let end = Math.floor(after / every) * every + every; end <= to; end += every) ends.push(end);
    return ends.map((end) => ({ from: end - window.spanMs, to: end }));
  }
  const days = midnightsOf(place.timeZone);
  return days
    .filter(({ at, day }) => at > after && at <= to && day % (every / DAY) === 0)
    .map(({ at, day }) => ({
      from:
        window.spanMs % DAY === 0
          ? (days.find((one) => one.day === day - window.spanMs / DAY)?.at ?? Number.NaN)
          : at - window.spanMs,
      to: at,
    }));
}

/** What a window holds at an instant: its readings, and how much of what it needs is there. */
export interface Held {
  readonly rows: readonly Row[];
  readonly covered: number;
  readonly needed: number;
}

export function heldAt(rows: readonly Row[], window: Window, t: number, span: boolean, place: Place): Held {
  const past = rows.filter((row) => row.counts && row.at <= t);
  switch (window.kind) {
    case 'sliding':
      return between(past, t - window.spanMs, t, span);
    case 'tumbling':
    case 'hopping': {
      const every = window.kind === 'hopping' ? window.everyMs : window.spanMs;
      const newest = windowsEnding(window, place, t - 2 * every - DAY, t).at(-1);
      if (!newest) throw new Error('No window has closed: the oracle knows 2024 only.');
      return between(past, newest.from, newest.to, span);
    }
    case 'session': {
      const run: Row[] = [];
      let next = t;
      for (const row of past.filter(({ at }) => at > t - SESSION_DAYS * DAY).toReversed()) {
        if (next - row.at > window.gapMs) break;
        run.unshift(row);
        next = row.at;
      }
      const first = run[0];
      const from = first ? first.at - first.cover : t;
      return { rows: run, covered: coverOf(run, from), needed: Math.max(1, (run.at(-1)?.at ?? t) - from) };
    }
    case 'count': {
      const n = window.reports;
      const last = window.tumbling ? newestGroup(past, n, t, place) : past.slice(-n);
      return { rows: last, covered: last.length, needed: n };
    }
  }
}

function between(rows: readonly Row[], from: number, to: number, span: boolean): Held {
  const inside = rows.filter(
    (row) => row.at > from && row.at <= to && (!span || row.at - row.interval >= from),
  );
  return { rows: inside, covered: coverOf(inside, from), needed: to - from };
}

/** Milliseconds after `from` that readings cover together. */
function coverOf(rows: readonly Row[], from: number): number {
  let covered = 0;
  let coveredTo = from;
  for (const row of rows) {
    covered += Math.max(0, row.at - Math.max(row.at - row.cover, coveredTo));
    coveredTo = Math.max(coveredTo, row.at);
  }
  return covered;
}

/** Full groups of n, counted anew from the first reading of each local day; the newest of today or yesterday. */
function newestGroup(rows: readonly Row[], n: number, t: number, place: Place): readonly Row[] {
  const starts = midnightsOf(place.timeZone).map(({ at }) => at);
  const today = starts.findLastIndex((at) => at < t);
  const groups: (readonly Row[])[] = [];
  for (const day of [today - 1, today]) {
    const end = starts[day + 1] ?? Number.POSITIVE_INFINITY;
    const ofDay = rows.filter((row) => row.at > (starts[day] as number) && row.at <= end);
    for (let i = 0; i + n <= ofDay.length; i += n) groups.push(ofDay.slice(i, i + n));
  }
  return groups.at(-1) ?? [];
}

/** An aggregate of what a window holds, values in the canonical unit, as bounds. */
export function aggregateOf(
  name: AggregateName,
  percent: number | undefined,
  held: Held,
  coverage: number,
  quantity: Pick<Quantity, 'decimals' | 'nonNegative' | 'kind' | 'range'>,
  isByCount = false,
): Bounds {
  const unit = 10n ** BigInt(quantity.decimals);
  const values = held.rows.map(({ value }) => value);
  const covered = values.length > 0 && held.covered >= coverage * held.needed - 0.0001;
  const sum = values.reduce((a, b) => a + b, 0n);
  const ascending = values.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const [first, last, least, most] = [values[0], values.at(-1), ascending[0], ascending.at(-1)];
  if (name === 'rate' && quantity.kind === 'interval' && quantity.range.perHour) {
    const rows = held.rows;
    const spread =
      rows.length > 0 ? (rows.at(-1) as Row).at - (rows[0] as Row).at + (rows[0] as Row).cover : 0;
    const perHour = (ms: number): Fraction => fraction(sum * BigInt(HOUR), unit * BigInt(ms));
    if (covered) return exact(perHour(isByCount ? spread : held.covered));
    return isByCount || !quantity.nonNegative ? unknown : { low: perHour(held.needed), high: null };
  }
  if (first === undefined || last === undefined || least === undefined || most === undefined)
    return name === 'sum' && quantity.nonNegative ? { low: fraction(0n), high: null } : unknown;
  const of = (value: bigint): Fraction => fraction(value, unit);
  switch (name) {
    case 'count':
      return exact(fraction(BigInt(values.length)));
    case 'last':
      return exact(of(last));
    case 'delta':
      return values.length > 1 ? exact(of(last - first)) : unknown;
    case 'sum':
      return covered ? exact(of(sum)) : { low: quantity.nonNegative ? of(sum) : null, high: null };
    case 'max':
      return { low: of(most), high: covered ? of(most) : null };
    case 'min':
      return { low: covered ? of(least) : null, high: of(least) };
    case 'rise':
      return { low: of(last - least), high: covered ? of(last - least) : null };
  }
  const value = covered ? statistic(name, percent, held.rows, ascending) : null;
  return value ? exact(times(value, fraction(1n, unit))) : unknown;
}

/** The aggregates that are unknown below coverage, in scaled units. */
function statistic(
  name: 'avg' | 'median' | 'percentile' | 'stddev' | 'rate' | 'trend',
  percent: number | undefined,
  rows: readonly Row[],
  ascending: readonly bigint[],
): Fraction | null {
  const n = BigInt(rows.length);
  const mean = fraction(
    ascending.reduce((a, b) => a + b, 0n),
    n,
  );
  if (name === 'avg') return mean;
  if (name === 'median') {
    const [a, b] = [ascending[(rows.length - 1) >> 1], ascending[rows.length >> 1]] as [bigint, bigint];
    return fraction(a + b, 2n);
  }
  if (name === 'percentile') {
    // h = (n - 1) p: the value at its floor and a share of the way to the next.
    const h = times(fraction(n - 1n), fraction(BigInt(Math.round((percent as number) * 1e6)), 100_000_000n));
    const k = h.n / h.d;
    const low = ascending[Number(k)] as bigint;
    const next = ascending[Number(k) + 1] ?? low;
    return add(fraction(low), times(add(h, fraction(-k)), fraction(next - low)));
  }
  if (n < 2n) return null;
  if (name === 'stddev') {
    const squares = rows
      .map(({ value }) => add(fraction(value), negate(mean)))
      .reduce((total, x) => add(total, times(x, x)), fraction(0n));
    return rootOf(times(squares, fraction(1n, n - 1n)));
  }
  const hours = rows.map(({ at }) => fraction(BigInt(at - (rows[0] as Row).at), BigInt(HOUR)));
  const lastHour = hours.at(-1) as Fraction;
  if (name === 'rate') {
    const rise = (rows.at(-1) as Row).value - (rows[0] as Row).value;
    return times(fraction(rise), fraction(lastHour.d, lastHour.n));
  }
  const meanHour = times(hours.reduce(add, fraction(0n)), fraction(1n, n));
  const off = hours.map((h) => add(h, negate(meanHour)));
  const across = off
    .map((h, i) => times(h, add(fraction((rows[i] as Row).value), negate(mean))))
    .reduce(add, fraction(0n));
  const along = off.map((h) => times(h, h)).reduce(add, fraction(0n));
  return times(across, fraction(along.d, along.n));
}

/** Square root: exact where it is a fraction, else rounded down in the twentieth decimal. */
function rootOf({ n, d }: Fraction): Fraction {
  const product = n * d;
  const whole = rootFloor(product);
  if (whole * whole === product) return fraction(whole, d);
  return fraction(rootFloor(product * 10n ** 40n), d * 10n ** 20n);
}

function rootFloor(n: bigint): bigint {
  if (n < 2n) return n;
  let x = 1n << BigInt(n.toString(2).length / 2 + 1 - ((n.toString(2).length / 2) % 1));
  for (;;) {
    const y = (x + n / x) / 2n;
    if (y >= x) return x;
    x = y;
  }
}

/** Instants in (-inf, to] at which a window changes, beside the readings' own. */
export function changesOf(rows: readonly Row[], window: Window, to: number, place: Place): number[] {
  if (window.kind === 'count') return [];
  if (window.kind === 'sliding') return rows.map(({ at }) => at + window.spanMs).filter((at) => at <= to);
  if (window.kind === 'session') {
    const counted = rows.filter(({ counts }) => counts);
    return counted
      .map(({ at }) => at + window.gapMs + SECOND)
      .filter((over, i) => over <= to && !((counted[i + 1]?.at ?? Number.POSITIVE_INFINITY) <= over));
  }
  const every = window.kind === 'hopping' ? window.everyMs : window.spanMs;
  return rows.flatMap(({ at }) => {
    const ends = windowsEnding(window, place, at - 1, Math.min(to, at + window.spanMs + 2 * every + DAY));
    const left = ends.findIndex(({ from }) => from >= at);
    return ends.slice(0, left < 0 ? undefined : left + 1).map((one) => one.to);
  });
}

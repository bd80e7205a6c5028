/**
 * Alert intervals of one rule over the SQL rows of storm-sql.ts: a plain state machine for hourly data, written from
 * design section 5 and sharing nothing with the fold. Spans are in milliseconds, instants epoch ms.
 */
import type { LevelName, Truth, TruthHour } from './storm-sql.ts';

const HOUR = 3_600_000;
const levels = ['yellow', 'orange', 'red'] as const;

/** Readings of the design that could differ; the defaults are the design's. */
export interface IntervalOptions {
  /** `known`: every level must be known false to clear; `not-true`: an unknown level does not hinder. */
  readonly none?: 'known' | 'not-true';
  /** Two runs, one of no level and one of clear, or one run of both together. */
  readonly runs?: 'separate' | 'joint';
  /** Must two thirds of `expires` be reached, or passed? */
  readonly extend?: '>=' | '>';
  readonly unverifiedBy?: 'both' | 'late' | 'unknown' | 'none';
  /** Does an `unverified` revision renew the expiry? A `verified` one? */
  readonly unverifiedKeeps?: boolean;
  readonly verifiedRenews?: boolean;
  /** Do unverified and verified count as the newest revision for the two thirds? */
  readonly stateCounts?: boolean;
  /** After an expiry due at T, may the record of T raise? */
  readonly raiseAtExpiry?: boolean;
  /** Are instants inside a gap evaluated when the station returns? */
  readonly gapInstants?: boolean;
  /** Must an instant be touched by a reading to be evaluated, or is every report an evaluation? */
  readonly everyReport?: boolean;
  /** Is `issuedAt` of a timer the tick's time or its due time? */
  readonly timerIssued?: 'tick' | 'due';
}

export interface Interval {
  readonly station: string;
  readonly raisedAt: number;
  readonly endedAt: number | null;
  readonly endReason: 'cleared' | 'expired' | null;
  readonly peak: LevelName;
  readonly events: readonly { readonly event: string; readonly level: LevelName; readonly at: number }[];
}

interface Open {
  raisedAt: number;
  level: number;
  peak: number;
  up: boolean[];
  unverified: boolean;
  newestAt: number;
  expiresAt: number;
  events: { event: string; level: LevelName; at: number }[];
}
/** Since when a condition has been true without a break; unknown neither breaks nor starts. */
interface Run {
  since: number | null;
  now: boolean;
}

const step = (run: Run, value: Truth, at: number): void => {
  run.now = value === true;
  if (value === false) run.since = null;
  else if (value === true && run.since === null) run.since = at;
};
const held = (run: Run, at: number, span: number): boolean =>
  run.now && run.since !== null && at - run.since >= span;
const not = (value: Truth): Truth => (value === null ? null : !value);
const and = (a: Truth, b: Truth): Truth =>
  a === false || b === false ? false : a === null || b === null ? null : true;

/** The alert intervals of every station; `clocks` are the hours at which any station of the recording reported. */
export function alertIntervals(rows: readonly TruthHour[], options: IntervalOptions = {}): Interval[] {
  const clocks = [...new Set(rows.filter((r) => r.reported).map((r) => r.at))].sort((a, b) => a - b);
  const byStation = Map.groupBy(rows, (r) => r.station);
  return [...byStation].flatMap(([station, own]) => stationIntervals(station, own, clocks, options));
}

function stationIntervals(
  station: string,
  rows: readonly TruthHour[],
  clocks: readonly number[],
  given: IntervalOptions,
): Interval[] {
  const o = {
    none: 'known',
    runs: 'separate',
    extend: '>=',
    unverifiedBy: 'both',
    unverifiedKeeps: true,
    verifiedRenews: true,
    stateCounts: true,
    raiseAtExpiry: true,
    gapInstants: true,
    everyReport: false,
    timerIssued: 'tick',
    ...given,
  } as const satisfies Required<IntervalOptions>;
  const at = new Map(rows.map((r) => [r.at, r]));
  const done: Interval[] = [];
  let open: Open | null = null;
  let newest: number | null = null;
  let late = false;
  let unknown = false;
  let barred = Number.NEGATIVE_INFINITY;
  let falls: Run[] = [];
  let none: Run;
  let clear: Run;
  const reset = (): void => {
    falls = levels.map(() => ({ since: null, now: false }));
    none = { since: null, now: false };
    clear = { since: null, now: false };
  };
  reset();
  none ??= { since: null, now: false };
  clear ??= { since: null, now: false };

  const revise = (alert: Open, event: string, time: number, issuedAt: number): void => {
    alert.events.push({ event, level: levels[alert.level] as LevelName, at: time });
    const state = event === 'unverified' || event === 'verified';
    if (!state || o.stateCounts) alert.newestAt = issuedAt;
    if (event === 'unverified' ? !o.unverifiedKeeps : event === 'verified' ? o.verifiedRenews : true)
      alert.expiresAt = issuedAt + 6 * HOUR;
  };
  const end = (alert: Open, endReason: 'cleared' | 'expired', time: number): void => {
    alert.events.push({ event: 'ended', level: levels[alert.level] as LevelName, at: time });
    done.push({
      station,
      raisedAt: alert.raisedAt,
      endedAt: time,
      endReason,
      peak: levels[alert.peak] as LevelName,
      events: alert.events,
    });
    open = null;
    barred = o.raiseAtExpiry && endReason === 'expired' ? time - 1 : time;
    reset();
  };
  const isUnverified = (): boolean =>
    (late && (o.unverifiedBy === 'both' || o.unverifiedBy === 'late')) ||
    (unknown && (o.unverifiedBy === 'both' || o.unverifiedBy === 'unknown'));

  const timers = (clock: number): void => {
    for (;;) {
      const lateDue = newest !== null && !late ? newest + 2 * HOUR + 1000 : Number.POSITIVE_INFINITY;
      const expiry: number = open ? open.expiresAt : Number.POSITIVE_INFINITY;
      const due = Math.min(lateDue, expiry);
      if (due > clock) return;
      const issuedAt = o.timerIssued === 'tick' ? clock : due;
      if (expiry <= lateDue && open) end(open, 'expired', expiry);
      else {
        late = true;
        if (open && !open.unverified && isUnverified()) {
          open.unverified = true;
          revise(open, 'unverified', due, issuedAt);
        }
      }
    }
  };

  const evaluate = (row: TruthHour, isNewest: boolean, clock: number): void => {
    const t = row.at;
    const truth = levels.map((level) => row[level]);
    truth.forEach((value, i) => {
      step(falls[i] as Run, not(value), t);
    });
    const noneNow = truth.reduce<Truth>(
      (all, value) => and(all, o.none === 'known' ? not(value) : value !== true),
      true,
    );
    step(none, o.runs === 'joint' ? and(noneNow, row.clear) : noneNow, t);
    step(clear, row.clear, t);
    unknown = truth.every((value) => value === null);
    if (!open) {
      const level = truth.lastIndexOf(true);
      if (level < 0 || !isNewest || t <= barred) return;
      open = {
        raisedAt: t,
        level,
        peak: level,
        up: truth.map((v) => v === true),
        unverified: false,
        newestAt: 0,
        expiresAt: 0,
        events: [],
      };
      revise(open, 'raised', t, clock);
      return;
    }
    const alert: Open = open;
    if (held(none, t, HOUR) && (o.runs === 'joint' || held(clear, t, HOUR))) {
      end(alert, 'cleared', t);
      return;
    }
    truth.forEach((value, i) => {
      if (value === true && isNewest) alert.up[i] = true;
      if (held(falls[i] as Run, t, HOUR)) alert.up[i] = false;
    });
    const level = Math.max(0, alert.up.lastIndexOf(true));
    const before = alert.level;
    const was = alert.unverified;
    alert.level = level;
    alert.peak = Math.max(alert.peak, level);
    if (isNewest) alert.unverified = isUnverified();
    if (level !== before) {
      revise(alert, level > before ? 'escalated' : 'de-escalated', t, clock);
      return;
    }
    if (was !== alert.unverified) {
      revise(alert, alert.unverified ? 'unverified' : 'verified', t, clock);
      return;
    }
    const age = clock - alert.newestAt;
    if (isNewest && truth.includes(true) && (o.extend === '>=' ? age >= 4 * HOUR : age > 4 * HOUR))
      revise(alert, 'updated', t, clock);
  };

  for (const clock of clocks) {
    timers(clock);
    const row = at.get(clock);
    if (!row?.reported) continue;
    const from: number = newest === null || !o.gapInstants ? clock : newest + HOUR;
    newest = clock;
    late = false;
    let evaluated = false;
    for (let t = from; t <= clock; t += HOUR) {
      const instant = at.get(t) as TruthHour;
      if (!instant.touched && !(o.everyReport && instant.reported)) continue;
      evaluate(instant, t === clock, clock);
      evaluated ||= t === clock;
    }
    // Back in pace without an evaluation at this very instant.
    const alert = open as Open | null;
    if (!evaluated && alert && alert.unverified !== isUnverified()) {
      alert.unverified = isUnverified();
      revise(alert, alert.unverified ? 'unverified' : 'verified', clock, clock);
    }
  }
  const rest = open as Open | null;
  if (rest)
    done.push({
      station,
      raisedAt: rest.raisedAt,
      endedAt: null,
      endReason: null,
      peak: levels[rest.peak] as LevelName,
      events: rest.events,
    });
  return done;
}

import { dayStart, localDay } from '../model/local-day.ts';
import type { Window } from '../model/rule.ts';
import { DAY_MS, HOUR_MS, SECOND_MS } from '../model/time.ts';
import type { ReadingSeries } from './series.ts';
import { slidingWindow, WindowScan } from './window.ts';
import { gridOf } from './window-grid.ts';

/** A session that has gone on for longer is its newest seven days: what is kept of a series is bounded. */
export const SESSION_REACH_MS = 7 * DAY_MS;
/** Two local days and the hours that clocks may have been put back in them. */
const DAY_PAIR_MS = 2 * DAY_MS + 2 * HOUR_MS;

/** Statistics of a window of any kind at an instant (model/rule.ts says what each kind looks at). */
export function windowAt(
  series: ReadingSeries | undefined,
  window: Window,
  at: number,
  isInterval: boolean,
  timeZone: string,
): WindowScan {
  switch (window.kind) {
    case 'sliding':
      return slidingWindow(series, at, window.spanMs, isInterval);
    case 'tumbling':
    case 'hopping': {
      const grid = gridOf(window, timeZone);
      const closed = grid.closedAt(at);
      const from = grid.start(closed);
      const to = grid.end(closed);
      const result = slidingWindow(series, to, to - from, isInterval);
      // A local day that the calendar left out is empty, not covered.
      result.extent = { from, to, neededMs: Math.max(1, to - from) };
      return result;
    }
    case 'session':
      return sessionWindow(series, window.gapMs, at);
    case 'count':
      return window.tumbling
        ? groupWindow(series, window.reports, at, timeZone)
        : countWindow(series, window.reports, at);
  }
}

/** Readings that follow each other by at most the gap, `observedAt` to `observedAt`; empty when `at` is further on. */
function sessionWindow(series: ReadingSeries | undefined, gapMs: number, at: number): WindowScan {
  if (!series) return empty(at, 1);
  const reach = at - SESSION_REACH_MS;
  let begin = -1;
  let next = at;
  for (let i = series.firstAfter(at) - 1; i >= 0 && series.at(i) > reach; i--) {
    if (!series.counts(i)) continue;
    if (next - series.at(i) > gapMs) break;
    begin = i;
    next = series.at(i);
  }
  if (begin < 0) return empty(at, 1);
  const result = scanOf(series, begin, series.firstAfter(at));
  const { firstCounted, lastCounted } = result;
  const from = series.at(firstCounted) - series.cover(firstCounted);
  const to = series.at(lastCounted);
  result.coveredMs = series.cover(firstCounted) + series.covered(firstCounted + 1, lastCounted);
  result.extent = { from, to, neededMs: Math.max(1, to - from) };
  return result;
}

/** The last n readings up to `at`. */
function countWindow(series: ReadingSeries | undefined, reports: number, at: number): WindowScan {
  if (!series) return empty(at, reports * 1000);
  const end = series.firstAfter(at);
  let begin = end;
  for (let i = end - 1, left = reports; i >= 0 && left > 0; i--) {
    if (!series.counts(i)) continue;
    begin = i;
    left--;
  }
  return countedWindow(series, begin, end, reports, at);
}

/**
 * The newest full group of n readings, counted from the first of the local day; before the first group of a day is
 * full, the last one of the day before. What was measured up to midnight belongs to the day that ends.
 */
function groupWindow(
  series: ReadingSeries | undefined,
  reports: number,
  at: number,
  timeZone: string,
): WindowScan {
  if (!series) return empty(at, reports * 1000);
  const today = localDay(at - 1, timeZone);
  for (const day of [today, today - 1]) {
    const counted: number[] = [];
    const end = series.firstAfter(Math.min(at, dayStart(day + 1, timeZone)));
    for (let i = series.firstAfter(dayStart(day, timeZone)); i < end; i++)
      if (series.counts(i)) counted.push(i);
    const full = counted.length - (counted.length % reports);
    if (full === 0) continue;
    return countedWindow(
      series,
      counted[full - reports] as number,
      (counted[full - 1] as number) + 1,
      reports,
      at,
    );
  }
  return empty(at, reports * 1000);
}

function countedWindow(
  series: ReadingSeries,
  begin: number,
  end: number,
  reports: number,
  at: number,
): WindowScan {
  const result = scanOf(series, begin, end);
  if (result.count === 0) return empty(at, reports * 1000);
  const { firstCounted, lastCounted } = result;
  result.coveredMs = result.count * 1000;
  result.extent = {
    from: series.at(firstCounted) - series.cover(firstCounted),
    to: series.at(lastCounted),
    neededMs: reports * 1000,
  };
  return result;
}

function scanOf(series: ReadingSeries, begin: number, end: number): WindowScan {
  const result = new WindowScan();
  result.scan(series, begin, end, Number.NEGATIVE_INFINITY);
  return result;
}

function empty(at: number, neededMs: number): WindowScan {
  const result = new WindowScan();
  result.extent = { from: at, to: at, neededMs };
  return result;
}

/**
 * Adds the instants in [from, to] at which a window changes though no reading of its own arrives. Tumbling and hopping:
 * the ends of the windows that a reading lies in, and the first end at which it has left. Session: one second past the
 * gap after its last reading ("more than", as for silence).
 */
export function addInstants(
  instants: number[],
  series: ReadingSeries,
  window: Window,
  from: number,
  to: number,
  timeZone: string,
): void {
  if (window.kind === 'session') addSessionEnds(instants, series, window.gapMs, from, to);
  if (window.kind !== 'tumbling' && window.kind !== 'hopping') return;
  if (series.length === 0) return;
  const grid = gridOf(window, timeZone);
  let k = grid.closedAt(Math.max(from, series.at(0)) - 1) + 1;
  while (grid.end(k) <= to) {
    const next = series.firstAfter(grid.start(k - 1));
    if (next >= series.length) return;
    const at = series.at(next);
    if (at <= grid.end(k)) {
      if (grid.end(k) >= from) instants.push(grid.end(k));
      k++;
    } else k = Math.max(k + 1, grid.closedAt(at - 1) + 1);
  }
}

function addSessionEnds(
  instants: number[],
  series: ReadingSeries,
  gapMs: number,
  from: number,
  to: number,
): void {
  const overMs = gapMs + SECOND_MS;
  let next = Number.POSITIVE_INFINITY;
  for (let i = series.firstAfter(to) - 1; i >= 0; i--) {
    if (!series.counts(i)) continue;
    const over = series.at(i) + overMs;
    if (over < from) return;
    if (over <= to && next > over) instants.push(over);
    next = series.at(i);
  }
}

/** How far before an instant a window may look, ms; 0 for one that is bounded by its readings alone. */
export function reachMs(window: Window): number {
  switch (window.kind) {
    case 'sliding':
      return window.spanMs;
    case 'tumbling':
      return 2 * window.spanMs + 2 * HOUR_MS;
    case 'hopping':
      return window.spanMs + window.everyMs + 2 * HOUR_MS;
    case 'session':
      return SESSION_REACH_MS;
    case 'count':
      return window.tumbling ? DAY_PAIR_MS : 0;
  }
}

import { SECOND_MS } from '../model/time.ts';
import { isBefore, type Place } from './area-state.ts';
import type { StationState } from './station-state.ts';

/**
 * How far an area can be evaluated. At an event time its frontier is the oldest newest report among the stations that
 * are not silent then; it never goes back, and while all are silent it stands. What the frontier passes in one move is
 * evaluated together, and the last instant of it alone may raise.
 */
export interface FrontierMove {
  /** First and last instant to evaluate, epoch ms. */
  readonly from: number;
  readonly to: number;
  /** What moved it. */
  readonly by: Place;
  /** It follows from the reports, not from the clock alone. */
  readonly isSure: boolean;
  /** The stations that were silent at the move. */
  readonly silent: Absences;
}

/** A station is left out of counts between the report before and the one after its silence. */
export interface Absence {
  readonly heardAt: number;
  backAt: number;
}
export type Absences = ReadonlyMap<StationState, Absence>;

/** One second after two intervals without a report, as {@link StationState.lateDueAt} has it. */
const paceMs = (station: StationState): number => 2 * station.intervalMs + SECOND_MS;

/**
 * From when a station is silent that was last heard at `newestAt`, in event time. It counts from its adoption, or from
 * the end of an outage of ours that fell into its pace.
 */
function silentFrom(station: StationState, newestAt: number): number {
  const paced = newestAt + paceMs(station);
  const { armedAt } = station;
  return newestAt === Number.NEGATIVE_INFINITY || (armedAt > newestAt && armedAt < paced)
    ? armedAt + paceMs(station)
    : paced;
}

/** The station whose newest report is the oldest of those that are not late by the partition clock; null when all are. */
export function frontierHolder(
  members: readonly StationState[],
  clockAt: number,
  delayMs: number,
): StationState | null {
  let holder: StationState | null = null;
  for (const station of members) {
    // Of those alike the last, which reports last as a rule: it is asked again until it does.
    if (holder && station.newestAt > holder.newestAt) continue;
    if (clockAt < station.lateDueAt(delayMs)) holder = station;
  }
  return holder;
}

/** The stations that are late by the partition clock. */
export function silentNow(members: readonly StationState[], clockAt: number, delayMs: number): Absences {
  const silent = new Map<StationState, Absence>();
  for (const station of members)
    if (clockAt >= station.lateDueAt(delayMs))
      silent.set(station, { heardAt: station.newestAt, backAt: Number.POSITIVE_INFINITY });
  return silent;
}

/** The newest report of a station before an instant, of those still remembered. */
function newestBefore({ reportedAt }: StationState, at: number): number {
  let low = 0;
  let high = reportedAt.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((reportedAt[middle] as number) < at) low = middle + 1;
    else high = middle;
  }
  return low > 0 ? (reportedAt[low - 1] as number) : Number.NEGATIVE_INFINITY;
}

/** Where the frontier stood, in order of observation, when nothing observed at or after `at` had come. */
export function frontierBefore(members: readonly StationState[], at: number): number {
  let oldest = Number.POSITIVE_INFINITY;
  let lastFrom = Number.NEGATIVE_INFINITY;
  let lastHeard = Number.NEGATIVE_INFINITY;
  for (const station of members) {
    const newest = newestBefore(station, at);
    const from = silentFrom(station, newest);
    if (at <= from) oldest = Math.min(oldest, newest);
    else if (from > lastFrom || (from === lastFrom && newest < lastHeard)) {
      lastFrom = from;
      lastHeard = newest;
    }
  }
  // All silent: it stands where the last one to fall silent held it.
  return oldest === Number.POSITIVE_INFINITY ? lastHeard : oldest;
}

/**
 * The moves of the frontier from `from` on, as they would have been had every report come in order of observation: what
 * is evaluated again after late data does not depend on the order in which it came. What came so late that its station is
 * late by the clock all the same moves it, too. A last move goes on to `present` at least, where the partition clock
 * judges silence.
 */
export function frontierMoves(
  members: readonly StationState[],
  from: number,
  present: number,
  clockAt: number,
  delayMs: number,
): FrontierMove[] {
  const newest = new Map(members.map((station) => [station, newestBefore(station, from)]));
  const moves: FrontierMove[] = [];
  let frontier = from - 1;
  // One station that holds the frontier is enough to know that it stands; of those alike the last to report is the best.
  let holder: StationState | undefined;
  const isHolding = (station: StationState, at: number): boolean => {
    const heard = newest.get(station) as number;
    return heard <= frontier && at < silentFrom(station, heard);
  };
  for (const { by, reported } of eventsOf(members, from, clockAt - delayMs)) {
    if (reported) {
      newest.set(reported, by.at);
      // The frontier came to this very instant without a station that is back at it.
      const absence = moves.at(-1)?.to === by.at ? moves.at(-1)?.silent.get(reported) : undefined;
      if (absence) absence.backAt = by.at;
    }
    if (holder && isHolding(holder, by.at)) continue;
    holder = members.findLast((station) => isHolding(station, by.at));
    if (holder) continue;
    let oldest = Number.POSITIVE_INFINITY;
    const silent = new Map<StationState, Absence>();
    for (const [station, heard] of newest) {
      if (by.at >= silentFrom(station, heard))
        silent.set(station, { heardAt: heard, backAt: Number.POSITIVE_INFINITY });
      else oldest = Math.min(oldest, heard);
    }
    if (oldest === Number.POSITIVE_INFINITY) continue;
    moves.push({ from: frontier + 1, to: oldest, by, isSure: true, silent });
    frontier = oldest;
  }
  if (frontier < present) {
    const by = { at: clockAt - delayMs, id: '' };
    moves.push({
      from: frontier + 1,
      to: present,
      by,
      isSure: false,
      silent: silentNow(members, clockAt, delayMs),
    });
  }
  return moves;
}

interface FrontierEvent {
  readonly by: Place;
  /** The station whose report it is; null: one falls silent. */
  readonly reported: StationState | null;
}

/** What can move the frontier from `start` on, in order: reports, and stations that fall silent up to `until`. */
function eventsOf(members: readonly StationState[], start: number, until: number): FrontierEvent[] {
  const events: FrontierEvent[] = [];
  for (const station of members) {
    const reports = station.reportedAt.filter((at) => at >= start);
    const { id } = station.station;
    const heard = [newestBefore(station, start), ...reports];
    heard.forEach((at, i) => {
      if (i > 0) events.push({ by: { at, id }, reported: station });
      const dueAt = silentFrom(station, at);
      if (dueAt < (heard[i + 1] ?? Number.POSITIVE_INFINITY) && dueAt >= start && dueAt <= until)
        events.push({ by: { at: dueAt, id: '' }, reported: null });
    });
  }
  return events.sort((a, b) => (isBefore(a.by, b.by) ? -1 : isBefore(b.by, a.by) ? 1 : 0));
}

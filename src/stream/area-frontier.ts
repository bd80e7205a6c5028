import { SECOND_MS } from '../model/time.ts';
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
export function silentFrom(station: StationState, newestAt: number): number {
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

/** How many of ascending instants lie before one. */
export function countBefore(instants: readonly number[], at: number): number {
  let low = 0;
  let high = instants.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((instants[middle] as number) < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The newest report of a station before an instant, of those still remembered. */
function newestBefore({ reportedAt }: StationState, at: number): number {
  const count = countBefore(reportedAt, at);
  return count > 0 ? (reportedAt[count - 1] as number) : Number.NEGATIVE_INFINITY;
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

/** A place in the order of observation: reports of one instant follow each other by the ids of their stations. */
export interface Place {
  readonly at: number;
  /** Empty: the instant itself, before the reports of it. */
  readonly id: string;
}

export const isBefore = (a: Place, b: Place): boolean => a.at < b.at || (a.at === b.at && a.id < b.id);

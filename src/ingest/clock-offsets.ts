import { SECOND_MS } from '../model/time.ts';

/** Reports after which what was seen before them is forgotten at the next turn. */
const TURN = 16;
const MAX_STATIONS = 200_000;

interface Seen {
  best: number;
  before: number;
  reports: number;
}

/** What is known of a station's clock. */
export interface ClockOffset {
  /**
   * `observedAt` less our time at its arrival, s, where that was greatest among the last reports: what is above zero the
   * clock is ahead; what is below is the way from there to here, or a clock that is behind.
   */
  readonly offsetSeconds: number;
  readonly reports: number;
}

/**
 * Estimates how far clocks of stations are from ours by the report that came soonest of the last 16 to 32, for ways can only
 * add delay (as the minimum filter of NTP, RFC 5905, section 10). Only of what this process has heard; no decision rests on it.
 */
export class ClockOffsets {
  readonly #seen = new Map<string, Seen>();

  seen(station: string, observedAt: number, receivedAt: number): void {
    const ahead = observedAt - receivedAt;
    const known = this.#seen.get(station);
    if (!known) {
      if (this.#seen.size >= MAX_STATIONS) this.#seen.delete(this.#seen.keys().next().value as string);
      this.#seen.set(station, { best: ahead, before: Number.NEGATIVE_INFINITY, reports: 1 });
      return;
    }
    if (known.reports++ % TURN === 0) {
      known.before = known.best;
      known.best = ahead;
    } else known.best = Math.max(known.best, ahead);
  }

  /** Undefined for a station that was not heard. */
  of(station: string): ClockOffset | undefined {
    const known = this.#seen.get(station);
    return (
      known && {
        offsetSeconds: Math.round(Math.max(known.best, known.before)) / SECOND_MS,
        reports: Math.min(known.reports, 2 * TURN),
      }
    );
  }
}

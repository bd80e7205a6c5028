import type { Station } from '../../model/station.ts';
import { HOUR_MS, SECOND_MS } from '../../model/time.ts';
import type { LatestValue } from '../../store/archive/archive.ts';

export interface StationHealth {
  readonly state: 'never-heard' | 'silent' | 'late' | 'partial' | 'suspect' | 'good';
  readonly since: number | null;
  /** Quantities that the station once sent and is not sending. */
  readonly missing: readonly string[];
  /** Quantities whose newest reading is suspect or bad, which no rule counts by default, and those that depart from the neighbours'. */
  readonly suspect: readonly SuspectQuantity[];
}

/** What quality control says of the newest reading of a quantity. */
export interface SuspectQuantity {
  readonly quantity: string;
  readonly flag: string;
  /** The check that says so (docs/quality.md). */
  readonly check: string;
  /** The instant from which its newest readings are flagged without a good one between, as far as it was watched. */
  readonly since: number;
  /** Rules count it all the same: its neighbours alone speak against it. */
  readonly isCounted?: true;
}

/**
 * Since when newest readings are flagged, watched from one look at the latest values to the next. What was flagged before
 * the first look is not known: there it is the newest reading's instant, a bound.
 */
export class FlagWatch {
  #since = new Map<string, number>();

  look(latest: Iterable<LatestValue>): void {
    const since = new Map<string, number>();
    for (const { station, quantity, flag, observedAt } of latest) {
      if (flag === 'good') continue;
      const key = keyOf(station, quantity);
      since.set(key, Math.min(this.#since.get(key) ?? observedAt, observedAt));
    }
    this.#since = since;
  }

  /** The flagged ones among the latest values of a station, by name. */
  suspectOf(latest: readonly LatestValue[]): readonly SuspectQuantity[] {
    return latest
      .flatMap(({ station, quantity, flag, check, observedAt }) =>
        flag === 'good'
          ? []
          : [
              {
                quantity,
                flag,
                check: check ?? '',
                since: this.#since.get(keyOf(station, quantity)) ?? observedAt,
              },
            ],
      )
      .sort((a, b) => (a.quantity < b.quantity ? -1 : 1));
  }
}

const keyOf = (station: string, quantity: string): string => `${station}/${quantity}`;

const SILENT_MS = 3 * HOUR_MS;

/** The ladder of a station's health at `now`, from its latest values. Quantities that a station of the network sends by habit and this one never did count as missing. */
export function stationHealth(
  station: Station,
  latest: readonly LatestValue[],
  expected: readonly string[],
  now: number,
  suspect: readonly SuspectQuantity[] = [],
): StationHealth {
  const newest = Math.max(Number.NEGATIVE_INFINITY, ...latest.map((value) => value.observedAt));
  if (!Number.isFinite(newest)) return { state: 'never-heard', since: null, missing: expected, suspect };
  const interval = station.intervalMs ?? HOUR_MS;
  const pace = 2 * interval + SECOND_MS;
  const heard = new Map(latest.map((value) => [value.quantity, value.observedAt]));
  const missing = expected.filter(
    (quantity) => newest - (heard.get(quantity) ?? Number.NEGATIVE_INFINITY) >= 3 * interval,
  );
  if (now - newest >= Math.max(SILENT_MS, pace)) return { state: 'silent', since: newest, missing, suspect };
  if (now - newest >= pace) return { state: 'late', since: newest, missing, suspect };
  if (missing.length > 0) {
    const since = Math.max(...missing.map((quantity) => heard.get(quantity) ?? Number.NEGATIVE_INFINITY));
    return { state: 'partial', since: Number.isFinite(since) ? since : null, missing, suspect };
  }
  if (suspect.length > 0)
    return { state: 'suspect', since: Math.min(...suspect.map((one) => one.since)), missing, suspect };
  return { state: 'good', since: newest, missing, suspect };
}

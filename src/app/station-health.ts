import type { Station } from '../model/station.ts';
import { HOUR_MS, SECOND_MS } from '../model/time.ts';
import type { LatestValue } from '../store/archive/archive.ts';

export interface StationHealth {
  readonly state: 'never-heard' | 'silent' | 'late' | 'partial' | 'good';
  readonly since: number | null;
  /** Quantities that the station once sent and is not sending. */
  readonly missing: readonly string[];
}

const SILENT_MS = 3 * HOUR_MS;

/** The ladder of a station's health at `now`, from its latest values. Quantities that a station of the network sends by habit and this one never did count as missing. */
export function stationHealth(
  station: Station,
  latest: readonly LatestValue[],
  expected: readonly string[],
  now: number,
): StationHealth {
  const newest = Math.max(Number.NEGATIVE_INFINITY, ...latest.map((value) => value.observedAt));
  if (!Number.isFinite(newest)) return { state: 'never-heard', since: null, missing: expected };
  const interval = station.intervalMs ?? HOUR_MS;
  const pace = 2 * interval + SECOND_MS;
  const heard = new Map(latest.map((value) => [value.quantity, value.observedAt]));
  const missing = expected.filter(
    (quantity) => newest - (heard.get(quantity) ?? Number.NEGATIVE_INFINITY) >= 3 * interval,
  );
  if (now - newest >= Math.max(SILENT_MS, pace)) return { state: 'silent', since: newest, missing };
  if (now - newest >= pace) return { state: 'late', since: newest, missing };
  if (missing.length > 0) {
    const since = Math.max(...missing.map((quantity) => heard.get(quantity) ?? Number.NEGATIVE_INFINITY));
    return { state: 'partial', since: Number.isFinite(since) ? since : null, missing };
  }
  return { state: 'good', since: newest, missing };
}

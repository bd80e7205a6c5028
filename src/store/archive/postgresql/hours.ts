import type { Observation } from '../../../model/observation.ts';
import { HOUR_MS } from '../../../model/time.ts';
import type { Session } from '../../ledger/postgresql/session.ts';

/**
 * Computes the touched (station, hour) anew from the observations: what is kept never drifts from what it is made of. Hours
 * before `keptFrom` stand as they were. `mayReplace`: an hour whose usable readings were all withdrawn loses its row.
 */
export async function updateHours(
  session: Session,
  rows: readonly Observation[],
  { keptFrom, mayReplace }: { readonly keptFrom: number; readonly mayReplace: boolean },
): Promise<void> {
  const kept = rows.filter(({ observedAt }) => hourOf(observedAt) >= keptFrom);
  const hours = touchedHours(kept);
  if (hours.starts.length === 0) return;
  if (mayReplace) {
    await session.run(DELETE_EMPTY_HOURS, hours.stations, hours.starts);
  }
  await session.run(
    UPSERT_HOURS,
    hours.stations,
    hours.starts,
    hours.starts.reduce((a, b) => Math.min(a, b)),
    hours.starts.reduce((a, b) => Math.max(a, b)) + HOUR_MS,
  );
}

const DELETE_EMPTY_HOURS = `
  DELETE FROM hourly AS h USING (
    SELECT t.station, t.hour, e.quantity FROM unnest($1::text[], $2::bigint[]) AS t (station, hour) CROSS JOIN LATERAL (
      SELECT k.quantity FROM hourly AS k WHERE k.station = t.station AND k.hour = t.hour
      EXCEPT
      SELECT o.quantity FROM observations AS o WHERE o.station = t.station AND o.observed_at > t.hour
        AND o.observed_at <= t.hour + ${HOUR_MS} AND o.flag <> 'bad') AS e) AS empty
  WHERE h.station = empty.station AND h.hour = empty.hour AND h.quantity = empty.quantity`;

/**
 * A join by LATERAL over an aggregate leaves the planner one way: the key's index, once per touched hour. The bounds $3 and
 * $4 let it leave out the months that are not touched.
 */
const UPSERT_HOURS = `
  INSERT INTO hourly AS held (station, quantity, hour, sum, min, max, count, covered_ms)
  SELECT t.station, a.quantity, t.hour, a.sum, a.min, a.max, a.count, a.covered_ms
  FROM unnest($1::text[], $2::bigint[]) AS t (station, hour) CROSS JOIN LATERAL (
    SELECT o.quantity, sum(o.value)::bigint AS sum, min(o.value) AS min, max(o.value) AS max, count(*) AS count,
      sum(o.interval_ms)::bigint AS covered_ms
    FROM observations AS o WHERE o.station = t.station AND o.observed_at > t.hour
      AND o.observed_at <= t.hour + ${HOUR_MS} AND o.observed_at > $3 AND o.observed_at <= $4 AND o.flag <> 'bad'
    GROUP BY o.quantity) AS a
  ON CONFLICT (station, hour, quantity) DO UPDATE SET sum = excluded.sum, min = excluded.min, max = excluded.max,
    count = excluded.count, covered_ms = excluded.covered_ms
  WHERE (held.sum, held.min, held.max, held.count, held.covered_ms)
    IS DISTINCT FROM (excluded.sum, excluded.min, excluded.max, excluded.count, excluded.covered_ms)`;

/** A reading belongs to the hour (start, end] that holds its `observedAt`, the end of its interval. */
const hourOf = (observedAt: number): number => Math.floor((observedAt - 1) / HOUR_MS) * HOUR_MS;

/** Each touched (station, hour) once, sorted, so that two writers take their row locks in one order. */
function touchedHours(rows: readonly Observation[]): {
  readonly stations: readonly string[];
  readonly starts: readonly number[];
} {
  const hours = new Map<string, { station: string; start: number }>();
  for (const { station, observedAt } of rows) {
    const start = hourOf(observedAt);
    hours.set(`${station}\t${start}`, { station, start });
  }
  const sorted = [...hours].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, hour]) => hour);
  return { stations: sorted.map(({ station }) => station), starts: sorted.map(({ start }) => start) };
}

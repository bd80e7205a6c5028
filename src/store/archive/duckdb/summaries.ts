import type { DuckDBConnection } from '@duckdb/node-api';
import { DAY_MS, HOUR_MS } from '../../../model/time.ts';
import { newestFrom } from './queries.ts';

/** Runs of hours recomputed one by one; more are recomputed as one range. */
const MAX_RUNS = 8;

/**
 * Brings latest values, hours and days up to the rows below `nextSeq`, inside the caller's transaction; those from
 * `fromSeq` on are not in them yet. Made of many rows at once: a touched hour is computed anew whole, whether one of its
 * readings came or all. Hours before `keptFrom` have lost their readings to retention and stand as they were.
 */
export async function summarise(
  connection: DuckDBConnection,
  fromSeq: number,
  nextSeq: number,
  keptFrom: number,
): Promise<void> {
  await upsertLatest(connection, fromSeq);
  for (const run of await touchedRuns(connection, fromSeq, keptFrom)) await recompute(connection, run);
  await connection.run(`UPDATE summarised SET up_to = ${nextSeq}`);
}

/** The newest by `observedAt`, then by arrival; a stored value gives way to one as new or newer. */
const upsertLatest = (connection: DuckDBConnection, firstSeq: number): Promise<unknown> =>
  connection.run(`INSERT INTO latest
    ${newestFrom(firstSeq)}
    ON CONFLICT (station, quantity) DO UPDATE SET observed_at = excluded.observed_at, interval_ms = excluded.interval_ms,
      received_at = excluded.received_at, value = excluded.value, flag = excluded.flag,
      flagged_by = excluded.flagged_by
    WHERE excluded.observed_at >= latest.observed_at`);

interface Run {
  readonly from: number;
  readonly to: number;
}

/** Rounds down in integers, before 1970 too (`%` keeps the sign). */
const floorTo = (column: string, ms: number): string => `(${column} - (${column} % ${ms} + ${ms}) % ${ms})`;

/** A reading belongs to the span (start, start + length] that holds its `observedAt`, the end of its interval. */
export const spanStart = (column: string, ms: number): string => floorTo(`(${column} - 1)`, ms);

/** The touched hours as runs without a break, so that one late report does not make us scan all time since. */
async function touchedRuns(
  connection: DuckDBConnection,
  firstSeq: number,
  keptFrom: number,
): Promise<readonly Run[]> {
  await connection.run(`CREATE OR REPLACE TEMP TABLE touched AS
    SELECT DISTINCT station, quantity, ${spanStart('observed_at', HOUR_MS)} AS hour FROM observations
    WHERE seq >= ${firstSeq} AND observed_at > ${keptFrom}`);
  const reader = await connection.runAndReadAll(
    'SELECT DISTINCT hour::DOUBLE AS hour FROM touched ORDER BY hour',
  );
  const runs: { from: number; to: number }[] = [];
  for (const [hour] of reader.getRows() as [number][]) {
    const last = runs.at(-1);
    if (last && (hour === last.to || runs.length >= MAX_RUNS)) last.to = hour + HOUR_MS;
    else runs.push({ from: hour, to: hour + HOUR_MS });
  }
  return runs;
}

/** Recomputes the touched (station, quantity, hour) from the observations and the touched days from the hours. */
async function recompute(connection: DuckDBConnection, run: Run): Promise<void> {
  const inRun = `observed_at > ${run.from} AND observed_at <= ${run.to}`;
  const touched = `SELECT station, quantity, hour FROM touched WHERE hour >= ${run.from} AND hour < ${run.to}`;
  await connection.run(`MERGE INTO hourly AS target USING (
      SELECT r.station, r.quantity, ${spanStart('r.observed_at', HOUR_MS)} AS hour,
        coalesce(sum(r.value) FILTER (r.flag <> 'bad'), 0)::BIGINT AS sum,
        min(r.value) FILTER (r.flag <> 'bad') AS min, max(r.value) FILTER (r.flag <> 'bad') AS max,
        count(*) FILTER (r.flag <> 'bad') AS count,
        coalesce(sum(r.interval_ms) FILTER (r.flag <> 'bad'), 0)::BIGINT AS covered_ms
      FROM (SELECT * FROM readings WHERE ${inRun}) AS r
      SEMI JOIN (${touched}) AS t
        ON t.station = r.station AND t.quantity = r.quantity AND t.hour = ${spanStart('r.observed_at', HOUR_MS)}
      GROUP BY ALL) AS source
    ON target.station = source.station AND target.quantity = source.quantity AND target.hour = source.hour
      AND target.hour >= ${run.from} AND target.hour < ${run.to}
    ${mergeActions('hour')}`);
  const day = (column: string): string => floorTo(column, DAY_MS);
  const fromDay = Math.floor(run.from / DAY_MS) * DAY_MS;
  const toDay = Math.ceil(run.to / DAY_MS) * DAY_MS;
  await connection.run(`MERGE INTO daily AS target USING (
      SELECT t.station, t.quantity, t.day, coalesce(sum(h.sum), 0)::BIGINT AS sum, min(h.min) AS min, max(h.max) AS max,
        coalesce(sum(h.count), 0)::BIGINT AS count, coalesce(sum(h.covered_ms), 0)::BIGINT AS covered_ms
      FROM (SELECT DISTINCT station, quantity, ${day('hour')} AS day FROM (${touched})) AS t
      LEFT JOIN (SELECT * FROM hourly WHERE hour >= ${fromDay} AND hour < ${toDay}) AS h
        ON h.station = t.station AND h.quantity = t.quantity AND ${day('h.hour')} = t.day
      GROUP BY ALL) AS source
    ON target.station = source.station AND target.quantity = source.quantity AND target.day = source.day
      AND target.day >= ${fromDay} AND target.day < ${toDay}
    ${mergeActions('day')}`);
}

/** A span whose usable readings were all withdrawn loses its row. */
const mergeActions = (span: string): string => `
    WHEN MATCHED AND source.count = 0 THEN DELETE
    WHEN MATCHED THEN UPDATE SET sum = source.sum, min = source.min, max = source.max, count = source.count, covered_ms = source.covered_ms
    WHEN NOT MATCHED AND source.count > 0 THEN INSERT (station, quantity, ${span}, sum, min, max, count, covered_ms)
      VALUES (source.station, source.quantity, source.${span}, source.sum, source.min, source.max, source.count, source.covered_ms)`;

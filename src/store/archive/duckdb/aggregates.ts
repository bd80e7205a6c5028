import { type DuckDBConnection, LIST, listValue, VARCHAR } from '@duckdb/node-api';
import { HOUR_MS } from '../../../model/time.ts';
import { asksNothing, toAggregates } from '../aggregates.ts';
import type { AggregateQuery, Aggregates } from '../archive.ts';
import { quote } from './queries.ts';
import { spanStart } from './summaries.ts';

/** So many names help the scan; more only cost it: the join picks them. */
const FEW = 50;
const hour = spanStart('observed_at', HOUR_MS);

/**
 * The hours of the table, but those with a row from `pendingFrom` on, which are not in it yet: they are made from the
 * readings here. Hours before `keptFrom` have lost their readings to retention: the table's hold. Names and bounds are written into the statements, for only so do they reach the scans below the view.
 */
export async function readAggregates(
  connection: DuckDBConnection,
  query: AggregateQuery,
  pendingFrom: number,
  keptFrom: number,
): Promise<Aggregates> {
  if (asksNothing(query)) return toAggregates([], query.limit);
  const { stations, by, limit } = query;
  // The same hours between whole ones, which fit the ends of readings.
  const from = Math.ceil(query.from / HOUR_MS) * HOUR_MS;
  const to = Math.ceil(query.to / HOUR_MS) * HOUR_MS;
  const few = stations.length > FEW ? '' : ` AND station IN (${stations.map(quote).join(', ')})`;
  const wanted = `quantity = ${quote(query.quantity)}${few}`;
  const late = `observations WHERE seq >= ${pendingFrom} AND ${wanted} AND observed_at > ${Math.max(from, keptFrom)} AND observed_at <= ${to}`;
  const bounds = await connection.runAndReadAll(
    `SELECT min(${hour})::DOUBLE, max(${hour})::DOUBLE FROM ${late}`,
  );
  const [first, last] = bounds.getRows()[0] as [number | null, number | null];
  const inTable = `${wanted} AND hour >= ${from} AND hour < ${to}`;
  const kept = 'SELECT station, hour, sum, min, max, count, covered_ms FROM hourly';
  const hours =
    first === null || last === null
      ? `${kept} WHERE ${inTable}`
      : `${kept} ANTI JOIN touched USING (station, hour) WHERE ${inTable}
        UNION ALL SELECT station, hour, sum(value) AS sum, min(value) AS min, max(value) AS max, count(*) AS count,
            sum(interval_ms) AS covered_ms
          FROM (SELECT station, ${hour} AS hour, value, interval_ms, flag FROM readings
            WHERE ${wanted} AND observed_at > ${first} AND observed_at <= ${last + HOUR_MS})
          SEMI JOIN touched USING (station, hour) WHERE flag <> 'bad' GROUP BY station, hour`;
  const rows =
    by === 'hour'
      ? 'SELECT place, hour AS first, sum, min, max, count, covered_ms FROM hours JOIN asked ON station = name'
      : `SELECT place, min(hour) AS first, sum(sum) AS sum, min(min) AS min, max(max) AS max, sum(count) AS count,
          sum(covered_ms) AS covered_ms FROM hours JOIN asked ON station = name GROUP BY place`;
  const reader = await connection.runAndReadAll(
    `WITH asked (name, place) AS (SELECT unnest($stations), unnest(range(len($stations)))),
      ${first === null ? '' : `touched AS MATERIALIZED (SELECT DISTINCT station, ${hour} AS hour FROM ${late}),`}
      hours AS (${hours})
    SELECT place::DOUBLE, first::DOUBLE, sum::DOUBLE, min::DOUBLE, max::DOUBLE, count::DOUBLE, covered_ms::DOUBLE
    FROM (${rows}) ORDER BY place, first LIMIT ${limit + 1}`,
    { stations: listValue([...stations]) },
    { stations: LIST(VARCHAR) },
  );
  return toAggregates(reader.getColumns(), limit);
}

import { type DuckDBConnection, type DuckDBValue, LIST, listValue, VARCHAR } from '@duckdb/node-api';
import { AtalaiaError } from '../../../lib/errors.ts';
import { fromScaled, quantities } from '../../../model/quantity.ts';
import { checkOf, type LatestValue, type SeriesPoint } from '../archive.ts';
import type { SeriesQuery } from './protocol.ts';

/** Points of one answer at most. */
export const MAX_POINTS = 100_000;

/** SQL string literal. */
export const quote = (text: string): string => `'${text.replaceAll("'", "''")}'`;

const namesWhere = (test: (name: string) => boolean): string =>
  [...quantities.keys()].filter(test).map(quote).join(', ');
/** Amounts per span add up (rainfall, radiation); a gust or a maximum does not. */
const additive = namesWhere(
  (name) => quantities.get(name)?.kind === 'interval' && quantities.get(name)?.range.perHour === true,
);
/** Directions have a mean on the circle only: of 350° and 10° it is 0°. */
const circular = namesWhere((name) => quantities.get(name)?.unit === '°');

const latestColumns = 'station, quantity, observed_at, interval_ms, received_at, value, flag, flagged_by';

/**
 * Of the rows from `fromSeq` on, the newest of every (station, quantity) by `observedAt`, then by arrival. By the greatest
 * of both as one number, for that takes a fifth of the time of a window over the rows.
 */
export const newestFrom = (fromSeq: number): string => `SELECT ${latestColumns} FROM observations
  SEMI JOIN (SELECT arg_max(seq, observed_at::HUGEINT * ${2n ** 63n} + seq) AS seq FROM observations
    WHERE seq >= ${fromSeq} GROUP BY station, quantity) USING (seq) WHERE seq >= ${fromSeq}`;

/** The newest reading of every (station, quantity): the table's, or one of the rows from `pendingFrom` on that are not in it yet. */
export async function readLatest(
  connection: DuckDBConnection,
  pendingFrom: number,
): Promise<readonly LatestValue[]> {
  const reader = await connection.runAndReadAll(
    `SELECT station, quantity, observed_at::DOUBLE, interval_ms::DOUBLE, received_at::DOUBLE, value::DOUBLE, flag, flagged_by
     FROM (SELECT ${latestColumns}, false AS pending FROM latest UNION ALL SELECT *, true FROM (${newestFrom(pendingFrom)}))
     QUALIFY row_number() OVER (PARTITION BY station, quantity ORDER BY observed_at DESC, pending DESC) = 1
     ORDER BY station, quantity`,
  );
  type Row = [string, string, number, number, number, number, string, string];
  return (reader.getRows() as Row[]).map(
    ([station, quantity, observedAt, intervalMs, receivedAt, value, flag, check]) => ({
      station,
      quantity,
      observedAt,
      intervalMs,
      receivedAt,
      value: fromScaled(value),
      flag,
      ...checkOf(check),
    }),
  );
}

/**
 * The first `limit` points of a station, oldest first. As observed: readings with `from <= observedAt < to`; of several
 * intervals that end together, the shortest. Aggregated: whole spans (at - every, at] that overlap [from, to), counted
 * from 1970 UTC, without readings flagged bad; `count` says how complete a span is.
 */
export async function readSeries(
  connection: DuckDBConnection,
  query: SeriesQuery,
): Promise<readonly SeriesPoint[]> {
  const bounds = check(query);
  if (bounds === undefined) return [];
  const picked = query.everyMs === null ? asObserved : aggregated(query.everyMs);
  const wanted = query.quantities ? 'AND list_contains($quantities, quantity)' : '';
  const values: Record<string, DuckDBValue> = {
    station: query.station,
    ...bounds,
    limit: BigInt(Math.min(query.limit, MAX_POINTS)),
  };
  if (query.quantities) values.quantities = listValue([...query.quantities]);
  const reader = await connection.runAndReadAll(
    `WITH usable AS (SELECT * FROM readings WHERE station = $station AND observed_at >= $from AND observed_at < $to ${wanted}),
      picked AS (${picked}), points AS (SELECT DISTINCT point_at FROM picked ORDER BY point_at LIMIT $limit)
     SELECT point_at::DOUBLE, quantity, value::DOUBLE, count::DOUBLE, min::DOUBLE, max::DOUBLE, flag, flagged_by
     FROM picked SEMI JOIN points USING (point_at) ORDER BY point_at, quantity`,
    values,
    query.quantities ? { quantities: LIST(VARCHAR) } : {},
  );
  const points: { at: number; values: Record<string, SeriesPoint['values'][string]> }[] = [];
  for (const row of reader.getRows() as [number, string, number, number, number, number, string, string][]) {
    const [at, quantity, value, count, min, max, flag, check] = row;
    if (points.at(-1)?.at !== at) points.push({ at, values: {} });
    const point = points.at(-1) as (typeof points)[number];
    point.values[quantity] = {
      value: fromScaled(value),
      count,
      min: fromScaled(min),
      max: fromScaled(max),
      flag,
      ...checkOf(check),
    };
  }
  return points;
}

function check({ from, to, everyMs, limit }: SeriesQuery): { from: bigint; to: bigint } | undefined {
  if (!Number.isSafeInteger(limit) || limit < 1)
    throw new AtalaiaError(
      'ATL_USAGE',
      `series: limit is ${limit}. Give a whole number from 1 to ${MAX_POINTS}.`,
    );
  if (![from, to].every(Number.isSafeInteger))
    throw new AtalaiaError(
      'ATL_USAGE',
      `series: from and to are ${from} and ${to}. Give instants in epoch ms.`,
    );
  if (everyMs !== null && (!Number.isSafeInteger(everyMs) || everyMs < 1000))
    throw new AtalaiaError('ATL_USAGE', `series: every is ${everyMs} ms. Give at least 1 s, or none.`);
  if (from >= to) return undefined;
  if (everyMs === null) return { from: BigInt(from), to: BigInt(to) };
  // Whole spans: (start, end] in integers is [start + 1, end + 1).
  return {
    from: BigInt(Math.floor(from / everyMs) * everyMs + 1),
    to: BigInt(Math.ceil(to / everyMs) * everyMs + 1),
  };
}

const asObserved = `SELECT observed_at AS point_at, quantity, arg_min(value, interval_ms) AS value, 1 AS count,
  arg_min(value, interval_ms) AS min, arg_min(value, interval_ms) AS max, arg_min(flag, interval_ms) AS flag,
  arg_min(flagged_by, interval_ms) AS flagged_by
  FROM usable GROUP BY point_at, quantity`;

const aggregated = (everyMs: number): string => `
  SELECT (floor((observed_at - 1) / ${everyMs}.0)::BIGINT + 1) * ${everyMs} AS point_at, quantity,
    CASE WHEN quantity IN (${additive}) THEN sum(value)
      WHEN quantity IN (${circular}) THEN round((degrees(atan2(avg(sin(radians(value / 1000.0))), avg(cos(radians(value / 1000.0))))) + 360) % 360 * 1000) % 360000
      ELSE round(avg(value)) END AS value,
    count(*) AS count, min(value) AS min, max(value) AS max,
    CASE WHEN count(*) FILTER (flag = 'suspect') > 0 THEN 'suspect' ELSE 'good' END AS flag, '' AS flagged_by
  FROM usable WHERE flag <> 'bad' GROUP BY point_at, quantity`;

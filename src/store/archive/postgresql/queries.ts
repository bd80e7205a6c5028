import { AtalaiaError } from '../../../lib/errors.ts';
import { fromScaled, quantities } from '../../../model/quantity.ts';
import type { Reader } from '../../ledger/postgresql/replica.ts';
import type { Value } from '../../ledger/postgresql/session.ts';
import { asksNothing, toAggregates } from '../aggregates.ts';
import {
  type AggregateQuery,
  type Aggregates,
  type Archive,
  checkOf,
  type LatestValue,
  type SeriesPoint,
} from '../archive.ts';

export type SeriesQuery = Parameters<Archive['series']>[0];

/** Points of one answer at most. */
const MAX_POINTS = 100_000;
const LATEST_PAGE = 2000;

const quote = (text: string): string => `'${text.replaceAll("'", "''")}'`;
const namesWhere = (test: (name: string) => boolean): string =>
  [...quantities.keys()].filter(test).map(quote).join(', ');
/** Amounts per span add up (rainfall, radiation); a gust or a maximum does not. */
const additive = namesWhere(
  (name) => quantities.get(name)?.kind === 'interval' && quantities.get(name)?.range.perHour === true,
);
/** Directions have a mean on the circle only: of 350° and 10° it is 0°. */
const circular = namesWhere((name) => quantities.get(name)?.unit === '°');

/** By pages along the key, so that no statement is long; $1 and $2 are the last of the page before. */
export const LATEST = `SELECT station, quantity, observed_at, interval_ms, received_at, value, flag, flagged_by FROM latest
  WHERE (station, quantity) > ($1, $2) ORDER BY station, quantity LIMIT ${LATEST_PAGE}`;

export async function readLatest(db: Reader): Promise<readonly LatestValue[]> {
  const values: LatestValue[] = [];
  let after: readonly [string, string] = ['', ''];
  for (;;) {
    const rows = await db.all(LATEST, ...after);
    for (const row of rows) {
      values.push({
        station: String(row.station),
        quantity: String(row.quantity),
        observedAt: Number(row.observed_at),
        intervalMs: Number(row.interval_ms),
        receivedAt: Number(row.received_at),
        value: fromScaled(Number(row.value)),
        flag: String(row.flag),
        ...checkOf(row.flagged_by),
      });
    }
    const last = values.at(-1);
    if (!last || rows.length < LATEST_PAGE) return values;
    after = [last.station, last.quantity];
  }
}

/**
 * The first `limit` points of a station, oldest first. As observed: readings with `from <= observedAt < to`; of several
 * intervals that end together, the shortest. Aggregated: whole spans (at - every, at] that overlap [from, to), counted
 * from 1970 UTC, without readings flagged bad; `count` says how complete a span is.
 */
export async function readSeries(db: Reader, query: SeriesQuery): Promise<readonly SeriesPoint[]> {
  const statement = seriesStatement(query);
  if (statement === undefined) return [];
  const points: { at: number; values: Record<string, SeriesPoint['values'][string]> }[] = [];
  for (const row of await db.all(statement.sql, ...statement.values)) {
    const at = Number(row.point_at);
    if (points.at(-1)?.at !== at) points.push({ at, values: {} });
    const point = points.at(-1) as (typeof points)[number];
    point.values[String(row.quantity)] = {
      value: fromScaled(Number(row.value)),
      count: Number(row.count),
      min: fromScaled(Number(row.min)),
      max: fromScaled(Number(row.max)),
      flag: String(row.flag),
      ...checkOf(row.flagged_by),
    };
  }
  return points;
}

/** The statement of a series; undefined when its span is empty. Throws ATL_USAGE. */
export function seriesStatement(
  query: SeriesQuery,
): { readonly sql: string; readonly values: readonly Value[] } | undefined {
  const bounds = check(query);
  if (bounds === undefined) return undefined;
  const values: Value[] = [query.station, bounds.from, bounds.to, Math.min(query.limit, MAX_POINTS)];
  let usable = 'station = $1 AND observed_at >= $2 AND observed_at < $3';
  if (query.quantities) usable += ` AND quantity = ANY($${values.push([...query.quantities])}::text[])`;
  return { sql: query.everyMs === null ? asObserved(usable) : aggregated(usable, query.everyMs), values };
}

function check({ from, to, everyMs, limit }: SeriesQuery): { from: number; to: number } | undefined {
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
  if (everyMs === null) return { from, to };
  // Whole spans: (start, end] in integers is [start + 1, end + 1).
  return { from: Math.floor(from / everyMs) * everyMs + 1, to: Math.ceil(to / everyMs) * everyMs + 1 };
}

/** The inner query reads the key's index up to the last point wanted and no further. */
const asObserved = (usable: string): string => `
  SELECT DISTINCT ON (observed_at, quantity) observed_at AS point_at, quantity, value, 1 AS count, value AS min,
    value AS max, flag, flagged_by
  FROM observations WHERE ${usable} AND observed_at <= (SELECT max(observed_at) FROM (
    SELECT DISTINCT observed_at FROM observations WHERE ${usable} ORDER BY observed_at LIMIT $4) AS wanted)
  ORDER BY observed_at, quantity, interval_ms`;

/** End of the span that holds `observed_at`, in integers: `%` keeps the sign, so it is mended for instants before 1970. */
const spanEnd = (ms: number): string =>
  `(observed_at - 1) - ((observed_at - 1) % ${ms} + ${ms}) % ${ms} + ${ms}`;
const mean = (f: string): string => `avg(${f}(radians(value / 1000.0)))`;

const aggregated = (usable: string, everyMs: number): string => `
  SELECT * FROM (
    SELECT point_at, quantity,
      (CASE WHEN quantity IN (${additive}) THEN sum(value)
        WHEN quantity IN (${circular})
          THEN mod(round(mod((degrees(atan2(${mean('sin')}, ${mean('cos')})) + 360)::numeric, 360) * 1000), 360000)
        ELSE round(avg(value)) END)::bigint AS value,
      count(*) AS count, min(value) AS min, max(value) AS max,
      CASE WHEN count(*) FILTER (WHERE flag = 'suspect') > 0 THEN 'suspect' ELSE 'good' END AS flag,
      '' AS flagged_by,
      dense_rank() OVER (ORDER BY point_at) AS number
    FROM (SELECT ${spanEnd(everyMs)} AS point_at, quantity, value, flag FROM observations
      WHERE ${usable} AND flag <> 'bad') AS used
    GROUP BY point_at, quantity) AS spans
  WHERE number <= $4 ORDER BY point_at, quantity`;

/** From the hours, which every commit brings up. */
export async function readAggregates(db: Reader, query: AggregateQuery): Promise<Aggregates> {
  if (asksNothing(query)) return toAggregates([], query.limit);
  const { stations, quantity, from, to, by, limit } = query;
  const columns =
    by === 'hour'
      ? 'h.hour AS first, h.sum, h.min, h.max, h.count, h.covered_ms'
      : `min(h.hour) AS first, sum(h.sum) AS sum, min(h.min) AS min, max(h.max) AS max, sum(h.count) AS count,
          sum(h.covered_ms) AS covered_ms`;
  const rows = await db.all(
    `SELECT asked.place - 1 AS place, ${columns}
     FROM unnest($1::text[]) WITH ORDINALITY AS asked (name, place)
     JOIN hourly AS h ON h.station = asked.name AND h.quantity = $2 AND h.hour >= $3 AND h.hour < $4
     ${by === 'span' ? 'GROUP BY asked.place' : ''} ORDER BY place, first LIMIT ${limit + 1}`,
    [...stations],
    quantity,
    from,
    to,
  );
  const names = ['place', 'first', 'sum', 'min', 'max', 'count', 'covered_ms'] as const;
  return toAggregates(
    names.map((name) => rows.map((row) => row[name])),
    limit,
  );
}

/**
 * Independent truth for the storm of Rio Grande do Sul, April-May 2024, in SQL over INMET's raw files. Nothing of the
 * fold is used here, so that a defect of one cannot hide in the other.
 *
 * - Window: `(t-w, t]`. A row's reading ends at its time stamp and covers one hour, so on the hourly grid a window of w
 *   hours that ends at t holds exactly the rows t-(w-1)h .. t.
 * - Gaps: every station has a grid row for every hour; a missing reading is NULL and never zero.
 * - Coverage: a window with less than 80 % of its hours is unknown (NULL), unless the partial sum of rain, which cannot
 *   fall, already decides (`sum >= x` is then true and `sum < x` false). Rows before the recording count as missing.
 * - Values are integers in thousandths; thresholds of gusts are compared multiplied out: v/1000 >= 100/9 is 9v >= 100000.
 */
import { DuckDBInstance } from '@duckdb/node-api';

const folder = new URL('../../../shared/data/weather/inmet-hourly/rs-2024/', import.meta.url);
export const stormFolder = decodeURIComponent(folder.pathname);
export const stormStart = Date.UTC(2024, 3, 26, 0);
export const stormEnd = Date.UTC(2024, 4, 6, 23);

export type Truth = boolean | null;
/** One hour of one station: what was reported and what the rule's conditions are there; null is unknown. */
export interface TruthHour {
  readonly station: string;
  readonly at: number;
  /** A report (a row with any value) of this hour exists. */
  readonly reported: boolean;
  /** A reading of the rule's quantity enters or leaves a window here. */
  readonly touched: boolean;
  /** The reading of the rule's quantity in thousandths, and the sum over the long window. */
  readonly value: number | null;
  readonly sum: number | null;
  readonly yellow: Truth;
  readonly orange: Truth;
  readonly red: Truth;
  readonly clear: Truth;
}
export type LevelName = 'yellow' | 'orange' | 'red';
export interface Storm {
  readonly rain: readonly TruthHour[];
  readonly gust: readonly TruthHour[];
  /** First instant of each (rule, station, level). */
  readonly first: readonly {
    readonly rule: 'rain' | 'gust';
    readonly station: string;
    readonly level: LevelName;
    readonly at: number;
  }[];
}

// INMET's columns by position; c2 rain, c17 gust; the others that a report of ours carries make a row a report.
const reportColumns = [2, 3, 6, 7, 8, 9, 10, 15, 16, 17, 18].map((n) => `c${n}`);
const columns = Array.from({ length: 20 }, (_, n) => `'c${n}': 'VARCHAR'`).join(', ');
// `,8` is 0.8. Thousandths; -9999 and everything else outside the physical range is missing.
const scaled = (column: string, max: number): string => {
  const value = `CAST(replace(${column}, ',', '.') AS DECIMAL(14, 3)) * 1000`;
  return `CASE WHEN coalesce(${column}, '') = '' OR ${value} < 0 OR ${value} > ${max * 1000} THEN NULL ELSE CAST(${value} AS BIGINT) END`;
};

const load = (from: string): string => `
CREATE TABLE raw AS
SELECT regexp_extract(filename, '_RS_([A-Z][0-9]{3})_', 1) AS station,
       strptime(c0 || ' ' || left(c1, 4), '%Y/%m/%d %H%M') AS "at",
       ${scaled('c2', 500)} AS rain, ${scaled('c17', 120)} AS gust,
       (${reportColumns.map((c) => `coalesce(${c}, '') NOT IN ('', '-9999')`).join(' OR ')}) AS reported
FROM read_csv('${from.replaceAll("'", "''")}*.gz', delim = ';', skip = 9, header = false, encoding = 'latin-1',
  auto_detect = false, null_padding = true, filename = true, columns = {${columns}})
WHERE strptime(c0 || ' ' || left(c1, 4), '%Y/%m/%d %H%M') BETWEEN TIMESTAMP '2024-04-26 00:00' AND TIMESTAMP '2024-05-06 23:00';
CREATE TABLE grid AS
SELECT s.station, h."at", r.rain, r.gust, coalesce(r.reported, false) AS reported
FROM (SELECT DISTINCT station FROM raw) s
CROSS JOIN (SELECT unnest(generate_series(TIMESTAMP '2024-04-26 00:00', TIMESTAMP '2024-05-06 23:00', INTERVAL 1 HOUR)) AS "at") h
LEFT JOIN raw r ON r.station = s.station AND r."at" = h."at";`;

// Unknown OR true is true, unknown OR false is unknown: SQL's own three-valued logic is the design's.
const rainSql = `
CREATE TABLE rain AS
WITH w AS (
  SELECT *, sum(rain) OVER day AS day_sum, count(rain) OVER day AS day_count,
         lag(rain, 1) OVER (PARTITION BY station ORDER BY "at") AS left1, lag(rain, 24) OVER (PARTITION BY station ORDER BY "at") AS left24
  FROM grid WINDOW day AS (PARTITION BY station ORDER BY "at" ROWS BETWEEN 23 PRECEDING AND CURRENT ROW))
SELECT station, "at", reported, (rain IS NOT NULL OR left1 IS NOT NULL OR left24 IS NOT NULL) AS touched, rain AS value, day_sum AS sum,
  (rain >= 20000) OR (CASE WHEN day_sum >  20000 THEN true WHEN day_count * 100 >= 80 * 24 THEN false END) AS yellow,
  (rain >= 30000) OR (CASE WHEN day_sum >  50000 THEN true WHEN day_count * 100 >= 80 * 24 THEN false END) AS orange,
  (rain >= 60000) OR (CASE WHEN day_sum > 100000 THEN true WHEN day_count * 100 >= 80 * 24 THEN false END) AS red,
  (rain < 10000) AS clear
FROM w;`;

const gustSql = `
CREATE TABLE gust AS
SELECT station, "at", reported, (gust IS NOT NULL OR lag(gust) OVER (PARTITION BY station ORDER BY "at") IS NOT NULL) AS touched,
  gust AS value, gust AS sum,
  gust * 9 >= 100 * 1000 AS yellow, gust * 3 >= 50 * 1000 AS orange, gust * 9 >= 250 * 1000 AS red, gust * 9 < 100 * 1000 AS clear
FROM grid;`;

const rowsOf = (table: string): string =>
  `SELECT station, epoch_ms("at")::DOUBLE AS "at", reported, touched, value::DOUBLE AS value, sum::DOUBLE AS sum, yellow, orange, red, clear FROM ${table} ORDER BY station, "at"`;
const firstSql = ['rain', 'gust']
  .flatMap((rule) =>
    ['yellow', 'orange', 'red'].map(
      (level) =>
        `SELECT '${rule}' AS rule, station, '${level}' AS level, epoch_ms(min("at"))::DOUBLE AS "at" FROM ${rule} WHERE ${level} AND reported GROUP BY station`,
    ),
  )
  .join(' UNION ALL ');

/** Reads the raw files and computes both rules' truth, station by station and hour by hour. Source: INMET, year 2024. */
export async function stormTruth(from: string = stormFolder): Promise<Storm> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  try {
    for (const sql of [load(from), rainSql, gustSql]) await connection.run(sql);
    const read = async (sql: string): Promise<unknown[]> =>
      (await connection.runAndReadAll(sql)).getRowObjectsJS();
    return {
      rain: (await read(rowsOf('rain'))) as TruthHour[],
      gust: (await read(rowsOf('gust'))) as TruthHour[],
      first: (await read(`${firstSql} ORDER BY 4, 1, 2, 3`)) as unknown as Storm['first'],
    };
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

import { renameSync, rmSync } from 'node:fs';
import type { DuckDBConnection } from '@duckdb/node-api';
import { AtalaiaError } from '../../../lib/errors.ts';
import { quantities } from '../../../model/quantity.ts';
import type { ExportQuery } from './protocol.ts';
import { quote } from './queries.ts';

const unit = `CASE quantity ${[...quantities.values()].map((q) => `WHEN ${quote(q.name)} THEN ${quote(q.unit)}`).join(' ')} END`;

/** RFC 3339 in UTC; the fraction only where there is one. */
const instantText = (column: string): string =>
  `CASE WHEN ${column} % 1000 = 0 THEN strftime(epoch_ms(${column}), '%Y-%m-%dT%H:%M:%SZ')
    ELSE strftime(epoch_ms(${column}), '%Y-%m-%dT%H:%M:%S.%gZ') END`;
const instant = (column: string): string => `make_timestamptz(${column} * 1000)`;

/**
 * Writes the newest value of every key with `from <= observedAt < to`, sorted by station, quantity and time, to a file
 * that appears under its name only when complete. Values in canonical units, as doubles.
 */
export async function exportReadings(
  connection: DuckDBConnection,
  query: ExportQuery,
): Promise<{ readonly rows: number }> {
  const bounds = [query.from, query.to];
  if (!bounds.every((bound) => bound === undefined || Number.isSafeInteger(bound))) {
    throw new AtalaiaError(
      'ATL_USAGE',
      `export: from and to are ${bounds.join(' and ')}. Give instants in epoch ms.`,
    );
  }
  const time = query.format === 'csv' ? instantText : instant;
  const options =
    query.format === 'csv'
      ? `FORMAT csv, HEADER true, COMPRESSION ${query.path.endsWith('.gz') ? 'gzip' : 'none'}`
      : 'FORMAT parquet, COMPRESSION zstd';
  const conditions = [
    ...(query.from === undefined ? [] : [`observed_at >= ${query.from}`]),
    ...(query.to === undefined ? [] : [`observed_at < ${query.to}`]),
    ...(query.stations === undefined
      ? []
      : [`station IN (${['', ...query.stations].map(quote).join(', ')})`]),
  ];
  const partial = `${query.path}.partial`;
  try {
    const result = await connection.run(`COPY (
        SELECT station, quantity, ${time('observed_at')} AS "observedAt", interval_ms AS "intervalMs",
          ${time('received_at')} AS "receivedAt", value::DOUBLE / 1000 AS value, ${unit} AS unit, flag, arrival, nullif(flagged_by, '') AS "check"
        FROM readings ${conditions.length ? `WHERE ${conditions.join(' AND ')}` : ''}
        ORDER BY station, quantity, observed_at, interval_ms
      ) TO ${quote(partial)} (${options})`);
    renameSync(partial, query.path);
    return { rows: result.rowsChanged };
  } catch (error) {
    rmSync(partial, { force: true });
    const text = error instanceof Error ? error.message : String(error);
    throw new AtalaiaError(
      'ATL_STORE',
      `Export to ${query.path} failed: ${text}. Check that the folder exists, is writable and has space.`,
    );
  }
}

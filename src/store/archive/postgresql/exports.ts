import { open, rename, rm } from 'node:fs/promises';
import { createGzip } from 'node:zlib';
import { AtalaiaError } from '../../../lib/errors.ts';
import { quantities } from '../../../model/quantity.ts';
import type { Database } from '../../ledger/postgresql/database.ts';
import { textOf } from '../../ledger/postgresql/failures.ts';
import type { Archive } from '../archive.ts';

const quote = (text: string): string => `'${text.replaceAll("'", "''")}'`;
const unit = `CASE quantity ${[...quantities.values()].map((q) => `WHEN ${quote(q.name)} THEN ${quote(q.unit)}`).join(' ')} END`;

/** RFC 3339 in UTC; the fraction only where there is one. */
const instantText = (
  column: string,
): string => `to_char(timestamp 'epoch' + ${column} * interval '1 millisecond',
  CASE WHEN ${column} % 1000 = 0 THEN 'YYYY-MM-DD"T"HH24:MI:SS"Z"' ELSE 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"' END)`;
/** A number with a fraction always, as the other engine writes it. */
const valueText =
  "CASE WHEN value % 1000 = 0 THEN (value / 1000)::text || '.0' ELSE (value::float8 / 1000)::text END";

/**
 * Writes every reading with `from <= observedAt < to`, sorted by station, quantity and time, as CSV (gzip when the name
 * ends in `.gz`) to a file that appears under its name only when complete. Values in canonical units.
 */
export async function exportReadings(
  db: Database,
  query: Parameters<Archive['export']>[0],
): Promise<{ readonly rows: number }> {
  if (query.format !== 'csv') {
    throw new AtalaiaError(
      'ATL_USAGE',
      "PostgreSQL does not write Parquet. Export as csv, and turn it into Parquet with DuckDB: COPY (FROM 'x.csv') TO 'x.parquet'.",
    );
  }
  const bounds = [query.from, query.to];
  if (!bounds.every((bound) => bound === undefined || Number.isSafeInteger(bound))) {
    throw new AtalaiaError(
      'ATL_USAGE',
      `export: from and to are ${bounds.join(' and ')}. Give instants in epoch ms.`,
    );
  }
  const partial = `${query.path}.partial`;
  const failed = (cause: unknown): AtalaiaError =>
    new AtalaiaError(
      'ATL_STORE',
      `Export to ${query.path} failed: ${textOf(cause)}. Check that the folder exists, is writable and has space.`,
      { cause },
    );
  try {
    const rows = await db.transaction(async (session) => {
      const file = await open(partial, 'w').catch((cause) => {
        throw failed(cause);
      });
      await session.run('SET LOCAL statement_timeout = 0');
      const sink = file.createWriteStream();
      return query.path.endsWith('.gz')
        ? session.copyOut(statement(query), createGzip(), sink)
        : session.copyOut(statement(query), sink);
    });
    await rename(partial, query.path);
    return { rows };
  } catch (error) {
    // What cannot be removed was not made: its folder is missing.
    await rm(partial, { force: true }).catch(() => {});
    throw error instanceof AtalaiaError ? error : failed(error);
  }
}

function statement({ from, to, stations }: Parameters<Archive['export']>[0]): string {
  const conditions = [
    ...(from === undefined ? [] : [`observed_at >= ${from}`]),
    ...(to === undefined ? [] : [`observed_at < ${to}`]),
    ...(stations === undefined ? [] : [`station IN (${['', ...stations].map(quote).join(', ')})`]),
  ];
  return `COPY (SELECT station, quantity, ${instantText('observed_at')} AS "observedAt", interval_ms AS "intervalMs",
      ${instantText('received_at')} AS "receivedAt", ${valueText} AS value, ${unit} AS unit, flag, arrival, nullif(flagged_by, '') AS "check"
    FROM observations ${conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : ''}
    ORDER BY station, quantity, observations.observed_at, observations.interval_ms) TO STDOUT (FORMAT csv, HEADER)`;
}

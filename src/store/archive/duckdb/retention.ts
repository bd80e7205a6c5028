import type { DuckDBConnection } from '@duckdb/node-api';
import { nextMonth } from '../../../model/time.ts';
import type { ArchiveMonth } from '../archive.ts';

/** Readings before it were dropped, epoch ms. */
export async function readKeptFrom(connection: DuckDBConnection): Promise<number> {
  const reader = await connection.runAndReadAll('SELECT kept_from::DOUBLE FROM retention');
  return Number(reader.getRows()[0]?.[0]);
}

/** The months that hold readings; the mark is made of every row, a sequence number in each, so no two rows cancel. */
export async function readMonths(connection: DuckDBConnection): Promise<readonly ArchiveMonth[]> {
  const reader = await connection.runAndReadAll(`SELECT month::DOUBLE, mark, month >= kept_from FROM (
      SELECT epoch_ms(date_trunc('month', epoch_ms(observed_at))) AS month,
        count(*) || '-' || printf('%x', bit_xor(hash(seq, station, quantity, observed_at, interval_ms, value, flag, received_at))) AS mark
      FROM observations GROUP BY month), retention ORDER BY month`);
  return (reader.getRows() as [number, string, boolean][]).map(([month, mark, isWhole]) => ({
    month,
    mark,
    isWhole,
  }));
}

/** The oldest months that end at or before the instant, up to the first one that is not as `marks` says. */
export function monthsToDrop(
  months: readonly ArchiveMonth[],
  instant: number,
  marks: ReadonlyMap<number, string> | undefined,
): readonly number[] {
  const end = months.findIndex(
    ({ month, mark }) => nextMonth(month) > instant || (marks !== undefined && marks.get(month) !== mark),
  );
  return months.slice(0, end === -1 ? months.length : end).map(({ month }) => month);
}

/** Removes all readings up to the end of month `last`, inside the caller's transaction; returns how many rows. */
export async function deleteMonths(connection: DuckDBConnection, last: number): Promise<number> {
  const keptFrom = nextMonth(last);
  const { rowsChanged } = await connection.run(`DELETE FROM observations WHERE observed_at < ${keptFrom}`);
  await connection.run(`UPDATE retention SET kept_from = greatest(kept_from, ${keptFrom})`);
  return rowsChanged;
}

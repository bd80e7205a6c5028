import { type DuckDBConnection, LIST, listValue, VARCHAR } from '@duckdb/node-api';
import type { CheckName } from '../../../model/observation.ts';
import { fromScaled, toScaled } from '../../../model/quantity.ts';
import type { FoundMarks, MarksQuery, NeighbourMark } from '../archive.ts';
import { quote } from './queries.ts';

/** Writes what a check found inside the caller's transaction; what it said of these hours before goes. */
export async function writeMarks(
  connection: DuckDBConnection,
  { check, from, to, marks }: FoundMarks,
): Promise<void> {
  await connection.run(
    `DELETE FROM marks WHERE "check" = ${quote(check)} AND from_at >= ${from} AND from_at < ${to}`,
  );
  if (marks.length === 0) return;
  const texts = (of: (mark: NeighbourMark) => string) => listValue(marks.map(of));
  await connection.run(
    `INSERT INTO marks SELECT unnest($stations), unnest($quantities), unnest($from)::BIGINT, unnest($to)::BIGINT,
       ${quote(check)}, unnest($values)::BIGINT`,
    {
      stations: texts(({ station }) => station),
      quantities: texts(({ quantity }) => quantity),
      from: texts((mark) => String(mark.from)),
      to: texts((mark) => String(mark.to)),
      values: texts(({ value }) => String(toScaled(value))),
    },
    {
      ...{ stations: LIST(VARCHAR), quantities: LIST(VARCHAR), from: LIST(VARCHAR), to: LIST(VARCHAR) },
      values: LIST(VARCHAR),
    },
  );
}

export async function readMarks(
  connection: DuckDBConnection,
  { station, from, to }: MarksQuery,
): Promise<readonly NeighbourMark[]> {
  const reader = await connection.runAndReadAll(
    `SELECT quantity, from_at::DOUBLE, to_at::DOUBLE, "check", value::DOUBLE FROM marks
     WHERE station = ${quote(station)} AND to_at >= ${from} AND from_at + 1 < ${to}
     ORDER BY from_at, quantity, "check"`,
  );
  return (reader.getRows() as [string, number, number, CheckName, number][]).map(
    ([quantity, start, end, check, value]) => ({
      ...{ station, quantity, from: start, to: end, check },
      value: fromScaled(value),
    }),
  );
}

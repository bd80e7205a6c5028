import type { CheckName } from '../../../model/observation.ts';
import { fromScaled, toScaled } from '../../../model/quantity.ts';
import type { Session } from '../../ledger/postgresql/session.ts';
import type { FoundMarks, MarksQuery, NeighbourMark } from '../archive.ts';

/** Writes what a check found inside the caller's transaction; what it said of these hours before goes. Every server finds the same. */
export async function writeMarks(session: Session, { check, from, to, marks }: FoundMarks): Promise<void> {
  await session.run(
    'DELETE FROM marks WHERE "check" = $1 AND from_at >= $2 AND from_at < $3',
    check,
    from,
    to,
  );
  if (marks.length === 0) return;
  await session.run(
    `INSERT INTO marks AS m (station, quantity, from_at, to_at, value, "check")
     SELECT *, $6 FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[]) ORDER BY 1, 3, 2
     ON CONFLICT (station, from_at, quantity, "check") DO UPDATE SET to_at = excluded.to_at, value = excluded.value`,
    marks.map(({ station }) => station),
    marks.map(({ quantity }) => quantity),
    marks.map((mark) => mark.from),
    marks.map((mark) => mark.to),
    marks.map(({ value }) => toScaled(value)),
    check,
  );
}

export async function readMarks(
  db: Pick<Session, 'all'>,
  { station, from, to }: MarksQuery,
): Promise<readonly NeighbourMark[]> {
  const rows = await db.all(
    `SELECT quantity, from_at, to_at, "check", value FROM marks
     WHERE station = $1 AND to_at >= $2 AND from_at + 1 < $3 ORDER BY from_at, quantity, "check"`,
    station,
    from,
    to,
  );
  return rows.map((row) => ({
    station,
    quantity: String(row.quantity),
    from: Number(row.from_at),
    to: Number(row.to_at),
    check: String(row.check) as CheckName,
    value: fromScaled(Number(row.value)),
  }));
}

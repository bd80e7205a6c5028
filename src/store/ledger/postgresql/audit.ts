import { type AuditEntry, type AuditNote, type AuditStore, chain, NO_HASH } from '../audit.ts';
import type { Database } from './database.ts';
import { bounded } from './queries.ts';
import type { Row, Session } from './session.ts';

const toEntry = (row: Row): AuditEntry => ({
  number: Number(row.number),
  json: String(row.json),
  hash: String(row.hash),
});

/** Part of a transaction, as its last statement: the lock on the counter puts the entries of all processes in one order. */
export async function appendAudit(session: Session, notes: readonly AuditNote[]): Promise<void> {
  if (notes.length === 0) return;
  const counter = await session.get(
    "UPDATE counters SET value = value + $1 WHERE name = 'audit' RETURNING value",
    notes.length,
  );
  const number = Number(counter?.value) - notes.length;
  const last = await session.get('SELECT hash FROM audit WHERE number = $1', number);
  const entries = chain(notes, { number, hash: last ? String(last.hash) : NO_HASH });
  await session.run(
    'INSERT INTO audit (number, json, hash) SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[])',
    entries.map((entry) => entry.number),
    entries.map(({ json }) => json),
    entries.map(({ hash }) => hash),
  );
}

export const auditStore = (db: Database): AuditStore => ({
  async record(notes) {
    await db.transaction((session) => appendAudit(session, notes));
  },
  async audit({ after, before, limit }) {
    const rows =
      after === undefined
        ? await db.all(
            'SELECT number, json, hash FROM audit WHERE number < $1 ORDER BY number DESC LIMIT $2',
            before ?? Number.MAX_SAFE_INTEGER,
            bounded(limit),
          )
        : await db.all(
            'SELECT number, json, hash FROM audit WHERE number > $1 ORDER BY number LIMIT $2',
            after,
            bounded(limit),
          );
    return rows.map(toEntry);
  },
});

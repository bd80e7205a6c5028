import { type AuditEntry, type AuditNote, chain, NO_HASH } from '../audit.ts';
import type { Database, Row } from './database.ts';

export const toEntry = (row: Row): AuditEntry => ({
  number: Number(row.number),
  json: String(row.json),
  hash: String(row.hash),
});

/** Part of a transaction: appends notes to the log. */
export function appendAudit(db: Database, notes: readonly AuditNote[]): void {
  if (notes.length === 0) return;
  const last = db.get('SELECT * FROM audit ORDER BY number DESC LIMIT 1');
  for (const { number, json, hash } of chain(notes, last ? toEntry(last) : { number: 0, hash: NO_HASH }))
    db.run('INSERT INTO audit (number, json, hash) VALUES (?, ?, ?)', number, json, hash);
}

import { createHash } from 'node:crypto';
import { capPlace } from '../cap-place.ts';
import type { CapFilter, Ledger } from '../ledger.ts';
import type { Database, Row } from './database.ts';
import { bounded } from './queries.ts';

/** Immutable bodies: documents by hash, CAP messages by (alert, revision), and small named values. */
export function documentStore(
  db: Database,
): Pick<
  Ledger,
  'putDocument' | 'document' | 'putCap' | 'cap' | 'capFeed' | 'capPlaces' | 'meta' | 'putMeta'
> {
  return {
    async putDocument(bytes) {
      const hash = createHash('sha256').update(bytes).digest('hex');
      db.run('INSERT OR IGNORE INTO documents (hash, bytes) VALUES (?, ?)', hash, bytes);
      return hash;
    },
    async document(hash) {
      return db.get('SELECT bytes FROM documents WHERE hash = ?', hash)?.bytes as Uint8Array | undefined;
    },
    async putCap(message) {
      db.run(
        `INSERT INTO cap (alert, revision, identifier, sent_text, xml, created_at, hazard, subject_kind, subject_id)
         SELECT v.*, a.hazard, a.subject_kind, a.subject_id
         FROM (SELECT ? AS alert, ?, ?, ?, ?, ?) v LEFT JOIN alerts a ON a.alert = v.alert WHERE true
         ON CONFLICT (alert, revision) DO NOTHING`,
        message.alert,
        message.revision,
        message.identifier,
        message.sentText,
        message.xml,
        message.createdAt,
      );
    },
    async cap(alert, revision) {
      const row = db.get(
        'SELECT * FROM cap WHERE alert = ?1 AND (?2 IS NULL OR revision = ?2) ORDER BY revision DESC LIMIT 1',
        alert,
        revision ?? null,
      );
      return row && toCap(row);
    },
    async capFeed(limit, filter) {
      const { sql, values } = feedQuery('c.*, c.rowid AS number', limit, filter);
      return db.all(sql, ...values).map((row) => ({
        alert: String(row.alert),
        ...toCap(row),
        createdAt: Number(row.created_at),
        place: placeOf(row),
      }));
    },
    async capPlaces(limit, filter) {
      const { sql, values } = feedQuery('c.created_at, c.rowid AS number', limit, filter);
      return db.all(sql, ...values).map(placeOf);
    },
    async meta(key) {
      return db.get('SELECT value FROM meta WHERE key = ?', key)?.value as string | undefined;
    },
    async putMeta(key, value) {
      db.run(
        'INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
        key,
        value,
      );
    },
  };
}

const placeOf = (row: Row): string => `${row.created_at}.${row.number}`;

/** Messages that a feed shows, the newest first; each filter goes by an index. */
export function feedQuery(
  columns: string,
  limit: number,
  { hazard, area, before }: CapFilter = {},
): { readonly sql: string; readonly values: readonly (string | number)[] } {
  const terms = ['true'];
  const values: (string | number)[] = [];
  const [createdAt, number] = capPlace(before);
  if (createdAt !== null && number !== null) {
    terms.push('(c.created_at, c.rowid) < (?, ?)');
    values.push(createdAt, number);
  }
  if (hazard !== undefined) {
    terms.push('c.hazard = ?');
    values.push(hazard);
  }
  if (area !== undefined) {
    const inRegion = `(c.subject_kind = 'station' AND c.subject_id IN (SELECT id FROM stations WHERE region = ?))`;
    terms.push(`(c.subject_id = ? OR ${inRegion})`);
    values.push(area, area);
  }
  values.push(bounded(limit));
  const sql = `SELECT ${columns} FROM cap c WHERE ${terms.join(' AND ')} ORDER BY c.created_at DESC, c.rowid DESC LIMIT ?`;
  return { sql, values };
}

const toCap = (row: Row) => ({
  revision: Number(row.revision),
  identifier: String(row.identifier),
  sentText: String(row.sent_text),
  xml: String(row.xml),
});

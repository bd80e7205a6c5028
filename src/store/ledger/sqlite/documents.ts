import { createHash } from 'node:crypto';
import type { Ledger } from '../ledger.ts';
import type { Database, Row } from './database.ts';
import { bounded } from './queries.ts';

/** Immutable bodies: documents by hash, CAP messages by (alert, revision), and small named values. */
export function documentStore(
  db: Database,
): Pick<Ledger, 'putDocument' | 'document' | 'putCap' | 'cap' | 'capFeed' | 'meta' | 'putMeta'> {
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
        `INSERT INTO cap (alert, revision, identifier, sent_text, xml, created_at) VALUES (?, ?, ?, ?, ?, ?)
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
    async capFeed(limit) {
      const rows = db.all('SELECT * FROM cap ORDER BY created_at DESC, rowid DESC LIMIT ?', bounded(limit));
      return rows.map((row) => ({
        alert: String(row.alert),
        ...toCap(row),
        createdAt: Number(row.created_at),
      }));
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

const toCap = (row: Row) => ({
  revision: Number(row.revision),
  identifier: String(row.identifier),
  sentText: String(row.sent_text),
  xml: String(row.xml),
});

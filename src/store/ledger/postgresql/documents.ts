import { createHash } from 'node:crypto';
import type { Ledger } from '../ledger.ts';
import type { Database } from './database.ts';
import { bounded } from './queries.ts';
import type { Row, Session } from './session.ts';

/** Immutable bodies: documents by hash, CAP messages by (alert, revision), and small named values. */
export function documentStore(
  db: Database,
): Pick<Ledger, 'putDocument' | 'document' | 'putCap' | 'meta' | 'putMeta'> {
  return {
    async putDocument(bytes) {
      const hash = createHash('sha256').update(bytes).digest('hex');
      await db.run('INSERT INTO documents (hash, bytes) VALUES ($1, $2) ON CONFLICT DO NOTHING', hash, bytes);
      return hash;
    },
    async document(hash) {
      const row = await db.get('SELECT bytes FROM documents WHERE hash = $1', hash);
      return row && new Uint8Array(row.bytes as Uint8Array);
    },
    async putCap(message) {
      await db.run(
        `INSERT INTO cap (alert, revision, identifier, sent_text, xml, created_at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (alert, revision) DO NOTHING`,
        message.alert,
        message.revision,
        message.identifier,
        message.sentText,
        message.xml,
        message.createdAt,
      );
    },
    async meta(key) {
      return (await db.get('SELECT value FROM meta WHERE key = $1', key))?.value as string | undefined;
    },
    async putMeta(key, value) {
      await db.run(
        'INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
        key,
        value,
      );
    },
  };
}

/** Reads of CAP messages. */
export function capQueries(db: Pick<Session, 'all'>): Pick<Ledger, 'cap' | 'capFeed'> {
  return {
    async cap(alert, revision) {
      const [row] = await db.all(
        `SELECT * FROM cap WHERE alert = $1 AND ($2::bigint IS NULL OR revision = $2)
         ORDER BY revision DESC LIMIT 1`,
        alert,
        revision ?? null,
      );
      return row && toCap(row);
    },
    async capFeed(limit) {
      const rows = await db.all(
        'SELECT * FROM cap ORDER BY created_at DESC, number DESC LIMIT $1',
        bounded(limit),
      );
      return rows.map((row) => ({
        alert: String(row.alert),
        ...toCap(row),
        createdAt: Number(row.created_at),
      }));
    },
  };
}

const toCap = (row: Row) => ({
  revision: Number(row.revision),
  identifier: String(row.identifier),
  sentText: String(row.sent_text),
  xml: String(row.xml),
});

import { createHash } from 'node:crypto';
import { AtalaiaError } from '../../../lib/errors.ts';
import { capPlace } from '../cap-place.ts';
import type { CapFilter, Ledger } from '../ledger.ts';
import type { Database } from './database.ts';
import { bounded } from './queries.ts';
import type { Row, Session, Value } from './session.ts';

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
      // Any conflict: of two processes that write the same message at once, one meets the identifier of the other first.
      const added = await db.run(
        `INSERT INTO cap (alert, revision, identifier, sent_text, xml, created_at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT DO NOTHING`,
        message.alert,
        message.revision,
        message.identifier,
        message.sentText,
        message.xml,
        message.createdAt,
      );
      if (added > 0) return;
      const known = await db.get(
        'SELECT 1 FROM cap WHERE alert = $1 AND revision = $2',
        message.alert,
        message.revision,
      );
      if (!known)
        throw new AtalaiaError(
          'ATL_STORE',
          `The CAP identifier ${message.identifier} is that of another alert. Give each system a server.id of its own.`,
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
export function capQueries(db: Pick<Session, 'all'>): Pick<Ledger, 'cap' | 'capFeed' | 'capPlaces'> {
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
    async capFeed(limit, filter) {
      const { sql, values } = feedQuery('c.*', limit, filter);
      return (await db.all(sql, ...values)).map((row) => ({
        alert: String(row.alert),
        ...toCap(row),
        createdAt: Number(row.created_at),
        place: placeOf(row),
      }));
    },
    async capPlaces(limit, filter) {
      const { sql, values } = feedQuery('c.created_at, c.number', limit, filter);
      return (await db.all(sql, ...values)).map(placeOf);
    },
  };
}

const placeOf = (row: Row): string => `${row.created_at}.${row.number}`;

/** Messages that a feed shows, the newest first; each filter goes by an index. */
export function feedQuery(
  columns: string,
  limit: number,
  { hazard, area, before }: CapFilter = {},
): { readonly sql: string; readonly values: readonly Value[] } {
  const values: Value[] = [];
  const bind = (value: Value): string => `$${values.push(value)}`;
  const terms = ['true'];
  const [createdAt, number] = capPlace(before);
  if (createdAt !== null && number !== null)
    terms.push(`(c.created_at, c.number) < (${bind(createdAt)}, ${bind(number)})`);
  if (hazard !== undefined) terms.push(`c.hazard = ${bind(hazard)}`);
  if (area !== undefined) {
    const own = bind(area);
    terms.push(`(c.subject_id = ${own} OR (c.subject_kind = 'station'
      AND c.subject_id = ANY(ARRAY(SELECT id FROM stations WHERE region = ${own}))))`);
  }
  const sql = `SELECT ${columns} FROM cap c WHERE ${terms.join(' AND ')}
    ORDER BY c.created_at DESC, c.number DESC LIMIT ${bind(bounded(limit))}`;
  return { sql, values };
}

const toCap = (row: Row) => ({
  revision: Number(row.revision),
  identifier: String(row.identifier),
  sentText: String(row.sent_text),
  xml: String(row.xml),
});

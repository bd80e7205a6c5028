import type { ForeignAlert, ForeignEnd } from '../../../alerts/foreign/facts.ts';
import { FOREIGN_LIMITS } from '../../../alerts/foreign/state.ts';
import {
  briefOf,
  type ForeignBrief,
  type ForeignHeld,
  type ForeignStore,
  foreignId,
  joinForeign,
  keysOf,
  PRUNED_AT_ONCE,
  type StoredForeign,
} from '../foreign.ts';
import type { Database } from './database.ts';
import { LOCK_SPACE } from './migrate.ts';
import { bounded } from './queries.ts';
import type { Row, Session, Value } from './session.ts';

const WITH_END =
  'e.kind AS end_kind, e.sent_at AS end_at, e.by AS end_by FROM foreign_alerts a LEFT JOIN foreign_ends e ON e.key = a.key';
/** One writer at a time: what is joined with what is held must not change meanwhile, rows that are not there included. */
const LOCK = "SELECT pg_advisory_xact_lock($1, hashtext(current_schema() || ' foreign'))";

/** Warnings of other authorities. */
export const foreignStore = (db: Database): ForeignStore => ({
  async putForeign(facts, limits = FOREIGN_LIMITS) {
    return db.transaction(async (session) => {
      await session.get(LOCK, LOCK_SPACE);
      const change = joinForeign(await heldOf(session, keysOf(facts)), facts, limits);
      await write(session, change);
      return change.taken;
    });
  },
  async foreign({ expiresAfter, source, drills, limit, before }) {
    const terms: string[] = ['a.drill = $1'];
    const values: Value[] = [drills];
    const add = (term: string, value: Value): void => {
      terms.push(term.replace('?', `$${values.push(value)}`));
    };
    if (expiresAfter !== undefined) add('a.expires_at > ?', expiresAfter);
    if (source !== undefined) add('a.source = ?', source);
    if (before !== undefined)
      add('(a.sent_at, a.id) < (SELECT sent_at, id FROM foreign_alerts WHERE id = ?)', before);
    const sql = `SELECT a.id, a.key, a.brief AS json, ${WITH_END} WHERE ${terms.join(' AND ')}
      ORDER BY a.sent_at DESC, a.id DESC LIMIT $${values.push(bounded(limit))}`;
    return (await db.all(sql, ...values)).map(toStored<ForeignBrief>);
  },
  async foreignAlert(id) {
    const row = await db.get(`SELECT a.id, a.key, a.json, ${WITH_END} WHERE a.id = $1`, id);
    return row && toStored<ForeignAlert>(row);
  },
  async pruneForeign(expiredBefore, endedBefore) {
    return db.transaction(async (session) => {
      await session.get(LOCK, LOCK_SPACE);
      const rows = await session.all(
        `SELECT key FROM foreign_alerts WHERE expires_at < $1 ORDER BY expires_at LIMIT ${PRUNED_AT_ONCE}`,
        expiredBefore,
      );
      const gone = rows.map(({ key }) => String(key));
      // An end that was pronounced in the same second is stronger than that of time.
      await session.run(
        `INSERT INTO foreign_ends SELECT key, 'expired', sent_at, json::jsonb ->> 'identifier' FROM foreign_alerts
         WHERE key = ANY($1::text[]) ON CONFLICT (key) DO UPDATE SET kind = 'expired', sent_at = excluded.sent_at,
         by = excluded.by WHERE excluded.sent_at > foreign_ends.sent_at`,
        gone,
      );
      const count = await session.run('DELETE FROM foreign_alerts WHERE key = ANY($1::text[])', gone);
      await session.run(
        `DELETE FROM foreign_ends e WHERE sent_at < $1
         AND NOT EXISTS (SELECT 1 FROM foreign_alerts a WHERE a.key = e.key)`,
        endedBefore,
      );
      return count;
    });
  },
});

async function heldOf(session: Session, keys: readonly string[]): Promise<ForeignHeld> {
  const alerts = await session.all(
    'SELECT key, size, json FROM foreign_alerts WHERE key = ANY($1::text[])',
    keys,
  );
  const ends = await session.all('SELECT * FROM foreign_ends WHERE key = ANY($1::text[])', keys);
  const total = await session.get(
    `SELECT count(*) AS alerts, coalesce(sum(size), 0) AS characters,
     (SELECT count(*) FROM foreign_ends) AS ends FROM foreign_alerts`,
  );
  return {
    alerts: new Map(
      alerts.map(({ key, size, json }) => [
        String(key),
        { alert: JSON.parse(String(json)) as ForeignAlert, size: Number(size) },
      ]),
    ),
    ends: new Map(ends.map((row) => [String(row.key), toEnd(row.key, row.kind, row.sent_at, row.by)])),
    total: {
      alerts: Number(total?.alerts),
      characters: Number(total?.characters),
      ends: Number(total?.ends),
    },
  };
}

async function write(session: Session, { alerts, ends }: ReturnType<typeof joinForeign>): Promise<void> {
  const all = alerts.map(({ alert }) => alert);
  await session.run(
    `INSERT INTO foreign_alerts SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::boolean[], $5::bigint[],
       $6::bigint[], $7::bigint[], $8::text[], $9::text[])
     ON CONFLICT (key) DO UPDATE SET source = excluded.source, sent_at = excluded.sent_at,
       expires_at = excluded.expires_at, size = excluded.size, brief = excluded.brief, json = excluded.json`,
    all.map(({ key }) => key),
    all.map(({ key }) => foreignId(key)),
    all.map(({ source }) => source),
    all.map(({ status }) => status !== 'Actual'),
    all.map(({ sentAt }) => sentAt),
    all.map(({ expiresAt }) => expiresAt),
    alerts.map(({ json }) => json.length),
    all.map((alert) => JSON.stringify(briefOf(alert))),
    alerts.map(({ json }) => json),
  );
  await session.run(
    `INSERT INTO foreign_ends SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[])
     ON CONFLICT (key) DO UPDATE SET kind = excluded.kind, sent_at = excluded.sent_at, by = excluded.by`,
    ends.map(({ key }) => key),
    ends.map(({ kind }) => kind),
    ends.map(({ sentAt }) => sentAt),
    ends.map(({ by }) => by),
  );
}

const toEnd = (key: unknown, kind: unknown, sentAt: unknown, by: unknown): ForeignEnd => ({
  key: String(key),
  kind: kind as ForeignEnd['kind'],
  sentAt: Number(sentAt),
  by: String(by),
});

const toStored = <Alert>(row: Row): StoredForeign<Alert> => ({
  id: String(row.id),
  alert: JSON.parse(String(row.json)) as Alert,
  ...(row.end_kind === null ? {} : { end: toEnd(row.key, row.end_kind, row.end_at, row.end_by) }),
});

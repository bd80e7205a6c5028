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
import type { Database, Row } from './database.ts';
import { bounded } from './queries.ts';

const WITH_END =
  'e.kind AS end_kind, e.sent_at AS end_at, e.by AS end_by FROM foreign_alerts a LEFT JOIN foreign_ends e ON e.key = a.key';
const KEYS = '(SELECT value FROM json_each(?))';

/** Warnings of other authorities. */
export const foreignStore = (db: Database): ForeignStore => ({
  async putForeign(facts, limits = FOREIGN_LIMITS) {
    return db.transaction(() => {
      const { alerts, ends, taken } = joinForeign(heldOf(db, keysOf(facts)), facts, limits);
      for (const { alert, json } of alerts)
        db.run(
          'INSERT OR REPLACE INTO foreign_alerts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
          alert.key,
          foreignId(alert.key),
          alert.source,
          alert.status === 'Actual' ? 0 : 1,
          alert.sentAt,
          alert.expiresAt,
          json.length,
          JSON.stringify(briefOf(alert)),
          json,
        );
      for (const { key, kind, sentAt, by } of ends)
        db.run('INSERT OR REPLACE INTO foreign_ends VALUES (?, ?, ?, ?)', key, kind, sentAt, by);
      return taken;
    });
  },
  async foreign({ expiresAfter, source, drills, limit, before }) {
    const terms: string[] = ['a.drill = ?'];
    const values: (string | number)[] = [drills ? 1 : 0];
    const add = (term: string, value: string | number): void => {
      terms.push(term);
      values.push(value);
    };
    if (expiresAfter !== undefined) add('a.expires_at > ?', expiresAfter);
    if (source !== undefined) add('a.source = ?', source);
    if (before !== undefined)
      add('(a.sent_at, a.id) < (SELECT sent_at, id FROM foreign_alerts WHERE id = ?)', before);
    const sql = `SELECT a.id, a.key, a.brief AS json, ${WITH_END} WHERE ${terms.join(' AND ')}
      ORDER BY a.sent_at DESC, a.id DESC LIMIT ?`;
    return db.all(sql, ...values, bounded(limit)).map(toStored<ForeignBrief>);
  },
  async foreignAlert(id) {
    const row = db.get(`SELECT a.id, a.key, a.json, ${WITH_END} WHERE a.id = ?`, id);
    return row && toStored<ForeignAlert>(row);
  },
  async pruneForeign(expiredBefore, endedBefore) {
    return db.transaction(() => {
      const gone = JSON.stringify(
        db
          .all(
            `SELECT key FROM foreign_alerts WHERE expires_at < ? ORDER BY expires_at LIMIT ${PRUNED_AT_ONCE}`,
            expiredBefore,
          )
          .map(({ key }) => key),
      );
      // An end that was pronounced in the same second is stronger than that of time.
      db.run(
        `INSERT INTO foreign_ends SELECT key, 'expired', sent_at, json_extract(key, '$[2]') FROM foreign_alerts
         WHERE key IN ${KEYS} ON CONFLICT (key) DO UPDATE SET kind = 'expired', sent_at = excluded.sent_at,
         by = excluded.by WHERE excluded.sent_at > foreign_ends.sent_at`,
        gone,
      );
      const count = db.run(`DELETE FROM foreign_alerts WHERE key IN ${KEYS}`, gone);
      db.run(
        'DELETE FROM foreign_ends WHERE sent_at < ? AND key NOT IN (SELECT key FROM foreign_alerts)',
        endedBefore,
      );
      return count;
    });
  },
});

function heldOf(db: Database, keys: readonly string[]): ForeignHeld {
  const asked = JSON.stringify(keys);
  const alerts = db.all(`SELECT key, size, json FROM foreign_alerts WHERE key IN ${KEYS}`, asked);
  const ends = db.all(`SELECT * FROM foreign_ends WHERE key IN ${KEYS}`, asked);
  const total = db.get(
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

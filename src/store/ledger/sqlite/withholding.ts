import { levelNames } from '../../../model/rule.ts';
import type { Silence } from '../../../model/silence.ts';
import type { Verdict, WithholdingStore } from '../withholding.ts';
import type { Database, Row } from './database.ts';
import { toDelivery } from './deliveries.ts';
import { bounded } from './queries.ts';
import { toStored } from './revisions.ts';

const MOST = 1000;

/** Silences, and deliveries that are held back or share a message. */
export function withholdingStore(db: Database): WithholdingStore {
  const silenceOf = (row: Row): Silence => JSON.parse(String(row.json)) as Silence;
  return {
    async silences(endsAfter) {
      const sql = 'SELECT json FROM silences WHERE until > ? ORDER BY until, id LIMIT ?';
      return db.all(sql, endsAfter, MOST).map(silenceOf);
    },
    async silence(id) {
      const row = db.get('SELECT json FROM silences WHERE id = ?', id);
      return row && silenceOf(row);
    },
    async putSilence(silence, now) {
      db.transaction(() => {
        db.run(
          'INSERT INTO silences VALUES (?1, ?2, ?3) ON CONFLICT (id) DO UPDATE SET until = ?2, json = ?3',
          silence.id,
          silence.until,
          JSON.stringify(silence),
        );
        db.run('UPDATE deliveries SET next_attempt_at = ? WHERE withheld IS NOT NULL', now);
      });
    },
    async takeWithheld(now, limit, leaseUntil) {
      const rows = db.transaction(() => {
        const due = db.all(
          `SELECT d.*, a.seq = d.seq AND a.state <> 'ended' AS standing
           FROM deliveries d JOIN alerts a ON a.alert = d.alert
           WHERE d.withheld IS NOT NULL AND d.next_attempt_at <= ?
           ORDER BY d.next_attempt_at, d.rank DESC, d.seq, d.key LIMIT ?`,
          now,
          bounded(limit),
        );
        const keys = JSON.stringify(due.map(({ key }) => key));
        const sql = 'UPDATE deliveries SET next_attempt_at = ? WHERE key IN (SELECT value FROM json_each(?))';
        if (due.length > 0) db.run(sql, leaseUntil, keys);
        return due;
      });
      return rows.map((row) => ({
        ...toDelivery(row),
        stored: toStored(db.get('SELECT * FROM revisions WHERE seq = ?', Number(row.seq)) as Row),
        isStanding: row.standing === 1,
      }));
    },
    async review(verdicts, leaseUntil, now) {
      db.transaction(() => {
        for (const verdict of verdicts) reviewOne(db, verdict, leaseUntil, now);
      });
    },
    async standing(subjects) {
      const rows = db.all(
        `SELECT r.* FROM alerts a JOIN revisions r ON r.seq = a.seq
         WHERE a.subject_id IN (SELECT value FROM json_each(?)) AND a.state <> 'ended' ORDER BY r.seq LIMIT ?`,
        JSON.stringify(subjects),
        MOST,
      );
      return rows.map(toStored);
    },
    async gather(leader, claimed, limit, now) {
      db.transaction(() => gatherIn(db, leader, claimed, limit, now));
    },
    async companions(leader) {
      const rows = db.all(
        `SELECT r.* FROM deliveries d JOIN revisions r ON r.seq = d.seq WHERE d.leader = ?1 OR d.key = ?1
         ORDER BY d.rank DESC, d.seq, d.key LIMIT ?2`,
        leader,
        MOST,
      );
      return rows.map(toStored);
    },
    async heard(alerts, among) {
      const rows = db.all(
        `SELECT alert, subscriber, max(rank) AS rank, min(delivered_at) AS since FROM deliveries
         WHERE alert IN (SELECT value FROM json_each(?1)) AND state IN ('delivered', 'waiting', 'sending')
           AND (?2 IS NULL OR subscriber IN (SELECT value FROM json_each(?2)))
         GROUP BY alert, subscriber`,
        JSON.stringify(alerts),
        among === undefined ? null : JSON.stringify(among),
      );
      return rows.map(({ alert, subscriber, rank, since }) => ({
        alert: String(alert),
        subscription: String(subscriber),
        level: levelNames[Number(rank)] ?? 'yellow',
        ...(since === null ? {} : { since: Number(since) }),
      }));
    },
    async makeWay(now, { held, onlyRed, paused }) {
      // Asked at every look: most find nothing, and take no write lock.
      if (!db.get(`SELECT 1 FROM ${BEFORE_RED} LIMIT 1`, now)) return 0;
      return db.transaction(() => {
        const count = db.run(SUPERSEDE, now, held ? 1 : 0, onlyRed ? 1 : 0, JSON.stringify(paused));
        db.run(LIFT, now);
        return count;
      });
    },
  };
}

/**
 * Lower revisions (`b`) that wait before a red one of their alert, or were under way in a process whose lease is over at
 * ?1: from the few reds to what is before them.
 */
const BEFORE_RED = `deliveries AS r INDEXED BY deliveries_red CROSS JOIN deliveries AS b INDEXED BY deliveries_lane
  ON b.alert = r.alert AND b.subscriber = r.subscriber AND b.revision < r.revision AND b.rank < 2
    AND (b.state = 'waiting' OR (b.state = 'sending' AND b.next_attempt_at <= ?1))
  WHERE r.state = 'waiting' AND r.rank = 2 AND r.revision > 1`;

/** One that leads others, or follows one, has a message of its own that must stay as it was sent. */
const SUPERSEDE = `
UPDATE deliveries AS d SET state = 'dropped', last_error = 'superseded by a red revision'
WHERE key IN (SELECT b.key FROM ${BEFORE_RED}) AND leader IS NULL
  AND (?2 = 1 OR (attempts = 0
    AND (next_attempt_at > ?1 OR ?3 = 1 OR subscriber IN (SELECT value FROM json_each(?4)))))
  AND NOT EXISTS (SELECT 1 FROM deliveries m WHERE m.leader = d.key)`;

const LIFT = `
UPDATE deliveries AS d SET lift = w.place,
  next_attempt_at = CASE WHEN d.state = 'waiting' THEN min(d.next_attempt_at, ?1) ELSE d.next_attempt_at END
FROM (SELECT coalesce(b.leader, b.key) AS message, min(r.seq) AS place FROM ${BEFORE_RED} GROUP BY 1) AS w
WHERE d.key = w.message AND d.state IN ('waiting', 'sending') AND d.rank < 2 AND d.lift IS NULL`;

/** Companions of ?1: its own group, never tried, nothing of their alerts still under way to the subscriber. */
const COMPANIONS = `
UPDATE deliveries SET leader = ?1, state = 'waiting', claimer = NULL, attempts = 0
WHERE key IN (
  SELECT c.key FROM deliveries l CROSS JOIN deliveries c INDEXED BY deliveries_bunch ON c.subscriber = l.subscriber AND c.bunch = l.bunch
  WHERE l.key = ?1 AND c.key <> ?1 AND c.leader IS NULL AND c.state IN ('waiting', 'sending')
    AND ((c.state = 'waiting' AND c.attempts = 0)
      OR (c.state = 'sending' AND c.attempts = 1 AND c.key IN (SELECT value FROM json_each(?2))))
    AND NOT EXISTS (SELECT 1 FROM deliveries m WHERE m.leader = c.key)
    AND NOT EXISTS (
      SELECT 1 FROM deliveries e WHERE e.alert = c.alert AND e.subscriber = c.subscriber AND e.revision < c.revision
        AND e.state IN ('waiting', 'sending'))
  ORDER BY c.rank DESC, c.seq, c.key LIMIT ?3)`;

function gatherIn(
  db: Database,
  leader: string,
  claimed: readonly string[],
  limit: number,
  now: number,
): void {
  db.run(COMPANIONS, leader, JSON.stringify(claimed), bounded(limit));
  db.run(
    `UPDATE deliveries SET state = 'waiting', claimer = NULL, attempts = MAX(attempts - 1, 0), next_attempt_at = ?
     WHERE state = 'sending' AND leader IS NULL AND key IN (SELECT value FROM json_each(?))`,
    now,
    JSON.stringify(claimed),
  );
}

const TAKEN = 'key = ? AND withheld IS NOT NULL AND next_attempt_at = ?';

function reviewOne(
  db: Database,
  { key, verdict, bunch, notBefore }: Verdict,
  lease: number,
  now: number,
): void {
  if (verdict === 'send') {
    const sent = db.run(
      `UPDATE deliveries AS d SET state = 'waiting', withheld = NULL, last_error = NULL, next_attempt_at = ?, bunch = ?
       WHERE ${TAKEN} AND EXISTS (
         SELECT 1 FROM alerts a WHERE a.alert = d.alert AND a.seq = d.seq AND a.state <> 'ended')`,
      notBefore ?? now,
      bunch ?? null,
      key,
      lease,
    );
    if (sent > 0) return;
  }
  if (typeof verdict === 'string') db.run(`UPDATE deliveries SET withheld = NULL WHERE ${TAKEN}`, key, lease);
  else
    db.run(
      `UPDATE deliveries SET withheld = ?, last_error = ?, next_attempt_at = ? WHERE ${TAKEN}`,
      verdict.cause,
      verdict.reason,
      verdict.until,
      key,
      lease,
    );
}

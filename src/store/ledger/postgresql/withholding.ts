import { levelNames } from '../../../model/rule.ts';
import type { Silence } from '../../../model/silence.ts';
import type { Verdict, WithholdingStore } from '../withholding.ts';
import type { Database } from './database.ts';
import { toDelivery } from './deliveries.ts';
import { bounded } from './queries.ts';
import { toStored } from './revisions.ts';
import type { Row, Session } from './session.ts';

const MOST = 1000;

/** Silences, and deliveries that are held back or share a message. */
export function withholdingStore(db: Database): WithholdingStore {
  const silenceOf = (row: Row): Silence => JSON.parse(String(row.json)) as Silence;
  return {
    async silences(endsAfter) {
      const sql = `SELECT json FROM silences WHERE until > $1 ORDER BY until, id LIMIT ${MOST}`;
      return (await db.all(sql, endsAfter)).map(silenceOf);
    },
    async silence(id) {
      const row = await db.get('SELECT json FROM silences WHERE id = $1', id);
      return row && silenceOf(row);
    },
    async putSilence(silence, now) {
      await db.transaction(async (session) => {
        await session.run(
          `INSERT INTO silences VALUES ($1, $2, $3)
           ON CONFLICT (id) DO UPDATE SET until = excluded.until, json = excluded.json`,
          silence.id,
          silence.until,
          JSON.stringify(silence),
        );
        await session.run('UPDATE deliveries SET next_attempt_at = $1 WHERE withheld IS NOT NULL', now);
      });
    },
    // An answer that was lost leaves what it took until the lease ends.
    async takeWithheld(now, limit, leaseUntil) {
      const rows = await db.all(TAKE, now, bounded(limit), leaseUntil);
      // RETURNING promises no order.
      return [...rows]
        .sort((a, b) => Number(a.place) - Number(b.place))
        .map((row) => ({
          ...toDelivery(row),
          stored: toStored({ ...row, state: row.revision_state }),
          isStanding: row.standing === true,
        }));
    },
    async review(verdicts, leaseUntil, now) {
      if (verdicts.length > 0)
        await db.transaction((session) => reviewAll(session, verdicts, leaseUntil, now));
    },
    async standing(subjects) {
      const rows = await db.all(
        `SELECT r.* FROM alerts a JOIN revisions r ON r.seq = a.seq
         WHERE a.subject_id = ANY($1::text[]) AND a.state <> 'ended' ORDER BY r.seq LIMIT ${MOST}`,
        subjects,
      );
      return rows.map(toStored);
    },
    async gather(leader, claimed, limit, now) {
      await db.transaction(async (session) => {
        await session.run(COMPANIONS, leader, claimed, bounded(limit));
        await session.run(
          `UPDATE deliveries SET state = 'waiting', claimer = NULL, attempts = greatest(attempts - 1, 0),
             next_attempt_at = $1
           WHERE state = 'sending' AND leader IS NULL AND key = ANY($2::text[])`,
          now,
          claimed,
        );
      });
    },
    async companions(leader) {
      const rows = await db.all(
        `SELECT r.* FROM deliveries d JOIN revisions r ON r.seq = d.seq WHERE d.leader = $1 OR d.key = $1
         ORDER BY d.rank DESC, d.seq, d.key LIMIT ${MOST}`,
        leader,
      );
      return rows.map(toStored);
    },
    async heard(alerts, among) {
      const rows = await db.all(
        `SELECT alert, subscriber, max(rank) AS rank, min(delivered_at) AS since FROM deliveries
         WHERE alert = ANY($1::text[]) AND state IN ('delivered', 'waiting', 'sending')
           AND ($2::text[] IS NULL OR subscriber = ANY($2::text[]))
         GROUP BY alert, subscriber`,
        alerts,
        among ?? null,
      );
      return rows.map(({ alert, subscriber, rank, since }) => ({
        alert: String(alert),
        subscription: String(subscriber),
        level: levelNames[Number(rank)] ?? 'yellow',
        ...(since === null ? {} : { since: Number(since) }),
      }));
    },
    async makeWay(now, { held, onlyRed, paused }) {
      return Number((await db.get(MAKE_WAY, now, held, onlyRed, paused))?.count);
    },
  };
}

/** `place` keeps the order in which they were found. Two processes take different ones. */
const TAKE = `
WITH due AS (
  SELECT d.key, a.seq = d.seq AND a.state <> 'ended' AS standing,
    row_number() OVER (ORDER BY d.next_attempt_at, d.rank DESC, d.seq, d.key) AS place
  FROM deliveries d JOIN alerts a ON a.alert = d.alert
  WHERE d.key IN (
    SELECT key FROM deliveries WHERE withheld IS NOT NULL AND next_attempt_at <= $1
    ORDER BY next_attempt_at, rank DESC, seq, key LIMIT $2 FOR UPDATE SKIP LOCKED))
UPDATE deliveries AS d SET next_attempt_at = $3 FROM due, revisions AS r
WHERE d.key = due.key AND r.seq = d.seq
RETURNING d.*, due.standing, due.place, r.position, r.json, r.state AS revision_state`;

/**
 * What waits before reds, or was under way in a process whose lease is over, is dropped or lifted, in one look. One that leads others, or follows one, has a message of its
 * own that must stay as it was sent.
 */
const MAKE_WAY = `
WITH before_red AS (
  SELECT b.key, coalesce(b.leader, b.key) AS message, r.seq FROM deliveries AS r JOIN deliveries AS b
    ON b.alert = r.alert AND b.subscriber = r.subscriber AND b.revision < r.revision AND b.rank < 2
      AND (b.state = 'waiting' OR (b.state = 'sending' AND b.next_attempt_at <= $1))
  WHERE r.state = 'waiting' AND r.rank = 2 AND r.revision > 1),
dropped AS (
  UPDATE deliveries AS d SET state = 'dropped', last_error = 'superseded by a red revision'
  WHERE key IN (SELECT key FROM before_red) AND leader IS NULL
    AND (state = 'waiting' OR (state = 'sending' AND next_attempt_at <= $1))
    AND ($2::boolean OR (attempts = 0
      AND (next_attempt_at > $1 OR $3::boolean OR subscriber = ANY($4::text[]))))
    AND NOT EXISTS (SELECT 1 FROM deliveries m WHERE m.leader = d.key)
  RETURNING key),
lifted AS (
  UPDATE deliveries AS d SET lift = w.place,
    next_attempt_at = CASE WHEN d.state = 'waiting' THEN least(d.next_attempt_at, $1) ELSE d.next_attempt_at END
  FROM (SELECT message, min(seq) AS place FROM before_red GROUP BY message) AS w
  WHERE d.key = w.message AND d.key NOT IN (SELECT key FROM dropped)
    AND d.state IN ('waiting', 'sending') AND d.rank < 2 AND d.lift IS NULL)
SELECT count(*) AS count FROM dropped`;

/** Companions of $1: its own group, never tried, nothing of their alerts still under way to the subscriber. */
const COMPANIONS = `
WITH chosen AS (
  SELECT c.key FROM deliveries l JOIN deliveries c ON c.subscriber = l.subscriber AND c.bunch = l.bunch
  WHERE l.key = $1 AND c.key <> $1 AND c.leader IS NULL
    AND ((c.state = 'waiting' AND c.attempts = 0)
      OR (c.state = 'sending' AND c.attempts = 1 AND c.key = ANY($2::text[])))
    AND NOT EXISTS (SELECT 1 FROM deliveries m WHERE m.leader = c.key)
    AND NOT EXISTS (
      SELECT 1 FROM deliveries e WHERE e.alert = c.alert AND e.subscriber = c.subscriber AND e.revision < c.revision
        AND e.state IN ('waiting', 'sending'))
    AND NOT EXISTS (
      SELECT 1 FROM revisions AS r JOIN outbox AS o ON o.seq = r.seq
      WHERE r.alert = c.alert AND r.revision < c.revision)
  ORDER BY c.rank DESC, c.seq, c.key LIMIT $3 FOR UPDATE OF c SKIP LOCKED)
UPDATE deliveries AS d SET leader = $1, state = 'waiting', claimer = NULL, attempts = 0
FROM chosen WHERE d.key = chosen.key`;

/** What was to be sent but does not stand any more is forgotten. */
async function reviewAll(
  session: Session,
  verdicts: readonly Verdict[],
  lease: number,
  now: number,
): Promise<void> {
  const held = verdicts.map(({ verdict }) => (typeof verdict === 'string' ? null : verdict));
  await session.run(
    `UPDATE deliveries AS d SET state = CASE WHEN v.sent THEN 'waiting' ELSE d.state END, withheld = v.cause,
       bunch = CASE WHEN v.sent THEN v.bunch ELSE d.bunch END,
       last_error = CASE WHEN v.sent THEN NULL WHEN v.cause IS NULL THEN d.last_error ELSE v.reason END,
       next_attempt_at = coalesce(v.until, d.next_attempt_at)
     FROM (
       SELECT w.*, w.what = 'send' AND a.seq = e.seq AND a.state <> 'ended' AS sent
       FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[])
         AS w (key, what, cause, reason, until, bunch)
       JOIN deliveries AS e ON e.key = w.key JOIN alerts AS a ON a.alert = e.alert) AS v
     WHERE d.key = v.key AND d.withheld IS NOT NULL AND d.next_attempt_at = $7`,
    verdicts.map(({ key }) => key),
    verdicts.map(({ verdict }) => (typeof verdict === 'string' ? verdict : 'hold')),
    held.map((one) => one?.cause ?? null),
    held.map((one) => one?.reason ?? null),
    verdicts.map(({ verdict, notBefore }, i) =>
      verdict === 'send' ? (notBefore ?? now) : (held[i]?.until ?? null),
    ),
    verdicts.map(({ bunch }) => bunch ?? null),
    lease,
  );
}

import type { Delivery, DeliveryState, WithholdCause } from '../delivery.ts';
import type { ClaimRequest, DeliveryOutcome, Expansion, Ledger } from '../ledger.ts';
import { type Recipient, recipientOf } from '../subscription.ts';
import type { Database, Row } from './database.ts';
import { bounded } from './queries.ts';
import { toStored } from './revisions.ts';

type Deliveries = Pick<
  Ledger,
  'outbox' | 'told' | 'expand' | 'claim' | 'reclaim' | 'settle' | 'deliveryCount' | 'oldestOutboxAt'
>;

export const toDelivery = (row: Row): Delivery => ({
  key: String(row.key),
  seq: Number(row.seq),
  alert: String(row.alert),
  revision: Number(row.revision),
  subscription: recipientOf(JSON.parse(String(row.subscription)) as Recipient),
  destination: String(row.destination),
  state: String(row.state) as DeliveryState,
  attempts: Number(row.attempts),
  nextAttemptAt: Number(row.next_attempt_at),
  ...(row.last_error === null ? {} : { lastError: String(row.last_error) }),
  ...(row.delivered_at === null ? {} : { deliveredAt: Number(row.delivered_at) }),
  ...(row.withheld === null ? {} : { withheld: String(row.withheld) as WithholdCause }),
  ...(row.bunch === null ? {} : { bunch: String(row.bunch) }),
  ...(row.leader === null ? {} : { leader: String(row.leader) }),
});

/** Outbox and deliveries. While a delivery is `sending`, `next_attempt_at` is the end of its lease. */
export function deliveryStore(db: Database): Deliveries {
  return {
    async outbox(limit) {
      const rows = db.all(
        'SELECT r.*, o.created_at FROM outbox o JOIN revisions r ON r.seq = o.seq ORDER BY o.seq LIMIT ?',
        bounded(limit),
      );
      return rows.map((row) => ({ revision: toStored(row), createdAt: Number(row.created_at) }));
    },
    async told(alert, beforeRevision) {
      const rows = db.all(
        "SELECT DISTINCT subscriber FROM deliveries WHERE alert = ? AND revision < ? AND state <> 'dropped'",
        alert,
        beforeRevision,
      );
      return new Set(rows.map((row) => String(row.subscriber)));
    },
    async expand(rows, now) {
      db.transaction(() => {
        for (const row of rows) expandRow(db, row, now);
      });
    },
    async claim(request) {
      const claimed = db.all(CLAIM, ...claimValues(request));
      // RETURNING promises no order.
      return [...claimed].sort(byUrgency).map((row) => ({
        ...toDelivery(row),
        stored: toStored(db.get('SELECT * FROM revisions WHERE seq = ?', Number(row.seq)) as Row),
        isUrgent: urgencyOf(row) === 2,
      }));
    },
    async reclaim(claimer, now) {
      return db.run(
        `UPDATE deliveries SET state = 'waiting', claimer = NULL, next_attempt_at = ?
         WHERE state = 'sending' AND claimer = ?`,
        now,
        claimer,
      );
    },
    async settle(outcomes) {
      db.transaction(() => {
        for (const outcome of outcomes) settleOne(db, outcome);
      });
    },
    async deliveryCount(alert) {
      return Number(db.get('SELECT count(*) AS n FROM deliveries WHERE alert = ?', alert)?.n);
    },
    async oldestOutboxAt() {
      const at = db.get('SELECT created_at AS at FROM outbox ORDER BY seq LIMIT 1')?.at;
      return at === null || at === undefined ? null : Number(at);
    },
  };
}

const CLAIM = `
UPDATE deliveries SET state = 'sending', attempts = attempts + 1, next_attempt_at = ?1, claimer = ?2
WHERE key IN (
  SELECT key FROM deliveries AS due INDEXED BY deliveries_due
  WHERE state IN ('waiting', 'sending') AND next_attempt_at <= ?3 AND leader IS NULL
    AND (channel = ?4 OR (?4 IS NULL AND channel NOT IN (SELECT value FROM json_each(?5))))
    AND destination NOT IN (SELECT value FROM json_each(?6))
    AND (rank = 2 OR lift IS NOT NULL OR (?8 = 0 AND subscriber NOT IN (SELECT value FROM json_each(?9))))
    AND ((rank < 2 AND lift IS NULL) OR subscriber NOT IN (SELECT value FROM json_each(?10)))
    AND NOT EXISTS (
      SELECT 1 FROM deliveries AS earlier
      WHERE earlier.alert = due.alert AND earlier.subscriber = due.subscriber AND earlier.revision < due.revision
        AND earlier.state IN ('waiting', 'sending'))
  ORDER BY (CASE WHEN lift IS NULL THEN rank ELSE 2 END) DESC, coalesce(lift, seq), key LIMIT ?7)
RETURNING *`;

const claimValues = (request: ClaimRequest): (string | number | null)[] => [
  request.leaseUntil,
  request.claimer,
  request.now,
  typeof request.channel === 'string' ? request.channel : null,
  JSON.stringify(typeof request.channel === 'string' ? [] : request.channel.except),
  JSON.stringify(request.notTo),
  bounded(request.limit),
  request.onlyRed ? 1 : 0,
  JSON.stringify(request.paused?.lower ?? []),
  JSON.stringify(request.paused?.red ?? []),
];

/** What a message that never left would have told goes its own ways again. */
const DISSOLVE = `
UPDATE deliveries AS d SET leader = NULL, next_attempt_at = l.next_attempt_at
FROM deliveries AS l WHERE l.key = ?1 AND l.state = 'waiting' AND l.attempts = 0
  AND d.leader = l.key AND d.state = 'waiting'`;

function settleOne(db: Database, outcome: DeliveryOutcome): void {
  const { key, state, at } = outcome;
  // A late answer after the lease ran out never takes back what another attempt has delivered or given up.
  const open = state === 'delivered' ? "state <> 'delivered'" : "state IN ('waiting', 'sending')";
  if (state === 'waiting' && outcome.error === undefined) {
    db.run(
      `UPDATE deliveries SET state = 'waiting', claimer = NULL, next_attempt_at = ?, attempts = MAX(attempts - 1, 0)
       WHERE key = ? AND ${open}`,
      outcome.nextAttemptAt ?? at,
      key,
    );
    db.run(DISSOLVE, key);
    return;
  }
  db.run(
    `UPDATE deliveries SET state = ?, claimer = NULL, next_attempt_at = ?, last_error = ?, delivered_at = ?
     WHERE key = ? AND ${open}`,
    state,
    outcome.nextAttemptAt ?? at,
    outcome.error ?? null,
    state === 'delivered' ? at : null,
    key,
  );
  if (state === 'waiting') return;
  db.run(
    "UPDATE deliveries SET state = ?, last_error = ?, delivered_at = ? WHERE leader = ? AND state = 'waiting'",
    state,
    outcome.error ?? null,
    state === 'delivered' ? at : null,
    key,
  );
}

function expandRow(db: Database, { seq, deliveries }: Expansion, now: number): void {
  if (db.run('DELETE FROM outbox WHERE seq = ?', seq) === 0) return;
  for (const { subscription, destination, notBefore, bunch, withheld } of deliveries) {
    db.run(
      `INSERT OR IGNORE INTO deliveries
         (key, seq, alert, revision, subscriber, subscription, channel, destination, rank, state, next_attempt_at,
          bunch, withheld, last_error)
       SELECT alert || '.' || revision || '.' || ?1, seq, alert, revision, ?1, ?2, ?3, ?4, rank, ?5, ?6, ?7, ?8, ?9
       FROM revisions WHERE seq = ?10
         AND (?1 NOT LIKE 'self-%' OR EXISTS (SELECT 1 FROM subscriptions WHERE id = ?1))`,
      subscription.id,
      JSON.stringify(recipientOf(subscription)),
      subscription.channel,
      destination,
      withheld ? 'dropped' : 'waiting',
      withheld?.until ?? notBefore ?? now,
      bunch ?? null,
      withheld?.cause ?? null,
      withheld?.reason ?? null,
      seq,
    );
  }
}

const urgencyOf = ({ rank, lift }: Row): number => (lift === null ? Number(rank) : 2);
const placeOf = ({ seq, lift }: Row): number => Number(lift ?? seq);

function byUrgency(a: Row, b: Row): number {
  const higher = urgencyOf(b) - urgencyOf(a);
  if (higher !== 0) return higher;
  return placeOf(a) - placeOf(b) || (String(a.key) < String(b.key) ? -1 : 1);
}

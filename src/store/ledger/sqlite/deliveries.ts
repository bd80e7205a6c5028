import type {
  ClaimRequest,
  Delivery,
  DeliveryOutcome,
  DeliveryState,
  Expansion,
  Ledger,
  Subscription,
} from '../ledger.ts';
import type { Database, Row } from './database.ts';
import { bounded } from './queries.ts';
import { toStored } from './revisions.ts';

type Deliveries = Pick<
  Ledger,
  'outbox' | 'told' | 'expand' | 'claim' | 'reclaim' | 'settle' | 'deliveries' | 'oldestOutboxAt'
>;

const toDelivery = (row: Row): Delivery => ({
  key: String(row.key),
  seq: Number(row.seq),
  alert: String(row.alert),
  revision: Number(row.revision),
  subscription: JSON.parse(String(row.subscription)) as Subscription,
  destination: String(row.destination),
  state: String(row.state) as DeliveryState,
  attempts: Number(row.attempts),
  nextAttemptAt: Number(row.next_attempt_at),
  ...(row.last_error === null ? {} : { lastError: String(row.last_error) }),
  ...(row.delivered_at === null ? {} : { deliveredAt: Number(row.delivered_at) }),
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
    async deliveries(filter) {
      const rows = db.all(
        `SELECT * FROM deliveries WHERE (?1 IS NULL OR alert = ?1) AND (?2 IS NULL OR state = ?2)
         ORDER BY seq DESC, key LIMIT ?3`,
        filter.alert ?? null,
        filter.state ?? null,
        bounded(filter.limit),
      );
      return rows.map(toDelivery);
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
  WHERE state IN ('waiting', 'sending') AND next_attempt_at <= ?3
    AND (channel = ?4 OR (?4 IS NULL AND channel NOT IN (SELECT value FROM json_each(?5))))
    AND destination NOT IN (SELECT value FROM json_each(?6))
    AND NOT EXISTS (
      SELECT 1 FROM deliveries AS earlier
      WHERE earlier.alert = due.alert AND earlier.subscriber = due.subscriber AND earlier.revision < due.revision
        AND earlier.state IN ('waiting', 'sending'))
  ORDER BY rank DESC, seq, key LIMIT ?7)
RETURNING *`;

const claimValues = (request: ClaimRequest): (string | number | null)[] => [
  request.leaseUntil,
  request.claimer,
  request.now,
  typeof request.channel === 'string' ? request.channel : null,
  JSON.stringify(typeof request.channel === 'string' ? [] : request.channel.except),
  JSON.stringify(request.notTo),
  bounded(request.limit),
];

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
}

function expandRow(db: Database, { seq, deliveries }: Expansion, now: number): void {
  if (db.run('DELETE FROM outbox WHERE seq = ?', seq) === 0) return;
  for (const { subscription, destination } of deliveries) {
    db.run(
      `INSERT OR IGNORE INTO deliveries
         (key, seq, alert, revision, subscriber, subscription, channel, destination, rank, state, next_attempt_at)
       SELECT alert || '.' || revision || '.' || ?1, seq, alert, revision, ?1, ?2, ?3, ?4, rank, 'waiting', ?5
       FROM revisions WHERE seq = ?6`,
      subscription.id,
      JSON.stringify(subscription),
      subscription.channel,
      destination,
      now,
      seq,
    );
  }
}

function byUrgency(a: Row, b: Row): number {
  if (a.rank !== b.rank) return Number(b.rank) - Number(a.rank);
  if (a.seq !== b.seq) return Number(a.seq) - Number(b.seq);
  return String(a.key) < String(b.key) ? -1 : 1;
}

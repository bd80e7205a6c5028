import type { Delivery, DeliveryState, Ledger, Subscription } from '../ledger.ts';
import type { Database, Row } from './database.ts';
import { bounded } from './queries.ts';
import { toStored } from './revisions.ts';

type Deliveries = Pick<Ledger, 'outbox' | 'expand' | 'claim' | 'settle' | 'deliveries' | 'oldestOutboxAt'>;

const toDelivery = (row: Row): Delivery => ({
  key: String(row.key),
  seq: Number(row.seq),
  alert: String(row.alert),
  revision: Number(row.revision),
  subscription: JSON.parse(String(row.subscription)) as Subscription,
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
    async expand(seq, subscriptions, now) {
      db.transaction(() => expandRow(db, seq, subscriptions, now));
    },
    async claim(now, leaseUntil, limit) {
      const claimed = db.all(
        `UPDATE deliveries SET state = 'sending', attempts = attempts + 1, next_attempt_at = ?
         WHERE key IN (SELECT key FROM deliveries INDEXED BY deliveries_due WHERE state IN ('waiting', 'sending') AND next_attempt_at <= ?
                       ORDER BY rank DESC, seq, key LIMIT ?) RETURNING *`,
        leaseUntil,
        now,
        bounded(limit),
      );
      // RETURNING promises no order.
      return [...claimed].sort(byUrgency).map(toDelivery);
    },
    async settle(key, outcome) {
      // A late answer after the lease ran out never takes back what another attempt has delivered or given up.
      const open = outcome.state === 'delivered' ? "state <> 'delivered'" : "state IN ('waiting', 'sending')";
      if (outcome.state === 'waiting' && outcome.error === undefined) {
        // Given back untried (channel full, circuit open, an earlier revision first): the claim's attempt does not count.
        db.run(
          `UPDATE deliveries SET state = 'waiting', next_attempt_at = ?, attempts = MAX(attempts - 1, 0) WHERE key = ? AND ${open}`,
          outcome.nextAttemptAt ?? outcome.at,
          key,
        );
        return;
      }
      db.run(
        `UPDATE deliveries SET state = ?, next_attempt_at = ?, last_error = ?, delivered_at = ? WHERE key = ? AND ${open}`,
        outcome.state,
        outcome.nextAttemptAt ?? outcome.at,
        outcome.error ?? null,
        outcome.state === 'delivered' ? outcome.at : null,
        key,
      );
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

function expandRow(db: Database, seq: number, subscriptions: readonly Subscription[], now: number): void {
  if (db.run('DELETE FROM outbox WHERE seq = ?', seq) === 0) return;
  for (const subscription of subscriptions) {
    db.run(
      `INSERT OR IGNORE INTO deliveries (key, seq, alert, revision, subscription, rank, state, next_attempt_at)
       SELECT alert || '.' || revision || '.' || ?, seq, alert, revision, ?, rank, 'waiting', ?
       FROM revisions WHERE seq = ?`,
      subscription.id,
      JSON.stringify(subscription),
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

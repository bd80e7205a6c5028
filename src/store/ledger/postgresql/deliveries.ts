import type {
  ClaimRequest,
  Delivery,
  DeliveryOutcome,
  DeliveryState,
  Expansion,
  Ledger,
  Subscription,
} from '../ledger.ts';
import type { Database } from './database.ts';
import { bounded } from './queries.ts';
import { toStored } from './revisions.ts';
import type { Row, Session, Value } from './session.ts';

type Deliveries = Pick<
  Ledger,
  'outbox' | 'told' | 'expand' | 'claim' | 'reclaim' | 'settle' | 'oldestOutboxAt'
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
      const rows = await db.all(
        'SELECT r.*, o.created_at FROM outbox o JOIN revisions r ON r.seq = o.seq ORDER BY o.seq LIMIT $1',
        bounded(limit),
      );
      return rows.map((row) => ({ revision: toStored(row), createdAt: Number(row.created_at) }));
    },
    async told(alert, beforeRevision) {
      const rows = await db.all(
        "SELECT DISTINCT subscriber FROM deliveries WHERE alert = $1 AND revision < $2 AND state <> 'dropped'",
        alert,
        beforeRevision,
      );
      return new Set(rows.map((row) => String(row.subscriber)));
    },
    async expand(rows, now) {
      await db.transaction((session) => expandRows(session, rows, now));
    },
    // A claim whose answer was lost is repeated; what the lost one took comes back when its lease ends.
    async claim(request) {
      const rows = await db.all(CLAIM, ...claimValues(request));
      // RETURNING promises no order.
      return [...rows].sort(byUrgency).map((row) => ({
        ...toDelivery(row),
        stored: toStored({ ...row, state: row.revision_state }),
      }));
    },
    reclaim(claimer, now) {
      return db.run(
        `UPDATE deliveries SET state = 'waiting', claimer = NULL, next_attempt_at = $1
         WHERE state = 'sending' AND claimer = $2`,
        now,
        claimer,
      );
    },
    async settle(outcomes) {
      if (outcomes.length === 0) return;
      await db.transaction(async (session) => {
        for (const round of rounds(outcomes)) await settleRound(session, round);
      });
    },
    async oldestOutboxAt() {
      const at = (await db.get('SELECT created_at AS at FROM outbox ORDER BY seq LIMIT 1'))?.at;
      return at === undefined ? null : Number(at);
    },
  };
}

/** Reads of deliveries. */
export function deliveryQueries(db: Pick<Session, 'all'>): Pick<Ledger, 'deliveries'> {
  return {
    async deliveries(filter) {
      const terms: string[] = [];
      const values: Value[] = [];
      if (filter.alert !== undefined) terms.push(`alert = $${values.push(filter.alert)}`);
      if (filter.state !== undefined) terms.push(`state = $${values.push(filter.state)}`);
      const where = terms.length > 0 ? `WHERE ${terms.join(' AND ')}` : '';
      values.push(bounded(filter.limit));
      const sql = `SELECT * FROM deliveries ${where} ORDER BY seq DESC, key LIMIT $${values.length}`;
      return (await db.all(sql, ...values)).map(toDelivery);
    },
  };
}

/**
 * SKIP LOCKED: claimers never wait for each other. The lane: nothing earlier of the alert is open for the subscriber, nor
 * still in the outbox, from where another process may be expanding it.
 */
export const CLAIM = `
WITH due AS (
  SELECT key FROM deliveries AS due
  WHERE state IN ('waiting', 'sending') AND next_attempt_at <= $3
    AND CASE WHEN $4::text IS NULL THEN channel <> ALL($5::text[]) ELSE channel = $4 END
    AND destination <> ALL($6::text[])
    AND NOT EXISTS (
      SELECT 1 FROM deliveries AS earlier
      WHERE earlier.alert = due.alert AND earlier.subscriber = due.subscriber AND earlier.revision < due.revision
        AND earlier.state IN ('waiting', 'sending'))
    AND NOT EXISTS (
      SELECT 1 FROM revisions AS r JOIN outbox AS o ON o.seq = r.seq
      WHERE r.alert = due.alert AND r.revision < due.revision)
  ORDER BY rank DESC, seq, key LIMIT $7 FOR UPDATE SKIP LOCKED)
UPDATE deliveries AS d SET state = 'sending', attempts = d.attempts + 1, next_attempt_at = $1, claimer = $2
FROM due, revisions AS r WHERE d.key = due.key AND r.seq = d.seq
RETURNING d.*, r.position, r.json, r.state AS revision_state`;

export const claimValues = (request: ClaimRequest): Value[] => [
  request.leaseUntil,
  request.claimer,
  request.now,
  typeof request.channel === 'string' ? request.channel : null,
  typeof request.channel === 'string' ? [] : request.channel.except,
  request.notTo,
  bounded(request.limit),
];

/** Outcomes in their order, cut so that a key is in each round once. */
function rounds(outcomes: readonly DeliveryOutcome[]): readonly (readonly DeliveryOutcome[])[] {
  const seen = new Map<string, number>();
  const result: DeliveryOutcome[][] = [];
  for (const outcome of outcomes) {
    const round = seen.get(outcome.key) ?? 0;
    seen.set(outcome.key, round + 1);
    result[round] ??= [];
    result[round].push(outcome);
  }
  return result;
}

/**
 * A late answer after the lease ran out never takes back what another attempt has delivered or given up. Given back
 * untried: the attempt is not counted.
 */
async function settleRound(session: Session, outcomes: readonly DeliveryOutcome[]): Promise<void> {
  const untried = ({ state, error }: DeliveryOutcome): boolean => state === 'waiting' && error === undefined;
  await session.run(
    `UPDATE deliveries AS d SET state = o.state, claimer = NULL, next_attempt_at = o.next_attempt_at,
       attempts = CASE WHEN o.untried THEN greatest(d.attempts - 1, 0) ELSE d.attempts END,
       last_error = CASE WHEN o.untried THEN d.last_error ELSE o.error END,
       delivered_at = CASE WHEN o.untried THEN d.delivered_at ELSE o.delivered_at END
     FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::boolean[])
       AS o (key, state, next_attempt_at, error, delivered_at, untried)
     WHERE d.key = o.key AND CASE WHEN o.untried THEN d.state = 'sending'
       WHEN o.state = 'delivered' THEN d.state <> 'delivered' ELSE d.state IN ('waiting', 'sending') END`,
    outcomes.map(({ key }) => key),
    outcomes.map(({ state }) => state),
    outcomes.map(({ at, nextAttemptAt }) => nextAttemptAt ?? at),
    outcomes.map(({ error }) => error ?? null),
    outcomes.map(({ state, at }) => (state === 'delivered' ? at : null)),
    outcomes.map(untried),
  );
}

/** Takes the rows out of the outbox and writes the deliveries of those that were still in it. */
async function expandRows(session: Session, rows: readonly Expansion[], now: number): Promise<void> {
  const taken = await session.all(
    `DELETE FROM outbox WHERE seq IN (
       SELECT seq FROM outbox WHERE seq = ANY($1::bigint[]) ORDER BY seq FOR UPDATE) RETURNING seq`,
    rows.map(({ seq }) => seq),
  );
  const open = new Set(taken.map((row) => Number(row.seq)));
  // The first expansion of a row counts.
  const wanted = rows.flatMap(({ seq, deliveries }) =>
    open.delete(seq) ? deliveries.map((delivery) => ({ seq, ...delivery })) : [],
  );
  if (wanted.length === 0) return;
  await session.run(
    `INSERT INTO deliveries
       (key, seq, alert, revision, subscriber, subscription, channel, destination, rank, state, next_attempt_at)
     SELECT r.alert || '.' || r.revision || '.' || e.subscriber, r.seq, r.alert, r.revision, e.subscriber,
       e.subscription, e.channel, e.destination, r.rank, 'waiting', $6::bigint
     FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[])
       AS e (seq, subscriber, subscription, channel, destination) JOIN revisions AS r ON r.seq = e.seq
     ON CONFLICT DO NOTHING`,
    wanted.map(({ seq }) => seq),
    wanted.map(({ subscription }) => subscription.id),
    wanted.map(({ subscription }) => JSON.stringify(subscription)),
    wanted.map(({ subscription }) => subscription.channel),
    wanted.map(({ destination }) => destination),
    now,
  );
}

function byUrgency(a: Row, b: Row): number {
  if (a.rank !== b.rank) return Number(b.rank) - Number(a.rank);
  if (a.seq !== b.seq) return Number(a.seq) - Number(b.seq);
  return String(a.key) < String(b.key) ? -1 : 1;
}

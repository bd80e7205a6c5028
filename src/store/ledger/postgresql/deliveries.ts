import type { Delivery, DeliveryState, WithholdCause } from '../delivery.ts';
import type { ClaimRequest, DeliveryOutcome, Expansion, Ledger } from '../ledger.ts';
import { isSelf } from '../subscribers.ts';
import { type Recipient, recipientOf } from '../subscription.ts';
import type { Database } from './database.ts';
import { bounded } from './queries.ts';
import { toStored } from './revisions.ts';
import type { Row, Session, Value } from './session.ts';

type Deliveries = Pick<
  Ledger,
  'outbox' | 'told' | 'expand' | 'claim' | 'reclaim' | 'settle' | 'oldestOutboxAt'
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
        isUrgent: urgencyOf(row) === 2,
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

/**
 * SKIP LOCKED: claimers never wait for each other. The lane: nothing earlier of the alert is open for the subscriber, nor
 * still in the outbox, from where another process may be expanding it.
 */
export const CLAIM = `
WITH due AS (
  SELECT key FROM deliveries AS due
  WHERE state IN ('waiting', 'sending') AND next_attempt_at <= $3 AND leader IS NULL
    AND CASE WHEN $4::text IS NULL THEN channel <> ALL($5::text[]) ELSE channel = $4 END
    AND destination <> ALL($6::text[])
    AND (rank = 2 OR lift IS NOT NULL OR (NOT $8::boolean AND subscriber <> ALL($9::text[])))
    AND ((rank < 2 AND lift IS NULL) OR subscriber <> ALL($10::text[]))
    AND NOT EXISTS (
      SELECT 1 FROM deliveries AS earlier
      WHERE earlier.alert = due.alert AND earlier.subscriber = due.subscriber AND earlier.revision < due.revision
        AND earlier.state IN ('waiting', 'sending'))
    AND NOT EXISTS (
      SELECT 1 FROM revisions AS r JOIN outbox AS o ON o.seq = r.seq
      WHERE r.alert = due.alert AND r.revision < due.revision)
  ORDER BY (CASE WHEN lift IS NULL THEN rank ELSE 2 END) DESC, coalesce(lift, seq), key LIMIT $7 FOR UPDATE SKIP LOCKED)
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
  request.onlyRed ?? false,
  request.paused?.lower ?? [],
  request.paused?.red ?? [],
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
  const back = outcomes.filter(untried);
  // What a message that never left would have told goes its own ways again.
  if (back.length > 0)
    await session.run(
      `UPDATE deliveries AS d SET leader = NULL, next_attempt_at = l.next_attempt_at
       FROM deliveries AS l WHERE l.key = ANY($1::text[]) AND l.state = 'waiting' AND l.attempts = 0
         AND d.leader = l.key AND d.state = 'waiting'`,
      back.map(({ key }) => key),
    );
  const over = outcomes.filter(({ state }) => state !== 'waiting');
  if (over.length === 0) return;
  await session.run(
    `UPDATE deliveries AS d SET state = o.state, last_error = o.error, delivered_at = o.delivered_at
     FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) AS o (key, state, error, delivered_at)
     WHERE d.leader = o.key AND d.state = 'waiting'`,
    over.map(({ key }) => key),
    over.map(({ state }) => state),
    over.map(({ error }) => error ?? null),
    over.map(({ state, at }) => (state === 'delivered' ? at : null)),
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
  const planned = rows.flatMap(({ seq, deliveries }) =>
    open.delete(seq) ? deliveries.map((delivery) => ({ seq, ...delivery })) : [],
  );
  const gone = await unsubscribed(
    session,
    planned.map(({ subscription }) => subscription.id),
  );
  const wanted = planned.filter(({ subscription }) => !gone.has(subscription.id));
  if (wanted.length === 0) return;
  await session.run(
    `INSERT INTO deliveries
       (key, seq, alert, revision, subscriber, subscription, channel, destination, rank, state, next_attempt_at,
        bunch, withheld, last_error)
     SELECT r.alert || '.' || r.revision || '.' || e.subscriber, r.seq, r.alert, r.revision, e.subscriber,
       e.subscription, e.channel, e.destination, r.rank,
       CASE WHEN e.withheld IS NULL THEN 'waiting' ELSE 'dropped' END, e.at, e.bunch, e.withheld, e.reason
     FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[],
         $9::text[])
       AS e (seq, subscriber, subscription, channel, destination, at, bunch, withheld, reason) JOIN revisions AS r ON r.seq = e.seq
     ON CONFLICT DO NOTHING`,
    wanted.map(({ seq }) => seq),
    wanted.map(({ subscription }) => subscription.id),
    wanted.map(({ subscription }) => JSON.stringify(recipientOf(subscription))),
    wanted.map(({ subscription }) => subscription.channel),
    wanted.map(({ destination }) => destination),
    wanted.map(({ withheld, notBefore }) => withheld?.until ?? notBefore ?? now),
    wanted.map(({ bunch }) => bunch ?? null),
    wanted.map(({ withheld }) => withheld?.cause ?? null),
    wanted.map(({ withheld }) => withheld?.reason ?? null),
  );
}

/** People who have unsubscribed meanwhile. The others are locked: who unsubscribes now finds the deliveries written here. */
async function unsubscribed(session: Session, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const own = [...new Set(ids.filter(isSelf))];
  if (own.length === 0) return new Set();
  const sql = 'SELECT id FROM subscriptions WHERE id = ANY($1::text[]) ORDER BY id FOR SHARE';
  const there = new Set((await session.all(sql, own)).map(({ id }) => String(id)));
  return new Set(own.filter((id) => !there.has(id)));
}

const urgencyOf = ({ rank, lift }: Row): number => (lift === null ? Number(rank) : 2);
const placeOf = ({ seq, lift }: Row): number => Number(lift ?? seq);

function byUrgency(a: Row, b: Row): number {
  const higher = urgencyOf(b) - urgencyOf(a);
  if (higher !== 0) return higher;
  return placeOf(a) - placeOf(b) || (String(a.key) < String(b.key) ? -1 : 1);
}

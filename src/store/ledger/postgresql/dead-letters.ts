import type { DeadLetterStore } from '../dead-letters.ts';
import type { Ledger } from '../ledger.ts';
import { toDelivery } from './deliveries.ts';
import { bounded } from './queries.ts';
import type { Session, Value } from './session.ts';

/** Lists of deliveries, and the record of a channel. */
export function deadLetterQueries(
  db: Pick<Session, 'all'>,
): Pick<Ledger, 'deliveries' | 'deliveryCount' | 'channelRecord'> {
  return {
    async deliveryCount(alert) {
      const [row] = await db.all('SELECT count(*) AS n FROM deliveries WHERE alert = $1', alert);
      return Number(row?.n);
    },
    async deliveries({ alert, state, channel, subscription, after, limit }) {
      const terms: string[] = [];
      const values: Value[] = [];
      const place = (value: Value): string => `$${values.push(value)}`;
      if (alert !== undefined) terms.push(`alert = ${place(alert)}`);
      if (state !== undefined) terms.push(`state = ${place(state)}`);
      if (channel !== undefined) terms.push(`channel = ${place(channel)}`);
      if (subscription !== undefined) terms.push(`subscriber = ${place(subscription)}`);
      if (after !== undefined) {
        const seq = place(after.seq);
        terms.push(`(seq < ${seq} OR (seq = ${seq} AND key > ${place(after.key)}))`);
      }
      const where = terms.length > 0 ? `WHERE ${terms.join(' AND ')}` : '';
      const sql = `SELECT * FROM deliveries ${where} ORDER BY seq DESC, key LIMIT ${place(bounded(limit))}`;
      return (await db.all(sql, ...values)).map(toDelivery);
    },
    async channelRecord(channel, since) {
      const [counts] = await db.all(COUNTS, channel, since);
      const [dead] = await db.all(LAST_DEAD, channel);
      const at = counts?.at ?? null;
      return {
        waiting: Number(counts?.waiting),
        delivered: Number(counts?.delivered),
        dead: Number(counts?.dead),
        ...(at === null ? {} : { lastDeliveredAt: Number(at) }),
        ...(dead ? { lastDead: { at: Number(dead.at), error: String(dead.error ?? '') } } : {}),
      };
    },
  };
}

/** Dead letters are due again. */
export function deadLetterStore(db: Pick<Session, 'all'>): Pick<DeadLetterStore, 'replay'> {
  return {
    async replay(keys, now) {
      return (await db.all(REPLAY, now, keys)).map(({ key }) => String(key));
    },
  };
}

const COUNTS = `
SELECT (SELECT count(*) FROM deliveries WHERE state IN ('waiting', 'sending') AND channel = $1) AS waiting,
  (SELECT count(*) FROM deliveries WHERE state = 'delivered' AND channel = $1 AND delivered_at >= $2::bigint) AS delivered,
  (SELECT count(*) FROM deliveries WHERE state = 'dead' AND channel = $1 AND next_attempt_at >= $2::bigint) AS dead,
  (SELECT max(delivered_at) FROM deliveries WHERE state = 'delivered' AND channel = $1) AS at`;
const LAST_DEAD = `SELECT next_attempt_at AS at, last_error AS error FROM deliveries
  WHERE state = 'dead' AND channel = $1 ORDER BY next_attempt_at DESC LIMIT 1`;
/** One attempt is left on record: what was tried is neither taken apart nor given companions. */
const REPLAY = `
UPDATE deliveries SET state = 'waiting', attempts = 1, next_attempt_at = $1::bigint, claimer = NULL
WHERE state = 'dead' AND coalesce(leader, key) IN (
  SELECT coalesce(leader, key) FROM deliveries WHERE state = 'dead' AND key = ANY($2::text[]))
RETURNING key`;

import type { DeadLetterStore } from '../dead-letters.ts';
import type { Database } from './database.ts';
import { toDelivery } from './deliveries.ts';
import { bounded } from './queries.ts';

/** Lists of deliveries, the record of a channel, and dead letters sent again. */
export function deadLetterStore(db: Database): DeadLetterStore {
  return {
    async deliveries({ alert, state, channel, subscription, after, limit }) {
      const terms: string[] = [];
      const values: (string | number)[] = [];
      const where = (term: string, ...given: (string | number)[]): void => {
        terms.push(term);
        values.push(...given);
      };
      if (alert !== undefined) where('alert = ?', alert);
      if (state !== undefined) where('state = ?', state);
      if (channel !== undefined) where('channel = ?', channel);
      if (subscription !== undefined) where('subscriber = ?', subscription);
      if (after !== undefined) where('(seq < ? OR (seq = ? AND key > ?))', after.seq, after.seq, after.key);
      const sql = `SELECT * FROM deliveries ${terms.length > 0 ? `WHERE ${terms.join(' AND ')}` : ''}
        ORDER BY seq DESC, key LIMIT ?`;
      return db.all(sql, ...values, bounded(limit)).map(toDelivery);
    },
    async channelRecord(channel, since) {
      const counts = db.get(COUNTS, channel, since);
      const at = counts?.at ?? null;
      const dead = db.get(LAST_DEAD, channel);
      return {
        waiting: Number(counts?.waiting),
        delivered: Number(counts?.delivered),
        dead: Number(counts?.dead),
        ...(at === null ? {} : { lastDeliveredAt: Number(at) }),
        ...(dead ? { lastDead: { at: Number(dead.at), error: String(dead.error ?? '') } } : {}),
      };
    },
    async replay(keys, now) {
      return db.transaction(() => db.all(REPLAY, now, JSON.stringify(keys)).map(({ key }) => String(key)));
    },
  };
}

const COUNTS = `
SELECT (SELECT count(*) FROM deliveries WHERE state IN ('waiting', 'sending') AND channel = ?1) AS waiting,
  (SELECT count(*) FROM deliveries WHERE state = 'delivered' AND channel = ?1 AND delivered_at >= ?2) AS delivered,
  (SELECT count(*) FROM deliveries WHERE state = 'dead' AND channel = ?1 AND next_attempt_at >= ?2) AS dead,
  (SELECT max(delivered_at) FROM deliveries WHERE state = 'delivered' AND channel = ?1) AS at`;
const LAST_DEAD = `SELECT next_attempt_at AS at, last_error AS error FROM deliveries
  WHERE state = 'dead' AND channel = ? ORDER BY next_attempt_at DESC LIMIT 1`;
/** One attempt is left on record: what was tried is neither taken apart nor given companions. */
const REPLAY = `
UPDATE deliveries SET state = 'waiting', attempts = 1, next_attempt_at = ?1, claimer = NULL
WHERE state = 'dead' AND coalesce(leader, key) IN (
  SELECT coalesce(leader, key) FROM deliveries
  WHERE state = 'dead' AND key IN (SELECT value FROM json_each(?2)))
RETURNING key`;

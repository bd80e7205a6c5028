import type { ChannelRecord, DeliveryFilter } from '../../src/store/ledger/dead-letters.ts';
import type { Delivery } from '../../src/store/ledger/delivery.ts';

/** Lists of deliveries, the record of a channel and replay, over rows in memory. */
export const deliveriesOf = (rows: Iterable<Delivery>, filter: DeliveryFilter): Delivery[] =>
  [...rows]
    .filter(
      (one) =>
        (filter.alert ?? one.alert) === one.alert &&
        (filter.state ?? one.state) === one.state &&
        (filter.channel ?? one.subscription.channel) === one.subscription.channel &&
        (filter.subscription ?? one.subscription.id) === one.subscription.id &&
        (filter.after === undefined || inOrder(filter.after, one) < 0),
    )
    .sort(inOrder)
    .slice(0, filter.limit);

type Place = Pick<Delivery, 'seq' | 'key'>;
const inOrder = (a: Place, b: Place): number =>
  b.seq - a.seq || (a.key === b.key ? 0 : a.key < b.key ? -1 : 1);

export function recordOf(rows: readonly Delivery[], channel: string, since: number): ChannelRecord {
  const own = rows.filter(({ subscription }) => subscription.channel === channel);
  const delivered = own.flatMap(({ deliveredAt = null }) => (deliveredAt === null ? [] : [deliveredAt]));
  const dead = own.filter(({ state }) => state === 'dead');
  const last = dead.toSorted((a, b) => b.nextAttemptAt - a.nextAttemptAt)[0];
  return {
    waiting: own.filter(({ state }) => state === 'waiting' || state === 'sending').length,
    delivered: delivered.filter((at) => at >= since).length,
    dead: dead.filter(({ nextAttemptAt }) => nextAttemptAt >= since).length,
    ...(delivered.length > 0 ? { lastDeliveredAt: Math.max(...delivered) } : {}),
    ...(last ? { lastDead: { at: last.nextAttemptAt, error: last.lastError ?? '' } } : {}),
  };
}

export function replayed(rows: Map<string, Delivery>, keys: readonly string[], now: number): string[] {
  const dead = [...rows.values()].filter(({ state }) => state === 'dead');
  const messages = new Set(
    dead.filter(({ key }) => keys.includes(key)).map(({ leader, key }) => leader ?? key),
  );
  const chosen = dead.filter(({ leader, key }) => messages.has(leader ?? key));
  for (const one of chosen) rows.set(one.key, { ...one, state: 'waiting', attempts: 1, nextAttemptAt: now });
  return chosen.map(({ key }) => key);
}

import { MINUTE_MS } from '../model/time.ts';
import type { ClaimedDelivery, ClaimRequest } from '../store/ledger/ledger.ts';

const MAX_BUCKETS = 20_000;

interface Bucket {
  tokens: number;
  perMinute: number;
  at: number;
}

/** What no claim should bring now. */
export type Limits = Required<Pick<ClaimRequest, 'onlyRed' | 'paused'>>;

/** How fast messages may leave: per subscription, reds in a lane of their own, and everything below red together. */
export interface Rates {
  /** Takes a place for a message; or how long until there is one, ms (0: taken). */
  take(delivery: ClaimedDelivery, now: number): number;
  limits(now: number): Limits;
}

/** @param perMinute most messages below red a minute over all subscriptions; without it there is no such bound. */
export function createRates(perMinute: number | undefined): Rates {
  const buckets = new Map<string, Bucket>();
  const bucketOf = (key: string, rate: number, now: number): Bucket => {
    const known = buckets.get(key);
    const bucket = known?.perMinute === rate ? known : { tokens: rate, perMinute: rate, at: now };
    const gained = (Math.max(0, now - bucket.at) * rate) / MINUTE_MS;
    bucket.tokens = Math.min(rate, bucket.tokens + gained);
    bucket.at = now;
    if (!known && buckets.size >= MAX_BUCKETS) sweep(buckets, now);
    buckets.set(key, bucket);
    return bucket;
  };
  const waitMs = ({ tokens, perMinute: rate }: Bucket): number =>
    tokens >= 1 ? 0 : Math.ceil(((1 - tokens) * MINUTE_MS) / rate);
  const exhausted = (lane: string, now: number): string[] =>
    [...buckets].flatMap(([key, { perMinute: rate }]) =>
      key.startsWith(lane) && waitMs(bucketOf(key, rate, now)) > 0 ? [key.slice(lane.length)] : [],
    );
  return {
    take({ stored, subscription, isUrgent, attempts }, now) {
      // What failed and keeps a red waiting has no rate to wait for but the red's.
      const isRed = stored.revision.event.level === 'red' || (isUrgent && attempts > 1);
      const wanted: Bucket[] = [];
      if (subscription.perMinute !== undefined)
        wanted.push(bucketOf(`${isRed ? 'red ' : 'low '}${subscription.id}`, subscription.perMinute, now));
      if (!isRed && perMinute !== undefined) wanted.push(bucketOf('all', perMinute, now));
      const wait = Math.max(0, ...wanted.map(waitMs));
      if (wait === 0) for (const bucket of wanted) bucket.tokens -= 1;
      return wait;
    },
    limits(now) {
      const onlyRed = perMinute !== undefined && waitMs(bucketOf('all', perMinute, now)) > 0;
      return { onlyRed, paused: { red: exhausted('red ', now), lower: exhausted('low ', now) } };
    },
  };
}

/** Full buckets say nothing that a new one would not. */
function sweep(buckets: Map<string, Bucket>, now: number): void {
  for (const [key, { tokens, perMinute, at }] of buckets)
    if (tokens + ((now - at) * perMinute) / MINUTE_MS >= perMinute) buckets.delete(key);
}

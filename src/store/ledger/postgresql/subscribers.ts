import {
  type Consent,
  destinationsOf,
  ERASED,
  type Erased,
  MOST_TOLD,
  type Person,
  type Personal,
  type SubscriberRequest,
  type SubscriberStore,
  subscriptionOf,
} from '../subscribers.ts';
import type { Subscription } from '../subscription.ts';
import type { Database } from './database.ts';
import { toDelivery } from './deliveries.ts';
import type { Row, Session } from './session.ts';

/** One who asks, confirms or leaves at a time: what is counted must not change before it is written. */
const alone = (session: Session): Promise<unknown> =>
  session.run('LOCK TABLE subscriber_requests IN SHARE ROW EXCLUSIVE MODE');

/** People who subscribe themselves. */
export const subscriberStore = (db: Database): SubscriberStore => ({
  keepRequest(request, atMost) {
    return db.transaction(async (session) => {
      await alone(session);
      await session.run('DELETE FROM subscriber_requests WHERE ends_at <= $1', request.createdAt);
      const { hash, kind, address, endsAt } = request;
      // An answer that was lost: it is there.
      if (await session.get('SELECT 1 FROM subscriber_requests WHERE hash = $1', hash)) return 'kept';
      const found = await session.get(
        `SELECT count(*) AS waiting, count(*) FILTER (WHERE address = $1 AND kind = $2) AS own
         FROM subscriber_requests`,
        ...[address, kind],
      );
      if (Number(found?.waiting) >= atMost.all) return 'full';
      if (Number(found?.own) >= atMost.perAddress) return 'enough';
      const insert =
        'INSERT INTO subscriber_requests (hash, kind, address, ends_at, json) VALUES ($1, $2, $3, $4, $5)';
      await session.run(insert, hash, kind, address, endsAt, JSON.stringify(request));
      return 'kept';
    });
  },
  request(hash, kind, now) {
    return requestOf(db, hash, kind, now);
  },
  confirm(hash, { id: fresh, version, purpose, now }, atMost) {
    return db.transaction(async (session) => {
      await alone(session);
      const request = await requestOf(session, hash, 'confirm', now);
      if (!request) return undefined;
      const { channel, address } = request;
      const sql = 'SELECT id FROM consents WHERE address = $1 AND channel = $2 AND ended_at IS NULL';
      const known = (await session.get(sql, address, channel))?.id;
      const count = "SELECT count(*) AS n FROM subscriptions WHERE origin = 'self'";
      if (known === undefined && Number((await session.get(count))?.n) >= atMost) return 'full';
      const subscription = subscriptionOf(String(known ?? fresh), request);
      const { id } = subscription;
      await session.run('DELETE FROM subscriber_requests WHERE hash = $1', hash);
      await session.run('UPDATE consents SET ended_at = $1 WHERE id = $2 AND ended_at IS NULL', now, id);
      await session.run(
        'INSERT INTO consents (id, channel, address, version, purpose, given_at) VALUES ($1, $2, $3, $4, $5, $6)',
        ...[id, channel, address, version, purpose, now],
      );
      await session.run(
        `INSERT INTO subscriptions (id, origin, json) VALUES ($1, 'self', $2)
         ON CONFLICT (id) DO UPDATE SET json = excluded.json`,
        ...[id, JSON.stringify(subscription)],
      );
      return subscription;
    });
  },
  endSubscriber(id, now) {
    return db.transaction(async (session) => {
      const deleted = await session.get(
        "DELETE FROM subscriptions WHERE id = $1 AND origin = 'self' RETURNING json",
        id,
      );
      if (!deleted) return false;
      const { channel, address } = JSON.parse(String(deleted.json)) as Subscription;
      await session.run('UPDATE consents SET ended_at = $1 WHERE id = $2 AND ended_at IS NULL', now, id);
      await session.run(
        `${DROP} WHERE destination = $1 AND subscriber = $2 AND ${OPEN}`,
        `${channel} ${address}`,
        id,
      );
      return true;
    });
  },
  personal(person) {
    return db.transaction((session) => personalOf(session, person));
  },
  erase(person, now) {
    return db.transaction(async (session) => {
      await alone(session);
      return eraseIn(session, person, now);
    });
  },
  async pruneSubscribers(now, consentsBefore) {
    return (
      (await db.run('DELETE FROM subscriber_requests WHERE ends_at <= $1', now)) +
      (await db.run('DELETE FROM consents WHERE ended_at < $1', consentsBefore))
    );
  },
});

/** An attempt under way cannot be called back; its outcome no longer brings the delivery back to those that wait. */
const DROP = `UPDATE deliveries SET state = 'dropped', claimer = NULL, withheld = NULL, leader = NULL,
  last_error = 'unsubscribed'`;
const OPEN = "(state IN ('waiting', 'sending') OR withheld IS NOT NULL)";

async function requestOf(
  session: Pick<Session, 'get'>,
  hash: string,
  kind: string,
  now: number,
): Promise<SubscriberRequest | undefined> {
  const sql = 'SELECT json FROM subscriber_requests WHERE hash = $1 AND kind = $2 AND ends_at > $3';
  const row = await session.get(sql, hash, kind, now);
  return row && (JSON.parse(String(row.json)) as SubscriberRequest);
}

const toConsent = (row: Row): Consent => ({
  id: String(row.id),
  channel: String(row.channel),
  address: row.address === null ? null : String(row.address),
  version: String(row.version),
  purpose: String(row.purpose),
  givenAt: Number(row.given_at),
  endedAt: row.ended_at === null ? null : Number(row.ended_at),
});

async function subscriptionsOf(
  session: Session,
  { address, channels }: Person,
): Promise<Personal['subscriptions']> {
  const sql =
    "SELECT origin, json FROM subscriptions WHERE lower(json::jsonb ->> 'address') = $1 ORDER BY id FOR UPDATE";
  return (await session.all(sql, address))
    .map(({ origin, json }) => ({
      ...(JSON.parse(String(json)) as Subscription),
      origin: origin as 'self' | 'api' | 'config',
    }))
    .filter(({ channel }) => channels.includes(channel));
}

/** Also as operators write it. */
const everyDestination = (person: Person, kept: Personal['subscriptions']): string[] => {
  const written = kept.map(({ channel, address }) => `${channel} ${address}`);
  return [...new Set([...destinationsOf(person), ...written])];
};

async function personalOf(session: Session, person: Person): Promise<Personal> {
  const { address } = person;
  const subscriptions = await subscriptionsOf(session, person);
  const consents = await session.all('SELECT * FROM consents WHERE address = $1 ORDER BY number', address);
  const requests = await session.all('SELECT json FROM subscriber_requests WHERE address = $1', address);
  const deliveries = await session.all(
    'SELECT * FROM deliveries WHERE destination = ANY($1::text[]) ORDER BY seq DESC, key LIMIT $2',
    everyDestination(person, subscriptions),
    MOST_TOLD,
  );
  return {
    subscriptions,
    consents: consents.map(toConsent),
    requests: requests.map(({ json }) => {
      const { hash: _, ...rest } = JSON.parse(String(json)) as SubscriberRequest;
      return rest;
    }),
    deliveries: deliveries.map(toDelivery),
  };
}

async function eraseIn(session: Session, person: Person, now: number): Promise<Erased> {
  const kept = await subscriptionsOf(session, person);
  const ended = kept.filter(({ origin }) => origin === 'self' || (person.office && origin === 'api'));
  const ids = ended.map(({ id }) => id);
  await session.run('DELETE FROM subscriptions WHERE id = ANY($1::text[])', ids);
  const where = everyDestination(person, kept);
  // Deliveries of a subscription that stays are still its own.
  const stay = kept.filter((one) => !ended.includes(one)).map(({ id }) => id);
  const whose = `destination = ANY($1::text[]) AND subscriber <> ALL($2::text[])${person.office ? '' : " AND subscriber LIKE 'self-%'"}`;
  await session.run(`${DROP} WHERE ${whose} AND ${OPEN}`, where, stay);
  const deliveries = await session.run(
    `UPDATE deliveries SET subscription = jsonb_set(subscription::jsonb, '{address}', to_jsonb($3::text))::text,
       destination = channel || ' ' || $3::text,
       last_error = CASE WHEN strpos(lower(last_error), $4::text) > 0 THEN $3::text ELSE last_error END
     WHERE ${whose}`,
    ...[where, stay, ERASED, person.address],
  );
  return {
    subscriptions: ended.length,
    consents: await session.run(
      'UPDATE consents SET address = NULL, id = $1, ended_at = coalesce(ended_at, $2) WHERE address = $3',
      ...[ERASED, now, person.address],
    ),
    requests: await session.run('DELETE FROM subscriber_requests WHERE address = $1', person.address),
    deliveries,
    left: kept.length - ended.length,
  };
}

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
import type { Database, Row } from './database.ts';
import { toDelivery } from './deliveries.ts';

/** People who subscribe themselves. */
export const subscriberStore = (db: Database): SubscriberStore => ({
  async keepRequest(request, atMost) {
    return db.transaction(() => {
      db.run('DELETE FROM subscriber_requests WHERE ends_at <= ?', request.createdAt);
      const { all } = db.get('SELECT count(*) AS "all" FROM subscriber_requests') as Row;
      if (Number(all) >= atMost.all) return 'full';
      const { hash, kind, address, endsAt } = request;
      const sql = 'SELECT count(*) AS own FROM subscriber_requests WHERE address = ? AND kind = ?';
      if (Number(db.get(sql, address, kind)?.own) >= atMost.perAddress) return 'enough';
      const insert =
        'INSERT INTO subscriber_requests (hash, kind, address, ends_at, json) VALUES (?, ?, ?, ?, ?)';
      db.run(insert, hash, kind, address, endsAt, JSON.stringify(request));
      return 'kept';
    });
  },
  async request(hash, kind, now) {
    return requestOf(db, hash, kind, now);
  },
  async confirm(hash, { id: fresh, version, purpose, now }, atMost) {
    return db.transaction(() => {
      const request = requestOf(db, hash, 'confirm', now);
      if (!request) return undefined;
      const { channel, address } = request;
      const sql = 'SELECT id FROM consents WHERE address = ? AND channel = ? AND ended_at IS NULL';
      const known = db.get(sql, address, channel)?.id;
      const count = "SELECT count(*) AS n FROM subscriptions WHERE origin = 'self'";
      if (known === undefined && Number(db.get(count)?.n) >= atMost) return 'full';
      const subscription = subscriptionOf(String(known ?? fresh), request);
      const { id } = subscription;
      db.run('DELETE FROM subscriber_requests WHERE hash = ?', hash);
      db.run('UPDATE consents SET ended_at = ? WHERE id = ? AND ended_at IS NULL', now, id);
      db.run(
        'INSERT INTO consents (id, channel, address, version, purpose, given_at) VALUES (?, ?, ?, ?, ?, ?)',
        ...[id, channel, address, version, purpose, now],
      );
      db.run(
        `INSERT INTO subscriptions (id, origin, json) VALUES (?1, 'self', ?2)
         ON CONFLICT (id) DO UPDATE SET json = excluded.json`,
        ...[id, JSON.stringify(subscription)],
      );
      return subscription;
    });
  },
  async endSubscriber(id, now) {
    return db.transaction(() => {
      const row = db.get("SELECT json FROM subscriptions WHERE id = ? AND origin = 'self'", id);
      if (!row) return false;
      const { channel, address } = JSON.parse(String(row.json)) as Subscription;
      db.run('DELETE FROM subscriptions WHERE id = ?', id);
      db.run('UPDATE consents SET ended_at = ? WHERE id = ? AND ended_at IS NULL', now, id);
      db.run(`${DROP} WHERE destination = ? AND subscriber = ? AND ${OPEN}`, `${channel} ${address}`, id);
      return true;
    });
  },
  async personal(person) {
    return db.transaction(() => personalOf(db, person));
  },
  async erase(person, now) {
    return db.transaction(() => eraseIn(db, person, now));
  },
  async pruneSubscribers(now, consentsBefore) {
    return db.transaction(
      () =>
        db.run('DELETE FROM subscriber_requests WHERE ends_at <= ?', now) +
        db.run('DELETE FROM consents WHERE ended_at < ?', consentsBefore),
    );
  },
});

/** An attempt under way cannot be called back; its outcome no longer brings the delivery back to those that wait. */
const DROP = `UPDATE deliveries SET state = 'dropped', claimer = NULL, withheld = NULL, leader = NULL,
  last_error = 'unsubscribed'`;
const OPEN = "(state IN ('waiting', 'sending') OR withheld IS NOT NULL)";
const THERE = 'destination IN (SELECT value FROM json_each(?1))';

function requestOf(db: Database, hash: string, kind: string, now: number): SubscriberRequest | undefined {
  const sql = 'SELECT json FROM subscriber_requests WHERE hash = ? AND kind = ? AND ends_at > ?';
  const row = db.get(sql, hash, kind, now);
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

function subscriptionsOf(db: Database, { address, channels }: Person): Personal['subscriptions'] {
  const sql = "SELECT origin, json FROM subscriptions WHERE lower(json ->> '$.address') = ? ORDER BY id";
  return db
    .all(sql, address)
    .map(({ origin, json }) => ({
      ...(JSON.parse(String(json)) as Subscription),
      origin: origin as 'self' | 'api' | 'config',
    }))
    .filter(({ channel }) => channels.includes(channel));
}

/** Also as operators write it. */
const everyDestination = (person: Person, kept: Personal['subscriptions']): string => {
  const written = kept.map(({ channel, address }) => `${channel} ${address}`);
  return JSON.stringify([...new Set([...destinationsOf(person), ...written])]);
};

function personalOf(db: Database, person: Person): Personal {
  const subscriptions = subscriptionsOf(db, person);
  const requests = db.all('SELECT json FROM subscriber_requests WHERE address = ?', person.address);
  const deliveries = db.all(
    `SELECT * FROM deliveries WHERE ${THERE} ORDER BY seq DESC, key LIMIT ?2`,
    everyDestination(person, subscriptions),
    MOST_TOLD,
  );
  return {
    subscriptions,
    consents: db
      .all('SELECT * FROM consents WHERE address = ? ORDER BY number', person.address)
      .map(toConsent),
    requests: requests.map(({ json }) => {
      const { hash: _, ...rest } = JSON.parse(String(json)) as SubscriberRequest;
      return rest;
    }),
    deliveries: deliveries.map(toDelivery),
  };
}

function eraseIn(db: Database, person: Person, now: number): Erased {
  const kept = subscriptionsOf(db, person);
  const ended = kept.filter(({ origin }) => origin === 'self' || (person.office && origin === 'api'));
  for (const { id } of ended) db.run('DELETE FROM subscriptions WHERE id = ?', id);
  const where = everyDestination(person, kept);
  // Deliveries of a subscription that stays are still its own.
  const stay = JSON.stringify(kept.filter((one) => !ended.includes(one)).map(({ id }) => id));
  const whose = `${THERE} AND subscriber NOT IN (SELECT value FROM json_each(?2))${person.office ? '' : " AND subscriber LIKE 'self-%'"}`;
  db.run(`${DROP} WHERE ${whose} AND ${OPEN}`, where, stay);
  const deliveries = db.run(
    `UPDATE deliveries SET subscription = json_set(subscription, '$.address', ?3), destination = channel || ' ' || ?3,
       last_error = CASE WHEN instr(lower(last_error), ?4) > 0 THEN ?3 ELSE last_error END
     WHERE ${whose}`,
    ...[where, stay, ERASED, person.address],
  );
  return {
    subscriptions: ended.length,
    consents: db.run(
      'UPDATE consents SET address = NULL, id = ?, ended_at = coalesce(ended_at, ?) WHERE address = ?',
      ...[ERASED, now, person.address],
    ),
    requests: db.run('DELETE FROM subscriber_requests WHERE address = ?', person.address),
    deliveries,
    left: kept.length - ended.length,
  };
}

import { AtalaiaError } from '../../../lib/errors.ts';
import type { Station } from '../../../model/station.ts';
import type { Ledger } from '../ledger.ts';
import type { Subscription } from '../subscription.ts';
import type { Database } from './database.ts';

/** Stations and subscriptions: what people register. */
export function registryStore(
  db: Database,
): Pick<Ledger, 'stations' | 'putStations' | 'subscriptions' | 'putSubscriptions'> {
  return {
    async stations() {
      return db
        .all('SELECT json FROM stations ORDER BY id')
        .map((row) => JSON.parse(String(row.json)) as Station);
    },
    async putStations(stations) {
      db.transaction(() => {
        for (const station of stations) {
          db.run(
            `INSERT INTO stations (id, region, json) VALUES (?, ?, ?)
             ON CONFLICT (id) DO UPDATE SET region = excluded.region, json = excluded.json`,
            station.id,
            station.region,
            JSON.stringify(station),
          );
        }
      });
    },
    async subscriptions() {
      return db
        .all('SELECT json FROM subscriptions ORDER BY id')
        .map((row) => JSON.parse(String(row.json)) as Subscription);
    },
    async putSubscriptions(origin, subscriptions) {
      db.transaction(() => {
        db.run('DELETE FROM subscriptions WHERE origin = ?', origin);
        for (const subscription of subscriptions) insertSubscription(db, origin, subscription);
      });
    },
  };
}

function insertSubscription(db: Database, origin: string, subscription: Subscription): void {
  const added = db.run(
    'INSERT OR IGNORE INTO subscriptions (id, origin, json) VALUES (?, ?, ?)',
    subscription.id,
    origin,
    JSON.stringify(subscription),
  );
  if (added === 1) return;
  throw new AtalaiaError(
    'ATL_CONFLICT',
    `The subscription id ${subscription.id} is taken. Give this subscription another name.`,
  );
}

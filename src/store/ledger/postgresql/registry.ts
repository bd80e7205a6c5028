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
      const rows = await db.all('SELECT json FROM stations ORDER BY id');
      return rows.map((row) => JSON.parse(String(row.json)) as Station);
    },
    async putStations(stations) {
      // The last of an id counts; sorted, so that two writers take their locks in one order.
      const last = [...new Map(stations.map((station) => [station.id, station])).values()].sort((a, b) =>
        a.id < b.id ? -1 : 1,
      );
      await db.run(
        `INSERT INTO stations (id, region, json) SELECT * FROM unnest($1::text[], $2::text[], $3::text[])
         ON CONFLICT (id) DO UPDATE SET region = excluded.region, json = excluded.json`,
        last.map(({ id }) => id),
        last.map(({ region }) => region),
        last.map((station) => JSON.stringify(station)),
      );
    },
    async subscriptions() {
      const rows = await db.all('SELECT json FROM subscriptions ORDER BY id');
      return rows.map((row) => JSON.parse(String(row.json)) as Subscription);
    },
    async putSubscriptions(origin, subscriptions) {
      await db.transaction(async (session) => {
        await session.run('DELETE FROM subscriptions WHERE origin = $1', origin);
        for (const subscription of subscriptions) {
          const added = await session.run(
            'INSERT INTO subscriptions (id, origin, json) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
            subscription.id,
            origin,
            JSON.stringify(subscription),
          );
          if (added !== 1) throw taken(subscription.id);
        }
      });
    },
  };
}

const taken = (id: string): AtalaiaError =>
  new AtalaiaError(
    'ATL_CONFLICT',
    `The subscription id ${id} is taken. Give this subscription another name.`,
  );

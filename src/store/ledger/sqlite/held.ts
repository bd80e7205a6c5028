import type { HoldBounds, Ledger } from '../ledger.ts';
import type { Database, Row } from './database.ts';
import { bounded } from './queries.ts';

/** Reports of unknown stations and unreadable input; a row for each such station tells how many wait. */
export function heldStore(db: Database): Pick<Ledger, 'hold' | 'held' | 'heldStations' | 'release'> {
  return {
    async hold(entry, atMost) {
      return db.transaction(() => {
        const { station = null } = entry;
        const isUnknown = entry.kind === 'unknown-station' && station !== null;
        if (isUnknown && atMost && isFull(db, station, atMost)) return false;
        const row = db.get(
          'INSERT INTO held (kind, station, payload, reason, at) VALUES (?, ?, ?, ?, ?) RETURNING id',
          entry.kind,
          station,
          entry.payload,
          entry.reason,
          entry.at,
        ) as Row;
        if (isUnknown)
          db.run(
            `INSERT INTO held_stations (station, reports, first_id, last_id) VALUES (?1, 1, ?2, ?2)
             ON CONFLICT (station) DO UPDATE SET reports = reports + 1, last_id = excluded.last_id`,
            station,
            Number(row.id),
          );
        return true;
      });
    },
    async held({ kind, station, limit }) {
      const given = Object.entries({ kind, station }).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, value] as const],
      );
      const where = given.map(([name]) => `${name} = ?`).join(' AND ') || 'true';
      const rows = db.all(
        `SELECT * FROM held WHERE ${where} ORDER BY id LIMIT ?`,
        ...given.map(([, value]) => value),
        bounded(limit),
      );
      return rows.map((row) => ({
        id: Number(row.id),
        kind: String(row.kind),
        station: row.station === null ? null : String(row.station),
        payload: row.payload as Uint8Array,
        reason: String(row.reason),
        at: Number(row.at),
      }));
    },
    async heldStations(limit) {
      const rows = db.all(HELD_STATIONS, bounded(limit));
      return rows.map((row) => ({
        station: String(row.station),
        reports: Number(row.reports),
        firstAt: Number(row.first_at),
        lastAt: Number(row.last_at),
        payload: row.payload as Uint8Array,
      }));
    },
    async release(ids) {
      if (ids.length === 0) return;
      db.transaction(() => {
        const stations = new Set<string>();
        for (const id of ids) {
          const row = db.get('DELETE FROM held WHERE id = ? RETURNING kind, station', id);
          if (row?.kind === 'unknown-station' && row.station !== null) stations.add(String(row.station));
        }
        for (const station of stations) recount(db, station);
      });
    },
  };
}

/** Unknown stations with the first and the last report of each, the newest heard first. */
export const HELD_STATIONS = `SELECT many.station, many.reports, held.payload, held.at AS last_at,
    (SELECT at FROM held WHERE id = many.first_id) AS first_at
  FROM held_stations AS many JOIN held ON held.id = many.last_id ORDER BY many.last_id DESC LIMIT ?`;

function isFull(db: Database, station: string, { stations, reports }: HoldBounds): boolean {
  const known = db.get('SELECT reports FROM held_stations WHERE station = ?', station);
  if (known) return Number(known.reports) >= reports;
  return Number(db.get('SELECT count(*) AS many FROM held_stations')?.many) >= stations;
}

/** Part of a release: what is left of a station. */
function recount(db: Database, station: string): void {
  db.run('DELETE FROM held_stations WHERE station = ?', station);
  db.run(
    `INSERT INTO held_stations SELECT station, count(*), min(id), max(id) FROM held
     WHERE kind = 'unknown-station' AND station = ? GROUP BY station`,
    station,
  );
}

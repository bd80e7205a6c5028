import { randomUUID } from 'node:crypto';
import type { Ledger } from '../ledger.ts';
import type { Database } from './database.ts';
import { bounded } from './queries.ts';

/** Reports of unknown stations and unreadable input; triggers keep a row for each such station that tells how many wait. */
export function heldStore(db: Database): Pick<Ledger, 'hold' | 'held' | 'heldStations' | 'release'> {
  return {
    async hold(entry, atMost) {
      // The token makes a repeat after a lost answer a no-op; it is told from a refusal by looking for it.
      const token = randomUUID();
      const row = await db.get(
        HOLD,
        ...[token, entry.kind, entry.station ?? null, entry.payload, entry.reason, entry.at],
        ...[atMost?.stations ?? null, atMost?.reports ?? null],
      );
      return row?.kept === true;
    },
    async held({ kind, station, limit }) {
      const given = Object.entries({ kind, station }).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, value] as const],
      );
      const where = given.map(([name], i) => `${name} = $${i + 1}`).join(' AND ') || 'true';
      const rows = await db.all(
        `SELECT * FROM held WHERE ${where} ORDER BY id LIMIT $${given.length + 1}`,
        ...given.map(([, value]) => value),
        bounded(limit),
      );
      return rows.map((row) => ({
        id: Number(row.id),
        kind: String(row.kind),
        station: row.station === null ? null : String(row.station),
        payload: new Uint8Array(row.payload as Uint8Array),
        reason: String(row.reason),
        at: Number(row.at),
      }));
    },
    async heldStations(limit) {
      const rows = await db.all(HELD_STATIONS, bounded(limit));
      return rows.map((row) => ({
        station: String(row.station),
        reports: Number(row.reports),
        firstAt: Number(row.first_at),
        lastAt: Number(row.last_at),
        payload: new Uint8Array(row.payload as Uint8Array),
      }));
    },
    async release(ids) {
      if (ids.length > 0) await db.run('DELETE FROM held WHERE id = ANY($1::bigint[])', ids);
    },
  };
}

const HOLD = `
  WITH allowed AS (
    SELECT $2::text <> 'unknown-station' OR $3::text IS NULL OR $7::bigint IS NULL
      OR coalesce((SELECT reports < $8::bigint FROM held_stations WHERE station = $3),
           (SELECT count(*) FROM held_stations) < $7) AS yes),
  added AS (
    INSERT INTO held (token, kind, station, payload, reason, at)
    SELECT $1::uuid, $2, $3, $4::bytea, $5::text, $6::bigint FROM allowed WHERE yes
    ON CONFLICT (token) DO NOTHING RETURNING id)
  SELECT EXISTS (SELECT 1 FROM added) OR EXISTS (SELECT 1 FROM held WHERE token = $1) AS kept`;

/** Unknown stations with the first and the last report of each, the newest heard first. */
export const HELD_STATIONS = `SELECT many.station, many.reports, held.payload, held.at AS last_at,
    (SELECT at FROM held WHERE id = many.first_id) AS first_at
  FROM held_stations AS many JOIN held ON held.id = many.last_id ORDER BY many.last_id DESC LIMIT $1`;

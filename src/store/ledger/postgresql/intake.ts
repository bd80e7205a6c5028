import { randomUUID } from 'node:crypto';
import type { Ledger } from '../ledger.ts';
import type { Database } from './database.ts';
import { bounded } from './queries.ts';

/** What goes into the log or stays out of it: commands to relay, skipped records, held reports. */
export function intakeStore(
  db: Database,
): Pick<
  Ledger,
  'skip' | 'skips' | 'putCommand' | 'pendingCommands' | 'commandRelayed' | 'hold' | 'held' | 'release'
> {
  return {
    async skip(entry) {
      await db.run(
        'INSERT INTO skips (partition, "offset", reason, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING',
        entry.partition,
        entry.offset,
        entry.reason,
        entry.at,
      );
    },
    async skips() {
      return (await db.all('SELECT * FROM skips ORDER BY partition, "offset"')).map((row) => ({
        partition: Number(row.partition),
        offset: Number(row.offset),
        reason: String(row.reason),
        at: Number(row.at),
      }));
    },
    async putCommand(command) {
      await db.run(
        'INSERT INTO commands (id, json, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
        command.id,
        command.json,
        command.at,
      );
    },
    async pendingCommands() {
      const rows = await db.all('SELECT id, json FROM commands WHERE NOT relayed ORDER BY number');
      return rows.map((row) => ({ id: String(row.id), json: String(row.json) }));
    },
    async commandRelayed(id) {
      await db.run('UPDATE commands SET relayed = true WHERE id = $1', id);
    },
    async hold(entry) {
      await db.run(
        `INSERT INTO held (token, kind, station, payload, reason, at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (token) DO NOTHING`,
        randomUUID(),
        entry.kind,
        entry.station ?? null,
        entry.payload,
        entry.reason,
        entry.at,
      );
    },
    async held(filter) {
      const rows = await db.all(
        `SELECT * FROM held WHERE ($1::text IS NULL OR kind = $1) AND ($2::text IS NULL OR station = $2)
         ORDER BY id LIMIT $3`,
        filter.kind ?? null,
        filter.station ?? null,
        bounded(filter.limit),
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
    async release(ids) {
      if (ids.length > 0) await db.run('DELETE FROM held WHERE id = ANY($1::bigint[])', ids);
    },
  };
}

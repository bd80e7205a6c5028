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
      db.run(
        'INSERT OR IGNORE INTO skips (partition, "offset", reason, at) VALUES (?, ?, ?, ?)',
        entry.partition,
        entry.offset,
        entry.reason,
        entry.at,
      );
    },
    async skips() {
      return db.all('SELECT * FROM skips ORDER BY partition, "offset"').map((row) => ({
        partition: Number(row.partition),
        offset: Number(row.offset),
        reason: String(row.reason),
        at: Number(row.at),
      }));
    },
    async putCommand(command) {
      db.run(
        'INSERT OR IGNORE INTO commands (id, json, at) VALUES (?, ?, ?)',
        command.id,
        command.json,
        command.at,
      );
    },
    async pendingCommands() {
      const rows = db.all('SELECT id, json FROM commands WHERE relayed = 0 ORDER BY number');
      return rows.map((row) => ({ id: String(row.id), json: String(row.json) }));
    },
    async commandRelayed(id) {
      db.run('UPDATE commands SET relayed = 1 WHERE id = ?', id);
    },
    async hold(entry) {
      db.run(
        'INSERT INTO held (kind, station, payload, reason, at) VALUES (?, ?, ?, ?, ?)',
        entry.kind,
        entry.station ?? null,
        entry.payload,
        entry.reason,
        entry.at,
      );
    },
    async held(filter) {
      const rows = db.all(
        'SELECT * FROM held WHERE (?1 IS NULL OR kind = ?1) AND (?2 IS NULL OR station = ?2) ORDER BY id LIMIT ?3',
        filter.kind ?? null,
        filter.station ?? null,
        bounded(filter.limit),
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
    async release(ids) {
      if (ids.length === 0) return;
      db.transaction(() => {
        for (const id of ids) db.run('DELETE FROM held WHERE id = ?', id);
      });
    },
  };
}

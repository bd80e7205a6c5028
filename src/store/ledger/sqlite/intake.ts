import type { Ledger } from '../ledger.ts';
import type { Database } from './database.ts';

/** What goes into the log or stays out of it: commands to relay and skipped records. */
export function intakeStore(
  db: Database,
): Pick<Ledger, 'skip' | 'skips' | 'putCommand' | 'pendingCommands' | 'commandRelayed' | 'command'> {
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
    async command(id) {
      const row = db.get('SELECT json, relayed FROM commands WHERE id = ?', id);
      return row ? { json: String(row.json), isRelayed: Number(row.relayed) === 1 } : undefined;
    },
  };
}

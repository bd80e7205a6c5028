import type { Ledger } from '../ledger.ts';
import type { Database } from './database.ts';

/** What goes into the log or stays out of it: commands to relay and skipped records. */
export function intakeStore(
  db: Database,
): Pick<Ledger, 'skip' | 'skips' | 'putCommand' | 'pendingCommands' | 'commandRelayed' | 'command'> {
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
    async command(id) {
      const row = await db.get('SELECT json, relayed FROM commands WHERE id = $1', id);
      return row ? { json: String(row.json), isRelayed: row.relayed === true } : undefined;
    },
  };
}

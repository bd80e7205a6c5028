import { AtalaiaError } from '../../../lib/errors.ts';
import {
  type Coordination,
  endOf,
  type HeldLease,
  type LeaseTable,
  MAX_LEASES,
  type OffsetIndex,
} from '../coordination.ts';
import { type Database, openDatabase } from './database.ts';
import { migrate } from './schema.ts';

const NOW = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";

/**
 * Opens leases and places of streams in the file of the ledger, over a connection of its own; the schema is migrated as
 * the ledger does. For processes of one machine. Rejects as `openSqliteLedger`.
 */
export async function openSqliteCoordination({ path }: { readonly path: string }): Promise<Coordination> {
  const db = openDatabase(path);
  try {
    migrate(db, path);
  } catch (error) {
    db.close();
    throw error;
  }
  return {
    leases: leaseTable(db, path),
    index: offsetIndex(db),
    async close() {
      db.close();
    },
  };
}

function leaseTable(db: Database, path: string): LeaseTable {
  return {
    async list(prefix) {
      const rows = db.all(
        `SELECT name, owner, epoch, expires_at > ${NOW} AS live FROM leases
         WHERE name >= ? AND name < ? ORDER BY name LIMIT ?`,
        prefix,
        endOf(prefix),
        MAX_LEASES + 1,
      );
      if (rows.length > MAX_LEASES)
        throw new AtalaiaError(
          'ATL_STORE',
          `The ledger ${path} has over ${MAX_LEASES} leases of ${prefix}. Remove rows of the table leases that belong to no process.`,
        );
      return rows.map((row) => ({
        name: String(row.name),
        owner: String(row.owner),
        epoch: Number(row.epoch),
        isLive: row.live === 1,
      }));
    },
    take: async (owner, names, ttlMs) =>
      db.transaction(() => {
        const got: HeldLease[] = [];
        for (const name of names) {
          const row = db.get(
            `INSERT INTO leases (name, owner, epoch, expires_at) VALUES (?1, ?2, 1, ${NOW} + ?3)
             ON CONFLICT (name) DO UPDATE SET
               owner = excluded.owner, epoch = leases.epoch + 1, expires_at = excluded.expires_at
             WHERE leases.expires_at <= ${NOW} OR leases.owner = excluded.owner
             RETURNING epoch`,
            name,
            owner,
            ttlMs,
          );
          if (row) got.push({ name, epoch: Number(row.epoch) });
        }
        return got;
      }),
    renew: async (owner, held, ttlMs) =>
      db.transaction(() =>
        held
          .filter(
            ({ name, epoch }) =>
              db.run(
                `UPDATE leases SET expires_at = ${NOW} + ? WHERE name = ? AND owner = ? AND epoch = ?`,
                ttlMs,
                name,
                owner,
                epoch,
              ) === 1,
          )
          .map(({ name }) => name),
      ),
    release: async (owner, held) =>
      db.transaction(() => {
        for (const { name, epoch } of held)
          db.run(
            "UPDATE leases SET owner = '', expires_at = 0 WHERE name = ? AND owner = ? AND epoch = ?",
            name,
            owner,
            epoch,
          );
      }),
    async forget(prefix) {
      db.run(
        `DELETE FROM leases WHERE name >= ? AND name < ? AND expires_at <= ${NOW}`,
        prefix,
        endOf(prefix),
      );
    },
  };
}

function offsetIndex(db: Database): OffsetIndex {
  return {
    async list(prefix) {
      const rows = db.all(
        'SELECT key, value FROM offset_index WHERE key >= ? AND key < ? ORDER BY key',
        prefix,
        endOf(prefix),
      );
      return rows.map(({ key, value }) => [String(key), String(value)] as const);
    },
    insert: async (key, value) =>
      db.transaction(() => {
        db.run(
          'INSERT INTO offset_index (key, value) VALUES (?, ?) ON CONFLICT (key) DO NOTHING',
          key,
          value,
        );
        return String(db.get('SELECT value FROM offset_index WHERE key = ?', key)?.value);
      }),
    set: async (entries) =>
      db.transaction(() => {
        for (const [key, value] of entries)
          db.run(
            'INSERT INTO offset_index (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
            key,
            value,
          );
      }),
    remove: async (keys) =>
      db.transaction(() => {
        for (const key of keys) db.run('DELETE FROM offset_index WHERE key = ?', key);
      }),
  };
}

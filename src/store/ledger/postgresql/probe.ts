import type { StationKey, User } from '../../../model/access.ts';
import { accessStore } from './access.ts';
import { openPool } from './client.ts';
import { openDatabase } from './database.ts';

/** Connects, changes nothing, and says what is there: the server's version, and whether this user may make schemas. Rejects when it cannot. */
export async function probePostgres(
  url: string,
): Promise<{ readonly place: string; readonly version: string; readonly canCreate: boolean }> {
  const { pool, place } = await openPool({
    url,
    schema: 'public',
    connections: 1,
    statementTimeoutMs: 5000,
    lockTimeoutMs: 5000,
    retryMs: 0,
  });
  try {
    const { rows } = await pool.query(
      "SELECT current_setting('server_version') AS version, has_database_privilege(current_database(), 'CREATE') AS can_create",
    );
    return { place, version: String(rows[0]?.version), canCreate: rows[0]?.can_create === true };
  } finally {
    await pool.end();
  }
}

/** The users and station keys of a ledger, which is not changed; none where its tables are not there. Rejects when it cannot be asked. */
export async function probePostgresAccess(
  url: string,
  schema: string,
): Promise<{ readonly users: readonly User[]; readonly keys: readonly StationKey[] }> {
  const limits = { connections: 1, statementTimeoutMs: 5000, lockTimeoutMs: 5000, retryMs: 0 };
  const db = await openDatabase({ url, schema, ...limits });
  try {
    const row = await db.get("SELECT to_regclass('station_keys') IS NOT NULL AS there");
    if (row?.there !== true) return { users: [], keys: [] };
    const store = accessStore(db);
    return { users: await store.users(), keys: await store.keys() };
  } finally {
    await db.close();
  }
}

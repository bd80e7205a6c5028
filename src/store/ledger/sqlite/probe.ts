import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { StationKey, User } from '../../../model/access.ts';
import { accessStore } from './access.ts';
import { openDatabase } from './database.ts';

const SINCE_VERSION = 4;

/** The users and station keys of a ledger, which is not changed; none where it is not there or older than they are. */
export async function probeSqliteAccess(
  path: string,
): Promise<{ readonly users: readonly User[]; readonly keys: readonly StationKey[] }> {
  if (!existsSync(path)) return { users: [], keys: [] };
  const raw = new DatabaseSync(path, { readOnly: true });
  const version = Number(raw.prepare('PRAGMA user_version').get()?.user_version);
  raw.close();
  if (version < SINCE_VERSION) return { users: [], keys: [] };
  const db = openDatabase(path);
  try {
    const store = accessStore(db);
    return { users: await store.users(), keys: await store.keys() };
  } finally {
    db.close();
  }
}

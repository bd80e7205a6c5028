import { AtalaiaError } from '../../../lib/errors.ts';
import { type Session, type StationKey, type User, userKey } from '../../../model/access.ts';
import { type AccessStore, keepAnAdmin } from '../access.ts';
import type { Database } from './database.ts';
import type { Row, Session as Transaction } from './session.ts';

/** Who may do what. A statement whose answer was lost is repeated, so that each is a no-op the second time. */
export const accessStore = (db: Database): AccessStore => ({
  ...userRows(db),
  ...sessionRows(db),
  ...keyRows(db),
});

type Users = 'users' | 'user' | 'hasUsers' | 'addUser' | 'putPassword' | 'changeUser' | 'removeUser';
type Keys = 'keys' | 'keysVersion' | 'addKey' | 'rotateKey' | 'removeKey' | 'keysUsed';

function userRows(db: Database): Pick<AccessStore, Users> {
  const toUser = ({ json }: Row): User => JSON.parse(String(json)) as User;
  return {
    async users() {
      return (await db.all('SELECT json FROM users ORDER BY key')).map(toUser);
    },
    async user(key) {
      const row = await db.get('SELECT json FROM users WHERE key = $1', key);
      return row && toUser(row);
    },
    async hasUsers() {
      return (await db.get('SELECT 1 AS one FROM users LIMIT 1')) !== undefined;
    },
    async addUser(user) {
      const [key, json] = [userKey(user.name), JSON.stringify(user)];
      await db.run('INSERT INTO users (key, json) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING', key, json);
      // The salt of the password makes the row ours, also when a repeat found it there.
      return (await db.get('SELECT json FROM users WHERE key = $1', key))?.json === json;
    },
    putPassword(key, password) {
      return db.transaction(async (session) => {
        const row = await session.get('SELECT json FROM users WHERE key = $1 FOR UPDATE', key);
        if (!row) return false;
        const json = JSON.stringify({ ...toUser(row), password });
        await session.run('UPDATE users SET json = $1 WHERE key = $2', json, key);
        await session.run('DELETE FROM sessions WHERE user_key = $1', key);
        return true;
      });
    },
    changeUser(key, change) {
      return db.transaction(async (session) => {
        const users = (await session.all(ALL_LOCKED)).map(toUser);
        const user = users.find(({ name }) => userKey(name) === key);
        if (!user) return undefined;
        const changed = keepAnAdmin(users, key, { ...user, ...change });
        await session.run('UPDATE users SET json = $1 WHERE key = $2', JSON.stringify(changed), key);
        return changed;
      });
    },
    removeUser(key, keepAdmin = false) {
      return db.transaction(async (session) => {
        const users = keepAdmin ? (await session.all(ALL_LOCKED)).map(toUser) : [];
        if (users.some(({ name }) => userKey(name) === key)) keepAnAdmin(users, key, null);
        return (await session.run('DELETE FROM users WHERE key = $1', key)) === 1;
      });
    },
  };
}

/** In one order, so that two who change users wait for each other instead of both finding another admin. */
const ALL_LOCKED = 'SELECT json FROM users ORDER BY key FOR UPDATE';

function sessionRows(db: Database): Omit<AccessStore, Users | Keys> {
  return {
    putSession(session, atMost) {
      const { hash, id, kind, user, name, createdAt, seenAt, idleMs, endsAt } = session;
      return db.transaction(async (transaction) => {
        // Locked, so that the user stays and two sign-ins count each other.
        if (!(await transaction.get('SELECT 1 AS one FROM users WHERE key = $1 FOR UPDATE', user)))
          throw noUser(user);
        await transaction.run(
          `INSERT INTO sessions (hash, id, kind, user_key, name, created_at, seen_at, idle_ms, ends_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (hash) DO NOTHING`,
          ...[hash, id, kind, user, name, createdAt, seenAt, idleMs, endsAt],
        );
        await transaction.run(
          `DELETE FROM sessions WHERE user_key = $1 AND kind = $2 AND number NOT IN
             (SELECT number FROM sessions WHERE user_key = $1 AND kind = $2 ORDER BY number DESC LIMIT $3)`,
          ...[user, kind, atMost],
        );
      });
    },
    async session(hash) {
      const row = await db.get('SELECT * FROM sessions WHERE hash = $1', hash);
      return row && toSession(row);
    },
    async sessions(user, kind) {
      const sql = 'SELECT * FROM sessions WHERE user_key = $1 AND kind = $2 ORDER BY number';
      return (await db.all(sql, user, kind)).map(toSession);
    },
    async sessionSeen(hash, at) {
      await db.run('UPDATE sessions SET seen_at = greatest(seen_at, $1) WHERE hash = $2', at, hash);
    },
    async endSession(hash) {
      return (await db.run('DELETE FROM sessions WHERE hash = $1', hash)) === 1;
    },
    async endSessionsOver(now) {
      return db.run('DELETE FROM sessions WHERE ends_at <= $1 OR seen_at + idle_ms <= $1', now);
    },
  };
}

function keyRows(db: Database): Pick<AccessStore, Keys> {
  const insert = (on: Pick<Transaction, 'run'>, key: StationKey): Promise<number> => {
    const { endsAt, lastUsedAt, ...rest } = key;
    return on.run(
      `INSERT INTO station_keys (id, hash, json, ends_at, last_used_at) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT DO NOTHING`,
      ...[key.id, key.hash, JSON.stringify(rest), endsAt, lastUsedAt],
    );
  };
  return {
    async keys() {
      return (await db.all('SELECT json, ends_at, last_used_at FROM station_keys ORDER BY number')).map(
        toKey,
      );
    },
    async keysVersion() {
      // Numbers are never given twice, and the end of a key changes only when another one is added.
      const row = await db.get('SELECT count(*) AS n, coalesce(max(number), 0) AS newest FROM station_keys');
      return `${row?.n} ${row?.newest}`;
    },
    async addKey(key) {
      await insert(db, key);
    },
    rotateKey(old, next, endsAt) {
      return db.transaction(async (session) => {
        const sql = 'UPDATE station_keys SET ends_at = least(ends_at, $1) WHERE id = $2';
        if ((await session.run(sql, endsAt, old)) === 0) return false;
        await insert(session, next);
        return true;
      });
    },
    async removeKey(id) {
      return (await db.run('DELETE FROM station_keys WHERE id = $1', id)) === 1;
    },
    async keysUsed(uses) {
      const sorted = uses.toSorted((a, b) => (a.id < b.id ? -1 : 1));
      await db.run(
        `UPDATE station_keys SET last_used_at = greatest(last_used_at, used.at)
         FROM unnest($1::text[], $2::bigint[]) AS used (id, at) WHERE station_keys.id = used.id`,
        sorted.map(({ id }) => id),
        sorted.map(({ at }) => at),
      );
    },
  };
}

const noUser = (user: string): AtalaiaError =>
  new AtalaiaError('ATL_CONFLICT', `There is no user ${user} any more. Sign in as another one.`);

const numberOrNull = (value: unknown): number | null => (value === null ? null : Number(value));

const toSession = (row: Row): Session => ({
  hash: String(row.hash),
  id: String(row.id),
  kind: row.kind as Session['kind'],
  user: String(row.user_key),
  name: String(row.name),
  createdAt: Number(row.created_at),
  seenAt: Number(row.seen_at),
  idleMs: numberOrNull(row.idle_ms),
  endsAt: Number(row.ends_at),
});

const toKey = (row: Row): StationKey => ({
  ...(JSON.parse(String(row.json)) as Omit<StationKey, 'endsAt' | 'lastUsedAt'>),
  endsAt: numberOrNull(row.ends_at),
  lastUsedAt: numberOrNull(row.last_used_at),
});

import { AtalaiaError } from '../../../lib/errors.ts';
import { type Session, type StationKey, type User, userKey } from '../../../model/access.ts';
import { type AccessStore, keepAnAdmin } from '../access.ts';
import type { Database, Row } from './database.ts';

/** Who may do what. */
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
      return db.all('SELECT json FROM users ORDER BY key').map(toUser);
    },
    async user(key) {
      const row = db.get('SELECT json FROM users WHERE key = ?', key);
      return row && toUser(row);
    },
    async hasUsers() {
      return db.get('SELECT 1 FROM users LIMIT 1') !== undefined;
    },
    async addUser(user) {
      const sql = 'INSERT INTO users (key, json) VALUES (?, ?) ON CONFLICT (key) DO NOTHING';
      return db.run(sql, userKey(user.name), JSON.stringify(user)) === 1;
    },
    async putPassword(key, password) {
      return db.transaction(() => {
        const row = db.get('SELECT json FROM users WHERE key = ?', key);
        if (!row) return false;
        db.run('UPDATE users SET json = ? WHERE key = ?', JSON.stringify({ ...toUser(row), password }), key);
        db.run('DELETE FROM sessions WHERE user = ?', key);
        return true;
      });
    },
    async changeUser(key, change) {
      return db.transaction(() => {
        const users = db.all('SELECT json FROM users').map(toUser);
        const user = users.find(({ name }) => userKey(name) === key);
        if (!user) return undefined;
        const changed = keepAnAdmin(users, key, { ...user, ...change });
        db.run('UPDATE users SET json = ? WHERE key = ?', JSON.stringify(changed), key);
        return changed;
      });
    },
    async removeUser(key, keepAdmin = false) {
      return db.transaction(() => {
        const users = keepAdmin ? db.all('SELECT json FROM users').map(toUser) : [];
        if (users.some(({ name }) => userKey(name) === key)) keepAnAdmin(users, key, null);
        return db.run('DELETE FROM users WHERE key = ?', key) === 1;
      });
    },
  };
}

function sessionRows(db: Database): Omit<AccessStore, Users | Keys> {
  return {
    async putSession(session, atMost) {
      const { hash, id, kind, user, name, createdAt, seenAt, idleMs, endsAt } = session;
      db.transaction(() => {
        if (!db.get('SELECT 1 FROM users WHERE key = ?', user)) throw noUser(user);
        db.run(
          `INSERT INTO sessions (hash, id, kind, user, name, created_at, seen_at, idle_ms, ends_at)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
          ...[hash, id, kind, user, name, createdAt, seenAt, idleMs, endsAt],
        );
        db.run(
          `DELETE FROM sessions WHERE user = ?1 AND kind = ?2 AND number NOT IN
             (SELECT number FROM sessions WHERE user = ?1 AND kind = ?2 ORDER BY number DESC LIMIT ?3)`,
          ...[user, kind, atMost],
        );
      });
    },
    async session(hash) {
      const row = db.get('SELECT * FROM sessions WHERE hash = ?', hash);
      return row && toSession(row);
    },
    async sessions(user, kind) {
      const sql = 'SELECT * FROM sessions WHERE user = ? AND kind = ? ORDER BY number';
      return db.all(sql, user, kind).map(toSession);
    },
    async sessionSeen(hash, at) {
      db.run('UPDATE sessions SET seen_at = max(seen_at, ?) WHERE hash = ?', at, hash);
    },
    async endSession(hash) {
      return db.run('DELETE FROM sessions WHERE hash = ?', hash) === 1;
    },
    async endSessionsOver(now) {
      return db.run('DELETE FROM sessions WHERE ends_at <= ?1 OR seen_at + idle_ms <= ?1', now);
    },
  };
}

function keyRows(db: Database): Pick<AccessStore, Keys> {
  const insert = (key: StationKey): void => {
    const { endsAt, lastUsedAt, ...rest } = key;
    db.run(
      'INSERT INTO station_keys (id, hash, json, ends_at, last_used_at) VALUES (?, ?, ?, ?, ?)',
      ...[key.id, key.hash, JSON.stringify(rest), endsAt, lastUsedAt],
    );
  };
  return {
    async keys() {
      return db.all('SELECT json, ends_at, last_used_at FROM station_keys ORDER BY number').map(toKey);
    },
    async keysVersion() {
      // Numbers are never given twice, and the end of a key changes only when another one is added.
      const row = db.get('SELECT count(*) AS n, coalesce(max(number), 0) AS newest FROM station_keys');
      return `${row?.n} ${row?.newest}`;
    },
    async addKey(key) {
      insert(key);
    },
    async rotateKey(old, next, endsAt) {
      return db.transaction(() => {
        const sql = 'UPDATE station_keys SET ends_at = min(coalesce(ends_at, ?1), ?1) WHERE id = ?2';
        if (db.run(sql, endsAt, old) === 0) return false;
        insert(next);
        return true;
      });
    },
    async removeKey(id) {
      return db.run('DELETE FROM station_keys WHERE id = ?', id) === 1;
    },
    async keysUsed(uses) {
      db.transaction(() => {
        const sql = 'UPDATE station_keys SET last_used_at = max(coalesce(last_used_at, 0), ?) WHERE id = ?';
        for (const { id, at } of uses) db.run(sql, at, id);
      });
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
  user: String(row.user),
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

/** Users, their sessions and tokens, and station keys; secrets are kept as hashes. */
export const access = `
CREATE TABLE users (key TEXT PRIMARY KEY, json TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE sessions (
  number INTEGER PRIMARY KEY AUTOINCREMENT, hash TEXT NOT NULL UNIQUE, id TEXT NOT NULL, kind TEXT NOT NULL,
  user TEXT NOT NULL REFERENCES users (key) ON DELETE CASCADE, name TEXT NOT NULL, created_at INTEGER NOT NULL,
  seen_at INTEGER NOT NULL, idle_ms INTEGER, ends_at INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_user ON sessions (user, kind, number);
CREATE TABLE station_keys (
  number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, hash TEXT NOT NULL UNIQUE, json TEXT NOT NULL,
  ends_at INTEGER, last_used_at INTEGER
) STRICT;
`;

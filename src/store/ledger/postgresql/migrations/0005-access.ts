/** Users, their sessions and tokens, and station keys; secrets are kept as hashes. Instants are epoch ms. */
export const access = `
CREATE TABLE users (key text COLLATE "C" PRIMARY KEY, json text NOT NULL);
CREATE TABLE sessions (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, hash text COLLATE "C" NOT NULL UNIQUE, id text NOT NULL,
  kind text NOT NULL, user_key text COLLATE "C" NOT NULL REFERENCES users (key) ON DELETE CASCADE, name text NOT NULL,
  created_at bigint NOT NULL, seen_at bigint NOT NULL, idle_ms bigint, ends_at bigint NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_key, kind, number);
CREATE TABLE station_keys (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id text NOT NULL UNIQUE,
  hash text COLLATE "C" NOT NULL UNIQUE, json text NOT NULL, ends_at bigint, last_used_at bigint
);
`;

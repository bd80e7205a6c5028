/** Warnings of other authorities, and what ended them. */
export const foreign = `
CREATE TABLE foreign_alerts (key text COLLATE "C" PRIMARY KEY, id text COLLATE "C" NOT NULL UNIQUE,
  source text COLLATE "C" NOT NULL, drill boolean NOT NULL, sent_at bigint NOT NULL, expires_at bigint NOT NULL,
  size bigint NOT NULL, brief text NOT NULL, json text NOT NULL);
CREATE INDEX foreign_alerts_sent ON foreign_alerts (drill, sent_at, id, expires_at, source);
CREATE INDEX foreign_alerts_expiry ON foreign_alerts (expires_at);
CREATE INDEX foreign_alerts_size ON foreign_alerts (size);
CREATE TABLE foreign_ends (key text COLLATE "C" PRIMARY KEY, kind text NOT NULL, sent_at bigint NOT NULL,
  by text NOT NULL);
CREATE INDEX foreign_ends_sent ON foreign_ends (sent_at);
`;

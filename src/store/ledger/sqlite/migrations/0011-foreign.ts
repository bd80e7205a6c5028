/** Warnings of other authorities, and what ended them. */
export const foreign = `
CREATE TABLE foreign_alerts (key TEXT PRIMARY KEY, id TEXT NOT NULL UNIQUE, source TEXT NOT NULL, drill INTEGER NOT NULL,
  sent_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, size INTEGER NOT NULL, brief TEXT NOT NULL, json TEXT NOT NULL) STRICT;
CREATE INDEX foreign_alerts_sent ON foreign_alerts (drill, sent_at, id, expires_at, source);
CREATE INDEX foreign_alerts_expiry ON foreign_alerts (expires_at);
CREATE INDEX foreign_alerts_size ON foreign_alerts (size);
CREATE TABLE foreign_ends (key TEXT PRIMARY KEY, kind TEXT NOT NULL, sent_at INTEGER NOT NULL, by TEXT NOT NULL)
  STRICT, WITHOUT ROWID;
CREATE INDEX foreign_ends_sent ON foreign_ends (sent_at);
`;

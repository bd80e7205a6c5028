/** Schema version 1. Instants are epoch ms; `rank` is 0 yellow, 1 orange, 2 red. */
export const initial = `
CREATE TABLE positions (
  partition INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, "offset" INTEGER NOT NULL, clock_at INTEGER NOT NULL
) STRICT;

CREATE TABLE revisions (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, position TEXT NOT NULL UNIQUE,
  alert TEXT NOT NULL, revision INTEGER NOT NULL, state TEXT NOT NULL,
  at INTEGER NOT NULL, rule TEXT NOT NULL, subject_id TEXT NOT NULL, rank INTEGER NOT NULL, json TEXT NOT NULL,
  UNIQUE (alert, revision)
) STRICT;
CREATE INDEX revisions_order ON revisions (at, rule, subject_id, revision, seq);

CREATE TABLE alerts (
  alert TEXT PRIMARY KEY, first_seq INTEGER NOT NULL UNIQUE, seq INTEGER NOT NULL REFERENCES revisions (seq),
  rule TEXT NOT NULL, hazard TEXT NOT NULL, subject_kind TEXT NOT NULL, subject_id TEXT NOT NULL,
  level TEXT NOT NULL, state TEXT NOT NULL, onset_at INTEGER NOT NULL, at INTEGER NOT NULL,
  issued_at INTEGER NOT NULL, expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX alerts_open ON alerts (first_seq) WHERE state <> 'ended';
CREATE INDEX alerts_subject ON alerts (subject_id, first_seq);

CREATE TABLE stations (id TEXT PRIMARY KEY, region TEXT NOT NULL, json TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX stations_region ON stations (region);

CREATE TABLE outbox (seq INTEGER PRIMARY KEY REFERENCES revisions (seq), created_at INTEGER NOT NULL) STRICT;

CREATE TABLE subscriptions (id TEXT PRIMARY KEY, origin TEXT NOT NULL, json TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE deliveries (
  key TEXT PRIMARY KEY, seq INTEGER NOT NULL REFERENCES revisions (seq), alert TEXT NOT NULL,
  revision INTEGER NOT NULL, subscriber TEXT NOT NULL, subscription TEXT NOT NULL, channel TEXT NOT NULL,
  destination TEXT NOT NULL, rank INTEGER NOT NULL, state TEXT NOT NULL, claimer TEXT,
  attempts INTEGER NOT NULL DEFAULT 0, next_attempt_at INTEGER NOT NULL, last_error TEXT, delivered_at INTEGER
) STRICT;
CREATE INDEX deliveries_due ON deliveries (rank DESC, seq, key) WHERE state IN ('waiting', 'sending');
CREATE INDEX deliveries_lane ON deliveries (alert, subscriber, revision);
CREATE INDEX deliveries_state ON deliveries (state, seq);

CREATE TABLE cap (
  alert TEXT NOT NULL, revision INTEGER NOT NULL, identifier TEXT NOT NULL UNIQUE, sent_text TEXT NOT NULL,
  xml TEXT NOT NULL, created_at INTEGER NOT NULL, PRIMARY KEY (alert, revision)
) STRICT;
CREATE INDEX cap_created ON cap (created_at);

CREATE TABLE skips (
  partition INTEGER NOT NULL, "offset" INTEGER NOT NULL, reason TEXT NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY (partition, "offset")
) STRICT, WITHOUT ROWID;
CREATE TABLE commands (
  number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, json TEXT NOT NULL, at INTEGER NOT NULL,
  relayed INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE documents (hash TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
CREATE TABLE held (
  id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, station TEXT, payload BLOB NOT NULL,
  reason TEXT NOT NULL, at INTEGER NOT NULL
) STRICT;
CREATE INDEX held_station ON held (kind, station, id);
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
`;

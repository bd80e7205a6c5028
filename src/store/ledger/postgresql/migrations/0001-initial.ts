/**
 * Schema version 1. Instants are epoch ms; `rank` is 0 yellow, 1 orange, 2 red; texts that give an order are compared
 * byte by byte (collation "C"). JSON is kept as text: it leaves as it came.
 */
export const initial = `
CREATE TABLE positions (
  partition bigint PRIMARY KEY, epoch bigint NOT NULL, "offset" bigint NOT NULL, clock_at bigint NOT NULL
) WITH (fillfactor = 50);

-- The last seq given. Its row lock makes commits with revisions follow one another, so the order of seq is the order in
-- which they become visible, which a sequence does not promise.
CREATE TABLE counters (name text PRIMARY KEY, value bigint NOT NULL) WITH (fillfactor = 20);
INSERT INTO counters VALUES ('seq', 0);

CREATE TABLE revisions (
  seq bigint PRIMARY KEY, position text COLLATE "C" NOT NULL UNIQUE,
  alert text COLLATE "C" NOT NULL, revision bigint NOT NULL, state text NOT NULL,
  at bigint NOT NULL, rule text COLLATE "C" NOT NULL, subject_id text COLLATE "C" NOT NULL,
  rank smallint NOT NULL, json text NOT NULL, UNIQUE (alert, revision)
);
CREATE INDEX revisions_order ON revisions (at, rule, subject_id, revision, seq);

CREATE TABLE alerts (
  alert text COLLATE "C" PRIMARY KEY, first_seq bigint NOT NULL UNIQUE, seq bigint NOT NULL REFERENCES revisions (seq),
  rule text COLLATE "C" NOT NULL, hazard text NOT NULL, subject_kind text NOT NULL, subject_id text COLLATE "C" NOT NULL,
  level text NOT NULL, state text NOT NULL, onset_at bigint NOT NULL, at bigint NOT NULL,
  issued_at bigint NOT NULL, expires_at bigint NOT NULL
);
CREATE INDEX alerts_open ON alerts (first_seq) WHERE state <> 'ended';
CREATE INDEX alerts_subject ON alerts (subject_id, first_seq);

CREATE TABLE stations (id text COLLATE "C" PRIMARY KEY, region text COLLATE "C" NOT NULL, json text NOT NULL);
CREATE INDEX stations_region ON stations (region);

CREATE TABLE outbox (seq bigint PRIMARY KEY REFERENCES revisions (seq), created_at bigint NOT NULL);

CREATE TABLE subscriptions (id text COLLATE "C" PRIMARY KEY, origin text NOT NULL, json text NOT NULL);

CREATE TABLE deliveries (
  key text COLLATE "C" PRIMARY KEY, seq bigint NOT NULL REFERENCES revisions (seq), alert text COLLATE "C" NOT NULL,
  revision bigint NOT NULL, subscriber text COLLATE "C" NOT NULL, subscription text NOT NULL, channel text NOT NULL,
  destination text NOT NULL, rank smallint NOT NULL, state text NOT NULL, claimer text,
  attempts bigint NOT NULL DEFAULT 0, next_attempt_at bigint NOT NULL, last_error text, delivered_at bigint
);
CREATE INDEX deliveries_due ON deliveries (rank DESC, seq, key) WHERE state IN ('waiting', 'sending');
CREATE INDEX deliveries_lane ON deliveries (alert, subscriber, revision);
CREATE INDEX deliveries_state ON deliveries (state, seq);
CREATE INDEX deliveries_newest ON deliveries (seq DESC, key);
CREATE INDEX deliveries_claimer ON deliveries (claimer) WHERE state = 'sending';

CREATE TABLE cap (
  number bigint GENERATED ALWAYS AS IDENTITY, alert text COLLATE "C" NOT NULL, revision bigint NOT NULL,
  identifier text NOT NULL UNIQUE, sent_text text NOT NULL, xml text NOT NULL, created_at bigint NOT NULL,
  PRIMARY KEY (alert, revision)
);
CREATE INDEX cap_created ON cap (created_at, number);

CREATE TABLE skips (
  partition bigint NOT NULL, "offset" bigint NOT NULL, reason text NOT NULL, at bigint NOT NULL,
  PRIMARY KEY (partition, "offset")
);
CREATE TABLE commands (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id text NOT NULL UNIQUE, json text NOT NULL,
  at bigint NOT NULL, relayed boolean NOT NULL DEFAULT false
);
CREATE INDEX commands_pending ON commands (number) WHERE NOT relayed;
CREATE TABLE documents (hash text PRIMARY KEY, bytes bytea NOT NULL);
-- The token of the call makes a repeat after a lost answer a no-op.
CREATE TABLE held (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, token uuid NOT NULL UNIQUE, kind text NOT NULL, station text,
  payload bytea NOT NULL, reason text NOT NULL, at bigint NOT NULL
);
CREATE INDEX held_station ON held (kind, station, id);
CREATE TABLE meta (key text PRIMARY KEY, value text NOT NULL);
`;

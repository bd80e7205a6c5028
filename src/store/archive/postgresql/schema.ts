import { DAY_MS } from '../../../model/time.ts';

/**
 * Schema version 1. Instants are epoch ms, values scaled integers. One row per reading: a correction takes the place of
 * what it corrects. The key begins as people ask: one station over a span of time.
 */
const initial = `
CREATE TABLE observations (
  station text COLLATE "C" NOT NULL, quantity text COLLATE "C" NOT NULL, observed_at bigint NOT NULL,
  interval_ms bigint NOT NULL, received_at bigint NOT NULL, value bigint NOT NULL, flag text NOT NULL,
  arrival text NOT NULL, PRIMARY KEY (station, observed_at, quantity, interval_ms)
) PARTITION BY RANGE (observed_at);

-- The name under which every engine shows the newest value of each key.
CREATE VIEW readings AS SELECT * FROM observations;

CREATE TABLE latest (
  station text COLLATE "C", quantity text COLLATE "C", observed_at bigint NOT NULL, interval_ms bigint NOT NULL,
  received_at bigint NOT NULL, value bigint NOT NULL, flag text NOT NULL, PRIMARY KEY (station, quantity)
) WITH (fillfactor = 70);

CREATE TABLE hourly (
  station text COLLATE "C" NOT NULL, quantity text COLLATE "C" NOT NULL, hour bigint NOT NULL, sum bigint NOT NULL,
  min bigint NOT NULL, max bigint NOT NULL, count bigint NOT NULL, covered_ms bigint NOT NULL,
  PRIMARY KEY (station, hour, quantity)
) WITH (fillfactor = 80);

-- Computed when asked: kept as a table it cost a third of every commit and saved a sum over 24 rows.
CREATE VIEW daily AS
  SELECT station, quantity, hour - (hour % ${DAY_MS} + ${DAY_MS}) % ${DAY_MS} AS day, sum(sum)::bigint AS sum,
    min(min) AS min, max(max) AS max, sum(count)::bigint AS count, sum(covered_ms)::bigint AS covered_ms
  FROM hourly GROUP BY 1, 2, 3;

CREATE TABLE positions (
  partition bigint PRIMARY KEY, epoch bigint NOT NULL, "offset" bigint NOT NULL
) WITH (fillfactor = 50);

-- Observations before this instant were dropped: their hours stand as they were and are not computed again.
CREATE TABLE retention (kept_from bigint NOT NULL);
INSERT INTO retention VALUES (${Number.MIN_SAFE_INTEGER});
`;

const checks = `
ALTER TABLE observations ADD COLUMN flagged_by text NOT NULL DEFAULT '';
ALTER TABLE latest ADD COLUMN flagged_by text NOT NULL DEFAULT '';
CREATE OR REPLACE VIEW readings AS SELECT * FROM observations;
`;

// What neighbours say of an hour, beside the readings that it is about.
const marks = `
CREATE TABLE marks (
  station text COLLATE "C" NOT NULL, quantity text COLLATE "C" NOT NULL, from_at bigint NOT NULL, to_at bigint NOT NULL,
  "check" text COLLATE "C" NOT NULL, value bigint NOT NULL, PRIMARY KEY (station, from_at, quantity, "check")
);
CREATE INDEX marks_by_hour ON marks (from_at, "check");
`;

/** Migrations in order; a released one is never edited. */
export const migrations: readonly string[] = [initial, checks, marks];

/**
 * What feeds are filtered by stands in the message itself, a table tells which unknown stations wait, and open alerts
 * are found and counted by level: nothing of it by reading everything.
 */
export const lookups = `
ALTER TABLE cap ADD COLUMN hazard TEXT;
ALTER TABLE cap ADD COLUMN subject_kind TEXT;
ALTER TABLE cap ADD COLUMN subject_id TEXT;
UPDATE cap SET (hazard, subject_kind, subject_id) =
  (SELECT hazard, subject_kind, subject_id FROM alerts WHERE alerts.alert = cap.alert);
CREATE INDEX cap_hazard ON cap (hazard, created_at);
CREATE INDEX cap_subject ON cap (subject_id, created_at);

CREATE TABLE held_stations (
  station TEXT PRIMARY KEY, reports INTEGER NOT NULL, first_id INTEGER NOT NULL, last_id INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO held_stations SELECT station, count(*), min(id), max(id) FROM held
  WHERE kind = 'unknown-station' AND station IS NOT NULL GROUP BY station;
CREATE INDEX held_stations_last ON held_stations (last_id);

CREATE INDEX alerts_open_level ON alerts (level, first_seq) WHERE state <> 'ended';
`;

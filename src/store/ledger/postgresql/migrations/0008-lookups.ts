/**
 * What feeds are filtered by stands in the message itself, a table tells which unknown stations wait, and open alerts
 * are found and counted by level: nothing of it by reading everything. Triggers keep it, so that it also holds for a
 * process of an older version that goes on writing while this one starts.
 */
export const lookups = `
ALTER TABLE cap ADD COLUMN hazard text, ADD COLUMN subject_kind text, ADD COLUMN subject_id text COLLATE "C";
UPDATE cap SET hazard = a.hazard, subject_kind = a.subject_kind, subject_id = a.subject_id
  FROM alerts a WHERE a.alert = cap.alert;
CREATE INDEX cap_hazard ON cap (hazard, created_at, number);
CREATE INDEX cap_subject ON cap (subject_id, created_at, number);
CREATE FUNCTION name_cap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  SELECT a.hazard, a.subject_kind, a.subject_id INTO NEW.hazard, NEW.subject_kind, NEW.subject_id
    FROM alerts a WHERE a.alert = NEW.alert;
  RETURN NEW;
END $$;
CREATE TRIGGER name_cap BEFORE INSERT ON cap FOR EACH ROW EXECUTE FUNCTION name_cap();

CREATE TABLE held_stations (
  station text COLLATE "C" PRIMARY KEY, reports bigint NOT NULL, first_id bigint NOT NULL, last_id bigint NOT NULL
);
INSERT INTO held_stations SELECT station, count(*), min(id), max(id) FROM held
  WHERE kind = 'unknown-station' AND station IS NOT NULL GROUP BY station;
CREATE INDEX held_stations_last ON held_stations (last_id);
CREATE FUNCTION count_held() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO held_stations AS many (station, reports, first_id, last_id) VALUES (NEW.station, 1, NEW.id, NEW.id)
    ON CONFLICT (station) DO UPDATE SET reports = many.reports + 1,
      first_id = least(many.first_id, excluded.first_id), last_id = greatest(many.last_id, excluded.last_id);
  RETURN NULL;
END $$;
CREATE TRIGGER count_held AFTER INSERT ON held FOR EACH ROW
  WHEN (NEW.kind = 'unknown-station' AND NEW.station IS NOT NULL) EXECUTE FUNCTION count_held();
-- The row of a station is locked by its count first: who holds a report of it meanwhile waits.
CREATE FUNCTION count_released() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  UPDATE held_stations AS many SET reports = many.reports - gone.reports
    FROM (SELECT station, count(*) AS reports FROM released WHERE kind = 'unknown-station' GROUP BY station) AS gone
    WHERE many.station = gone.station;
  DELETE FROM held_stations WHERE reports <= 0 AND station IN (SELECT station FROM released);
  UPDATE held_stations AS many SET first_id = kept.first_id, last_id = kept.last_id
    FROM (SELECT station, min(id) AS first_id, max(id) AS last_id FROM held
          WHERE kind = 'unknown-station' AND station IN (SELECT station FROM released) GROUP BY station) AS kept
    WHERE many.station = kept.station;
  RETURN NULL;
END $$;
CREATE TRIGGER count_released AFTER DELETE ON held REFERENCING OLD TABLE AS released FOR EACH STATEMENT
  EXECUTE FUNCTION count_released();

CREATE INDEX alerts_open_level ON alerts (level, first_seq) WHERE state <> 'ended';
`;

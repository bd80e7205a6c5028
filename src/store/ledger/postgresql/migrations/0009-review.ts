/**
 * Alerts whose newest revision waits for approval (`alerts` has the newest that is public), and who did what when and
 * why, each entry chained to the one before.
 */
export const review = `
CREATE TABLE drafts (alert text COLLATE "C" PRIMARY KEY, seq bigint NOT NULL);
CREATE TABLE audit (number bigint PRIMARY KEY, json text NOT NULL, hash text NOT NULL);
INSERT INTO counters VALUES ('audit', 0);
CREATE FUNCTION audit_stays() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN RAISE EXCEPTION 'the audit log is only added to'; END $$;
CREATE TRIGGER audit_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON audit EXECUTE FUNCTION audit_stays();
`;

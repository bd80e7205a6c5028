/** Events that happened, and what people in the field say of alerts. */
export const verification = `
CREATE TABLE observed_events (id TEXT PRIMARY KEY, hazard TEXT NOT NULL, from_at INTEGER NOT NULL, to_at INTEGER NOT NULL,
  json TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX observed_events_from ON observed_events (from_at, id);
CREATE TABLE feedback (number INTEGER PRIMARY KEY, alert TEXT NOT NULL, json TEXT NOT NULL) STRICT;
CREATE INDEX feedback_alert ON feedback (alert, number);
`;

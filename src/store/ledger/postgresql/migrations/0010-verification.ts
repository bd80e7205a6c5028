/** Events that happened, and what people in the field say of alerts. */
export const verification = `
CREATE TABLE observed_events (id text COLLATE "C" PRIMARY KEY, hazard text COLLATE "C" NOT NULL, from_at bigint NOT NULL,
  to_at bigint NOT NULL, json text NOT NULL);
CREATE INDEX observed_events_from ON observed_events (from_at, id);
CREATE TABLE feedback (number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, alert text COLLATE "C" NOT NULL,
  json text NOT NULL);
CREATE INDEX feedback_alert ON feedback (alert, number);
`;

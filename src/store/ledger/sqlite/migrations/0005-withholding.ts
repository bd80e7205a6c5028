/** Silences, deliveries held back (`withheld` names the cause) and deliveries that share one message (`leader`). */
export const withholding = `
CREATE TABLE silences (id TEXT PRIMARY KEY, until INTEGER NOT NULL, json TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX silences_until ON silences (until);
ALTER TABLE deliveries ADD COLUMN withheld TEXT;
ALTER TABLE deliveries ADD COLUMN bunch TEXT;
ALTER TABLE deliveries ADD COLUMN leader TEXT;
CREATE INDEX deliveries_withheld ON deliveries (next_attempt_at) WHERE withheld IS NOT NULL;
CREATE INDEX deliveries_bunch ON deliveries (subscriber, bunch, seq) WHERE leader IS NULL AND state IN ('waiting', 'sending');
CREATE INDEX deliveries_leader ON deliveries (leader) WHERE leader IS NOT NULL;
`;

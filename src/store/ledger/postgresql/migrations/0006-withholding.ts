/** Silences, deliveries held back (`withheld` names the cause) and deliveries that share one message (`leader`). */
export const withholding = `
CREATE TABLE silences (id text COLLATE "C" PRIMARY KEY, until bigint NOT NULL, json text NOT NULL);
CREATE INDEX silences_until ON silences (until);
ALTER TABLE deliveries ADD COLUMN withheld text, ADD COLUMN bunch text, ADD COLUMN leader text COLLATE "C";
CREATE INDEX deliveries_withheld ON deliveries (next_attempt_at) WHERE withheld IS NOT NULL;
CREATE INDEX deliveries_bunch ON deliveries (subscriber, bunch, seq) WHERE leader IS NULL AND state IN ('waiting', 'sending');
CREATE INDEX deliveries_leader ON deliveries (leader) WHERE leader IS NOT NULL;
`;

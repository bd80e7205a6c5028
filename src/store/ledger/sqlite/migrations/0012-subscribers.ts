/** People who subscribe themselves: requests that wait for their token, and consents. */
export const subscribers = `
CREATE TABLE subscriber_requests (hash TEXT PRIMARY KEY, kind TEXT NOT NULL, address TEXT NOT NULL, ends_at INTEGER NOT NULL,
  json TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX subscriber_requests_address ON subscriber_requests (address, kind);
CREATE INDEX subscriber_requests_end ON subscriber_requests (ends_at);
CREATE TABLE consents (number INTEGER PRIMARY KEY, id TEXT NOT NULL, channel TEXT NOT NULL, address TEXT, version TEXT NOT NULL,
  purpose TEXT NOT NULL, given_at INTEGER NOT NULL, ended_at INTEGER) STRICT;
CREATE INDEX consents_id ON consents (id);
CREATE INDEX consents_address ON consents (address) WHERE address IS NOT NULL;
CREATE INDEX consents_end ON consents (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX deliveries_destination ON deliveries (destination);
`;

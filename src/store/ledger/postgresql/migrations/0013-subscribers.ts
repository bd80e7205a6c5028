/** People who subscribe themselves: requests that wait for their token, and consents. */
export const subscribers = `
CREATE TABLE subscriber_requests (hash text COLLATE "C" PRIMARY KEY, kind text NOT NULL, address text COLLATE "C" NOT NULL,
  ends_at bigint NOT NULL, json text NOT NULL);
CREATE INDEX subscriber_requests_address ON subscriber_requests (address, kind);
CREATE INDEX subscriber_requests_end ON subscriber_requests (ends_at);
CREATE TABLE consents (number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id text COLLATE "C" NOT NULL,
  channel text NOT NULL, address text COLLATE "C", version text NOT NULL, purpose text NOT NULL, given_at bigint NOT NULL,
  ended_at bigint);
CREATE INDEX consents_id ON consents (id);
CREATE INDEX consents_address ON consents (address) WHERE address IS NOT NULL;
CREATE INDEX consents_end ON consents (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX deliveries_destination ON deliveries (destination);
`;

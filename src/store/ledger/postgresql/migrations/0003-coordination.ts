/**
 * Schema version 3: leases and places of streams. A lease is written again and again in place, so that its pages keep
 * room, and nothing but its name is indexed.
 */
export const coordination = `
CREATE TABLE leases (
  name text COLLATE "C" PRIMARY KEY, owner text NOT NULL, epoch bigint NOT NULL, expires_at timestamptz NOT NULL
) WITH (fillfactor = 40);
CREATE TABLE offset_index (key text COLLATE "C" PRIMARY KEY, value text NOT NULL);
`;

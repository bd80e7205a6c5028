/** Schema version 2: leases and places of streams. `expires_at` is epoch ms by this database's clock; 0 = given back. */
export const coordination = `
CREATE TABLE leases (
  name TEXT PRIMARY KEY, owner TEXT NOT NULL, epoch INTEGER NOT NULL, expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE offset_index (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
`;

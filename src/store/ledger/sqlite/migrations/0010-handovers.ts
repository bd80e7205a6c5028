/** What one shift leaves to the next. */
export const handovers = `
CREATE TABLE handovers (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, json TEXT NOT NULL) STRICT;
`;

/** What came of people's acts on alerts; the first outcome of a command stays. */
export const acts = `
CREATE TABLE acts (
  number INTEGER PRIMARY KEY AUTOINCREMENT, command TEXT NOT NULL UNIQUE, alert TEXT NOT NULL, json TEXT NOT NULL
) STRICT;
CREATE INDEX acts_alert ON acts (alert, number);
`;

/** What came of people's acts on alerts; the first outcome of a command stays. */
export const acts = `
CREATE TABLE acts (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, command text NOT NULL UNIQUE,
  alert text COLLATE "C" NOT NULL, json text NOT NULL
);
CREATE INDEX acts_alert ON acts (alert, number);
`;

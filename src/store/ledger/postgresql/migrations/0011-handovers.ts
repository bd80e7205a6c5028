/** What one shift leaves to the next. */
export const handovers = `
CREATE TABLE handovers (number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id text COLLATE "C" NOT NULL UNIQUE,
  json text NOT NULL);
`;

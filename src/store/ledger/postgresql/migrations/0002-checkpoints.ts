/** Schema version 2: checkpoints that any process can go on from. They are deflated already. */
export const checkpoints = `
CREATE TABLE checkpoints (
  partition bigint NOT NULL, "offset" bigint NOT NULL, bytes bytea NOT NULL, PRIMARY KEY (partition, "offset")
);
ALTER TABLE checkpoints ALTER COLUMN bytes SET STORAGE EXTERNAL;
`;

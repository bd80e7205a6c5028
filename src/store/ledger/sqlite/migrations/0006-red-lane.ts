/**
 * Schema version 6: `lift` is the seq of the red revision that waits behind a lower one of its alert: it leaves in the
 * place of the red. Groups that were never sent are dissolved.
 */
export const redLane = `
ALTER TABLE deliveries ADD COLUMN lift INTEGER;
DROP INDEX deliveries_due;
CREATE INDEX deliveries_due ON deliveries
  ((CASE WHEN lift IS NULL THEN rank ELSE 2 END) DESC, coalesce(lift, seq), key) WHERE state IN ('waiting', 'sending');
CREATE INDEX deliveries_red ON deliveries (alert, subscriber, revision)
  WHERE state = 'waiting' AND rank = 2 AND revision > 1;
UPDATE deliveries SET leader = NULL WHERE state = 'waiting' AND leader IN (
  SELECT key FROM deliveries WHERE state = 'waiting' AND attempts = 0);
`;

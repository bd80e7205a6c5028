import type { CheckpointMedium } from '../checkpoint-medium.ts';
import type { Database } from './database.ts';

/** Checkpoints as rows that every process reads. Who was replaced may still add one, which is the same state, but takes none away. */
export function checkpointRows(db: Database): CheckpointMedium {
  return {
    async offsets(partition) {
      const rows = await db.all(
        'SELECT "offset" FROM checkpoints WHERE partition = $1 ORDER BY "offset"',
        partition,
      );
      return rows.map((row) => Number(row.offset));
    },
    async read(partition, offset) {
      const row = await db.get(
        'SELECT bytes FROM checkpoints WHERE partition = $1 AND "offset" = $2',
        partition,
        offset,
      );
      return row && new Uint8Array(row.bytes as Uint8Array);
    },
    async write(partition, offset, bytes) {
      await db.run(
        `INSERT INTO checkpoints (partition, "offset", bytes) VALUES ($1, $2, $3)
         ON CONFLICT (partition, "offset") DO UPDATE SET bytes = excluded.bytes`,
        partition,
        offset,
        bytes,
      );
    },
    async remove(partition, offsets, epoch) {
      await db.run(
        `DELETE FROM checkpoints WHERE partition = $1 AND "offset" = ANY($2::bigint[])
         AND ($3::bigint IS NULL OR $3 = (SELECT epoch FROM positions WHERE partition = $1))`,
        partition,
        offsets,
        epoch ?? null,
      );
    },
    nameOf: (partition, offset) => `${db.place}, checkpoint ${partition}-${offset}`,
  };
}

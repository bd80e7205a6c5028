import type { DuckDBConnection } from '@duckdb/node-api';
import { AtalaiaError, invariant } from '../../../lib/errors.ts';
import { rowsIn } from '../packed.ts';
import { appendRows } from './append.ts';
import type { PackedBatch } from './protocol.ts';

export interface Position {
  readonly partition: number;
  readonly epoch: number;
  readonly offset: number;
}
export interface CommitPlan {
  readonly positions: readonly Position[];
  readonly batches: readonly PackedBatch[];
}

/**
 * Decides what of the batches is new, before anything is written. Throws ATL_FENCED when a batch has an older epoch than
 * the partition, or does not start exactly at its position (batches wholly at or below it are skipped).
 */
export function planCommit(
  stored: ReadonlyMap<number, Position>,
  batches: readonly PackedBatch[],
): CommitPlan {
  const positions = new Map<number, Position>();
  const accepted: PackedBatch[] = [];
  for (const batch of batches) {
    const { partition, epoch, from, to } = batch;
    invariant(
      [partition, epoch, from, to].every(Number.isSafeInteger) && from <= to,
      `archive batch [${from}, ${to}) of partition ${partition} is no range`,
    );
    const held = positions.get(partition) ?? stored.get(partition) ?? { partition, epoch, offset: 0 };
    refuseOlder(held, epoch);
    if (to <= held.offset) {
      if (epoch > held.epoch) positions.set(partition, { ...held, epoch });
      continue;
    }
    if (from !== held.offset) {
      throw new AtalaiaError(
        'ATL_FENCED',
        `The archive holds partition ${partition} up to ${held.offset}; batch [${from}, ${to}) does not start there. Fold again from ${held.offset}.`,
      );
    }
    positions.set(partition, { partition, epoch, offset: to });
    if (hasRows(batch)) accepted.push(batch);
  }
  return { positions: [...positions.values()], batches: accepted };
}

/** Decides what a commit of effects alone writes: everything, when no batch has an older epoch than its partition. */
export function planEffects(
  stored: ReadonlyMap<number, Position>,
  batches: readonly PackedBatch[],
): CommitPlan {
  for (const { partition, epoch } of batches) {
    const held = stored.get(partition);
    if (held) refuseOlder(held, epoch);
  }
  return { positions: [], batches: batches.filter(hasRows) };
}

const hasRows = ({ parts }: PackedBatch): boolean => parts.some((part) => rowsIn(part) > 0);

function refuseOlder(held: Position, epoch: number): void {
  if (epoch >= held.epoch) return;
  throw new AtalaiaError(
    'ATL_FENCED',
    `Partition ${held.partition} of the archive is held under epoch ${held.epoch}; a batch of epoch ${epoch} is refused. Stop folding it here: another worker took it over.`,
  );
}

/** Writes rows and positions inside the caller's transaction; returns the next free `seq`. */
export async function writeCommit(
  connection: DuckDBConnection,
  plan: CommitPlan,
  firstSeq: number,
): Promise<number> {
  const nextSeq = await appendRows(
    connection,
    plan.batches.flatMap(({ parts }) => parts),
    firstSeq,
  );
  if (plan.positions.length === 0) return nextSeq;
  const rows = plan.positions.map((p) => `(${p.partition}, ${p.epoch}, ${p.offset})`).join(', ');
  await connection.run(
    `INSERT INTO positions VALUES ${rows} ON CONFLICT ("partition") DO UPDATE SET epoch = excluded.epoch, "offset" = excluded."offset"`,
  );
  return nextSeq;
}

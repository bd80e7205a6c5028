import { AtalaiaError, invariant } from '../../lib/errors.ts';
import type { ArchiveBatch } from './archive.ts';

export interface ArchivePosition {
  readonly partition: number;
  readonly epoch: number;
  readonly offset: number;
}

/**
 * Decides what of the batches is new, before anything is written. Throws ATL_FENCED when a batch has an older epoch than
 * the partition, or does not start exactly at its position (batches wholly at or below it are skipped).
 */
export function planBatches<Batch extends Omit<ArchiveBatch, 'observations'>>(
  stored: ReadonlyMap<number, ArchivePosition>,
  batches: readonly Batch[],
): { readonly positions: readonly ArchivePosition[]; readonly accepted: readonly Batch[] } {
  const positions = new Map<number, ArchivePosition>();
  const accepted: Batch[] = [];
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
    accepted.push(batch);
  }
  return { positions: [...positions.values()], accepted };
}

/** The fence of effects alone: throws ATL_FENCED when a batch has an older epoch than its partition. */
export function fenceEffects(
  stored: ReadonlyMap<number, ArchivePosition>,
  batches: readonly Pick<ArchiveBatch, 'partition' | 'epoch'>[],
): void {
  for (const { partition, epoch } of batches) {
    const held = stored.get(partition);
    if (held) refuseOlder(held, epoch);
  }
}

function refuseOlder({ partition, epoch: held }: ArchivePosition, epoch: number): void {
  if (epoch >= held) return;
  throw new AtalaiaError(
    'ATL_FENCED',
    `Partition ${partition} of the archive is held under epoch ${held}; a batch of epoch ${epoch} is refused. Stop folding it here: another worker took it over.`,
  );
}

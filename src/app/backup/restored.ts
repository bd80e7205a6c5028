import { z } from 'zod';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { StoredRevision } from '../../store/ledger/stored-revision.ts';

/** Key of the ledger's note that its data directory came from a backup. */
export const RESTORED = 'restored';

const schema = z.object({
  /** When it was restored, epoch ms, a whole second as ticks are. */
  at: z.number(),
  /** First record of each partition that came after the restore. */
  next: z.array(z.number()),
});
export type Restored = z.infer<typeof schema>;

/**
 * Whether a revision is of before the restore and so told to nobody: the system that made the backup has told it. It comes
 * from a record that the backup brought, or, in a system of the present (`isLive`), of a timer due before the restore.
 */
export async function oldRevisions(
  ledger: Pick<Ledger, 'meta'>,
  isLive: boolean,
): Promise<(revision: StoredRevision) => boolean> {
  const text = await ledger.meta(RESTORED);
  if (text === undefined) return () => false;
  const { at, next } = schema.parse(JSON.parse(text));
  return ({ position, revision }) => {
    const [partition, offset] = position.split(':').map(Number) as [number, number];
    return offset < (next[partition] ?? 0) || (isLive && revision.event.issuedAt < at);
  };
}

import { type Level, levelNames } from '../model/rule.ts';
import type { StoredRevision, Subscription } from '../store/ledger/ledger.ts';

const rank = (level: Level): number => levelNames.indexOf(level);

/**
 * Who is told of a revision: the subscriptions of its area whose level it reaches, and everybody who was told of the
 * alert before, so that a lower level and the end reach them too. An end is told to nobody who never heard of the alert.
 * @param codes the subject's id and region codes.
 * @param told ids of the subscriptions that have a delivery of an earlier revision.
 */
export function audience(
  stored: StoredRevision,
  subscriptions: readonly Subscription[],
  codes: readonly string[],
  told: ReadonlySet<string>,
): readonly Subscription[] {
  const { event } = stored.revision;
  return subscriptions.filter((one) => {
    if (told.has(one.id)) return true;
    if (event.event === 'ended' || rank(event.level) < rank(one.level)) return false;
    return one.areas === 'all' || one.areas.some((area) => codes.includes(area));
  });
}

import type { WithholdCause } from '../store/ledger/delivery.ts';
import type { StoredRevision } from '../store/ledger/stored-revision.ts';
import type { Subscription } from '../store/ledger/subscription.ts';
import { createAudience } from './audience.ts';
import { readGrounds } from './grounds.ts';
import { type DispatcherOptions, readReceivers, regionsOf } from './options.ts';
import { decide } from './policy.ts';

/** Why somebody would not be told now. */
export interface NotTold {
  readonly cause: 'level' | 'hazard' | 'area' | WithholdCause;
  /** For people, where there is more to say. */
  readonly reason?: string;
  /** When it is asked again, epoch ms. */
  readonly until?: number;
}

export interface Hearer {
  readonly subscription: Subscription;
  /** Empty: it is told. */
  readonly notTold: readonly NotTold[];
  /** Told then and not at once (a group, a digest), epoch ms. */
  readonly notBefore?: number;
}

/**
 * Who would be told of a revision that does not exist, as the dispatcher would decide now, in the order of the
 * subscriptions. Nothing is written. Rates and a hold put messages off and are not told here.
 */
export async function previewAudience(
  options: DispatcherOptions,
  stored: StoredRevision,
): Promise<readonly Hearer[]> {
  const subscriptions = await readReceivers(options);
  const { subject } = stored.revision.event;
  const where = {
    codes: [subject.id, ...regionsOf(options, stored)],
    shapes: options.shapesOf?.(stored) ?? [],
  };
  const among = (all: readonly Subscription[]): ReadonlySet<string> =>
    new Set(createAudience(all)(stored, where, new Set()).map(({ id }) => id));
  const open = { level: 'yellow', areas: 'all' } as const;
  const all = among(subscriptions);
  // Each condition by itself: all others are opened, and the same question is asked again.
  const alone = {
    level: among(subscriptions.map(({ hazards: _, ...one }) => ({ ...one, areas: open.areas }))),
    hazard: among(subscriptions.map((one) => ({ ...one, ...open }))),
    area: among(subscriptions.map(({ hazards: _, ...one }) => ({ ...one, level: open.level }))),
  };
  const chosen = subscriptions.filter(({ id }) => all.has(id));
  const grounds = await readGrounds(options, [stored], chosen, new Map());
  return subscriptions.map((subscription): Hearer => {
    if (!all.has(subscription.id)) {
      const causes = (['level', 'hazard', 'area'] as const).filter((one) => !alone[one].has(subscription.id));
      return { subscription, notTold: causes.map((cause) => ({ cause })) };
    }
    const { withheld, notBefore } = decide(stored, subscription, grounds);
    return {
      subscription,
      notTold: withheld ? [withheld] : [],
      ...(notBefore === undefined ? {} : { notBefore }),
    };
  });
}

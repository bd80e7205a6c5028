import type { Expansion } from '../store/ledger/ledger.ts';
import { audience } from './audience.ts';
import { destinationOf } from './destination.ts';
import { BATCH, type DispatcherOptions } from './options.ts';

/**
 * Writes the deliveries of the oldest outbox rows with the subscriptions as they are now.
 * Returns true when there may be more rows.
 */
export async function expandOutbox(options: DispatcherOptions): Promise<boolean> {
  const { ledger, clock } = options;
  const rows = await ledger.outbox(BATCH);
  if (rows.length === 0) return false;
  const subscriptions = await ledger.subscriptions();
  const expansions: Expansion[] = [];
  /** Who is told by rows of this batch, which the ledger does not know yet. */
  const toldNow = new Map<string, Set<string>>();
  for (const { revision } of rows) {
    await options.prepare?.(revision);
    const { alert, revision: number, subject } = revision.revision.event;
    const told = toldNow.get(alert) ?? new Set(number === 1 ? [] : await ledger.told(alert, number));
    const codes = [subject.id, ...(options.regionsOf?.(revision) ?? [])];
    const chosen = audience(revision, subscriptions, codes, told);
    toldNow.set(alert, new Set([...told, ...chosen.map(({ id }) => id)]));
    const deliveries = chosen.map((subscription) => ({
      subscription,
      destination: destinationOf(subscription),
    }));
    expansions.push({ seq: revision.seq, deliveries });
  }
  await ledger.expand(expansions, clock.now());
  for (const { seq, deliveries } of expansions)
    options.onEvent?.({ kind: 'expanded', seq, deliveries: deliveries.length });
  return rows.length === BATCH;
}

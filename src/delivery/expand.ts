import { audience } from './audience.ts';
import { BATCH, type DispatcherOptions, HISTORY_LIMIT } from './options.ts';

/** Writes the deliveries of every outbox row, in order, with the subscriptions as they are now. */
export async function expandOutbox(options: DispatcherOptions): Promise<void> {
  const { ledger, clock } = options;
  for (;;) {
    const rows = await ledger.outbox(BATCH);
    if (rows.length === 0) return;
    const subscriptions = await ledger.subscriptions();
    for (const { revision } of rows) {
      const { event } = revision.revision;
      const earlier =
        event.revision === 1 ? [] : await ledger.deliveries({ alert: event.alert, limit: HISTORY_LIMIT });
      const told = new Set(
        earlier
          .filter((one) => one.state !== 'dropped' && one.revision < event.revision)
          .map((one) => one.subscription.id),
      );
      const codes = [event.subject.id, ...(options.regionsOf?.(revision) ?? [])];
      const chosen = audience(revision, subscriptions, codes, told);
      await ledger.expand(revision.seq, chosen, clock.now());
      options.onEvent?.({ kind: 'expanded', seq: revision.seq, deliveries: chosen.length });
    }
    if (rows.length < BATCH) return;
  }
}

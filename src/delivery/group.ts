import type { AlertEvent } from '../model/alert.ts';
import type { ClaimedDelivery } from '../store/ledger/ledger.ts';
import type { DispatcherOptions } from './options.ts';

/** Deliveries of one message; more make the next one. */
export const MAX_GROUP = 900;

/** A claimed delivery that leaves as a message, with all that the message tells. */
export interface Message {
  readonly delivery: ClaimedDelivery;
  readonly companions: readonly AlertEvent[];
}

/** Puts claimed deliveries of one group together; a message that was tried keeps what it told. */
export async function toMessages(
  { ledger, clock }: DispatcherOptions,
  claimed: readonly ClaimedDelivery[],
): Promise<readonly Message[]> {
  const groups = Map.groupBy(claimed, ({ key, bunch, attempts, subscription }) =>
    bunch === undefined || attempts > 1 ? key : `${subscription.id} ${bunch}`,
  );
  const messages: Message[] = [];
  for (const [delivery, ...others] of groups.values()) {
    if (!delivery) continue;
    if (delivery.bunch === undefined) {
      messages.push({ delivery, companions: [] });
      continue;
    }
    const keys = others.map(({ key }) => key);
    if (delivery.attempts === 1) await ledger.gather(delivery.key, keys, MAX_GROUP, clock.now());
    const companions = await ledger.companions(delivery.key);
    messages.push({ delivery, companions: companions.map(({ revision }) => revision.event) });
  }
  return messages;
}

import type { Subscription } from '../store/ledger/ledger.ts';

/** The channel and, where the subscription has an address, its host: what fails together, and what a circuit belongs to. */
export function destinationOf(subscription: Subscription): string {
  const host = subscription.address === undefined ? undefined : URL.parse(subscription.address)?.host;
  return host ? `${subscription.channel} ${host}` : subscription.channel;
}

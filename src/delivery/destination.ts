import type { Subscription } from '../store/ledger/subscription.ts';

/**
 * What fails together, and what a circuit belongs to: the channel and the host of the subscription's address; where the
 * address is no URL (a topic, a telephone number), the address itself, which can be wrong while all others work; without
 * an address the channel.
 */
export function destinationOf({ channel, address }: Pick<Subscription, 'channel' | 'address'>): string {
  if (address === undefined) return channel;
  return `${channel} ${URL.parse(address)?.host || address}`;
}

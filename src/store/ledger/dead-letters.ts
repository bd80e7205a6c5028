import type { Delivery, DeliveryState } from './delivery.ts';

/** Which deliveries, the newest revision first; at most `limit`. */
export interface DeliveryFilter {
  readonly alert?: string;
  readonly state?: DeliveryState;
  readonly channel?: string;
  /** Id of a subscription. */
  readonly subscription?: string;
  /** The last one of the page before. */
  readonly after?: Pick<Delivery, 'seq' | 'key'>;
  readonly limit: number;
}

/** How a channel fares. Instants are epoch ms. */
export interface ChannelRecord {
  /** Not sent yet, those under way included. */
  readonly waiting: number;
  /** Delivered, and given up, since the instant asked for. */
  readonly delivered: number;
  readonly dead: number;
  readonly lastDeliveredAt?: number;
  /** The newest one that was given up. */
  readonly lastDead?: { readonly at: number; readonly error: string };
}

/** What the ledger knows of channels, and deliveries that were given up. Part of the ledger port. */
export interface DeadLetterStore {
  deliveries(filter: DeliveryFilter): Promise<readonly Delivery[]>;
  channelRecord(channel: string, since: number): Promise<ChannelRecord>;
  /**
   * Dead letters are due again, with the whole message that each was part of; resolves with the keys. They bear the same
   * keys and count as tried, so that a message stays what it was; what is not dead stays as it is.
   */
  replay(keys: readonly string[], now: number): Promise<readonly string[]>;
}

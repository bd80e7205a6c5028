import type { Language } from '../../model/language.ts';
import type { StoredRevision } from '../../store/ledger/stored-revision.ts';
import type { Subscription } from '../../store/ledger/subscription.ts';

/** How a channel fares; instants are epoch ms. */
export interface ChannelState {
  readonly name: string;
  readonly kind: string;
  /** `open`: the whole channel is left alone for a while; `partly`: some of its receivers are. As this process knows. */
  readonly circuit: 'closed' | 'partly' | 'open';
  readonly lastSuccessAt?: number;
  readonly lastFailure?: { readonly at: number; readonly reason: string };
  readonly waiting: number;
  /** Of the last 24 h. */
  readonly sent: number;
  readonly dead: number;
}

interface TestOutcome {
  /** `later`: not now, but another try might. */
  readonly outcome: 'delivered' | 'later' | 'rejected';
  readonly reason?: string;
  readonly receipt?: string;
  /** The idempotency key that the message bore. */
  readonly key: string;
  readonly tookMs: number;
}

interface Hearer {
  readonly subscription: Subscription;
  readonly notTold: readonly { readonly cause: string; readonly reason?: string; readonly until?: number }[];
  readonly notBefore?: number;
}

/** What the delivery side answers to people. */
export interface DeliveryDesk {
  channels(): Promise<readonly ChannelState[]>;
  /** Sends one message that is marked as a test; the same id bears the same key. Throws ATL_NOT_FOUND. */
  test(
    channel: string,
    id: string,
    to: { readonly address?: string; readonly language?: Language },
  ): Promise<TestOutcome>;
  /** Who would be told of a revision, as things stand now. */
  audience(revision: StoredRevision): Promise<readonly Hearer[]>;
}

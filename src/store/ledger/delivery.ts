import type { Recipient } from './subscription.ts';

export type DeliveryState = 'waiting' | 'sending' | 'delivered' | 'dead' | 'dropped';

export interface Delivery {
  /** Idempotency key: alert.revision.subscription. */
  readonly key: string;
  readonly seq: number;
  readonly alert: string;
  readonly revision: number;
  readonly subscription: Recipient;
  /** Where the channel takes it: what fails together. */
  readonly destination: string;
  readonly state: DeliveryState;
  readonly attempts: number;
  readonly nextAttemptAt: number;
  readonly lastError?: string;
  readonly deliveredAt?: number;
  /** It is dropped for now: when the cause ends it is sent if its alert still stands. */
  readonly withheld?: WithholdCause;
  /** What may share one message: same subscription, same group. */
  readonly bunch?: string;
  /** The key of the delivery whose message tells this one, too. */
  readonly leader?: string;
}

export type WithholdCause = 'silence' | 'inhibition' | 'quiet-hours' | 'escalation';

import type { AlertEvent } from '../model/alert.ts';

/** What a channel is given: the rendered body and the key that makes repeats harmless. */
export interface Notification {
  readonly key: string;
  readonly event: AlertEvent /** The contract's alert event as JSON bytes. */;
  readonly body: string;
  readonly address?: string;
}

/** A channel answers and never retries itself. */
export type Outcome =
  | { readonly kind: 'delivered'; readonly receipt?: string }
  | { readonly kind: 'retry-later'; readonly afterMs?: number; readonly reason: string }
  | { readonly kind: 'rejected'; readonly reason: string };

export interface Channel {
  deliver(notification: Notification, signal: AbortSignal): Promise<Outcome>;
  close(): Promise<void>;
}

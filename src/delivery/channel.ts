import type { AlertFacts } from '../alerts/message-text.ts';
import type { AlertEvent } from '../model/alert.ts';
import type { Language, Text } from '../model/language.ts';

/** What a channel is given: the rendered body and the key that makes repeats harmless. */
export interface Notification {
  readonly key: string;
  readonly event: AlertEvent;
  /** The contract's alert event as JSON; of several alerts in one message, the group. */
  readonly body: string;
  /** All that a message of several alerts tells, the reds first. */
  readonly companions?: readonly AlertEvent[];
  /** It waits for approval and is not public: for those who approve alone. */
  readonly isDraft?: true;
  /** It was a false alarm: what people are to read, in each language. */
  readonly correction?: Text;
  /** What a text tells beside the event: where, until when, what to do. */
  readonly facts?: AlertFacts;
  readonly address?: string;
  /** The language that the receiver wants. */
  readonly language?: Language;
  /** Where a person who subscribed themselves ends it: by POST at once, by GET on a page that asks. */
  readonly unsubscribe?: string;
}

/** A letter to one person that is no alert: the confirmation of a subscription. Its text bears the mark of a drill. */
export interface Notice {
  readonly key: string;
  readonly address: string;
  readonly language: Language;
  readonly subject: string;
  readonly text: string;
}

/** A channel answers and never retries itself. */
export type Outcome =
  | { readonly kind: 'delivered'; readonly receipt?: string }
  | {
      readonly kind: 'retry-later';
      readonly afterMs?: number;
      readonly reason: string;
      /** The fault is of this receiver alone (a full mailbox): its host is well, and others on it do not wait. */
      readonly isReceivers?: true;
    }
  | { readonly kind: 'rejected'; readonly reason: string };

export interface Channel {
  deliver(notification: Notification, signal: AbortSignal): Promise<Outcome>;
  /** Where an address is a person's. */
  tell?(notice: Notice, signal: AbortSignal): Promise<Outcome>;
  close(): Promise<void>;
}

import { z } from 'zod';
import { type Fits, messageText, type Told } from '../../alerts/message-text.ts';
import type { Resolve } from '../../lib/address.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Environment } from '../../model/environment.ts';
import { type Language, languages, type Text } from '../../model/language.ts';
import type { Notification } from '../channel.ts';

/** What a channel of texts is given beside its configuration. */
export interface TextDeps {
  readonly clock: Clock;
  readonly environment: Environment;
  readonly resolve?: Resolve;
  readonly timeoutMs?: number;
}

/** Keys that every channel of texts over HTTP has. */
export const textKeys = {
  /** Language of subscriptions that name none. */
  language: z.enum(languages).default('pt-BR'),
  /** Allows receivers in private networks and on this machine. */
  allowPrivate: z.boolean().default(false),
};

/** Keys of channels where an address is a person's. */
export const personalKeys = {
  ...textKeys,
  /** People may subscribe themselves (docs/subscribers.md). */
  public: z.boolean().default(false),
};

const leaveWord: Text = { 'pt-BR': 'Cancelar', en: 'Unsubscribe' };
/** How a person ends the subscription, as a line of its own; nothing for those of the office. */
export const leaveLine = ({ unsubscribe }: Notification, language: Language): string | undefined =>
  unsubscribe === undefined ? undefined : `${leaveWord[language]}: ${unsubscribe}`;

/** The text with the line that ends the subscription where there is room: the warning goes first. */
export function withLeave(text: string, notification: Notification, usual: Language, fits: Fits): string {
  const line = leaveLine(notification, notification.language ?? usual);
  const longer = `${text}\n${line}`;
  return line !== undefined && fits(longer) ? longer : text;
}

/** An address of HTTP. */
export const httpUrl = z.url({ protocol: /^https?$/ });

/** A telephone number of ITU-T E.164. */
export const PHONE = /^\+[1-9]\d{6,14}$/;

/** What a notification tells: several alerts when it bears companions. */
export const toldOf = ({ event, facts, companions, isDraft, correction }: Notification): Told => ({
  event,
  ...(facts === undefined ? {} : { facts }),
  ...(companions === undefined ? {} : { companions }),
  ...(isDraft ? { isDraft } : {}),
  ...(correction ? { correction } : {}),
});

/** The text for a notification in the receiver's language, within the channel's limit. */
export const textFor = (
  notification: Notification,
  usual: Language,
  environment: Environment,
  fits: Fits,
): string => {
  const text = messageText(toldOf(notification), notification.language ?? usual, environment, fits);
  return withLeave(text, notification, usual, fits);
};

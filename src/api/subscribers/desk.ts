import type { Language } from '../../model/language.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { Erased, Personal } from '../../store/ledger/subscribers.ts';
import { plainAddress } from './input.ts';

/** A letter to one person by a channel. */
export interface PersonalNotice {
  readonly channel: string;
  readonly address: string;
  readonly language: Language;
  readonly subject: string;
  readonly text: string;
}

/** What the routes of subscribers are given; without it nobody can subscribe themselves. */
export interface SubscriberDesk {
  /** Channels that the configuration opens to the public. */
  readonly channels: readonly { readonly name: string; readonly kind: string }[];
  /** What unsubscribe tokens are made with. */
  readonly secret: string;
  /** Where people reach the server, without a slash at the end. */
  baseUrl(): string;
  /** Sends a letter in the background; false: too many wait. */
  notify(notice: PersonalNotice): boolean;
}

/** The JSON of everything that is kept about an address. */
const exportOf = (address: string, { deliveries, ...kept }: Personal): object => ({
  address,
  ...kept,
  deliveries: deliveries.map(
    ({ alert, revision, subscription, state, attempts, lastError, deliveredAt }) => ({
      ...{ alert, revision, channel: subscription.channel, state, attempts },
      ...(lastError === undefined ? {} : { lastError }),
      ...(deliveredAt === undefined ? {} : { deliveredAt: new Date(deliveredAt).toISOString() }),
    }),
  ),
});

/** Who asks, for the audit log, which names no address. */
export interface Asking {
  readonly by: string;
  readonly now: number;
}

/** Everything that is kept about an address. */
export async function exportPerson(
  ledger: Pick<Ledger, 'personal' | 'record'>,
  given: { readonly address: string; readonly channels: readonly string[] },
  { by, now }: Asking,
): Promise<object> {
  const address = plainAddress(given.address);
  await ledger.record([{ at: now, by, action: 'subscriber.export', subject: 'an address' }]);
  return exportOf(address, await ledger.personal({ address, channels: given.channels, office: true }));
}

/** Erases what is kept about an address. `office`: with what operators keep by API; the person's own request leaves that. */
export async function erasePerson(
  ledger: Pick<Ledger, 'personal' | 'erase' | 'record'>,
  given: { readonly address: string; readonly channels: readonly string[]; readonly office: boolean },
  { by, now }: Asking,
): Promise<Erased> {
  const person = { ...given, address: plainAddress(given.address) };
  // The ids are random and name nobody once the address is gone.
  const { subscriptions } = await ledger.personal(person);
  const subject = subscriptions.map(({ id }) => id).join(' ') || 'an address';
  await ledger.record([{ at: now, by, action: 'subscriber.erase', subject }]);
  return ledger.erase(person, now);
}

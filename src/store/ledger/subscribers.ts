import type { Language } from '../../model/language.ts';
import type { Delivery } from './delivery.ts';
import type { Subscription } from './subscription.ts';

/** Ids of the subscriptions that people made for themselves begin so. */
const SELF = 'self-';
export const selfId = (name: string): string => `${SELF}${name}`;
export const isSelf = (id: string): boolean => id.startsWith(SELF);
/** What stands in the place of an address that was erased. */
export const ERASED = 'erased';
/** Most deliveries that are told of one person. */
export const MOST_TOLD = 10_000;

/** What a person asks to be told. */
export type Wanted = Pick<Subscription, 'level' | 'areas' | 'places' | 'hazards' | 'languages' | 'quiet'>;

/** Somebody has named an address; whether it is theirs shows when the token that was sent there comes back. */
export interface SubscriberRequest {
  /** Of the token, which is not kept. */
  readonly hash: string;
  /** `confirm` makes the subscription; `manage` opens what is kept about the address. */
  readonly kind: 'confirm' | 'manage';
  readonly channel: string;
  /** In lower case. */
  readonly address: string;
  readonly language: Language;
  readonly wanted?: Wanted;
  readonly createdAt: number;
  readonly endsAt: number;
}

/** What a person agreed to: which text, for what, when. */
export interface Consent {
  /** The subscription; {@link ERASED} when the person was erased. */
  readonly id: string;
  readonly channel: string;
  /** Null when the person was erased. */
  readonly address: string | null;
  readonly version: string;
  readonly purpose: string;
  readonly givenAt: number;
  /** When it was withdrawn, or another one took its place. */
  readonly endedAt: number | null;
}

/** Whose: an address in lower case on any of these channels. `office`: also what operators have kept of it. */
export interface Person {
  readonly address: string;
  readonly channels: readonly string[];
  readonly office: boolean;
}

/** Everything that is kept about an address. */
export interface Personal {
  readonly subscriptions: readonly (Subscription & { readonly origin: 'self' | 'api' | 'config' })[];
  readonly consents: readonly Consent[];
  readonly requests: readonly Omit<SubscriberRequest, 'hash'>[];
  /** The newest first, at most {@link MOST_TOLD}. */
  readonly deliveries: readonly Delivery[];
}

export interface Erased {
  readonly subscriptions: number;
  readonly consents: number;
  readonly requests: number;
  readonly deliveries: number;
  /** Subscriptions with the address that stay: of the office (unless `office`), and of the configuration. */
  readonly left: number;
}

/** People who subscribe themselves. Part of the ledger port; addresses are in lower case, instants epoch ms. */
export interface SubscriberStore {
  /**
   * Keeps a request and lets go of those that are over. `enough`: the address has `perAddress` of this kind; `full`:
   * there are `all` of them; nothing is kept then.
   */
  keepRequest(
    request: SubscriberRequest,
    atMost: { readonly all: number; readonly perAddress: number },
  ): Promise<'kept' | 'enough' | 'full'>;
  /** The request of a token that is not over. */
  request(hash: string, kind: SubscriberRequest['kind'], now: number): Promise<SubscriberRequest | undefined>;
  /**
   * Makes the subscription of a `confirm` request, which is used up, and keeps the consent. What the address had on
   * the channel is replaced under its id, so that it is told of the end of what it was told. `full`: there are `atMost`.
   */
  confirm(
    hash: string,
    given: { readonly id: string; readonly version: string; readonly purpose: string; readonly now: number },
    atMost: number,
  ): Promise<Subscription | 'full' | undefined>;
  /** Ends a subscription of this kind at once, what waits to be sent to it included. False: there is none. */
  endSubscriber(id: string, now: number): Promise<boolean>;
  personal(person: Person): Promise<Personal>;
  /** Erases what is kept about an address, in one transaction; deliveries keep their counts without it. */
  erase(person: Person, now: number): Promise<Erased>;
  /** Lets go of requests that are over, and of consents that ended before `consentsBefore`; returns how many. */
  pruneSubscribers(now: number, consentsBefore: number): Promise<number>;
}

/** A confirmed request as a subscription; absent keys stay absent. */
export const subscriptionOf = (id: string, { channel, address, wanted }: SubscriberRequest): Subscription => {
  const { level = 'yellow', areas = [], ...rest } = wanted ?? {};
  return { id, name: 'public', channel, level, areas, ...rest, address };
};

/** Where deliveries to an address on these channels go, see `destinationOf`. */
export const destinationsOf = ({ address, channels }: Person): string[] =>
  channels.map((channel) => `${channel} ${address}`);

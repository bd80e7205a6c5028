import type { Language } from '../../model/language.ts';
import type { Target } from '../../model/roster.ts';
import type { Level } from '../../model/rule.ts';
import type { Shape } from '../../model/shape.ts';

/** One step of a ladder; the next one is told when nobody has answered for `afterMs` since. */
export interface LadderStep {
  readonly to: Target;
  readonly afterMs: number;
}

/** Step after step until somebody acknowledges the alert; after all rounds the last resort. */
export interface Ladder {
  readonly steps: readonly LadderStep[];
  readonly rounds: number;
  readonly last: Target;
}

export interface Subscription {
  readonly id: string;
  readonly name: string;
  /** {@link PEOPLE} where `to` or `ladder` says who is told. */
  readonly channel: string;
  /** People, found when they are told. */
  readonly to?: Target;
  readonly ladder?: Ladder;
  /** The lowest level that is told. */
  readonly level: Level;
  /** `all`, or subject ids and region codes. */
  readonly areas: 'all' | readonly string[];
  readonly address?: string;
  /** Keys of the hazards that are told; all without it. */
  readonly hazards?: readonly string[];
  /** In the languages given, the first in front; the channel's own without it. */
  readonly languages?: readonly Language[];
  /** From and to, `hh:mm` in the zone, every day: all but red waits until they end. */
  readonly quiet?: { readonly from: string; readonly to: string; readonly timeZone: string };
  /** Alerts of one hazard that come within `waitMs` are told in one message; yellow ones every `digestMs`; red at once. */
  readonly group?: {
    readonly by: 'hazard' | 'area';
    readonly waitMs: number;
    readonly digestMs?: number;
  };
  /** Most messages a minute; reds have as many of their own. */
  readonly perMinute?: number;
  /** For those who approve: told, too, of what waits for it and is not public. */
  readonly drafts?: boolean;
  /** A later step of an escalation: told when nobody has acknowledged the alert for so long. */
  readonly escalation?: { readonly afterMs: number };
  /** Places beside `areas`: an alert is told whose area touches one of them. */
  readonly places?: readonly Shape[];
}

/** The channel of subscriptions that go to people: it finds who they are, and their own channels. */
export const PEOPLE = 'people';

/** What a delivery keeps of its subscription: what sending needs. */
export type Recipient = Pick<Subscription, 'id' | 'name' | 'channel' | 'address' | 'languages' | 'perMinute'>;

/** The part of a subscription that a delivery keeps; absent keys stay absent. */
export const recipientOf = ({ id, name, channel, address, languages, perMinute }: Recipient): Recipient => ({
  ...{ id, name, channel },
  ...(address === undefined ? {} : { address }),
  ...(languages === undefined ? {} : { languages }),
  ...(perMinute === undefined ? {} : { perMinute }),
});

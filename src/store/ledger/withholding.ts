import type { Level } from '../../model/rule.ts';
import type { Silence } from '../../model/silence.ts';
import type { Delivery, WithholdCause } from './delivery.ts';
import type { StoredRevision } from './stored-revision.ts';

/** Why a delivery is written as dropped, and when to ask again whether that still holds (epoch ms). */
export interface Withheld {
  readonly cause: WithholdCause;
  /** For people; shown at the alert. */
  readonly reason: string;
  readonly until: number;
}

/** A delivery held back, due to be looked at again. */
export interface WithheldDelivery extends Delivery {
  readonly stored: StoredRevision;
  /** Its revision is the newest of its alert, and the alert is open: what it says is still true. */
  readonly isStanding: boolean;
}

/** `send`: due now or from `notBefore`, in a group when it has a `bunch`; `forget`: stays dropped for good; else held back on. */
export interface Verdict {
  readonly key: string;
  readonly verdict: 'send' | 'forget' | Withheld;
  readonly notBefore?: number;
  readonly bunch?: string;
}

/** What keeps deliveries below red from leaving now. */
export interface PutOff {
  /** Everything below red is held. */
  readonly held: boolean;
  /** The rate of all messages below red is used up. */
  readonly onlyRed: boolean;
  /** Subscriptions whose own rate below red is used up. */
  readonly paused: readonly string[];
}

/** A subscription that an alert has reached or is on its way to, with the highest level that it hears. */
export interface Heard {
  readonly alert: string;
  readonly subscription: string;
  readonly level: Level;
  /** When it was first delivered, epoch ms; undefined: it is on its way. */
  readonly since?: number;
}

/** What the ledger keeps so that nothing is dropped in silence, and nothing told twice. Part of the ledger port. */
export interface WithholdingStore {
  /** Silences that end after the instant, those that end first in front, at most 1000. */
  silences(endsAfter: number): Promise<readonly Silence[]>;
  silence(id: string): Promise<Silence | undefined>;
  /** Adds or replaces a silence; in the same transaction all that is held back becomes due for a look. */
  putSilence(silence: Silence, now: number): Promise<void>;
  /**
   * Takes deliveries held back that are due for a look, those that wait longest for it in front, then the reds. Nobody
   * else is given them before `leaseUntil`.
   */
  takeWithheld(now: number, limit: number, leaseUntil: number): Promise<readonly WithheldDelivery[]>;
  /**
   * Carries verdicts on what was taken until `leaseUntil` out in one transaction. One on a delivery that is not held back
   * any more, or that a change of silences made due again, changes nothing; what does not stand any more is not sent.
   */
  review(verdicts: readonly Verdict[], leaseUntil: number, now: number): Promise<void>;
  /** Newest revisions of the open alerts of these subjects, at most 1000. */
  standing(subjects: readonly string[]): Promise<readonly StoredRevision[]>;
  /**
   * Gives a claimed delivery that was never tried its companions: those of the same subscription and group that were
   * never tried either and whose earlier revisions are through, `claimed` ones among them. They share its fate from now
   * on. At most `limit`; those of `claimed` that find no place are given back.
   */
  gather(leader: string, claimed: readonly string[], limit: number, now: number): Promise<void>;
  /** The revisions of a message: that of the leader and its companions, the reds first. */
  companions(leader: string): Promise<readonly StoredRevision[]>;
  /**
   * Whom these alerts have reached or are on their way to, of all or `among` subscriptions; what was dropped or given up
   * does not count.
   */
  heard(alerts: readonly string[], among?: readonly string[]): Promise<readonly Heard[]>;
  /**
   * Clears the way of waiting reds. A lower revision of the alert that was never tried and is put off (one that was
   * tried, too, where all is held) is dropped with that reason; any other leaves as a red does, before the red, and one
   * that failed is tried at once. A message of several alerts that was tried stays whole. Returns how many were dropped.
   */
  makeWay(now: number, putOff: PutOff): Promise<number>;
}

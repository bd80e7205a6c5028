import type { AlertFacts } from '../alerts/message-text.ts';
import type { Clock } from '../lib/clock.ts';
import type { Random } from '../lib/random.ts';
import type { Text } from '../model/language.ts';
import { type Directory, emptyDirectory } from '../model/roster.ts';
import type { Shape } from '../model/shape.ts';
import type { Delivery, WithholdCause } from '../store/ledger/delivery.ts';
import type { Ledger } from '../store/ledger/ledger.ts';
import { type Receiver, receiversOf } from '../store/ledger/receivers.ts';
import type { StoredRevision } from '../store/ledger/stored-revision.ts';
import type { Subscription } from '../store/ledger/subscription.ts';
import type { Channel } from './channel.ts';

/** What the dispatcher reports of its work; `reason` is for people. */
export type DispatcherEvent =
  | { readonly kind: 'expanded'; readonly seq: number; readonly deliveries: number }
  | {
      readonly kind: 'delivered';
      readonly delivery: Delivery;
      readonly receipt?: string;
      readonly tookMs: number;
    }
  | { readonly kind: 'retry'; readonly delivery: Delivery; readonly reason: string; readonly inMs: number }
  | { readonly kind: 'dead'; readonly delivery: Delivery; readonly reason: string }
  | { readonly kind: 'withheld'; readonly cause: WithholdCause }
  | { readonly kind: 'superseded'; readonly count: number }
  | { readonly kind: 'circuit'; readonly destination: string; readonly open: boolean }
  | { readonly kind: 'fault'; readonly reason: string };

export type DispatcherLedger = Pick<
  Ledger,
  | 'outbox'
  | 'told'
  | 'expand'
  | 'subscriptions'
  | 'claim'
  | 'reclaim'
  | 'settle'
  | 'deliveries'
  | 'meta'
  | 'silences'
  | 'takeWithheld'
  | 'review'
  | 'standing'
  | 'heard'
  | 'gather'
  | 'companions'
  | 'makeWay'
  | 'acknowledged'
  | 'history'
  | 'record'
>;

export interface DispatcherOptions {
  readonly ledger: DispatcherLedger;
  /** By the name that subscriptions use. */
  readonly channels: ReadonlyMap<string, Channel>;
  readonly clock: Clock;
  readonly random: Random;
  /** The body for a revision: the contract's alert event as JSON. */
  readonly body: (revision: StoredRevision) => string;
  /** What texts of a server that is not the real thing begin with. */
  readonly mark?: Text | null;
  /** What the texts of a revision tell beside its event. */
  readonly facts?: (revision: StoredRevision) => AlertFacts | undefined;
  /** Runs before the deliveries of a revision are written: what they refer to stands before any is due. */
  readonly prepare?: (revision: StoredRevision) => Promise<void>;
  /** Name of this process among those that share the ledger: what it left under way at a crash it takes back at start. */
  readonly claimer?: string;
  readonly onEvent?: (event: DispatcherEvent) => void;
  /** Attempts before a delivery is a dead letter. Default 20. */
  readonly maxAttempts?: number;
  /** Default 16. */
  readonly maxConcurrentPerChannel?: number;
  /** Whether a message of several alerts reaches all of a subscription's receivers; where not, each alert is told by itself. */
  readonly canGroup?: (subscription: Subscription) => boolean;
  /** People, groups and rosters that subscriptions name. */
  readonly directory?: Directory;
  /** Region codes of a revision's subject, beside its id. */
  readonly regionsOf?: (revision: StoredRevision) => readonly string[];
  /** The area of a revision on the ground. */
  readonly shapesOf?: (revision: StoredRevision) => readonly Shape[];
  /** Most messages below red a minute, over all subscriptions; no bound without it. */
  readonly perMinute?: number;
  /** Revisions that nobody is told of: what a restored backup says of its own past. */
  readonly isMuted?: (revision: StoredRevision) => boolean;
  /** Who is told of the system's test of itself, and nobody else; after `withinMs` nothing of it is sent any more. */
  readonly selfTest?: { readonly subscriptions: readonly Subscription[]; readonly withinMs: number };
  /** Where a person ends a subscription of their own; undefined for those of the office. */
  readonly unsubscribe?: (subscription: string) => string | undefined;
  /** Lists instead of sending until `release()`. */
  readonly held?: boolean;
  /** Span between two looks at the ledger, ms; `nudge()` looks at once. Default 1000. */
  readonly pollMs?: number;
  /** A channel that takes longer is aborted, ms. Default 15,000. */
  readonly deliverTimeoutMs?: number;
  /** Failures in a row that open a destination's circuit. Default 5. */
  readonly breakerThreshold?: number;
}

/** Most outbox rows of one look; bounds memory, and how long a look keeps the event loop. */
export const BATCH = 50;
/** Deliveries of one channel at a time, unless told. */
export const MAX_CONCURRENT = 16;

/** Region codes of a revision's subject. */
export const regionsOf = (options: DispatcherOptions, revision: StoredRevision): readonly string[] =>
  options.regionsOf?.(revision) ?? [];

/** All receivers of all subscriptions as they are now, in order. */
export async function readReceivers({
  ledger,
  directory = emptyDirectory,
}: DispatcherOptions): Promise<readonly Receiver[]> {
  const all = await ledger.subscriptions();
  // Most servers have many that name a channel alone.
  return all.some(({ to, ladder }) => to || ladder) ? all.flatMap((one) => receiversOf(one, directory)) : all;
}

/** The name under which deliveries are claimed. */
export const claimerOf = (options: DispatcherOptions): string => options.claimer ?? 'this';

/** The message of whatever was thrown. */
export const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

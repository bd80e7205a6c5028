import type { Clock } from '../lib/clock.ts';
import type { Random } from '../lib/random.ts';
import type { Delivery, Ledger, StoredRevision } from '../store/ledger/ledger.ts';
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
  | { readonly kind: 'circuit'; readonly destination: string; readonly open: boolean }
  | { readonly kind: 'fault'; readonly reason: string };

export type DispatcherLedger = Pick<
  Ledger,
  'outbox' | 'told' | 'expand' | 'subscriptions' | 'claim' | 'reclaim' | 'settle' | 'deliveries'
>;

export interface DispatcherOptions {
  readonly ledger: DispatcherLedger;
  /** By the name that subscriptions use. */
  readonly channels: ReadonlyMap<string, Channel>;
  readonly clock: Clock;
  readonly random: Random;
  /** The body for a revision: the contract's alert event as JSON. */
  readonly body: (revision: StoredRevision) => string;
  /** Runs before the deliveries of a revision are written: what they refer to stands before any is due. */
  readonly prepare?: (revision: StoredRevision) => Promise<void>;
  /** Name of this process among those that share the ledger: what it left under way at a crash it takes back at start. */
  readonly claimer?: string;
  readonly onEvent?: (event: DispatcherEvent) => void;
  /** Attempts before a delivery is a dead letter. Default 20. */
  readonly maxAttempts?: number;
  /** Default 16. */
  readonly maxConcurrentPerChannel?: number;
  /** Region codes of a revision's subject, beside its id. */
  readonly regionsOf?: (revision: StoredRevision) => readonly string[];
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

/** The name under which deliveries are claimed. */
export const claimerOf = (options: DispatcherOptions): string => options.claimer ?? 'this';

/** The message of whatever was thrown. */
export const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

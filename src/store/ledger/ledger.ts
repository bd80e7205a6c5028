import type { ActOutcome } from '../../model/act.ts';
import type { AlertEvent, AlertRevision } from '../../model/alert.ts';
import type { Level } from '../../model/rule.ts';
import type { AuditStore } from './audit.ts';
import type { DeadLetterStore } from './dead-letters.ts';
import type { Delivery } from './delivery.ts';
import type { ForeignStore } from './foreign.ts';
import type { HandoverStore } from './handover.ts';
import type { AlertState, StoredRevision } from './stored-revision.ts';
import type { SubscriberStore } from './subscribers.ts';
import type { Subscription } from './subscription.ts';
import type { VerificationStore } from './verification.ts';
import type { Withheld, WithholdingStore } from './withholding.ts';

/** What one fold of [from, to) of a partition commits, in one transaction, fenced by (partition, epoch, from). */
export interface LedgerBatch {
  readonly partition: number;
  readonly epoch: number;
  readonly from: number;
  readonly to: number;
  readonly revisions: readonly {
    readonly offset: number;
    readonly index: number;
    readonly revision: AlertRevision;
  }[];
  /** What came of people's acts; the first outcome of a command stays. */
  readonly acts?: readonly { readonly offset: number; readonly outcome: ActOutcome }[];
  /** Partition clock after the batch, epoch ms. */
  readonly clockAt: number;
}

export interface AlertFilter {
  readonly state?: AlertState | 'open';
  readonly level?: Level;
  readonly rule?: string;
  readonly hazard?: string;
  /** Subject id or region code. */
  readonly area?: string;
  readonly from?: number;
  readonly to?: number;
  readonly limit: number;
  readonly cursor?: string;
}

/** One outbox row becomes these deliveries. */
export interface Expansion {
  readonly seq: number;
  readonly deliveries: readonly {
    readonly subscription: Subscription;
    readonly destination: string;
    /** Not sent before this instant. */
    readonly notBefore?: number;
    readonly bunch?: string;
    /** Written as dropped, with the reason. */
    readonly withheld?: Withheld;
  }[];
}

export interface ClaimRequest {
  /** A channel, or all but these. */
  readonly channel: string | { readonly except: readonly string[] };
  /** Destinations that are left alone for now. */
  readonly notTo: readonly string[];
  readonly now: number;
  readonly leaseUntil: number;
  readonly limit: number;
  /** Who claims: a process by its name. */
  readonly claimer: string;
  /** Only reds and what they wait for: everything else is held. */
  readonly onlyRed?: boolean;
  /** Subscriptions that have used up their rate, by lane. */
  readonly paused?: { readonly red: readonly string[]; readonly lower: readonly string[] };
}

/** A delivery under way, with the revision to deliver. */
export interface ClaimedDelivery extends Delivery {
  readonly stored: StoredRevision;
  /** It is red, or a red revision of its alert waits behind it. */
  readonly isUrgent: boolean;
}

export interface DeliveryOutcome {
  readonly key: string;
  /** `dropped`: given up, and nobody has to look after it. */
  readonly state: 'delivered' | 'dead' | 'dropped' | 'waiting';
  readonly at: number;
  readonly nextAttemptAt?: number;
  readonly error?: string;
}

/** Which CAP messages: of a hazard, of a subject or the region of one (as in {@link AlertFilter}), older than one. */
export interface CapFilter {
  readonly hazard?: string;
  readonly area?: string;
  readonly before?: string;
}

/** How many unknown stations are held at once, and how many reports of each. Processes that share a ledger may exceed it by what is under way. */
export interface HoldBounds {
  readonly stations: number;
  readonly reports: number;
}

export interface OpenCounts {
  readonly alerts: Readonly<Record<Level, number>>;
  readonly dead: number;
  readonly stations: number;
}

/** The ledger port: what must never be lost about alerts. Every engine passes `conformance.ts`. Instants are epoch ms. */
export interface Ledger
  extends WithholdingStore,
    DeadLetterStore,
    AuditStore,
    VerificationStore,
    HandoverStore,
    ForeignStore,
    SubscriberStore {
  /** Takes the partition over: raises its epoch durably and returns it with the position to go on from. */
  acquire(
    partition: number,
  ): Promise<{ readonly epoch: number; readonly offset: number; readonly clockAt: number }>;
  /**
   * Commits batches of several partitions in one transaction: revisions, alerts, outbox rows and positions together.
   * A batch whose (epoch, from) is not the stored one rejects everything with ATL_FENCED.
   * `effects` leaves the positions where they are and is fenced by the epoch alone, for a sink that is not exactly once:
   * a revision that is there already stays as it is and is counted in the meta value `repeats`.
   */
  commit(batches: readonly LedgerBatch[], what?: 'both' | 'effects'): Promise<void>;
  /** Positions of a sink that has no transactions of its own, by name, in order of the partitions. */
  sinkPositions(sink: string): Promise<readonly { readonly partition: number; readonly offset: number }[]>;
  /** Moves positions of such a sink in one transaction. A move whose epoch or `from` (0 at first) is not the stored one rejects all with ATL_FENCED. */
  moveSink(
    sink: string,
    moves: readonly {
      readonly partition: number;
      readonly epoch: number;
      readonly from: number;
      readonly to: number;
    }[],
  ): Promise<void>;
  positions(): Promise<
    readonly {
      readonly partition: number;
      readonly epoch: number;
      readonly offset: number;
      readonly clockAt: number;
    }[]
  >;

  alerts(
    filter: AlertFilter,
  ): Promise<{ readonly items: readonly StoredRevision[]; readonly next: string | null }>;
  /**
   * The newest revision of each alert that waits for approval, the oldest first, at most `limit`. `alerts` knows what is
   * public: no draft stands there; `history` and `since` have all revisions.
   */
  drafts(limit: number): Promise<readonly StoredRevision[]>;
  history(alert: string): Promise<readonly StoredRevision[]>;
  /** Revisions after the position, in order, up to limit; undefined for an unknown position. */
  since(position: string | null, limit: number): Promise<readonly StoredRevision[] | undefined>;
  /** All events in the contract's order (at, rule, subject.id, revision). */
  events(): AsyncIterable<AlertEvent>;

  /** Subscriptions from the configuration replace those of origin `config`; others come by API, or from people for themselves. */
  putSubscriptions(origin: 'config' | 'api', subscriptions: readonly Subscription[]): Promise<void>;
  subscriptions(): Promise<readonly Subscription[]>;
  /** Oldest outbox rows not yet expanded, with their revision. */
  outbox(
    limit: number,
  ): Promise<readonly { readonly revision: StoredRevision; readonly createdAt: number }[]>;
  /** Subscriptions that have a delivery, not dropped, of a revision of the alert before this one. */
  told(alert: string, beforeRevision: number): Promise<ReadonlySet<string>>;
  /**
   * Writes the deliveries of outbox rows and takes the rows out, in one transaction; repeats are no-ops. Of people who
   * have unsubscribed themselves meanwhile none is written.
   */
  expand(rows: readonly Expansion[], now: number): Promise<void>;
  /**
   * Claims due deliveries, the reds and what they wait for first, then the oldest. One with an earlier revision of its alert still to be
   * delivered to the same subscription is not due.
   */
  claim(request: ClaimRequest): Promise<readonly ClaimedDelivery[]>;
  /** Deliveries that a crash of their claimer left under way are due at once; returns how many. */
  reclaim(claimer: string, now: number): Promise<number>;
  /**
   * Writes outcomes in one transaction. `waiting` without an error gives back untried: no attempt is counted, and a
   * group that was never sent is dissolved.
   */
  settle(outcomes: readonly DeliveryOutcome[]): Promise<void>;
  /** How many deliveries an alert has had, whatever their state. */
  deliveryCount(alert: string): Promise<number>;
  oldestOutboxAt(): Promise<number | null>;

  /** CAP messages that left, immutable: body by (alert, revision). Repeats are no-ops. */
  putCap(message: {
    readonly alert: string;
    readonly revision: number;
    readonly identifier: string;
    readonly sentText: string;
    readonly xml: string;
    readonly createdAt: number;
  }): Promise<void>;
  cap(
    alert: string,
    revision?: number,
  ): Promise<
    | {
        readonly revision: number;
        readonly identifier: string;
        readonly sentText: string;
        readonly xml: string;
      }
    | undefined
  >;
  /** Kept messages, the newest first; `before` is the `place` of one: those that come after it. */
  capFeed(
    limit: number,
    filter?: CapFilter,
  ): Promise<
    readonly {
      readonly alert: string;
      readonly revision: number;
      readonly identifier: string;
      readonly sentText: string;
      readonly xml: string;
      readonly createdAt: number;
      readonly place: string;
    }[]
  >;

  /**
   * The places alone of what {@link Ledger.capFeed} would give: a list changes with every message that comes into it,
   * also with one that is committed after newer ones.
   */
  capPlaces(limit: number, filter?: CapFilter): Promise<readonly string[]>;

  /** Records that the fold skipped, kept for every later fold. */
  skip(entry: {
    readonly partition: number;
    readonly offset: number;
    readonly reason: string;
    readonly at: number;
  }): Promise<void>;
  skips(): Promise<
    readonly {
      readonly partition: number;
      readonly offset: number;
      readonly reason: string;
      readonly at: number;
    }[]
  >;
  /** Commands: a row first, then appended to every partition by a relay. */
  putCommand(command: { readonly id: string; readonly json: string; readonly at: number }): Promise<void>;
  pendingCommands(): Promise<readonly { readonly id: string; readonly json: string }[]>;
  commandRelayed(id: string): Promise<void>;
  command(id: string): Promise<{ readonly json: string; readonly isRelayed: boolean } | undefined>;
  /** What the fold made of the act that a command brought; undefined: it has not come there yet. */
  act(command: string): Promise<ActOutcome | undefined>;
  /** The acts of people on an alert that were done, in the order of their commits, at most 1000. */
  acts(alert: string): Promise<readonly ActOutcome[]>;
  /** The newest acknowledgement of each of these alerts that has one. */
  acknowledged(alerts: readonly string[]): Promise<readonly ActOutcome[]>;
  /** How much waits for people: open alerts by level, deliveries that were given up, unknown stations that are held. */
  openCounts(): Promise<OpenCounts>;
  /** Immutable documents by content hash (SHA-256 hex). */
  putDocument(bytes: Uint8Array): Promise<string>;
  document(hash: string): Promise<Uint8Array | undefined>;
  /**
   * Keeps reports of unknown stations and unreadable input until adopted or dropped. False, and nothing kept: the
   * station has `atMost.reports` already, or it would be one more than `atMost.stations`.
   */
  hold(
    entry: {
      readonly kind: 'unknown-station' | 'quarantine';
      readonly station?: string;
      readonly payload: Uint8Array;
      readonly reason: string;
      readonly at: number;
    },
    atMost?: HoldBounds,
  ): Promise<boolean>;
  held(filter: {
    readonly kind?: 'unknown-station' | 'quarantine';
    readonly station?: string;
    readonly limit: number;
  }): Promise<
    readonly {
      readonly id: number;
      readonly kind: string;
      readonly station: string | null;
      readonly payload: Uint8Array;
      readonly reason: string;
      readonly at: number;
    }[]
  >;
  /** Unknown stations whose reports are held, the newest heard first, each with how many and the last of them. */
  heldStations(limit: number): Promise<
    readonly {
      readonly station: string;
      readonly reports: number;
      readonly firstAt: number;
      readonly lastAt: number;
      readonly payload: Uint8Array;
    }[]
  >;
  release(ids: readonly number[]): Promise<void>;
  stations(): Promise<readonly import('../../model/station.ts').Station[]>;
  putStations(stations: readonly import('../../model/station.ts').Station[]): Promise<void>;
  meta(key: string): Promise<string | undefined>;
  putMeta(key: string, value: string): Promise<void>;
  close(): Promise<void>;
}

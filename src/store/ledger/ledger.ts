import type { AlertEvent, AlertRevision } from '../../model/alert.ts';
import type { Level } from '../../model/rule.ts';

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
  /** Partition clock after the batch, epoch ms. */
  readonly clockAt: number;
}

/** `seq` orders all revisions; `position` is the SSE id, `partition:offset:index`. */
export interface StoredRevision {
  readonly seq: number;
  readonly position: string;
  readonly revision: AlertRevision;
  readonly state: AlertState;
}
export type AlertState = 'active' | 'unverified' | 'ended';

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

export interface Subscription {
  readonly id: string;
  readonly name: string;
  readonly channel: string;
  /** The lowest level that is told. */
  readonly level: Level;
  /** `all`, or subject ids and region codes. */
  readonly areas: 'all' | readonly string[];
  readonly address?: string;
}

export type DeliveryState = 'waiting' | 'sending' | 'delivered' | 'dead' | 'dropped';
export interface Delivery {
  /** Idempotency key: alert.revision.subscription. */
  readonly key: string;
  readonly seq: number;
  readonly alert: string;
  readonly revision: number;
  readonly subscription: Subscription;
  /** Where the channel takes it: what fails together. */
  readonly destination: string;
  readonly state: DeliveryState;
  readonly attempts: number;
  readonly nextAttemptAt: number;
  readonly lastError?: string;
  readonly deliveredAt?: number;
}

/** One outbox row becomes these deliveries. */
export interface Expansion {
  readonly seq: number;
  readonly deliveries: readonly { readonly subscription: Subscription; readonly destination: string }[];
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
}

/** A delivery under way, with the revision to deliver. */
export interface ClaimedDelivery extends Delivery {
  readonly stored: StoredRevision;
}

export interface DeliveryOutcome {
  readonly key: string;
  readonly state: 'delivered' | 'dead' | 'waiting';
  readonly at: number;
  readonly nextAttemptAt?: number;
  readonly error?: string;
}

/** The ledger port: what must never be lost about alerts. Every engine passes `conformance.ts`. Instants are epoch ms. */
export interface Ledger {
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
  history(alert: string): Promise<readonly StoredRevision[]>;
  /** Revisions after the position, in order, up to limit; undefined for an unknown position. */
  since(position: string | null, limit: number): Promise<readonly StoredRevision[] | undefined>;
  /** All events in the contract's order (at, rule, subject.id, revision). */
  events(): AsyncIterable<AlertEvent>;

  /** Subscriptions from the configuration replace those of origin `config`; others come by API. */
  putSubscriptions(origin: 'config' | 'api', subscriptions: readonly Subscription[]): Promise<void>;
  subscriptions(): Promise<readonly Subscription[]>;
  /** Oldest outbox rows not yet expanded, with their revision. */
  outbox(
    limit: number,
  ): Promise<readonly { readonly revision: StoredRevision; readonly createdAt: number }[]>;
  /** Subscriptions that have a delivery of a revision of the alert before this one. */
  told(alert: string, beforeRevision: number): Promise<ReadonlySet<string>>;
  /** Writes the deliveries of outbox rows and takes the rows out, in one transaction; repeats are no-ops. */
  expand(rows: readonly Expansion[], now: number): Promise<void>;
  /**
   * Claims due deliveries, the reds first, then the oldest. One with an earlier revision of its alert still to be
   * delivered to the same subscription is not due.
   */
  claim(request: ClaimRequest): Promise<readonly ClaimedDelivery[]>;
  /** Deliveries that a crash of their claimer left under way are due at once; returns how many. */
  reclaim(claimer: string, now: number): Promise<number>;
  /** Writes outcomes in one transaction. `waiting` without an error gives back untried: no attempt is counted. */
  settle(outcomes: readonly DeliveryOutcome[]): Promise<void>;
  deliveries(filter: {
    readonly alert?: string;
    readonly state?: DeliveryState;
    readonly limit: number;
  }): Promise<readonly Delivery[]>;
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
  capFeed(limit: number): Promise<
    readonly {
      readonly alert: string;
      readonly revision: number;
      readonly identifier: string;
      readonly sentText: string;
      readonly xml: string;
      readonly createdAt: number;
    }[]
  >;

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
  /** Immutable documents by content hash (SHA-256 hex). */
  putDocument(bytes: Uint8Array): Promise<string>;
  document(hash: string): Promise<Uint8Array | undefined>;
  /** Reports of unknown stations and unreadable input, kept until adopted or dropped. */
  hold(entry: {
    readonly kind: 'unknown-station' | 'quarantine';
    readonly station?: string;
    readonly payload: Uint8Array;
    readonly reason: string;
    readonly at: number;
  }): Promise<void>;
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
  release(ids: readonly number[]): Promise<void>;
  stations(): Promise<readonly import('../../model/station.ts').Station[]>;
  putStations(stations: readonly import('../../model/station.ts').Station[]): Promise<void>;
  meta(key: string): Promise<string | undefined>;
  putMeta(key: string, value: string): Promise<void>;
  close(): Promise<void>;
}

import { systemClock } from '../../../lib/clock.ts';
import type { AccessStore } from '../access.ts';
import type { CheckpointMedium } from '../checkpoint-medium.ts';
import type { Ledger } from '../ledger.ts';
import { accessStore } from './access.ts';
import { actStore } from './acts.ts';
import { auditStore } from './audit.ts';
import { checkpointRows } from './checkpoints.ts';
import type { ConnectionOptions } from './client.ts';
import { commitStore } from './commits.ts';
import { type Database, openDatabase } from './database.ts';
import { deadLetterQueries, deadLetterStore } from './dead-letters.ts';
import { deliveryStore } from './deliveries.ts';
import { capQueries, documentStore } from './documents.ts';
import { foreignStore } from './foreign.ts';
import { handoverStore } from './handover.ts';
import { heldStore } from './held.ts';
import { intakeStore } from './intake.ts';
import { LOCK_SPACE, migrate } from './migrate.ts';
import { initial } from './migrations/0001-initial.ts';
import { checkpoints } from './migrations/0002-checkpoints.ts';
import { coordination } from './migrations/0003-coordination.ts';
import { acts } from './migrations/0004-acts.ts';
import { access } from './migrations/0005-access.ts';
import { withholding } from './migrations/0006-withholding.ts';
import { redLane } from './migrations/0007-red-lane.ts';
import { lookups } from './migrations/0008-lookups.ts';
import { review } from './migrations/0009-review.ts';
import { verification } from './migrations/0010-verification.ts';
import { handovers } from './migrations/0011-handovers.ts';
import { foreign } from './migrations/0012-foreign.ts';
import { subscribers } from './migrations/0013-subscribers.ts';
import { channelRecord } from './migrations/0014-channel-record.ts';
import { alertQueries } from './queries.ts';
import { registryStore } from './registry.ts';
import { boundedReader, type Reader } from './replica.ts';
import { sinkStore } from './sinks.ts';
import { subscriberStore } from './subscribers.ts';
import { verificationStore } from './verification.ts';
import { withholdingStore } from './withholding.ts';

/** Migrations in order; the schema version is the number of those applied. A released one is never edited. */
export const migrations: readonly string[] = [
  initial,
  checkpoints,
  coordination,
  acts,
  access,
  withholding,
  redLane,
  lookups,
  review,
  verification,
  handovers,
  foreign,
  subscribers,
  channelRecord,
];
/** The schema version that this program writes. */
export const schemaVersion = migrations.length;

/** How to reach PostgreSQL; spans in ms. */
export interface PostgresqlOptions {
  /** The primary: `postgresql://user:password@host:5432/database`. */
  readonly url: string;
  /** A streaming replica of it for the reads of people. */
  readonly readUrl?: string;
  /** How old an answer of the replica may be; beyond it the primary is asked. Default 5 s. */
  readonly maxStalenessMs?: number;
  /** Schema of the tables. */
  readonly schema?: string;
  /** Connections at most, beside two kept for commits. Default 10. */
  readonly connections?: number;
  /** Default 30 s. */
  readonly statementTimeoutMs?: number;
  /** Default 5 s. */
  readonly lockTimeoutMs?: number;
  /** How long a call goes on trying while the server is away. Default 15 s. */
  readonly retryMs?: number;
}

interface PostgresqlLedgerOptions extends PostgresqlOptions {
  /** The same for commits of the fold, which nobody waits for in person and which can only be tried again. Default `retryMs`. */
  readonly commitRetryMs?: number;
  /** Epoch ms, stamps `createdAt` of outbox rows; the machine's clock unless given. */
  readonly now?: () => number;
}

/** What people read; `since` is not among them: going on from a replica behind the live feed would leave a gap. */
type LedgerReads = Pick<
  Ledger,
  | 'alerts'
  | 'drafts'
  | 'history'
  | 'events'
  | 'deliveries'
  | 'channelRecord'
  | 'deliveryCount'
  | 'cap'
  | 'capFeed'
  | 'capPlaces'
>;

export interface PostgresqlLedger extends Ledger {
  /** The same reads, answered by the replica while it keeps the bound; by the primary where there is none. */
  readonly forPeople: LedgerReads;
  readonly access: AccessStore;
  /** Checkpoints beside the ledger, for every process that shares it. */
  readonly checkpoints: CheckpointMedium;
  /**
   * Does something while no other process of this ledger does. A process that dies, or loses its connection, lets the
   * next one in: the work must bear that. Rejects with ATL_BUSY when others take longer than `retryMs`.
   */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
}

/** Connections for commits alone: a busy dashboard must not keep an alert waiting. */
const COMMIT_CONNECTIONS = 2;

/** Defaults of {@link PostgresqlOptions} filled in. */
export const withDefaults = (options: PostgresqlOptions, schema: string) => ({
  url: options.url,
  schema: options.schema ?? schema,
  connections: options.connections ?? 10,
  statementTimeoutMs: options.statementTimeoutMs ?? 30_000,
  lockTimeoutMs: options.lockTimeoutMs ?? 5000,
  retryMs: options.retryMs ?? 15_000,
});
export const DEFAULT_STALENESS_MS = 5000;

/**
 * Opens the ledger in PostgreSQL 15 or newer, tables migrated. Each commit is one transaction, on the server's disk when
 * it resolves. A server that restarts is waited for up to `retryMs`; a commit whose answer was lost is looked up by its
 * positions. Rejects with ATL_CONFIG (address, package, server settings), ATL_STORE (unreachable) or ATL_STORE_VERSION.
 */
export async function openPostgresLedger(options: PostgresqlLedgerOptions): Promise<PostgresqlLedger> {
  const settings = withDefaults(options, 'atalaia_ledger');
  const opened: Database[] = [];
  const open = async (change: Partial<ConnectionOptions>): Promise<Database> => {
    const database = await openDatabase({ ...settings, ...change });
    opened.push(database);
    return database;
  };
  const close = async (): Promise<void> => {
    for (const database of opened) await database.close();
  };
  try {
    const db = await open({});
    await migrate(db, settings.schema, 'ledger', migrations);
    const commits = await open({
      connections: COMMIT_CONNECTIONS,
      prepare: true,
      retryMs: options.commitRetryMs ?? settings.retryMs,
    });
    const staleness = options.maxStalenessMs ?? DEFAULT_STALENESS_MS;
    const people =
      options.readUrl === undefined
        ? db
        : boundedReader(db, await open({ url: options.readUrl, retryMs: 0 }), staleness, () =>
            performance.now(),
          );
    const { since: _, ...forPeople } = reads(people);
    return {
      ...commitStore(commits, options.now ?? systemClock.now),
      ...sinkStore(db),
      ...reads(db),
      ...deliveryStore(db),
      ...deadLetterStore(db),
      ...withholdingStore(db),
      ...registryStore(db),
      ...documentStore(db),
      ...intakeStore(db),
      ...heldStore(db),
      ...actStore(db),
      ...auditStore(db),
      ...verificationStore(db),
      ...handoverStore(db),
      ...foreignStore(db),
      ...subscriberStore(db),
      access: accessStore(db),
      forPeople,
      checkpoints: checkpointRows(db),
      exclusively: (work) => db.locked(LOCK_SPACE, `${settings.schema} work`, work),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

const reads = (db: Reader): LedgerReads & Pick<Ledger, 'since'> => ({
  ...alertQueries(db),
  ...deadLetterQueries(db),
  ...capQueries(db),
});

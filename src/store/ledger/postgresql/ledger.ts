import { systemClock } from '../../../lib/clock.ts';
import type { Ledger } from '../ledger.ts';
import type { ConnectionOptions } from './client.ts';
import { commitStore } from './commits.ts';
import { type Database, openDatabase } from './database.ts';
import { deliveryQueries, deliveryStore } from './deliveries.ts';
import { capQueries, documentStore } from './documents.ts';
import { intakeStore } from './intake.ts';
import { migrate } from './migrate.ts';
import { initial } from './migrations/0001-initial.ts';
import { alertQueries } from './queries.ts';
import { registryStore } from './registry.ts';
import { boundedReader, type Reader } from './replica.ts';
import { sinkStore } from './sinks.ts';

/** Migrations in order; the schema version is the number of those applied. A released one is never edited. */
const migrations: readonly string[] = [initial];
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
  /** Epoch ms, stamps `createdAt` of outbox rows; the machine's clock unless given. */
  readonly now?: () => number;
}

/** What people read; `since` is not among them: going on from a replica behind the live feed would leave a gap. */
type LedgerReads = Pick<Ledger, 'alerts' | 'history' | 'events' | 'deliveries' | 'cap' | 'capFeed'>;

export interface PostgresqlLedger extends Ledger {
  /** The same reads, answered by the replica while it keeps the bound; by the primary where there is none. */
  readonly forPeople: LedgerReads;
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
    const commits = await open({ connections: COMMIT_CONNECTIONS, prepare: true });
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
      ...registryStore(db),
      ...documentStore(db),
      ...intakeStore(db),
      forPeople,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

const reads = (db: Reader): LedgerReads & Pick<Ledger, 'since'> => ({
  ...alertQueries(db),
  ...deliveryQueries(db),
  ...capQueries(db),
});

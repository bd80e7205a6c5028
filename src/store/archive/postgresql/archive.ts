import { systemClock } from '../../../lib/clock.ts';
import { type Database, openDatabase } from '../../ledger/postgresql/database.ts';
import { sqlStateOf } from '../../ledger/postgresql/failures.ts';
import {
  DEFAULT_STALENESS_MS,
  type PostgresqlOptions,
  withDefaults,
} from '../../ledger/postgresql/ledger.ts';
import { migrate } from '../../ledger/postgresql/migrate.ts';
import { boundedReader } from '../../ledger/postgresql/replica.ts';
import type { Archive } from '../archive.ts';
import { callsUnderWay } from '../calls.ts';
import { unpacked } from '../packed.ts';
import { exportReadings } from './exports.ts';
import { readMarks, writeMarks } from './marks.ts';
import { Months } from './months.ts';
import { readAggregates, readLatest, readSeries } from './queries.ts';
import { migrations } from './schema.ts';
import { toPosition, writeBatches, writeEffects } from './writes.ts';

interface PostgresqlArchiveOptions extends PostgresqlOptions {
  /** Epoch ms: which months are made ahead; the machine's clock unless given. */
  readonly now?: () => number;
}

/** SQLSTATE of a row for which there is no partition. */
const NO_PARTITION = '23514';

/**
 * Opens the archive in PostgreSQL 15 or newer, tables migrated: observations in one partition per month, loaded by COPY.
 * With `readUrl`, `latest` and `series` come from the replica while it keeps `maxStalenessMs`, and `export` always does.
 * Rejects with ATL_CONFIG (address, package, server settings), ATL_STORE (unreachable) or ATL_STORE_VERSION.
 */
export async function openPostgresArchive(options: PostgresqlArchiveOptions): Promise<Archive> {
  const settings = withDefaults(options, 'atalaia_archive');
  const now = options.now ?? systemClock.now;
  const db = await openDatabase(settings);
  let replica: Database | undefined;
  const { whole, ended } = callsUnderWay();
  const close = async (): Promise<void> => {
    await ended();
    await db.close();
    await replica?.close();
  };
  try {
    await migrate(db, settings.schema, 'archive', migrations);
    const months = new Months(db, settings.schema);
    await months.ensure([], now());
    if (options.readUrl !== undefined)
      replica = await openDatabase({ ...settings, url: options.readUrl, retryMs: 0 });
    const reader = replica
      ? boundedReader(db, replica, options.maxStalenessMs ?? DEFAULT_STALENESS_MS, () => performance.now())
      : db;
    const positions = async () =>
      (await db.all('SELECT * FROM positions WHERE epoch > 0 ORDER BY partition')).map(toPosition);
    return {
      commit: whole((batches, what) => commit(db, months, now, batches, what)),
      positions,
      // What is committed is on the server's disk.
      durablePositions: async () =>
        (await positions()).map(({ partition, offset }) => ({ partition, offset })),
      latest: whole(() => readLatest(reader)),
      series: whole((query) => readSeries(reader, query)),
      aggregates: whole((query) => readAggregates(reader, query)),
      export: whole((query) => exportReadings(replica ?? db, query)),
      keepMarks: whole((found) => db.transaction((session) => writeMarks(session, found))),
      marks: whole((query) => readMarks(reader, query)),
      months: whole(() => months.list()),
      dropBefore: whole((instant, marks) => months.dropBefore(instant, marks)),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function commit(
  db: Database,
  months: Months,
  now: () => number,
  given: Parameters<Archive['commit']>[0],
  what: Parameters<Archive['commit']>[1] = 'both',
): Promise<void> {
  if (given.length === 0) return;
  const batches = given.map(unpacked);
  const instants = new Set(
    batches.flatMap(({ observations }) => observations.map(({ observedAt }) => observedAt)),
  );
  // A repeat after a lost COMMIT finds its positions and skips.
  const write = async (): Promise<void> => {
    await months.ensure(instants, now());
    await db.transaction((session) => (what === 'both' ? writeBatches : writeEffects)(session, batches));
  };
  try {
    await write();
  } catch (error) {
    if (sqlStateOf(error) !== NO_PARTITION) throw error;
    // Another process dropped a month that we knew.
    months.forget();
    await write();
  }
}

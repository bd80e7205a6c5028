import { join } from 'node:path';
import type { Archive } from '../../store/archive/archive.ts';
import { openDuckdbArchive } from '../../store/archive/duckdb/archive.ts';
import { openPostgresArchive } from '../../store/archive/postgresql/archive.ts';
import { shardedArchive } from '../../store/archive/sharded.ts';
import type { CheckpointMedium } from '../../store/ledger/checkpoint-medium.ts';
import { openPostgresLedger } from '../../store/ledger/postgresql/ledger.ts';
import { openSqliteLedger } from '../../store/ledger/sqlite/ledger.ts';
import { textOf } from '../config/secrets.ts';
import type { PostgresqlConfig, StoreConfig } from '../config/store-config.ts';
import type { Shared, Stores, StoresOptions } from './stores.ts';

type Opened = Pick<Stores, 'ledger' | 'ledgerForPeople' | 'access' | 'archive'> & {
  /** Where the stores are those of every process. */
  readonly common?: Pick<Shared, 'exclusively'> & { readonly checkpoints: CheckpointMedium };
};

interface StoreKind<Settings> {
  readonly summary: string;
  open(settings: Settings, options: StoresOptions): Promise<Opened>;
}

/** Every kind of store, by `store.kind` of the configuration. */
const storeKinds: {
  readonly [Kind in StoreConfig['kind']]: StoreKind<Extract<StoreConfig, { kind: Kind }>>;
} = {
  embedded: { summary: 'SQLite and DuckDB in the data directory.', open: openFileStores },
  postgresql: { summary: 'PostgreSQL (docs/postgresql.md).', open: openPostgresql },
};

export function openStore(settings: StoreConfig, options: StoresOptions): Promise<Opened> {
  return (storeKinds[settings.kind] as StoreKind<StoreConfig>).open(settings, options);
}

async function openFileStores(_: unknown, { config, log }: StoresOptions): Promise<Opened> {
  // The archive's engine begins on threads of its own.
  const opening = [
    openDuckdbArchive({
      path: join(config.data, 'archive.duckdb'),
      onEvent: (event) => log.warn({ event }, 'archive'),
    }),
    openSqliteLedger({ path: join(config.data, 'ledger.sqlite') }),
  ] as const;
  try {
    const [archive, ledger] = await Promise.all(opening);
    return { ledger, ledgerForPeople: ledger, access: ledger.access, archive };
  } catch (error) {
    for (const opened of await Promise.allSettled(opening))
      if (opened.status === 'fulfilled') await opened.value.close().catch(() => undefined);
    throw error;
  }
}

/** Longest outage of the database that this process goes through by itself; reports are taken in meanwhile. */
const COMMIT_RETRY_MS = 600_000;

async function openPostgresql(settings: PostgresqlConfig): Promise<Opened> {
  const { url, readUrl, schema, shards } = settings;
  const read = readUrl === undefined ? {} : { readUrl: textOf(readUrl) };
  const ledger = await openPostgresLedger({
    url: textOf(url),
    schema: `${schema}_ledger`,
    commitRetryMs: COMMIT_RETRY_MS,
    ...read,
  });
  const opened: Archive[] = [];
  try {
    // A replica is one of the first database: shards have none.
    for (const shard of shards ?? [url])
      opened.push(
        await openPostgresArchive({
          url: textOf(shard),
          schema: `${schema}_archive`,
          ...(shards ? {} : read),
        }),
      );
    return {
      ledger,
      ledgerForPeople: { ...ledger, ...ledger.forPeople },
      access: ledger.access,
      archive: shardedArchive(opened),
      common: ledger,
    };
  } catch (error) {
    for (const store of [...opened, ledger]) await store.close().catch(() => undefined);
    throw error;
  }
}

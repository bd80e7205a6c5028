import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../lib/clock.ts';
import { nodeDisk } from '../lib/disk.ts';
import { AtalaiaError, invariant } from '../lib/errors.ts';
import { openEmbeddedLog } from '../log/embedded/embedded-log.ts';
import { openKafkaLog } from '../log/kafka/kafka-log.ts';
import { openFileOffsetIndex } from '../log/kinesis/file-offset-index.ts';
import { openKinesisLog } from '../log/kinesis/kinesis-log.ts';
import type { Log } from '../log/log.ts';
import { openRabbitmqLog } from '../log/rabbitmq/rabbitmq-log.ts';
import type { Archive } from '../store/archive/archive.ts';
import { openDuckdbArchive } from '../store/archive/duckdb/archive.ts';
import { openPostgresArchive } from '../store/archive/postgresql/archive.ts';
import { shardedArchive } from '../store/archive/sharded.ts';
import type { Ledger } from '../store/ledger/ledger.ts';
import { openPostgresLedger } from '../store/ledger/postgresql/ledger.ts';
import { openSqliteLedger } from '../store/ledger/sqlite/ledger.ts';
import { CheckpointStore } from './checkpoints.ts';
import type { Config } from './config.ts';
import type {
  KafkaConfig,
  KinesisConfig,
  LogConfig,
  PostgresqlConfig,
  RabbitmqConfig,
  StoreConfig,
} from './store-config.ts';

/** Hears what the stores notice; pino fits. */
interface StoresLog {
  warn(fields: object, message: string): void;
}

/** What opening needs beside the configuration. */
export interface StoresOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: StoresLog;
}

/** Everything durable of a process. */
export interface Stores {
  readonly log: Log;
  readonly ledger: Ledger;
  /** The ledger as people read it: lists may come from a replica. */
  readonly ledgerForPeople: Ledger;
  readonly archive: Archive;
  readonly checkpoints: CheckpointStore;
  readonly topic: { readonly log: Log; readonly name: string } | undefined;
}

type Opened = Pick<Stores, 'ledger' | 'ledgerForPeople' | 'archive'>;

interface LogKind<Settings> {
  readonly summary: string;
  /** Which log it is: positions and checkpoints belong to one and fit no other. */
  identity(settings: Settings): string;
  open(settings: Settings, options: StoresOptions): Promise<Log>;
}
interface StoreKind<Settings> {
  readonly summary: string;
  open(settings: Settings, options: StoresOptions): Promise<Opened>;
}

/** Every kind of log, by `log.kind` of the configuration. */
const logKinds: { readonly [Kind in LogConfig['kind']]: LogKind<Extract<LogConfig, { kind: Kind }>> } = {
  embedded: {
    summary: 'Segment files in the data directory.',
    identity: () => 'embedded',
    open: (_, options) => openFiles('log', options),
  },
  kafka: {
    summary: 'One topic of Apache Kafka (docs/kafka.md).',
    identity: ({ topic }) => `kafka-${topic}`,
    open: openKafka,
  },
  kinesis: {
    summary: 'One stream of AWS Kinesis (docs/kinesis.md).',
    identity: ({ stream }) => `kinesis-${stream}`,
    open: openKinesis,
  },
  rabbitmq: {
    summary: 'Streams of RabbitMQ (docs/rabbitmq.md).',
    identity: ({ name }) => `rabbitmq-${name}`,
    open: openRabbitmq,
  },
};

/** Every kind of store, by `store.kind` of the configuration. */
const storeKinds: {
  readonly [Kind in StoreConfig['kind']]: StoreKind<Extract<StoreConfig, { kind: Kind }>>;
} = {
  embedded: { summary: 'SQLite and DuckDB in the data directory.', open: openFileStores },
  postgresql: { summary: 'PostgreSQL (docs/postgresql.md).', open: openPostgresql },
};

/**
 * Opens log, ledger, archive and checkpoints as configured; what is open already is closed when a later one fails.
 * Rejects with ATL_CONFIG when a client package is missing or the stores belong to another log, else as the adapters.
 */
export async function openStores(options: StoresOptions): Promise<Stores> {
  const { config } = options;
  await mkdir(config.data, { recursive: true });
  const opened: { close(): Promise<void> }[] = [];
  try {
    const log = await openLog(config.log, options);
    opened.push(log);
    const name = config.sinks.topic?.name;
    const topic =
      name === undefined ? undefined : { name, log: await openFiles(join('topics', name), options) };
    if (topic) opened.push(topic.log);
    const stores = await openStore(config.store, options);
    opened.push(stores.archive, stores.ledger);
    const identity = identityOf(config.log);
    await bind(stores.ledger, 'log', identity, {
      before: 'embedded',
      message: (before) =>
        `The ledger follows the log ${before}; log of the configuration is ${identity}. Positions fit one log alone: name that log, or give this one another data directory or store.schema.`,
    });
    if (config.store.kind === 'postgresql') await bindShards(stores.ledger, config.store);
    const checkpoints = await openCheckpoints(identity, options);
    return { log, ...stores, checkpoints, topic };
  } catch (error) {
    for (const store of opened) await store.close().catch(() => undefined);
    throw error;
  }
}

// The table gives each kind its own settings, which the compiler does not follow through a union.
function openLog(settings: LogConfig, options: StoresOptions): Promise<Log> {
  return (logKinds[settings.kind] as LogKind<LogConfig>).open(settings, options);
}
const identityOf = (settings: LogConfig): string =>
  (logKinds[settings.kind] as LogKind<LogConfig>).identity(settings);
function openStore(settings: StoreConfig, options: StoresOptions): Promise<Opened> {
  return (storeKinds[settings.kind] as StoreKind<StoreConfig>).open(settings, options);
}

const openFiles = (directory: string, { config, clock, log }: StoresOptions): Promise<Log> =>
  openEmbeddedLog({
    directory: join(config.data, directory),
    partitions: config.pipeline.partitions,
    disk: nodeDisk,
    clock,
    onEvent: (event) => log.warn({ event, directory }, 'log'),
  });

function openKafka(settings: KafkaConfig, { config, clock, log }: StoresOptions): Promise<Log> {
  const { brokers, topic, replication, minInSyncReplicas, retention, tls, sasl } = settings;
  return openKafkaLog({
    brokers,
    topic,
    partitions: config.pipeline.partitions,
    clock,
    onEvent: (event) => log.warn({ event, topic }, 'log'),
    ...defined({ replication, minInSyncReplicas, retentionMs: retention }),
    ...(tls ? { tls: tls === true ? {} : texts(tls) } : {}),
    ...(sasl ? { sasl: { mechanism: sasl.mechanism, ...texts({ ...sasl, mechanism: undefined }) } } : {}),
  });
}

function openRabbitmq(settings: RabbitmqConfig, { config, clock, log }: StoresOptions): Promise<Log> {
  const { urls, name, replicas, retention } = settings;
  return openRabbitmqLog({
    urls: urls.map(textOf),
    name,
    partitions: config.pipeline.partitions,
    clock,
    onEvent: (event) => log.warn({ event, name }, 'log'),
    ...defined({ replicas, maxAgeMs: retention }),
  });
}

/** Places in the stream are kept in a file: one process reads and writes it. */
async function openKinesis(settings: KinesisConfig, { config, clock, log }: StoresOptions): Promise<Log> {
  const { stream, kind: _, ...rest } = settings;
  const index = await openFileOffsetIndex(nodeDisk, join(config.data, `kinesis-${stream}`));
  try {
    const opened = await openKinesisLog({
      stream,
      partitions: config.pipeline.partitions,
      index,
      clock,
      onEvent: (event) => log.warn({ event, stream }, 'log'),
      ...defined(rest),
    });
    return withClose(opened, () => index.close());
  } catch (error) {
    await index.close();
    throw error;
  }
}

/** The log, which closes something else after itself. */
const withClose = (log: Log, after: () => Promise<void>): Log => ({
  partitions: log.partitions,
  append: (records) => log.append(records),
  read: (...given) => log.read(...given),
  bounds: (partition) => log.bounds(partition),
  commit: (...given) => log.commit(...given),
  lag: (group) => log.lag(group),
  trim: (oldest) => log.trim(oldest),
  async close() {
    await log.close();
    await after();
  },
});

async function openFileStores(_: unknown, { config, log }: StoresOptions): Promise<Opened> {
  const ledger = await openSqliteLedger({ path: join(config.data, 'ledger.sqlite') });
  const archive = await openDuckdbArchive({
    path: join(config.data, 'archive.duckdb'),
    onEvent: (event) => log.warn({ event }, 'archive'),
  });
  return { ledger, ledgerForPeople: ledger, archive };
}

async function openPostgresql(settings: PostgresqlConfig): Promise<Opened> {
  const { url, readUrl, schema, shards } = settings;
  const read = readUrl === undefined ? {} : { readUrl: textOf(readUrl) };
  const ledger = await openPostgresLedger({ url: textOf(url), schema: `${schema}_ledger`, ...read });
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
      archive: shardedArchive(opened),
    };
  } catch (error) {
    for (const store of [...opened, ledger]) await store.close().catch(() => undefined);
    throw error;
  }
}

/** A partition's rows lie in the shard that its number gives: with another number of shards they would be there twice. */
async function bindShards(ledger: Ledger, { shards }: PostgresqlConfig): Promise<void> {
  const count = String(shards?.length ?? 0);
  await bind(ledger, 'archive-shards', count, {
    before: '0',
    message: (before) =>
      `store.shards: the archive lies in ${before} shards, the configuration names ${count} (0: in store.url). Their number is fixed for the life of the data: name them all, in their order.`,
  });
}

/**
 * Keeps a fact about the ledger's surroundings in it, and refuses another one. `before`: what holds for a ledger that is
 * older than this check.
 */
async function bind(
  ledger: Ledger,
  key: string,
  value: string,
  { before, message }: { readonly before: string; readonly message: (stored: string) => string },
): Promise<void> {
  const isUsed = (await ledger.positions()).some(({ offset }) => offset > 0);
  const stored = (await ledger.meta(key)) ?? (isUsed ? before : undefined);
  if (stored !== undefined && stored !== value) throw new AtalaiaError('ATL_CONFIG', message(stored));
  if (stored === undefined) await ledger.putMeta(key, value);
}

/** Checkpoints follow one log: those of another have a folder of their own. */
function openCheckpoints(identity: string, { config, log }: StoresOptions): Promise<CheckpointStore> {
  const folder = identity === 'embedded' ? 'checkpoints' : `checkpoints-${identity}`;
  return CheckpointStore.open(join(config.data, folder), (file, flaw) =>
    log.warn(
      { file, flaw },
      flaw === 'damaged'
        ? 'checkpoint passed over: it is damaged'
        : 'refold: the checkpoint is of another fold version',
    ),
  );
}

/** A secret that the configuration has resolved. */
function textOf(value: unknown): string {
  invariant(typeof value === 'string', 'a secret of the configuration is no text');
  return value;
}

type Defined<Fields> = { [Key in keyof Fields]?: Exclude<Fields[Key], undefined> };
/** Only the fields that are there. */
const defined = <Fields extends object>(fields: Fields): Defined<Fields> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<Fields>;

const texts = (fields: object): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(defined(fields)).map(([key, value]) => [key, textOf(value)]));

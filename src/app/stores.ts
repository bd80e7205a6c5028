import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../lib/clock.ts';
import { nodeDisk } from '../lib/disk.ts';
import { AtalaiaError, invariant } from '../lib/errors.ts';
import { openEmbeddedLog } from '../log/embedded/embedded-log.ts';
import type { KafkaAccess } from '../log/kafka/client.ts';
import { openKafkaLog } from '../log/kafka/kafka-log.ts';
import { openKafkaMembership } from '../log/kafka/membership.ts';
import { openKinesisLog } from '../log/kinesis/kinesis-log.ts';
import { openKinesisMembership } from '../log/kinesis/membership.ts';
import type { Log } from '../log/log.ts';
import type { Membership } from '../log/membership.ts';
import { openRabbitmqMembership } from '../log/rabbitmq/membership.ts';
import { openRabbitmqLog } from '../log/rabbitmq/rabbitmq-log.ts';
import type { Archive } from '../store/archive/archive.ts';
import { openDuckdbArchive } from '../store/archive/duckdb/archive.ts';
import { openPostgresArchive } from '../store/archive/postgresql/archive.ts';
import { shardedArchive } from '../store/archive/sharded.ts';
import { openS3Checkpoints } from '../store/checkpoints/s3/medium.ts';
import type { AccessStore } from '../store/ledger/access.ts';
import type { CheckpointMedium } from '../store/ledger/checkpoint-medium.ts';
import type { Coordination } from '../store/ledger/coordination.ts';
import type { Ledger } from '../store/ledger/ledger.ts';
import { openPostgresCoordination } from '../store/ledger/postgresql/coordination.ts';
import { openPostgresLedger } from '../store/ledger/postgresql/ledger.ts';
import { openSqliteCoordination } from '../store/ledger/sqlite/coordination.ts';
import { openSqliteLedger } from '../store/ledger/sqlite/ledger.ts';
import { openCheckpointFiles } from './checkpoint-files.ts';
import { type CheckpointFlaw, CheckpointStore } from './checkpoints.ts';
import type { Config } from './config.ts';
import type {
  KafkaConfig,
  KinesisConfig,
  LogConfig,
  PostgresqlConfig,
  RabbitmqConfig,
  S3CheckpointsConfig,
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
  /** Users, sessions and station keys, in the ledger. */
  readonly access: AccessStore;
  readonly archive: Archive;
  readonly checkpoints: CheckpointStore;
  readonly topic: { readonly log: Log; readonly name: string } | undefined;
  /** How processes share the log; null where this one is alone with it. */
  readonly shared: Shared | null;
}

/** What processes have that share one log, ledger and archive. */
export interface Shared {
  readonly membership: Membership;
  /** Does something while no other process does. */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
}

type Opened = Pick<Stores, 'ledger' | 'ledgerForPeople' | 'access' | 'archive'> & {
  /** Where the stores are those of every process. */
  readonly common?: Pick<Shared, 'exclusively'> & { readonly checkpoints: CheckpointMedium };
};

interface LogKind<Settings> {
  readonly summary: string;
  /** Which log it is: positions and checkpoints belong to one and fit no other. */
  identity(settings: Settings): string;
  open(settings: Settings, options: StoresOptions): Promise<Log>;
  /** Which process holds which partition; none where one process alone can have the log. */
  readonly membership?: (settings: Settings, options: StoresOptions) => Promise<Membership>;
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
    membership: joinKafka,
  },
  kinesis: {
    summary: 'One stream of AWS Kinesis (docs/kinesis.md).',
    identity: ({ stream }) => `kinesis-${stream}`,
    open: openKinesis,
    membership: joinKinesis,
  },
  rabbitmq: {
    summary: 'Streams of RabbitMQ (docs/rabbitmq.md).',
    identity: ({ name }) => `rabbitmq-${name}`,
    open: openRabbitmq,
    membership: ({ urls, name, sessionTimeout }, { config, clock }) =>
      openRabbitmqMembership({
        urls: urls.map(textOf),
        name,
        partitions: config.pipeline.partitions,
        clock,
        ...heartbeatOf(sessionTimeout),
      }),
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
  await mkdir(config.data, { recursive: true }).catch((cause: Error) => {
    throw new AtalaiaError(
      'ATL_STORE',
      `The data directory ${config.data} cannot be made: ${cause.message}. Give this user the right to write there, or name another data.`,
      { cause },
    );
  });
  const opened: { close(): Promise<void> }[] = [];
  try {
    const log = await openLog(config.log, options);
    opened.push(log);
    const topic = await openTopic(options);
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
    const { common, ...rest } = stores;
    const membership = common && (await membershipOf(config.log, options));
    if (membership) opened.push(membership);
    const shared = common && membership ? { membership, exclusively: common.exclusively } : null;
    const checkpoints = await openCheckpoints(
      identity,
      shared ? common?.checkpoints : undefined,
      stores.ledger,
      options,
    );
    return { log, ...rest, checkpoints, topic, shared };
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
async function membershipOf(settings: LogConfig, options: StoresOptions): Promise<Membership | undefined> {
  return (logKinds[settings.kind] as LogKind<LogConfig>).membership?.(settings, options);
}
export function openStore(settings: StoreConfig, options: StoresOptions): Promise<Opened> {
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

/** The topic of alert events: on the brokers where the log is, so that every process writes to the same one. */
async function openTopic(options: StoresOptions): Promise<Stores['topic']> {
  const { log, sinks } = options.config;
  if (!sinks.topic) return undefined;
  const { name, kind = log.kind === 'kafka' ? 'kafka' : 'embedded' } = sinks.topic;
  if (kind === 'embedded' || log.kind !== 'kafka')
    return { name, log: await openFiles(join('topics', name), options) };
  return { name, log: await openKafka({ ...log, topic: name }, options) };
}

function openKafka(settings: KafkaConfig, { config, clock, log }: StoresOptions): Promise<Log> {
  const { topic, replication, minInSyncReplicas, retention } = settings;
  return openKafkaLog({
    ...kafkaAccess(settings),
    topic,
    partitions: config.pipeline.partitions,
    clock,
    onEvent: (event) => log.warn({ event, topic }, 'log'),
    ...defined({ replication, minInSyncReplicas, retentionMs: retention }),
  });
}

/** The group is called after the topic: two systems on the same brokers are two groups. */
function joinKafka(settings: KafkaConfig, { clock, log }: StoresOptions): Promise<Membership> {
  const { topic, sessionTimeout } = settings;
  return openKafkaMembership({
    ...kafkaAccess(settings),
    topic,
    groupPrefix: `${topic}-`,
    clock,
    onSessionRefused: (failure) =>
      log.warn(
        { failure, topic, sessionTimeout },
        'the cluster keeps its own session: a process that dies is replaced after that (docs/kafka.md)',
      ),
    ...defined({ sessionTimeoutMs: sessionTimeout }),
  });
}

/** The client's form of how a cluster of Kafka is reached. */
export const kafkaAccess = ({
  brokers,
  tls,
  sasl,
}: Pick<KafkaConfig, 'brokers' | 'tls' | 'sasl'>): KafkaAccess => ({
  brokers,
  ...(tls ? { tls: tls === true ? {} : texts(tls) } : {}),
  ...(sasl ? { sasl: { mechanism: sasl.mechanism, ...texts({ ...sasl, mechanism: undefined }) } } : {}),
});

/** Both ends give a connection up that was silent for two heartbeats (AMQP 0-9-1, section 4.2.7). */
const heartbeatOf = (sessionMs: number | undefined) =>
  sessionMs === undefined ? {} : { heartbeatS: Math.max(1, Math.floor(sessionMs / 2000)) };

function openRabbitmq(settings: RabbitmqConfig, { config, clock, log }: StoresOptions): Promise<Log> {
  const { urls, name, replicas, retention, sessionTimeout } = settings;
  return openRabbitmqLog({
    urls: urls.map(textOf),
    name,
    partitions: config.pipeline.partitions,
    clock,
    onEvent: (event) => log.warn({ event, name }, 'log'),
    ...defined({ replicas, maxAgeMs: retention }),
    ...heartbeatOf(sessionTimeout),
  });
}

/** Places in the stream are kept in the ledger: every process counts from the same ones. */
async function openKinesis(settings: KinesisConfig, { config, clock, log }: StoresOptions): Promise<Log> {
  const { stream, consumer, kind: _, sessionTimeout: __, ...rest } = settings;
  const shared = await openCoordination(config);
  try {
    const opened = await openKinesisLog({
      stream,
      partitions: config.pipeline.partitions,
      index: shared.index,
      clock,
      onEvent: (event) => log.warn({ event, stream }, 'log'),
      ...defined(rest),
      ...(consumer === undefined ? {} : { consumer: { name: consumer, leases: shared.leases } }),
    });
    return withClose(opened, () => shared.close());
  } catch (error) {
    await shared.close();
    throw error;
  }
}

/** Leases of the ledger say who holds which partition: the stream itself knows nobody. */
async function joinKinesis(
  { stream, sessionTimeout }: KinesisConfig,
  { config, clock, log }: StoresOptions,
): Promise<Membership> {
  const shared = await openCoordination(config);
  const membership = await openKinesisMembership({
    leases: shared.leases,
    stream,
    partitions: config.pipeline.partitions,
    clock,
    onFailure: (error) => log.warn({ err: error, stream }, 'leases of the stream cannot be renewed'),
    ...defined({ ttlMs: sessionTimeout }),
  });
  return {
    join: (group, events) => membership.join(group, events),
    async close() {
      await membership.close();
      await shared.close();
    },
  };
}

/** Leases and places of streams beside the ledger, over connections of their own: no lease waits behind its work. */
function openCoordination({ store, data }: Config): Promise<Coordination> {
  if (store.kind === 'embedded') return openSqliteCoordination({ path: join(data, 'ledger.sqlite') });
  return openPostgresCoordination({ url: textOf(store.url), schema: `${store.schema}_ledger` });
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

/** On S3 when the configuration says so, beside the ledger where processes share them, else as files. Those of another log have a place of their own. */
async function openCheckpoints(
  identity: string,
  common: CheckpointMedium | undefined,
  ledger: Ledger,
  { config, clock, log }: StoresOptions,
): Promise<CheckpointStore> {
  const passedOver = (file: string, flaw: CheckpointFlaw): void =>
    log.warn(
      { file, flaw },
      flaw === 'damaged'
        ? 'checkpoint passed over: it is damaged'
        : 'refold: the checkpoint is of another fold version',
    );
  const folder = identity === 'embedded' ? 'checkpoints' : `checkpoints-${identity}`;
  const medium = config.checkpoints
    ? await openS3(config.checkpoints, identity, ledger, clock)
    : (common ?? (await openCheckpointFiles(join(config.data, folder))));
  return new CheckpointStore(medium, passedOver);
}

function openS3(
  { kind: _, prefix, ...access }: S3CheckpointsConfig,
  identity: string,
  ledger: Ledger,
  clock: Clock,
): Promise<CheckpointMedium> {
  return openS3Checkpoints({
    ...defined(access),
    bucket: access.bucket,
    prefix: `${prefix.replace(/\/$/, '')}/${identity}`,
    monotonicMs: () => clock.monotonicMs(),
    holds: async (partition, epoch) =>
      (await ledger.positions()).some((one) => one.partition === partition && one.epoch === epoch),
  });
}

/** A secret that the configuration has resolved. */
export function textOf(value: unknown): string {
  invariant(typeof value === 'string', 'a secret of the configuration is no text');
  return value;
}

type Defined<Fields> = { [Key in keyof Fields]?: Exclude<Fields[Key], undefined> };
/** Only the fields that are there. */
const defined = <Fields extends object>(fields: Fields): Defined<Fields> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<Fields>;

const texts = (fields: object): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(defined(fields)).map(([key, value]) => [key, textOf(value)]));

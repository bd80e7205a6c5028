import { join } from 'node:path';
import { nodeDisk } from '../../lib/disk.ts';
import { openEmbeddedLog } from '../../log/embedded/embedded-log.ts';
import type { KafkaAccess } from '../../log/kafka/client.ts';
import { openKafkaLog } from '../../log/kafka/kafka-log.ts';
import { openKafkaMembership } from '../../log/kafka/membership.ts';
import type { Log } from '../../log/log.ts';
import type { Membership } from '../../log/membership.ts';
import { openRabbitmqMembership } from '../../log/rabbitmq/membership.ts';
import { openRabbitmqLog } from '../../log/rabbitmq/rabbitmq-log.ts';
import { defined, textOf, texts } from '../config/secrets.ts';
import type { KafkaConfig, LogConfig, RabbitmqConfig } from '../config/store-config.ts';
import { joinKinesis, openKinesis } from './log-kinesis.ts';
import type { Stores, StoresOptions } from './stores.ts';

interface LogKind<Settings> {
  readonly summary: string;
  /** Which log it is: positions and checkpoints belong to one and fit no other. */
  identity(settings: Settings): string;
  open(settings: Settings, options: StoresOptions): Promise<Log>;
  /** Which process holds which partition; none where one process alone can have the log. */
  readonly membership?: (settings: Settings, options: StoresOptions) => Promise<Membership>;
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

// The table gives each kind its own settings, which the compiler does not follow through a union.
export function openLog(settings: LogConfig, options: StoresOptions): Promise<Log> {
  return (logKinds[settings.kind] as LogKind<LogConfig>).open(settings, options);
}

export const identityOf = (settings: LogConfig): string =>
  (logKinds[settings.kind] as LogKind<LogConfig>).identity(settings);

export async function membershipOf(
  settings: LogConfig,
  options: StoresOptions,
): Promise<Membership | undefined> {
  return (logKinds[settings.kind] as LogKind<LogConfig>).membership?.(settings, options);
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
export async function openTopic(options: StoresOptions): Promise<Stores['topic']> {
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

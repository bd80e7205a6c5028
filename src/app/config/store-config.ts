import { z } from 'zod';
import { DAY_MS } from '../../model/time.ts';
import { span } from './span.ts';

/** `s3://bucket/prefix`. */
export const LAKE_ON_S3 = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/([\w.-]+(?:\/[\w.-]+)*))?\/?$/;
/** Less would take readings that corrections and the windows of rules still come to. */
const LEAST_RETENTION_MS = 31 * DAY_MS;

/** A text, or where it is kept: `{ env: NAME }` or `{ file: PATH }`. */
export const secret = z.union([
  z.string().min(1),
  z.strictObject({ env: z.string().min(1) }),
  z.strictObject({ file: z.string().min(1) }),
]);

const saslMechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'] as const;

const embedded = z.strictObject({ kind: z.literal('embedded') });

/** How to reach a cluster of Kafka: the same keys wherever one is configured. */
export const kafkaAccess = {
  /** Some brokers; the others are learnt from them. */
  brokers: z
    .array(
      z.string().regex(/^(\[[0-9a-f:]+\]|[\w.-]+):\d{1,5}$/i, 'a broker such as kafka-1:9092 is expected'),
    )
    .min(1)
    .max(100),
  topic: z.string().regex(/^(?!\.{1,2}$)[\w.-]{1,249}$/, 'a name such as atalaia is expected'),
  /** `true`, or certificates as PEM: texts or `{ file: PATH }`. */
  tls: z
    .union([
      z.boolean(),
      z.strictObject({
        ca: secret.optional(),
        cert: secret.optional(),
        key: secret.optional(),
        servername: z.string().optional(),
      }),
    ])
    .optional(),
  sasl: z
    .strictObject({
      mechanism: z.enum(saslMechanisms),
      username: secret.optional(),
      password: secret.optional(),
      token: secret.optional(),
    })
    .optional(),
};

/** `amqp://user:password@host:port/vhost`, one or some nodes of a cluster. */
export const rabbitmqUrls = z.array(secret).min(1).max(100);

const SESSION_MS = { least: 3000, most: 300_000 };
/** A process that the others have not heard of for so long has lost its partitions: the time to go on after it died. */
const sessionTimeout = span
  .refine((ms) => ms >= SESSION_MS.least && ms <= SESSION_MS.most, 'a span from 3s to 5m is expected')
  .optional();

const kafka = z.strictObject({
  kind: z.literal('kafka'),
  ...kafkaAccess,
  /** Copies of each record, when the topic is made; default the cluster's. */
  replication: z.int().min(1).max(100).optional(),
  minInSyncReplicas: z.int().min(1).max(100).optional(),
  /** How long records are kept at least, when the topic is made; default until no reader needs them. */
  retention: span.optional(),
  sessionTimeout,
});

const rabbitmq = z.strictObject({
  kind: z.literal('rabbitmq'),
  urls: rabbitmqUrls,
  /** The streams are called this and `-0`, `-1` … */
  name: z
    .string()
    .regex(/^[\w.-]{1,200}$/, 'a name such as atalaia is expected')
    .default('atalaia'),
  /** Nodes that keep a copy, when the streams are made; default all. */
  replicas: z.int().min(1).max(100).optional(),
  /** How long records are kept, when the streams are made; default for ever. */
  retention: span.optional(),
  sessionTimeout,
});

const kinesis = z.strictObject({
  kind: z.literal('kinesis'),
  stream: z.string().regex(/^[\w.-]{1,128}$/, 'a name such as atalaia is expected'),
  region: z.string().optional(),
  /** Another address than AWS's own. */
  endpoint: z.string().optional(),
  /** Shards, when the stream is made. */
  shards: z.union([z.int().min(1).max(10_000), z.literal('on-demand')]).optional(),
  retentionHours: z.int().min(24).max(8760).optional(),
  /** Enhanced fan-out: every process has a consumer of its own, called this, a name of the ledger's, and `1` to `20`. */
  consumer: z
    .string()
    .regex(/^[\w.-]{1,110}$/, 'a name such as atalaia is expected')
    .optional(),
  sessionTimeout,
});

const postgresql = z.strictObject({
  kind: z.literal('postgresql'),
  url: secret,
  /** A streaming replica for what people read. */
  readUrl: secret.optional(),
  /** Tables lie in the schemas `<schema>_ledger` and `<schema>_archive`. */
  schema: z
    .string()
    .regex(/^[a-z_][a-z0-9_]{0,30}$/, 'lower-case letters, digits and _ are expected')
    .default('atalaia'),
  /** Databases that share the archive, in place of `url`; their number and order stay for the life of the data. */
  shards: z.array(secret).min(1).max(64).optional(),
});

/** What a union of kinds says of a kind that is none of them. */
export const kinds = (...names: readonly string[]) => ({
  error: ({ code }: { code?: string }) =>
    code === 'invalid_union' ? `one of ${names.join(', ')} is expected` : undefined,
});

/** `log` of the configuration: where the records are. */
export const logConfig = z
  .discriminatedUnion(
    'kind',
    [embedded, kafka, kinesis, rabbitmq],
    kinds('embedded', 'kafka', 'kinesis', 'rabbitmq'),
  )
  .prefault({ kind: 'embedded' });
/** `store` of the configuration: where ledger and archive are. */
export const storeConfig = z
  .discriminatedUnion('kind', [embedded, postgresql], kinds('embedded', 'postgresql'))
  .prefault({ kind: 'embedded' });

/** `checkpoints` of the configuration: where they lie, when not where the store's kind has them. */
export const checkpointsConfig = z
  .strictObject({
    kind: z.literal('s3'),
    bucket: z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'a name of a bucket is expected'),
    /** Put before every key; another one for every system that shares the bucket. */
    prefix: z
      .string()
      .regex(/^[\w.-]+(\/[\w.-]+)*\/?$/, 'a prefix such as atalaia/checkpoints is expected')
      .default('atalaia/checkpoints'),
    region: z.string().optional(),
    /** Another address than AWS's own. */
    endpoint: z.string().optional(),
  })
  .optional();

/** `lake` of the configuration: where the archive is copied to as Parquet (docs/lake.md). */
export const lakeConfig = z
  .strictObject({
    to: z
      .string()
      .min(1)
      .refine(
        (text) => !text.includes('://') || LAKE_ON_S3.test(text),
        'a folder, or s3://bucket/prefix, is expected',
      ),
    every: span.refine((ms) => ms >= 60_000 && ms <= 7 * DAY_MS, 'from 1m to 7d is expected').default(DAY_MS),
    /** Of the bucket, when the environment does not say. */
    region: z.string().optional(),
    /** Another address than AWS's own. */
    endpoint: z.string().optional(),
  })
  .optional();

/** `archive` of the configuration: how long readings are kept. */
export const archiveConfig = z
  .strictObject({
    retention: z
      .strictObject({
        /** Readings older than this go, by whole months; hours, days and latest values stay. */
        observations: z
          .string()
          .transform((text, context) => {
            const [, number, unit] = /^(\d{1,5})\s*(d|y)$/.exec(text.trim()) ?? [];
            const ms = Number(number) * (unit === 'y' ? 365.25 * DAY_MS : DAY_MS);
            if (ms >= LEAST_RETENTION_MS) return ms;
            context.addIssue({
              code: 'custom',
              message: 'an age such as 5y or 400d, 31d at least, is expected',
            });
            return z.NEVER;
          })
          .optional(),
      })
      .prefault({}),
  })
  .prefault({});

export type LakeConfig = NonNullable<z.infer<typeof lakeConfig>>;
export type LogConfig = z.infer<typeof logConfig>;
export type StoreConfig = z.infer<typeof storeConfig>;
export type KafkaConfig = z.infer<typeof kafka>;
export type KinesisConfig = z.infer<typeof kinesis>;
export type RabbitmqConfig = z.infer<typeof rabbitmq>;
export type S3CheckpointsConfig = NonNullable<z.infer<typeof checkpointsConfig>>;
export type PostgresqlConfig = z.infer<typeof postgresql>;

/** What is wrong with an address of PostgreSQL, by its place; to be asked when secrets are texts. Never holds the address: it has a password. */
export function storeProblems(store: StoreConfig): string[] {
  if (store.kind !== 'postgresql') return [];
  const urls: [string, unknown][] = [
    ['store.url', store.url],
    ['store.readUrl', store.readUrl],
    ...(store.shards ?? []).map((url, index): [string, unknown] => [`store.shards.${index}`, url]),
  ];
  return urls
    .filter(([, url]) => url !== undefined && !isPostgresqlUrl(url))
    .map(([place]) => `${place}: an address such as postgresql://user@host:5432/database is expected`);
}

const isPostgresqlUrl = (url: unknown): boolean =>
  typeof url === 'string' && /^postgres(ql)?:\/\//.test(url) && URL.canParse(url);

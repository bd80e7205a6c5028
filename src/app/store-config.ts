import { z } from 'zod';
import { span } from './span.ts';

/** A text, or where it is kept: `{ env: NAME }` or `{ file: PATH }`. */
const secret = z.union([
  z.string().min(1),
  z.strictObject({ env: z.string().min(1) }),
  z.strictObject({ file: z.string().min(1) }),
]);

const saslMechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'] as const;

const embedded = z.strictObject({ kind: z.literal('embedded') });

const kafka = z.strictObject({
  kind: z.literal('kafka'),
  /** Some brokers; the others are learnt from them. */
  brokers: z
    .array(
      z.string().regex(/^(\[[0-9a-f:]+\]|[\w.-]+):\d{1,5}$/i, 'a broker such as kafka-1:9092 is expected'),
    )
    .min(1)
    .max(100),
  topic: z.string().regex(/^(?!\.{1,2}$)[\w.-]{1,249}$/, 'a name such as atalaia is expected'),
  /** Copies of each record, when the topic is made; default the cluster's. */
  replication: z.int().min(1).max(100).optional(),
  minInSyncReplicas: z.int().min(1).max(100).optional(),
  /** How long records are kept at least, when the topic is made; default until no reader needs them. */
  retention: span.optional(),
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
});

const rabbitmq = z.strictObject({
  kind: z.literal('rabbitmq'),
  /** `amqp://user:password@host:port/vhost`, one or some nodes of a cluster. */
  urls: z.array(secret).min(1).max(100),
  /** The streams are called this and `-0`, `-1` … */
  name: z
    .string()
    .regex(/^[\w.-]{1,200}$/, 'a name such as atalaia is expected')
    .default('atalaia'),
  /** Nodes that keep a copy, when the streams are made; default all. */
  replicas: z.int().min(1).max(100).optional(),
  /** How long records are kept, when the streams are made; default for ever. */
  retention: span.optional(),
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
  /** Name of this process's consumer for enhanced fan-out. */
  consumer: z
    .string()
    .regex(/^[\w.-]{1,128}$/)
    .optional(),
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

const kinds = (...names: readonly string[]) => ({
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

export type LogConfig = z.infer<typeof logConfig>;
export type StoreConfig = z.infer<typeof storeConfig>;
export type KafkaConfig = z.infer<typeof kafka>;
export type KinesisConfig = z.infer<typeof kinesis>;
export type RabbitmqConfig = z.infer<typeof rabbitmq>;
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

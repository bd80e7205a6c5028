import { isIP } from 'node:net';
import { z } from 'zod';
import { profileNames } from '../../alerts/cap/read/profiles.ts';
import { channels as channelKinds } from '../../delivery/channels/index.ts';
import { levelNames } from '../../model/rule.ts';
import { selfTestConfig } from '../self-test/config.ts';
import { guarantees } from '../sinks/guarantee.ts';
import { groupsConfig, peopleConfig, rostersConfig, subscriptionsConfig } from './roster-config.ts';
import { sourcesConfig } from './source-config.ts';
import { size, span } from './span.ts';
import { archiveConfig, checkpointsConfig, lakeConfig, logConfig, storeConfig } from './store-config.ts';

const channel = z.looseObject({ kind: z.enum(Object.keys(channelKinds) as [keyof typeof channelKinds]) });

const MAX_WORKERS = 256;

/** The schema of `atalaia.yaml`. */
export const configSchema = z.strictObject({
  environment: z.enum(['actual', 'exercise', 'test']).default('exercise'),
  listen: z
    .string()
    .regex(/^(\[[0-9a-f:]+\]|[\w.-]+):\d{1,5}$/i, 'an address and port such as 127.0.0.1:8080 is expected')
    .default('127.0.0.1:8080'),
  data: z.string().default('./data'),
  server: z
    .strictObject({
      id: z
        .string()
        .regex(/^[\w.-]{1,40}$/)
        .default('atalaia'),
      sender: z
        .string()
        .regex(/^[^\s,<&]+$/)
        .default('atalaia@localhost'),
      name: z.string().max(200).default('Atalaia'),
      /** Where people reach the server, for links in messages; unless given, where it listens. */
      url: z
        .string()
        .max(200)
        .refine(
          (text) => /^https?:\/\/[^\s?#<&]+$/.test(text) && URL.canParse(text),
          'an address such as https://alertas.example.org is expected',
        )
        .optional(),
    })
    .prefault({}),
  log: logConfig,
  store: storeConfig,
  checkpoints: checkpointsConfig,
  archive: archiveConfig,
  lake: lakeConfig,
  stations: z
    .strictObject({
      file: z.string().optional(),
      unknown: z.enum(['hold', 'accept']).default('hold'),
      /** How many unknown stations wait (or are adopted unseen) at most, and how many reports of each. */
      held: z
        .strictObject({
          stations: z.number().int().min(1).max(100_000).default(10_000),
          reports: z.number().int().min(1).max(100_000).default(1000),
        })
        .prefault({}),
    })
    .prefault({}),
  /** File of named areas; every region of the registry is one by itself. */
  areas: z.string().optional(),
  /** File of the borders of municipalities, made by `atalaia geo import`. */
  borders: z.string().optional(),
  rules: z.array(z.string()).default([]),
  cap: z
    .strictObject({
      /** The kind of receiver that messages are written for. */
      profile: z.enum(profileNames).optional(),
      /** PEM files of the key and the certificate that sign every CAP message. */
      signature: z.strictObject({ key: z.string(), certificate: z.string() }).optional(),
    })
    .prefault({}),
  pipeline: z
    .strictObject({
      guarantee: z
        .union([
          z.enum(guarantees),
          z.strictObject({
            ledger: z.enum(guarantees).optional(),
            archive: z.enum(guarantees).optional(),
            topic: z.enum(guarantees).optional(),
          }),
        ])
        .default('exactly-once'),
      mode: z.enum(['streaming', 'micro-batch']).default('streaming'),
      every: span.default(60_000),
      checkpointEvery: span.default(1000),
      partitions: z.int().min(1).max(1024).default(64),
      workers: z
        .strictObject({
          min: z.int().min(1).max(MAX_WORKERS).default(1),
          /** Unless given: by the cores, see {@link workersOf}. */
          max: z.int().min(1).max(MAX_WORKERS).optional(),
        })
        .refine(({ min, max }) => max === undefined || min <= max, 'min is above max')
        .prefault({}),
      lateness: span.default(86_400_000),
      /** `off`: no reading is judged, all count (docs/quality.md). */
      quality: z.enum(['on', 'off']).default('on'),
      /** State that the rules may ask for, `8GiB`: in total for each 10,000 stations, and of one station. */
      budget: z.strictObject({ memory: size.optional(), stationMemory: size.optional() }).prefault({}),
    })
    .prefault({}),
  sinks: z
    .strictObject({
      topic: z
        .strictObject({
          /** Unless given: `kafka` beside a log of that kind, else `embedded`. */
          kind: z.enum(['embedded', 'kafka']).optional(),
          name: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, 'a name such as alerts is expected'),
        })
        .optional(),
    })
    .prefault({}),
  /** A watcher outside that expects a request while this server can warn people. */
  heartbeat: z
    .strictObject({
      url: z
        .string()
        .max(500)
        .refine(
          (text) => /^https?:\/\//.test(text) && URL.canParse(text),
          'an http or https address is expected',
        ),
      every: span.refine((ms) => ms >= 1000 && ms <= 3_600_000, 'from 1s to 1h is expected').default(60_000),
    })
    .optional(),
  selfTest: selfTestConfig,
  access: z
    .strictObject({
      /** A session ends when it was not used for this long. */
      idle: span.default(1_800_000),
      /** A session ends after this long, used or not. */
      life: span.default(43_200_000),
      /** Addresses and networks of fronts whose `X-Forwarded-For` is believed. */
      proxies: z
        .array(z.string().max(50).refine(isNetwork, 'an address or network such as 10.0.0.0/8 is expected'))
        .max(100)
        .default([]),
    })
    .prefault({}),
  sources: sourcesConfig,
  channels: z.record(z.string(), channel).default({}),
  /** What of alerts of these levels the public is told only after a second person approved it; nothing without it. */
  publication: z
    .strictObject({
      review: z
        .strictObject({
          levels: z.array(z.enum(levelNames)).min(1),
          within: span
            .refine((ms) => ms >= 60_000 && ms <= 86_400_000, 'is not from 1m to 1d')
            .default(600_000),
          /** A warning that nobody lets out is worse than one that nobody has read twice. */
          onTimeout: z.enum(['publish', 'escalate']).default('publish'),
        })
        .optional(),
    })
    .prefault({}),
  /** Most messages below red a minute, over all subscriptions; reds have no such bound. */
  deliveries: z.strictObject({ perMinute: z.number().int().min(1).max(1_000_000).optional() }).prefault({}),
  people: peopleConfig,
  groups: groupsConfig,
  rosters: rostersConfig,
  subscriptions: subscriptionsConfig,
});

function isNetwork(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const width = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  return (
    width > 0 &&
    rest.length === 0 &&
    (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= width))
  );
}

export type Config = z.infer<typeof configSchema>;

/** The same as JSON Schema (draft 2020-12), for editors; `docs/atalaia.schema.json` holds it. */
export const configJsonSchema = (): z.core.JSONSchema.BaseSchema =>
  z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' });

/** The keys that the schema knows at a place of the configuration. */
export function keysAt(path: readonly PropertyKey[]): string[] {
  let found: Schema[] = [configJsonSchema()];
  for (const part of path) {
    found = found
      .flatMap(kindsOf)
      .map((schema) => (typeof part === 'number' ? schema.items : schema.properties?.[String(part)]))
      .filter((next): next is Schema => typeof next === 'object' && !Array.isArray(next));
  }
  return [...new Set(found.flatMap(kindsOf).flatMap((schema) => Object.keys(schema.properties ?? {})))];
}

type Schema = z.core.JSONSchema.BaseSchema;

/** The schema itself and those that it lets choose from. */
const kindsOf = (schema: Schema): Schema[] => [
  schema,
  ...[...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].filter((one) => typeof one === 'object'),
];

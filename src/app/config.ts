import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { channels as channelKinds } from '../delivery/channels/index.ts';
import { AtalaiaError } from '../lib/errors.ts';
import { levelNames } from '../model/rule.ts';
import { unknownWord } from '../rules/words.ts';
import { readYaml } from '../rules/yaml.ts';
import {
  exactlyOnce,
  type Guarantee,
  type Guarantees,
  guarantees,
  guaranteeWarnings,
  type SinkName,
  sinkNames,
} from './guarantee.ts';
import { span } from './span.ts';
import { logConfig, storeConfig, storeProblems } from './store-config.ts';

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
    })
    .prefault({}),
  log: logConfig,
  store: storeConfig,
  stations: z
    .strictObject({ file: z.string().optional(), unknown: z.enum(['hold', 'accept']).default('hold') })
    .prefault({}),
  /** File of named areas; every region of the registry is one by itself. */
  areas: z.string().optional(),
  rules: z.array(z.string()).default([]),
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
          /** Unless given: `min`. */
          max: z.int().min(1).max(MAX_WORKERS).optional(),
        })
        .refine(({ min, max }) => max === undefined || min <= max, 'min is above max')
        .prefault({}),
      lateness: span.default(86_400_000),
    })
    .prefault({}),
  sinks: z
    .strictObject({
      topic: z
        .strictObject({
          kind: z.enum(['embedded']).default('embedded'),
          name: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, 'a name such as alerts is expected'),
        })
        .optional(),
    })
    .prefault({}),
  sources: z
    .array(
      z.strictObject({ kind: z.literal('scenario'), directory: z.string(), duration: span.default(60_000) }),
    )
    .max(1)
    .default([]),
  channels: z.record(z.string(), channel).default({}),
  subscriptions: z
    .array(
      z.strictObject({
        name: z.string().min(1).max(100),
        channel: z.string(),
        level: z.enum(levelNames).default('yellow'),
        areas: z.union([z.literal('all'), z.array(z.string()).max(10_000)]).default('all'),
        address: z.string().optional(),
      }),
    )
    .max(10_000)
    .default([]),
});

export type Config = z.infer<typeof configSchema>;

/** The same as JSON Schema (draft 2020-12), for editors; `docs/atalaia.schema.json` holds it. */
export const configJsonSchema = (): z.core.JSONSchema.BaseSchema =>
  z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' });

/** The guarantee of each sink: what the configuration says for all, or by name; exactly once unless it says otherwise. */
export function guaranteesOf({ pipeline: { guarantee } }: Config): Guarantees {
  if (typeof guarantee !== 'string') return { ...exactlyOnce, ...definedOf(guarantee) };
  return { ledger: guarantee, archive: guarantee, topic: guarantee };
}

const definedOf = (chosen: { readonly [sink in SinkName]?: Guarantee | undefined }): Partial<Guarantees> =>
  Object.fromEntries(Object.entries(chosen).filter(([, value]) => value !== undefined));

/**
 * How many threads fold: as configured, never more than partitions. Unless told the main thread folds by itself: workers
 * are to be asked for, as long as a replaced one was seen to repeat a revision (docs/workers.md, "Known").
 */
export function workersOf({ pipeline: { workers, partitions } }: Config): {
  readonly min: number;
  readonly max: number;
} {
  // A partition is folded by one worker: more of them would have nothing to do.
  const min = Math.min(workers.min, partitions);
  return { min, max: Math.min(workers.max ?? workers.min, partitions) };
}

/** What the operator has to know about the configured guarantees: a sentence for each sink below exactly once. */
export function guaranteeWarningsOf(config: Config): string[] {
  const sinks = sinkNames.filter((sink) => sink !== 'topic' || config.sinks.topic);
  return guaranteeWarnings(guaranteesOf(config), sinks);
}

const problem = (message: string): AtalaiaError => new AtalaiaError('ATL_CONFIG', message);

/** Reads and checks a configuration file; environment variables (`ATALAIA_PIPELINE_MODE`) win over it. Paths are relative to the file. */
export function loadConfig(file: string | null, env: Readonly<Record<string, string | undefined>>): Config {
  const raw = file ? readYamlObject(file) : {};
  overlay(raw, env);
  const parsed = configSchema.safeParse(raw);
  if (!parsed.success)
    throw problem(parsed.error.issues.map((issue) => describe(issue, file ?? 'environment')).join('\n'));
  const config = parsed.data;
  const base = file ? dirname(resolve(file)) : process.cwd();
  const at = (path: string): string => resolve(base, path);
  const located: Config = {
    ...config,
    data: at(config.data),
    rules: config.rules.map(at),
    stations: { ...config.stations, ...(config.stations.file ? { file: at(config.stations.file) } : {}) },
    ...(config.areas === undefined ? {} : { areas: at(config.areas) }),
    sources: config.sources.map((source) => ({ ...source, directory: at(source.directory) })),
  };
  return guard(resolveSecrets(located, env), file ?? 'environment');
}

function readYamlObject(file: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new AtalaiaError('ATL_CONFIG', `${file} cannot be read. Give an existing file with --config.`, {
      cause,
    });
  }
  const { root, flaws } = readYaml(text);
  if (flaws[0]) {
    const line = text.slice(0, flaws[0].offset).split('\n').length;
    throw problem(`${file}:${line}: ${flaws[0].message}`);
  }
  const value = root ? plain(root) : {};
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw problem(`${file}: a mapping of keys is expected`);
  return value as Record<string, unknown>;
}

type Node = NonNullable<ReturnType<typeof readYaml>['root']>;
function plain(node: Node): unknown {
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'list') return node.items.map(plain);
  return Object.fromEntries(node.entries.map((entry) => [entry.key, plain(entry.value)]));
}

/** Variables of the program itself; they are no keys of the file. */
const ownVariables: ReadonlySet<string> = new Set([
  'ATALAIA_LOG_LEVEL',
  'ATALAIA_LANG',
  'ATALAIA_PORT',
  'ATALAIA_EXERCISE_SECONDS',
]);

/** `ATALAIA_PIPELINE_MODE=micro-batch` sets pipeline.mode, `ATALAIA_PIPELINE_WORKERS_MIN` pipeline.workers.min; whole numbers are read as such. */
function overlay(raw: Record<string, unknown>, env: Readonly<Record<string, string | undefined>>): void {
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith('ATALAIA_') || ownVariables.has(name) || text === undefined) continue;
    const path = placeOf(name.slice(8).toLowerCase().split('_'), []);
    const last = path.pop();
    if (last === undefined) continue;
    let inner = raw;
    for (const key of path) {
      inner[key] = { ...((inner[key] ?? {}) as Record<string, unknown>) };
      inner = inner[key] as Record<string, unknown>;
    }
    inner[last] = /^-?\d+$/.test(text) ? Number(text) : text;
  }
}

/** The keys that the words of a variable name, `stationKeys` also as one; a word unknown inside a known key stays for the schema to refuse. */
function placeOf(words: readonly string[], path: readonly string[]): string[] {
  const known = keysAt(path);
  for (let n = 1; n <= words.length; n++) {
    const key = known.find((candidate) => candidate.toLowerCase() === words.slice(0, n).join(''));
    if (key) return placeOf(words.slice(n), [...path, key]);
  }
  return path.length === 0 || words.length === 0 ? [...path] : [...path, words.join('')];
}

function describe(issue: z.core.$ZodIssue, file: string): string {
  const path = issue.path.join('.') || 'the file';
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(issue.path);
    return issue.keys
      .map((key) => `${file}: ${[...issue.path, key].join('.')}: ${unknownWord('key', key, known)}`)
      .join('\n');
  }
  return `${file}: ${path}: ${issue.message}`;
}

function keysAt(path: readonly PropertyKey[]): string[] {
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

/** `{ env: NAME }` and `{ file: PATH }` anywhere in a channel, the log or the store become the secret's text. */
function resolveSecrets(config: Config, env: Readonly<Record<string, string | undefined>>): Config {
  const resolved = Object.entries(config.channels).map(([name, channel]) => {
    const entries = Object.entries(channel).map(([key, value]) => [
      key,
      secretText(value, `channels.${name}.${key}`, env),
    ]);
    return [name, Object.fromEntries(entries)];
  });
  const within = <Part>(part: Part, place: string): Part => {
    const text = secretText(part, place, env);
    if (text !== part || typeof part !== 'object' || part === null) return text as Part;
    const inner = Object.entries(part).map(([key, value]) => [key, within(value, `${place}.${key}`)]);
    return (Array.isArray(part) ? inner.map(([, value]) => value) : Object.fromEntries(inner)) as Part;
  };
  return {
    ...config,
    channels: Object.fromEntries(resolved) as Config['channels'],
    log: within(config.log, 'log'),
    store: within(config.store, 'store'),
  };
}

function secretText(
  value: unknown,
  place: string,
  env: Readonly<Record<string, string | undefined>>,
): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const { env: variable, file } = value as { env?: unknown; file?: unknown };
  if (typeof variable === 'string') {
    const text = env[variable];
    if (!text) throw problem(`${place}: the environment variable ${variable} is not set`);
    return text;
  }
  if (typeof file !== 'string') return value;
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (cause) {
    throw new AtalaiaError('ATL_CONFIG', `${place}: the secret's file ${file} cannot be read`, { cause });
  }
}

/** What must not start: a door to the outside, or real warnings, without people and keys. */
function guard(config: Config, file: string): Config {
  const host = config.listen.slice(0, config.listen.lastIndexOf(':'));
  const isLoopback = /^(127\.|localhost$|\[::1\]$)/.test(host);
  if (!isLoopback || config.environment === 'actual') {
    const why = isLoopback ? 'environment: actual' : `listen: ${config.listen} is not a loopback address and`;
    throw problem(
      `${file}: ${why} needs users and station keys, which come with a later version. Until then listen on 127.0.0.1, in an exercise or test.`,
    );
  }
  const [wrong] = storeProblems(config.store);
  if (wrong !== undefined) throw problem(`${file}: ${wrong}`);
  for (const { name, channel } of config.subscriptions) {
    if (!config.channels[channel])
      throw problem(
        `${file}: subscriptions.${name}: ${unknownWord('channel', channel, Object.keys(config.channels))}`,
      );
  }
  for (const [name, settings] of Object.entries(config.channels)) {
    const checked = channelKinds[settings.kind].configSchema.safeParse(settings);
    if (checked.success) continue;
    throw problem(
      checked.error.issues
        .map((issue) => `${file}: channels.${name}.${issue.path.join('.')}: ${issue.message}`)
        .join('\n'),
    );
  }
  return config;
}

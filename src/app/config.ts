import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { availableParallelism } from 'node:os';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { profileNames } from '../alerts/cap/read/profiles.ts';
import { channels as channelKinds } from '../delivery/channels/index.ts';
import { AtalaiaError } from '../lib/errors.ts';
import { levelNames, type Rule } from '../model/rule.ts';
import { type Budget, defaultBudget } from '../rules/budget.ts';
import { operatorHazards } from '../rules/hazard.ts';
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
import {
  groupsConfig,
  peopleConfig,
  rosterProblems,
  rostersConfig,
  subscriptionsConfig,
} from './roster-config.ts';
import { selfTestConfig, selfTestProblems } from './self-test-config.ts';
import { sourcesConfig } from './source-config.ts';
import { size, span } from './span.ts';
import {
  archiveConfig,
  checkpointsConfig,
  lakeConfig,
  logConfig,
  storeConfig,
  storeProblems,
} from './store-config.ts';

const channel = z.looseObject({ kind: z.enum(Object.keys(channelKinds) as [keyof typeof channelKinds]) });

const MAX_WORKERS = 256;
const DEFAULT_MAX_WORKERS = 4;
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

/** The rule with the review that the configuration asks for, unless it says itself; what only operators are told has none. */
export function reviewedRule({ publication: { review } }: Pick<Config, 'publication'>, rule: Rule): Rule {
  if (!review || rule.publication !== undefined || operatorHazards.has(rule.hazard)) return rule;
  const { levels, within: withinMs, onTimeout } = review;
  return { ...rule, publication: { levels, withinMs, onTimeout } };
}

/** The guarantee of each sink: what the configuration says for all, or by name; exactly once unless it says otherwise. */
export function guaranteesOf({ pipeline: { guarantee } }: Config): Guarantees {
  if (typeof guarantee !== 'string') return { ...exactlyOnce, ...definedOf(guarantee) };
  return { ledger: guarantee, archive: guarantee, topic: guarantee };
}

const definedOf = (chosen: { readonly [sink in SinkName]?: Guarantee | undefined }): Partial<Guarantees> =>
  Object.fromEntries(Object.entries(chosen).filter(([, value]) => value !== undefined));

/**
 * How many threads fold: as configured, never more than partitions. Unless told as many as leave a core to the main
 * thread, up to four; where that is one, the main thread folds by itself.
 */
export function workersOf(
  { pipeline: { workers, partitions } }: Config,
  cores = availableParallelism(),
): { readonly min: number; readonly max: number } {
  // A partition is folded by one worker: more of them would have nothing to do.
  const min = Math.min(workers.min, partitions);
  const max = workers.max ?? Math.max(workers.min, Math.min(DEFAULT_MAX_WORKERS, cores - 1));
  return { min, max: Math.min(max, partitions) };
}

/** What the rules may take, as configured. */
export const budgetOf = ({ pipeline: { budget } }: Config): Budget => ({
  ...defaultBudget,
  totalBytes: budget.memory ?? defaultBudget.totalBytes,
  stationBytes: budget.stationMemory ?? defaultBudget.stationBytes,
});

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
    cap: config.cap.signature
      ? {
          ...config.cap,
          signature: { key: at(config.cap.signature.key), certificate: at(config.cap.signature.certificate) },
        }
      : config.cap,
    ...(config.borders === undefined ? {} : { borders: at(config.borders) }),
    ...(config.lake && !config.lake.to.includes('://')
      ? { lake: { ...config.lake, to: at(config.lake.to) } }
      : {}),
    sources: config.sources.map((source) =>
      source.kind === 'scenario' ? { ...source, directory: at(source.directory) } : source,
    ),
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
  'ATALAIA_KEY',
]);

/** `ATALAIA_PIPELINE_MODE=micro-batch` sets pipeline.mode, `ATALAIA_PIPELINE_WORKERS_MIN` pipeline.workers.min; whole numbers are read as such, `{…}` and `[…]` as YAML. */
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
    inner[last] = variableValue(name, text);
  }
}

function variableValue(name: string, text: string): unknown {
  if (/^-?\d+$/.test(text)) return Number(text);
  if (!/^\s*[{[]/.test(text)) return text;
  const { root, flaws } = readYaml(text);
  if (flaws[0] || !root) throw problem(`environment: ${name}: ${flaws[0]?.message ?? 'a value is expected'}`);
  return plain(root);
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

/** `{ env: NAME }` and `{ file: PATH }` anywhere in a channel, the log, the store or a source become the secret's text. */
function resolveSecrets(config: Config, env: Readonly<Record<string, string | undefined>>): Config {
  const within = <Part>(part: Part, place: string): Part => {
    const text = secretText(part, place, env);
    if (text !== part || typeof part !== 'object' || part === null) return text as Part;
    const inner = Object.entries(part).map(([key, value]) => [key, within(value, `${place}.${key}`)]);
    return (Array.isArray(part) ? inner.map(([, value]) => value) : Object.fromEntries(inner)) as Part;
  };
  return {
    ...config,
    channels: within(config.channels, 'channels'),
    log: within(config.log, 'log'),
    store: within(config.store, 'store'),
    sources: within(config.sources, 'sources'),
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

/** Whether others than this machine can ask under an address of `listen`. */
export const isOpenAddress = (listen: string): boolean =>
  !/^(127(\.\d{1,3}){3}|localhost|\[::1\])$/i.test(listen.slice(0, listen.lastIndexOf(':')));

/** What of the configuration asks for users and station keys; null: nothing does. */
export function whyClosed({ listen, environment }: Config): string | null {
  if (isOpenAddress(listen)) return `listen: ${listen} is not a loopback address and`;
  return environment === 'actual' ? 'environment: actual' : null;
}

/** What must not start. */
function guard(config: Config, file: string): Config {
  if (config.sinks.topic?.kind === 'kafka' && config.log.kind !== 'kafka')
    throw problem(
      `${file}: sinks.topic.kind: kafka needs a log of that kind. Give log: { kind: kafka, … }, or kind: embedded.`,
    );
  const [wrong] = [...storeProblems(config.store), ...selfTestProblems(config)];
  if (wrong !== undefined) throw problem(`${file}: ${wrong}`);
  for (const unfit of rosterProblems(config)) throw problem(`${file}: ${unfit}`);
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

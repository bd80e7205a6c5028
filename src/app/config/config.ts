import { availableParallelism } from 'node:os';
import { dirname, resolve } from 'node:path';
import type { z } from 'zod';
import { channels as channelKinds } from '../../delivery/channels/index.ts';
import type { Rule } from '../../model/rule.ts';
import { type Budget, defaultBudget } from '../../rules/budget.ts';
import { operatorHazards } from '../../rules/hazard.ts';
import { unknownWord } from '../../rules/words.ts';
import { selfTestProblems } from '../self-test/config.ts';
import {
  exactlyOnce,
  type Guarantee,
  type Guarantees,
  guaranteeWarnings,
  type SinkName,
  sinkNames,
} from '../sinks/guarantee.ts';
import { overlay } from './environment.ts';
import { rosterProblems } from './roster-config.ts';
import { type Config, configSchema, keysAt } from './schema.ts';
import { resolveSecrets } from './secrets.ts';
import { storeProblems } from './store-config.ts';
import { problem, readYamlObject } from './yaml.ts';

const DEFAULT_MAX_WORKERS = 4;

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

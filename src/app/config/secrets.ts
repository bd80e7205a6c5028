import { readFileSync } from 'node:fs';
import { AtalaiaError, invariant } from '../../lib/errors.ts';
import type { Config } from './schema.ts';
import { problem } from './yaml.ts';

/** `{ env: NAME }` and `{ file: PATH }` anywhere in a channel, the log, the store or a source become the secret's text. */
export function resolveSecrets(config: Config, env: Readonly<Record<string, string | undefined>>): Config {
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

/** A secret that the configuration has resolved. */
export function textOf(value: unknown): string {
  invariant(typeof value === 'string', 'a secret of the configuration is no text');
  return value;
}

type Defined<Fields> = { [Key in keyof Fields]?: Exclude<Fields[Key], undefined> };

/** Only the fields that are there. */
export const defined = <Fields extends object>(fields: Fields): Defined<Fields> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<Fields>;

/** The same of several, by their names. */
export const texts = (fields: object): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(defined(fields)).map(([key, value]) => [key, textOf(value)]));

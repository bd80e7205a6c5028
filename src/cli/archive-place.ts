import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { loadConfig } from '../app/config/config.ts';
import type { Config } from '../app/config/schema.ts';
import { AtalaiaError } from '../lib/errors.ts';
import { configFile } from './backup.ts';

const holdsArchive = (data: string): boolean => existsSync(join(data, 'archive.duckdb'));

/**
 * The configuration whose archive is read: the one named or the one beside, with another data folder when one is given.
 * @throws AtalaiaError ATL_NOT_FOUND where an archive of files is not there; ATL_CONFIG
 */
export function configOfArchive(given: {
  readonly config?: string | undefined;
  readonly data?: string | undefined;
}): Config {
  const read = loadConfig(configFile(given.config), process.env);
  const config = given.data === undefined ? read : { ...read, data: resolve(given.data) };
  if (config.store.kind !== 'embedded' || holdsArchive(config.data)) return config;
  const exercise = join(config.data, 'exercise');
  throw new AtalaiaError(
    'ATL_NOT_FOUND',
    `No archive in ${config.data}. Give the data folder with --data DIR${holdsArchive(exercise) ? `; that of the exercise is ${exercise}` : ''}.`,
  );
}

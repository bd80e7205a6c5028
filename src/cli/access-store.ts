import { userInfo } from 'node:os';
import { openAccessStore } from '../app/access.ts';
import { loadConfig } from '../app/config/config.ts';
import type { Config } from '../app/config/schema.ts';
import { systemClock } from '../lib/clock.ts';
import { AtalaiaError } from '../lib/errors.ts';
import type { AccessStore } from '../store/ledger/access.ts';
import type { Ledger } from '../store/ledger/ledger.ts';
import { configFile } from './backup.ts';

/** Does something with users, keys and whatever else the ledger of a configuration holds; its server may run, and hears of it within seconds. */
export async function withAccess<T>(
  given: string | undefined,
  work: (access: AccessStore, config: Config, ledger: Ledger) => Promise<T>,
  /** What is to be changed: it is recorded before. */
  change?: { readonly action: string; readonly subject: string },
): Promise<T> {
  const file = configFile(given);
  if (file === null)
    throw new AtalaiaError(
      'ATL_USAGE',
      'This belongs to a configuration: name it with --config, or run this beside atalaia.yaml.',
    );
  const config = loadConfig(file, process.env);
  const store = await openAccessStore({ config });
  try {
    if (change)
      await store.record([{ at: systemClock.now(), by: `command line (${userInfo().username})`, ...change }]);
    return await work(store.access, config, store);
  } finally {
    await store.close();
  }
}

/** The words of `a,b,c`. */
export const listOf = (text: string): string[] =>
  text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');

/** A line of a table: cells with tabs between. */
export const row = (cells: readonly (string | number)[]): string =>
  `${cells.map((cell) => String(cell).replace(/[\t\r\n]+/g, ' ')).join('\t')}\n`;

import { existsSync, readdirSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../lib/clock.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import { copyArchive } from '../../store/archive/duckdb/copy.ts';
import { copyLedger } from '../../store/ledger/sqlite/backup.ts';
import type { Config } from '../config/schema.ts';
import { openDuckdbArchive } from '../stores/archive-file.ts';
import { holdData } from '../stores/hold-data.ts';
import { type Manifest, writeManifest } from './manifest.ts';
import { Pins } from './pins.ts';
import { copySettings } from './settings.ts';
import { isTar, packTar } from './tar.ts';

export interface BackupOptions {
  readonly config: Config;
  /** The configuration's file; null without one. */
  readonly file: string | null;
  /** A folder that is not there yet or empty, or a file `*.tar`. */
  readonly to: string;
  readonly clock: Clock;
}

/**
 * A consistent copy of a data directory, whether a server runs on it or not; it appears under its name when it is whole.
 * The order makes it consistent: log and checkpoints are held first, so that no pruning takes away what older positions
 * need; archive and ledger follow; the log's newest records come last, so that it covers every position.
 * @throws AtalaiaError ATL_USAGE when the target is taken; ATL_NOT_FOUND without data; ATL_CONFIG when log or stores are
 *   not in the data directory
 */
export async function backUp({ config, file, to, clock }: BackupOptions): Promise<Manifest> {
  refuseForeign(config);
  const ledger = join(config.data, 'ledger.sqlite');
  if (!existsSync(ledger))
    throw new AtalaiaError(
      'ATL_NOT_FOUND',
      `There is no ledger at ${ledger}. Give the configuration of the system with --config FILE.`,
    );
  refuseTaken(to);
  const createdAt = new Date(clock.now()).toISOString();
  const staged = `${to}.partial`;
  await rm(staged, { recursive: true, force: true });
  await mkdir(join(staged, 'data'), { recursive: true });
  try {
    const whileRunning = await copyData(config.data, join(staged, 'data'));
    await copySettings(config, file, join(staged, 'settings'));
    const manifest = await writeManifest(staged, { createdAt, whileRunning });
    if (isTar(to)) {
      await packTar(staged, `${to}.writing`);
      await rename(`${to}.writing`, to);
      await rm(staged, { recursive: true });
    } else {
      await rm(to, { recursive: true, force: true });
      await rename(staged, to);
    }
    return manifest;
  } catch (error) {
    await rm(staged, { recursive: true, force: true });
    throw error;
  }
}

function refuseForeign({ log, store }: Config): void {
  const foreign = [log.kind, store.kind].filter((kind) => kind !== 'embedded');
  if (foreign.length === 0) return;
  throw new AtalaiaError(
    'ATL_CONFIG',
    `Log or stores lie in ${foreign.join(' and ')}, which backup cannot copy consistently. Use that system's own backup for them (see docs/operating.md).`,
  );
}

function refuseTaken(to: string): void {
  if (!existsSync(to)) return;
  if (!isTar(to) && readdirOrNone(to)?.length === 0) return;
  throw new AtalaiaError('ATL_USAGE', `--to ${to} is there already. Name a new file or an empty folder.`);
}

function readdirOrNone(path: string): string[] | undefined {
  try {
    return readdirSync(path);
  } catch {
    return undefined;
  }
}

/** True when a server holds the data directory meanwhile. */
async function copyData(data: string, to: string): Promise<boolean> {
  const letGo = await holdData(data, 'back up').catch((error: unknown) => {
    if (error instanceof AtalaiaError && error.code === 'ATL_CONFLICT') return undefined;
    throw error;
  });
  const logs = async (): Promise<string[]> => [
    'log',
    ...(await readdir(join(data, 'topics')).catch(() => [])).map((name) => join('topics', name)),
  ];
  const pins = new Pins(data);
  try {
    const archive = join(data, 'archive.duckdb');
    // Nobody holds it: opening and closing brings its write-ahead log into the file.
    if (letGo && existsSync(archive)) await (await openDuckdbArchive({ path: archive })).close();
    for (const log of await logs()) await pins.add(log);
    await pins.add('checkpoints');
    if (existsSync(archive)) await copyArchive(archive, join(to, 'archive.duckdb'));
    await copyLedger(join(data, 'ledger.sqlite'), join(to, 'ledger.sqlite'));
    for (const log of await logs()) await pins.add(log);
    await pins.copy(to);
  } finally {
    await pins.close();
    await letGo?.();
  }
  return letGo === undefined;
}

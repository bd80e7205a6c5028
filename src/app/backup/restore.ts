import { existsSync, readdirSync, statSync } from 'node:fs';
import { copyFile, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Clock } from '../../lib/clock.ts';
import { nodeDisk } from '../../lib/disk.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import { openEmbeddedLog } from '../../log/embedded/embedded-log.ts';
import { SECOND_MS } from '../../model/time.ts';
import { dropUndelivered } from '../../store/ledger/sqlite/backup.ts';
import type { Config } from '../config/schema.ts';
import { type Manifest, verifyBackup } from './manifest.ts';
import { RESTORED, type Restored } from './restored.ts';
import { isTar, unpackTar } from './tar.ts';

export interface RestoreOptions {
  readonly config: Pick<Config, 'data' | 'pipeline'>;
  /** A folder or a file that `backup` wrote. */
  readonly from: string;
  readonly clock: Clock;
}
export interface RestoreResult {
  readonly manifest: Manifest;
  /** Deliveries that the backup had not made yet; they are never made. */
  readonly dropped: number;
  /** Where configuration, rules and stations of the backup lie now. */
  readonly settings: string;
}

/**
 * Brings a backup into a data directory that is empty or not there; it appears under its name when it is whole and checked.
 * What the backup has not sent is marked as not to be sent, and what its newest records still raise is told to nobody.
 * @throws AtalaiaError ATL_CONFLICT when the data directory holds something; ATL_INPUT when the backup is not whole
 */
export async function restore({ config, from, clock }: RestoreOptions): Promise<RestoreResult> {
  const { data } = config;
  if (existsSync(data) && readdirSync(data).length > 0)
    throw new AtalaiaError(
      'ATL_CONFLICT',
      `The data directory ${data} is not empty. Move it away first, or name another one as data in the configuration; nothing was restored.`,
    );
  if (!existsSync(from)) throw new AtalaiaError('ATL_INPUT', `There is no backup at ${from}.`);
  const staged = `${data}.restoring`;
  await rm(staged, { recursive: true, force: true });
  try {
    const unpacked = join(staged, 'backup');
    if (isTar(from) && statSync(from).isFile()) await unpackTar(from, unpacked);
    const manifest = await verifyBackup(isTar(from) ? unpacked : from);
    const whole = join(staged, 'data');
    for (const { path } of manifest.files) {
      const to = path.startsWith('data/') ? join(staged, path) : join(whole, 'restored', path);
      await mkdir(dirname(to), { recursive: true });
      const given = join(isTar(from) ? unpacked : from, path);
      // What this process has unpacked is moved, what is the user's is copied.
      await (isTar(from) ? rename(given, to) : copyFile(given, to));
    }
    const note: Restored = {
      at: Math.floor(clock.now() / SECOND_MS) * SECOND_MS,
      next: await nextRecords(join(whole, 'log'), config, clock),
    };
    const dropped = dropUndelivered(join(whole, 'ledger.sqlite'), RESTORED, JSON.stringify(note));
    await mkdir(dirname(data), { recursive: true });
    await rm(data, { recursive: true, force: true });
    await rename(whole, data);
    return { manifest, dropped, settings: join(data, 'restored', 'settings') };
  } finally {
    await rm(staged, { recursive: true, force: true });
  }
}

/** Where each partition's next record will be. Opening checks the log, and cuts off a write that the backup met half done. */
async function nextRecords(
  directory: string,
  { pipeline }: Pick<Config, 'pipeline'>,
  clock: Clock,
): Promise<number[]> {
  const meta = JSON.parse(await readFile(join(directory, 'meta.json'), 'utf8')) as { partitions: number };
  if (meta.partitions !== pipeline.partitions)
    throw new AtalaiaError(
      'ATL_CONFIG',
      `The backup has ${meta.partitions} partitions, the configuration ${pipeline.partitions}. Set pipeline.partitions to ${meta.partitions}; nothing was restored.`,
    );
  const log = await openEmbeddedLog({ directory, partitions: meta.partitions, disk: nodeDisk, clock });
  try {
    const next: number[] = [];
    for (let partition = 0; partition < log.partitions; partition++)
      next.push((await log.bounds(partition)).next);
    return next;
  } finally {
    await log.close();
  }
}

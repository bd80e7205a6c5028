import { copyFile, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AtalaiaError } from '../../../lib/errors.ts';
import type { LakeMedium } from '../lake.ts';

/** A lake in a folder of this machine. Rejects with ATL_STORE when it cannot be made. */
export async function openLakeFolder(folder: string): Promise<LakeMedium> {
  const away = (what: string, cause: unknown): AtalaiaError =>
    new AtalaiaError(
      'ATL_STORE',
      `${what} failed: ${cause instanceof Error ? cause.message : String(cause)}. Check that the folder of the lake exists, is writable and has space.`,
      { cause },
    );
  const at = (name: string): string => join(folder, name);
  await mkdir(folder, { recursive: true }).catch((cause) => {
    throw away(`Making ${folder}`, cause);
  });
  return {
    async put(name, file) {
      // Not *.parquet: who reads the lake meanwhile passes it over.
      const partial = `${at(name)}.partial`;
      try {
        await mkdir(dirname(partial), { recursive: true });
        await copyFile(file, partial);
        const handle = await open(partial, 'r+');
        await handle.sync().finally(() => handle.close());
        await rename(partial, at(name));
        // Retention removes from the archive what lies here: the names must outlive a power failure, too.
        await syncFolders(folder, dirname(name));
      } catch (cause) {
        await rm(partial, { force: true }).catch(() => {});
        throw away(`Writing ${at(name)}`, cause);
      }
    },
    async get(name, file) {
      try {
        await copyFile(at(name), file);
        return true;
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return false;
        throw away(`Reading ${at(name)}`, cause);
      }
    },
    async remove(name) {
      await rm(at(name), { force: true }).catch((cause) => {
        throw away(`Removing ${at(name)}`, cause);
      });
    },
    nameOf: at,
    close: () => {},
  };
}

/** Makes the names in a folder below `root` durable, and those of the folders up to it. */
async function syncFolders(root: string, below: string): Promise<void> {
  for (let path = below; ; path = dirname(path)) {
    const handle = await open(join(root, path), 'r');
    await handle.sync().finally(() => handle.close());
    if (path === '.') return;
  }
}

import { createWriteStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { diskErrorCode } from '../../lib/disk.ts';

const MAX_LISTINGS = 20;
/** What belongs to a running process, or is rewritten in place and only a hint. */
const passedOver = /^(lock|lock\.stale|probe|groups\.json)$|\.(tmp|new)$/;

/** Files of a data directory, held open so that a server that removes them takes nothing away from us. */
export class Pins {
  readonly #data: string;
  readonly #files = new Map<string, FileHandle>();

  constructor(data: string) {
    this.#data = data;
  }

  /** Holds every file of a folder below the data directory that is not held yet; none when there is no such folder. */
  async add(folder: string): Promise<void> {
    for (let listing = 0; listing < MAX_LISTINGS; listing++) {
      const names = await readdir(join(this.#data, folder)).catch(noneWhenAbsent);
      if (await this.#hold(names.filter((name) => !passedOver.test(name)).map((name) => join(folder, name))))
        return;
    }
  }

  /** False when one went away meanwhile: what took its place is in a new listing. */
  async #hold(paths: readonly string[]): Promise<boolean> {
    for (const path of paths) {
      if (this.#files.has(path)) continue;
      try {
        this.#files.set(path, await open(join(this.#data, path), 'r'));
      } catch (error) {
        if (diskErrorCode(error) === 'ENOENT') return false;
        throw error;
      }
    }
    return true;
  }

  /** Copies them below `to`, each as long as it is now: of a file that grows the beginning. */
  async copy(to: string): Promise<void> {
    for (const [path, file] of this.#files) {
      const { size, ...stat } = await file.stat();
      const target = join(to, path);
      await mkdir(dirname(target), { recursive: true });
      const from =
        size === 0
          ? []
          : file.createReadStream({ start: 0, end: size - 1, autoClose: false, highWaterMark: 1 << 20 });
      await pipeline(from, createWriteStream(target, { mode: stat.mode, flush: true }));
    }
  }

  async close(): Promise<void> {
    for (const file of this.#files.values()) await file.close();
    this.#files.clear();
  }
}

const noneWhenAbsent = (error: unknown): string[] => {
  if (diskErrorCode(error) === 'ENOENT') return [];
  throw error;
};

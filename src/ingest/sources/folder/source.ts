import { mkdir, open, readdir, readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, systemClock } from '../../../lib/clock.ts';
import { AtalaiaError } from '../../../lib/errors.ts';

const SCAN_EVERY_MS = 1000;
/** Files of one scan; the others come with the next one. */
const MAX_FILES = 1000;
const DONE = 'done';

export interface FolderSourceOptions {
  readonly directory: string;
  /** Largest file that is read, bytes; a larger one is left where it is and told. */
  readonly maxBytes: number;
  readonly everyMs?: number;
  readonly clock?: Clock;
  /** Its resolution moves the file to `done/`; a rejection leaves it, and it comes again. */
  readonly onMessage: (message: { readonly body: Uint8Array; readonly file: string }) => Promise<void>;
  readonly onEvent?: (event: FolderSourceEvent) => void;
}

export type FolderSourceEvent =
  | { readonly kind: 'too-large'; readonly file: string; readonly bytes: number }
  | { readonly kind: 'failed'; readonly failure: string };

export interface FolderSource {
  close(): Promise<void>;
}

/**
 * Takes in files that are dropped into a directory, in the order of their names, at least once: a file is moved to `done/`
 * when it is taken. Names that begin with a dot or end in `.tmp` or `.part` are passed over; any other file is read when its
 * size and time have not changed between two scans, so that one half written is not. Rejects with ATL_CONFIG when the
 * directory cannot be used.
 */
export async function openFolderSource(options: FolderSourceOptions): Promise<FolderSource> {
  try {
    await mkdir(join(options.directory, DONE), { recursive: true });
  } catch (cause) {
    throw new AtalaiaError(
      'ATL_CONFIG',
      `The drop folder ${options.directory} cannot be used: ${(cause as Error).message}. Its user needs the right to write there.`,
      { cause },
    );
  }
  return new Watcher(options);
}

class Watcher implements FolderSource {
  readonly #options: FolderSourceOptions;
  readonly #clock: Clock;
  /** Size and time of files that were seen once. */
  #seen = new Map<string, string>();
  readonly #told = new Set<string>();
  #cancel: () => void = () => {};
  #scanning: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: FolderSourceOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#next();
  }

  #next(): void {
    if (this.#isClosed) return;
    this.#cancel = this.#clock.after(this.#options.everyMs ?? SCAN_EVERY_MS, () => {
      this.#scanning = this.#scan()
        .catch((error) => this.#options.onEvent?.({ kind: 'failed', failure: (error as Error).message }))
        .finally(() => this.#next());
    });
  }

  async #scan(): Promise<void> {
    const { directory } = this.#options;
    const names = (await readdir(directory, { withFileTypes: true }))
      .filter((entry) => entry.isFile() && !/^\.|\.(?:tmp|part)$/.test(entry.name))
      .map(({ name }) => name)
      .sort()
      .slice(0, MAX_FILES);
    const before = this.#seen;
    this.#seen = new Map();
    for (const name of names) {
      if (this.#isClosed) return;
      const { size, mtimeMs } = await stat(join(directory, name));
      const mark = `${size}/${mtimeMs}`;
      if (before.get(name) === mark) await this.#take(name, size);
      else this.#seen.set(name, mark);
    }
  }

  async #take(name: string, bytes: number): Promise<void> {
    const { directory, maxBytes, onMessage, onEvent } = this.#options;
    if (bytes > maxBytes) {
      if (!this.#told.has(name)) onEvent?.({ kind: 'too-large', file: name, bytes });
      this.#told.add(name);
      return;
    }
    await onMessage({ body: await readFile(join(directory, name)), file: name });
    // A name that comes again does not overwrite what was taken before.
    await rename(join(directory, name), join(directory, DONE, `${this.#clock.now()}-${name}`));
    await syncDirectory(join(directory, DONE));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel();
    await this.#scanning;
  }
}

/** Makes a rename last; where directories cannot be opened (Windows) the file may come again after a crash. */
async function syncDirectory(path: string): Promise<void> {
  try {
    const handle = await open(path, 'r');
    await handle.sync().finally(() => handle.close());
  } catch {
    // Taken again it is a repeat, which the fold ignores.
  }
}

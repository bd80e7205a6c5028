import { realpathSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { AtalaiaError } from '../../../lib/errors.ts';
import type { Archive } from '../archive.ts';
import { type ArchiveEvent, type CallName, type Calls, type Message, pack } from './protocol.ts';

/** Calls that may wait for the worker at once; one more is refused with ATL_BUSY. */
const MAX_WAITING = 256;

// DuckDB's file lock does not see a second opening inside one process.
const openPaths = new Set<string>();

/**
 * Opens (or creates) the DuckDB archive at `path` in a worker thread of its own.
 * `onEvent` hears of what was put aside on opening: `wal-damaged`, `archive-damaged`.
 * Rejects with ATL_STORE when another process has the file open or it cannot be read, ATL_STORE_VERSION when it is newer.
 */
export async function openDuckdbArchive(options: {
  readonly path: string;
  readonly onEvent?: (event: ArchiveEvent) => void;
}): Promise<Archive> {
  const wanted = resolve(options.path);
  await mkdir(dirname(wanted), { recursive: true }).catch((cause: unknown) => {
    throw new AtalaiaError(
      'ATL_STORE',
      `The folder of archive ${wanted} cannot be made. Check its path and rights.`,
      { cause },
    );
  });
  const path = join(realpathSync(dirname(wanted)), basename(wanted));
  if (openPaths.has(path)) {
    throw new AtalaiaError(
      'ATL_STORE',
      `Archive ${path} is already open in this process. Use the open one, or close it first.`,
    );
  }
  openPaths.add(path);
  const link = new WorkerLink(path, options.onEvent ?? (() => {}));
  try {
    await link.opened;
  } catch (error) {
    await link.end();
    openPaths.delete(path);
    throw error;
  }
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    try {
      await link.call('close', null);
    } finally {
      await link.end();
      openPaths.delete(path);
    }
  };
  return {
    commit: async (batches, what = 'both') => {
      const packed = batches.map(pack);
      // What was packed here is handed over; what came packed is copied, for the caller may have to give it again.
      const given = new Set(batches.flatMap(({ packed: rows = [] }) => rows));
      const own = packed.flatMap(({ parts }) => parts.filter((part) => !given.has(part)));
      await link.call(
        what === 'both' ? 'commit' : 'commitEffects',
        packed,
        own.map(({ numbers }) => numbers.buffer),
      );
    },
    positions: () => link.call('positions', null),
    durablePositions: () => link.call('durablePositions', null),
    latest: () => link.call('latest', null),
    series: (query) => link.call('series', query),
    aggregates: (query) => link.call('aggregates', query),
    export: (query) => link.call('export', { ...query, path: resolve(query.path) }),
    keepMarks: async (found) => {
      await link.call('keepMarks', found);
    },
    marks: (query) => link.call('marks', query),
    months: () => link.call('months', null),
    dropBefore: (instant, marks) => link.call('dropBefore', { instant, marks }),
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** The near end of the message protocol: numbered calls, bounded in number, errors carried back. */
class WorkerLink {
  readonly opened: Promise<unknown>;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #path: string;
  #nextId = 1;
  #ended = false;

  constructor(path: string, onEvent: (event: ArchiveEvent) => void) {
    this.#path = path;
    const file = import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js';
    this.#worker = new Worker(new URL(file, import.meta.url), {
      workerData: { path },
      execArgv: [],
      name: 'archive',
    });
    this.opened = new Promise((resolve, reject) => this.#waiting.set(0, { resolve, reject }));
    this.#worker.on('message', (message: Message) => {
      if (message.type === 'event') return onEvent(message.event);
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (message.type === 'done') waiting?.resolve(message.result);
      else waiting?.reject(new AtalaiaError(message.error.code, message.error.message));
    });
    this.#worker.on('error', (cause) => this.#fail(cause));
    this.#worker.on('exit', () => this.#fail(undefined));
  }

  call<N extends CallName>(
    name: N,
    argument: Calls[N]['argument'],
    transfer: ArrayBuffer[] = [],
  ): Promise<Calls[N]['result']> {
    if (this.#ended) return Promise.reject(this.#closedError());
    if (this.#waiting.size >= MAX_WAITING && name !== 'close') {
      return Promise.reject(
        new AtalaiaError(
          'ATL_BUSY',
          `Archive ${this.#path} has ${MAX_WAITING} calls waiting. Try again in a few seconds.`,
        ),
      );
    }
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: (result) => resolve(result as Calls[N]['result']), reject });
      this.#worker.postMessage({ id, name, argument }, transfer);
    });
  }

  async end(): Promise<void> {
    this.#ended = true;
    await this.#worker.terminate();
  }

  #closedError(cause?: Error): AtalaiaError {
    const message = `Archive ${this.#path} is closed${cause ? ` after a failure: ${cause.message}` : ''}. Open it again; what was not committed is folded anew from the log.`;
    return new AtalaiaError('ATL_STORE', message, { cause });
  }

  #fail(cause: Error | undefined): void {
    this.#ended = true;
    for (const waiting of this.#waiting.values()) waiting.reject(this.#closedError(cause));
    this.#waiting.clear();
  }
}

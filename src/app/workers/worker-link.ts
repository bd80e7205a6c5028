import { Worker } from 'node:worker_threads';
import { AtalaiaError, type ErrorCode } from '../../lib/errors.ts';
import type { DocumentCache } from '../documents.ts';
import type { CallName, Calls, FromWorker, ToWorker } from './protocol.ts';

/** A call had no answer because its worker ended; whoever opened a partition there hears of it otherwise. */
export class WorkerLost extends Error {}

/** Starts the thread of a worker. Tests start one that they can end. */
export function startThread(latenessMs: number, hasQuality = true): Worker {
  const file = import.meta.url.endsWith('.ts') ? './fold-worker.ts' : './fold-worker.js';
  return new Worker(new URL(file, import.meta.url), {
    workerData: { latenessMs, hasQuality },
    execArgv: [],
    name: 'fold',
  });
}

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** The near end of a worker: numbered calls, answered in order, and the documents that it asks for. */
export class WorkerLink {
  readonly #worker: Worker;
  readonly #documents: DocumentCache;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #isOver = false;

  /** `onLost` hears once that the thread ended by itself, and why, before the calls that wait are rejected. */
  constructor(worker: Worker, documents: DocumentCache, onLost: (cause: unknown) => void) {
    this.#worker = worker;
    this.#documents = documents;
    let cause: unknown = null;
    worker.on('message', (message: FromWorker) => void this.#hear(message));
    worker.on('error', (error) => {
      cause = error;
    });
    worker.on('exit', (code) => {
      if (this.#isOver) return;
      this.#isOver = true;
      onLost(cause ?? new Error(`its thread ended with ${code}`));
      for (const { reject } of this.#waiting.values()) reject(new WorkerLost());
      this.#waiting.clear();
    });
  }

  /** Resolves with the answer; rejects with the worker's error, or with {@link WorkerLost}. */
  call<N extends CallName>(
    name: N,
    argument: Calls[N]['argument'],
    transfer: ArrayBuffer[] = [],
  ): Promise<Calls[N]['result']> {
    if (this.#isOver) return Promise.reject(new WorkerLost());
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: (result) => resolve(result as Calls[N]['result']), reject });
      this.#send({ type: 'call', id, name, argument }, transfer);
    });
  }

  #send(message: ToWorker, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  async #hear(message: FromWorker): Promise<void> {
    if (message.type === 'document') {
      // A document that cannot be read now is one that is missing: the fold says so.
      const bytes = await this.#documents.bytes(message.hash).catch(() => undefined);
      this.#send({ type: 'document', hash: message.hash, bytes });
      return;
    }
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.type === 'done') waiting?.resolve(message.result);
    else waiting?.reject(errorOf(message.code, message.message));
  }

  /** Ends the thread; what still waits is rejected with {@link WorkerLost}. */
  async end(): Promise<void> {
    this.#isOver = true;
    for (const { reject } of this.#waiting.values()) reject(new WorkerLost());
    this.#waiting.clear();
    await this.#worker.terminate();
  }
}

const errorOf = (code: ErrorCode, message: string): AtalaiaError => new AtalaiaError(code, message);

import { Worker } from 'node:worker_threads';
import type { CapReader } from '../../alerts/cap/read/reader.ts';
import { type ForeignDocument, readForeign } from '../../alerts/foreign/document.ts';

/** What takes longer to read than alerts may wait: a feed of 5 MB takes some seconds. */
const LARGE_BYTES = 64 * 1024;
const TIMEOUT_MS = 60_000;
const MEMORY_MIB = 1024;

/** A document to be read in a thread of its own. */
export interface CapWork {
  readonly bytes: Uint8Array;
  readonly base: string;
}

/** Reads a document of another authority: a large one in a thread of its own, so that our alerts do not wait for it. */
export async function readAside(
  reader: CapReader,
  bytes: Uint8Array,
  base: string,
  stopping: AbortSignal,
): Promise<ForeignDocument> {
  if (bytes.length <= LARGE_BYTES) return readForeign(reader, bytes, base);
  const file = import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js';
  const signal = AbortSignal.any([stopping, AbortSignal.timeout(TIMEOUT_MS)]);
  signal.throwIfAborted();
  const work: CapWork = { bytes, base };
  const worker = new Worker(new URL(file, import.meta.url), {
    workerData: work,
    execArgv: [],
    name: 'cap-feed',
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MIB },
  });
  const onAbort = (): void => void worker.terminate();
  signal.addEventListener('abort', onAbort);
  return new Promise<ForeignDocument>((resolve, reject) => {
    worker.on('message', resolve);
    worker.on('error', reject);
    worker.on('exit', () => reject(new Error('the document could not be read within a minute')));
  }).finally(() => signal.removeEventListener('abort', onAbort));
}

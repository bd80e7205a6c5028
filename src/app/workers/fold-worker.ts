import { parentPort, workerData } from 'node:worker_threads';
import { AtalaiaError, invariant } from '../../lib/errors.ts';
import { DocumentCache } from '../documents.ts';
import type { Calls, FromWorker, ToWorker } from './protocol.ts';
import { WorkerFolds } from './worker-folds.ts';

// The program of a worker thread: folds partitions for the thread that started it (docs/workers.md).

const port = parentPort;
invariant(port, 'the fold worker was started outside of a worker thread');
const { latenessMs, hasQuality } = workerData as {
  readonly latenessMs: number;
  readonly hasQuality: boolean;
};
const send = (message: FromWorker, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);

const wanted = new Map<string, (bytes: Uint8Array | undefined) => void>();
const documents = new DocumentCache(
  (hash) =>
    new Promise((found) => {
      wanted.set(hash, found);
      send({ type: 'document', hash });
    }),
  hasQuality,
);
const folds = new WorkerFolds(documents, latenessMs);

type Call = ToWorker & { readonly type: 'call' };

/** Does a call and answers; what may go on beside the next call is returned as a promise inside. */
async function run({ id, name, argument }: Call): Promise<void> {
  try {
    if (name === 'snapshot') {
      const seal = folds.snapshot((argument as Calls['snapshot']['argument']).partition);
      void seal().then(
        (result) => send({ type: 'done', id, result }, [result.bytes.buffer]),
        (error) => failed(id, error),
      );
      return;
    }
    if (name === 'fold') {
      const result = await folds.fold(argument as Calls['fold']['argument']);
      return send({ type: 'done', id, result }, [result.rows.numbers.buffer]);
    }
    const result =
      name === 'open'
        ? await folds.open(argument as Calls['open']['argument'])
        : folds.close((argument as Calls['close']['argument']).partition);
    send({ type: 'done', id, result });
  } catch (error) {
    failed(id, error);
  }
}

function failed(id: number, error: unknown): void {
  const isOurs = error instanceof AtalaiaError;
  send({
    type: 'failed',
    id,
    code: isOurs ? error.code : 'ATL_BUG',
    message: error instanceof Error ? error.message : String(error),
  });
}

/** One call after the other; documents come past them. */
let calls: Promise<void> = Promise.resolve();
port.on('message', (message: ToWorker) => {
  if (message.type === 'call') {
    calls = calls.then(() => run(message));
    return;
  }
  wanted.get(message.hash)?.(message.bytes);
  wanted.delete(message.hash);
});

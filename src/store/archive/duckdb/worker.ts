import { parentPort, workerData } from 'node:worker_threads';
import { AtalaiaError, invariant } from '../../../lib/errors.ts';
import type { AggregateQuery, FoundMarks, MarksQuery } from '../archive.ts';
import { Engine } from './engine.ts';
import type {
  CarriedError,
  DropQuery,
  ExportQuery,
  Message,
  PackedBatch,
  Request,
  SeriesQuery,
} from './protocol.ts';

const port = parentPort;
invariant(port, 'the archive worker was started outside of a worker thread');
const { path } = workerData as { readonly path: string };
const send = (message: Message): void => port.postMessage(message);

const carry = (error: unknown): CarriedError => {
  if (error instanceof AtalaiaError) return { code: error.code, message: error.message };
  const text = error instanceof Error ? error.message : String(error);
  return {
    code: 'ATL_STORE',
    message: `Archive ${path}: ${text}. Check disk space and rights, then start again.`,
  };
};

/** Runs the call; a failure goes back to the caller under the same id. */
async function answer(id: number, work: () => Promise<unknown>): Promise<void> {
  try {
    send({ type: 'done', id, result: await work() });
  } catch (error) {
    send({ type: 'failed', id, error: carry(error) });
  }
}

function run(engine: Engine, request: Request): Promise<unknown> {
  switch (request.name) {
    case 'commit':
    case 'commitEffects':
      return engine[request.name](request.argument as readonly PackedBatch[]);
    case 'series':
      return engine.series(request.argument as SeriesQuery);
    case 'aggregates':
      return engine.aggregates(request.argument as AggregateQuery);
    case 'export':
      return engine.export(request.argument as ExportQuery);
    case 'keepMarks':
      return engine.keepMarks(request.argument as FoundMarks);
    case 'marks':
      return engine.marks(request.argument as MarksQuery);
    case 'dropBefore':
      return engine.dropBefore(request.argument as DropQuery);
    case 'months':
    case 'positions':
    case 'durablePositions':
    case 'latest':
    case 'close':
      return engine[request.name]();
  }
}

await answer(0, async () => {
  const engine = await Engine.open(path, (event) => send({ type: 'event', event }));
  port.on('message', (request: Request) => void answer(request.id, () => run(engine, request)));
  return null;
});

import { parentPort, workerData } from 'node:worker_threads';
import { openFiles } from '../../ingest/files.ts';
import { AtalaiaError, invariant } from '../../lib/errors.ts';
import { evaluate } from './evaluate.ts';
import type { BacktestWork, FromBacktest } from './job.ts';

const port = parentPort;
invariant(port, 'the backtest was started outside of a worker thread');
const work = workerData as BacktestWork;
const send = (message: FromBacktest): void => port.postMessage(message);

try {
  const intervals = new Map(work.stations.map(({ id, intervalMs }) => [id, intervalMs]));
  const files = await openFiles([work.path], { stationInterval: (id) => intervals.get(id) });
  const reports = await files.columns();
  const { stations, areas, rules, sweeps, proposals, toleranceMs } = work;
  const { report, leftOut } = evaluate({
    recording: { reports, stations, areas, partitions: 64, delayMs: 0 },
    ...{ rules, sweeps, proposals, toleranceMs },
    truth: { text: work.truth, name: 'truth' },
    ...(work.others && { others: work.others }),
    onProgress: (reports, at) => send({ kind: 'progress', reports, at }),
  });
  const refused = [...files.refusals.byCode.values()].reduce((sum, count) => sum + count, 0);
  send({ kind: 'done', report, refused, leftOut });
} catch (error) {
  const code = error instanceof AtalaiaError ? error.code : 'ATL_BUG';
  send({ kind: 'failed', code, message: (error as Error).message });
}

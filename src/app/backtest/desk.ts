import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { BacktestDesk, BacktestJob, BacktestRequest } from '../../api/deps.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import type { Area } from '../../model/area.ts';
import type { Station } from '../../model/station.ts';
import type { Archive } from '../../store/archive/archive.ts';
import type { BacktestWork, FromBacktest } from './job.ts';
import { parseProposal } from './propose.ts';
import { parseSweep } from './sweep.ts';
import { parseTruth } from './truth.ts';

/** One is folded at a time; so many may wait, and so many that ended are remembered. */
const MAX_WAITING = 8;
const MAX_ENDED = 20;
/** Readings of one backtest. They are held in memory, by a thread that may have so much of it. */
const MAX_READINGS = 10_000_000;
const MEMORY_MIB = 3072;

export interface DeskOptions {
  readonly archive: Archive;
  readonly stations: () => readonly Station[];
  readonly areas: () => readonly Area[];
  /** Epoch ms. */
  readonly now: () => number;
}

interface Entry {
  job: BacktestJob;
  readonly work: Omit<BacktestWork, 'path'>;
  readonly request: BacktestRequest;
  readonly cancelled: AbortController;
}

/**
 * Backtests over the archive, as jobs that can be watched and ended. Each exports its span to a temporary file
 * and folds it in a thread of its own, so that live data does not wait. Jobs are not kept over a restart.
 */
export class Backtests implements BacktestDesk {
  readonly #options: DeskOptions;
  readonly #entries = new Map<string, Entry>();
  #running: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: DeskOptions) {
    this.#options = options;
  }

  submit(request: BacktestRequest): BacktestJob {
    const waiting = [...this.#entries.values()].filter(({ job }) => job.state === 'waiting').length;
    if (waiting >= MAX_WAITING || this.#isClosed)
      throw new AtalaiaError('ATL_BUSY', `${waiting} backtests wait already. Try again when one has ended.`);
    const { stations, areas, now } = this.#options;
    const asked = request.stations && new Set(request.stations);
    const known = stations().filter(({ id }) => asked?.has(id) ?? true);
    const missing = [...(asked ?? [])].find((id) => !known.some((station) => station.id === id));
    if (missing !== undefined)
      throw new AtalaiaError('ATL_INPUT', `Body \`stations\`: there is no station ${missing}.`);
    const { rules, others = null, toleranceMs, truth } = request;
    // What is wrong with the input is told at once.
    const sweeps = request.sweeps.map((text) => parseSweep(text, rules));
    const proposals = (request.proposals ?? []).map((text) => parseProposal(text, rules));
    parseTruth(truth, 'truth', new Set([...rules, ...(others ?? [])].map(({ name }) => name)));
    const job: BacktestJob = {
      id: randomBytes(12).toString('hex'),
      state: 'waiting',
      author: request.author,
      createdAt: now(),
      endedAt: null,
      foldedTo: null,
      from: request.from,
      to: request.to,
    };
    const work = { rules, others, sweeps, proposals, truth, toleranceMs, stations: known, areas: areas() };
    const entry: Entry = { job, work, request, cancelled: new AbortController() };
    this.#entries.set(job.id, entry);
    this.#running = this.#running.then(() => this.#run(entry));
    return job;
  }

  jobs(): readonly BacktestJob[] {
    return [...this.#entries.values()].map(({ job }) => job).reverse();
  }

  job(id: string): BacktestJob | undefined {
    return this.#entries.get(id)?.job;
  }

  cancel(id: string): void {
    const entry = this.#entries.get(id);
    entry?.cancelled.abort();
    if (entry?.job.state === 'waiting') this.#end(entry, { state: 'cancelled' });
  }

  /** Ends what runs and waits until it is gone. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const id of this.#entries.keys()) this.cancel(id);
    await this.#running;
  }

  async #run(entry: Entry): Promise<void> {
    if (entry.job.state !== 'waiting') return;
    entry.job = { ...entry.job, state: 'running' };
    const found = await this.#exportAndFold(entry).catch((error: Error) => ({ error: error.message }));
    this.#end(entry, found);
  }

  async #exportAndFold(entry: Entry): Promise<Partial<BacktestJob>> {
    const folder = await mkdtemp(join(tmpdir(), 'atalaia-backtest-'));
    try {
      const path = join(folder, 'readings.csv.gz');
      const { from, to } = entry.request;
      const stations = entry.work.stations.map(({ id }) => id);
      // All quantities: whether a station is silent is told by any of its reports.
      const { rows } = await this.#options.archive.export({ path, format: 'csv', from, to, stations });
      if (rows > MAX_READINGS)
        throw new AtalaiaError(
          'ATL_TOO_LARGE',
          `${rows} readings; at most ${MAX_READINGS}. Take fewer stations or a shorter span, or use atalaia backtest on an export.`,
        );
      return await this.#fold(entry, { ...entry.work, path });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  #fold(entry: Entry, work: BacktestWork): Promise<Partial<BacktestJob>> {
    if (entry.cancelled.signal.aborted) return Promise.resolve({ state: 'cancelled' });
    const file = import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js';
    const worker = new Worker(new URL(file, import.meta.url), {
      workerData: work,
      execArgv: [],
      name: 'backtest',
      resourceLimits: { maxOldGenerationSizeMb: MEMORY_MIB },
    });
    const onAbort = (): void => void worker.terminate();
    entry.cancelled.signal.addEventListener('abort', onAbort);
    return new Promise<Partial<BacktestJob>>((resolve) => {
      const failed = (error: string): void => resolve({ state: 'failed', error });
      worker.on('message', (message: FromBacktest) => {
        if (message.kind === 'progress') entry.job = { ...entry.job, foldedTo: message.at };
        else if (message.kind === 'failed') failed(message.message);
        else {
          const { report, refused, leftOut } = message;
          resolve({ state: 'done', report: { ...report, refused, truthLeftOut: leftOut } });
        }
      });
      worker.on('error', (error) => failed(`${error.message}. Take fewer stations or a shorter span.`));
      worker.on('exit', () =>
        entry.cancelled.signal.aborted
          ? resolve({ state: 'cancelled' })
          : failed('The thread ended by itself.'),
      );
    }).finally(() => entry.cancelled.signal.removeEventListener('abort', onAbort));
  }

  #end(entry: Entry, how: Partial<BacktestJob>): void {
    const state = entry.cancelled.signal.aborted ? 'cancelled' : (how.state ?? 'failed');
    entry.job = { ...entry.job, ...how, state, endedAt: this.#options.now() };
    const ended = [...this.#entries.values()].filter(({ job }) => job.endedAt !== null);
    for (const { job } of ended.slice(0, Math.max(0, ended.length - MAX_ENDED))) this.#entries.delete(job.id);
  }
}

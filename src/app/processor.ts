import { invariant } from '../lib/errors.ts';
import type { Log } from '../log/log.ts';
import type { Archive } from '../store/archive/archive.ts';
import type { Ledger } from '../store/ledger/ledger.ts';
import { CheckpointTimer, type Kept } from './checkpoint-timer.ts';
import type { CheckpointStore } from './checkpoints.ts';
import type { DocumentCache } from './documents.ts';
import type { Folded, Folder } from './folder.ts';
import { exactlyOnce, type Guarantees, type Probe } from './guarantee.ts';
import { FoldedPartition } from './partition-fold.ts';
import { append, type Owned, Sinks, type Starts, sizeOf } from './sinks.ts';
import { ThreadPartition } from './workers/thread-partition.ts';
import { WorkerPool, type WorkersOptions } from './workers/worker-pool.ts';

export interface ProcessorOptions {
  readonly log: Log;
  readonly ledger: Ledger;
  readonly archive: Archive;
  readonly checkpoints: CheckpointStore;
  readonly documents: DocumentCache;
  readonly latenessMs: number;
  /** Span whose records are committed together, ms: 0 = streaming, as fast as the sinks take them; more = micro-batch. */
  readonly everyMs: number;
  /** A partition that changed is checkpointed at most once in this span, ms; infinite: at the end alone. Default 1 s. */
  readonly checkpointEveryMs?: number;
  /** Default: exactly once, all of them. */
  readonly guarantees?: Guarantees;
  /** How long observations wait to be committed together at most, ms; default 400. */
  readonly archiveEveryMs?: number;
  /** A topic that takes the alert events too. */
  readonly topic?: { readonly log: Log; readonly name: string } | undefined;
  /** Worker threads that fold; none, or `max` of 1: this thread folds. */
  readonly workers?: WorkersOptions | undefined;
  /** Tests of the guarantees crash the process here. */
  readonly probe?: Probe;
  readonly onCommitted: () => void;
  readonly onCounted: (what: string, by: number) => void;
  /** Hears once of an outage of the archive, and with null of its end. */
  readonly onArchiveOutage?: (error: unknown) => void;
  readonly onFailure: (error: unknown) => void;
}

const READ_LIMIT = 1000;
const READ_WAIT_MS = 1000;
const CHECKPOINT_EVERY_MS = 1000;
/** Partitions that are opened at once for each thread: one is read and inflated while another is restored. */
const LANES = 4;
/** A micro-batch of all partitions together is committed early at so many effects: memory is bounded. */
const MAX_GATHERED = 200_000;

/** A partition being folded by this process. */
interface Assigned {
  readonly folder: Folder;
  readonly epoch: number;
  readonly starts: Starts;
  /** Folded and not handed to the sinks yet. */
  gathered: Owned | null;
}

/** Takes partitions over, folds their records and hands the effects to the sinks, each with its own fenced position. */
export class Processor {
  readonly #options: ProcessorOptions;
  readonly #assigned: Assigned[] = [];
  readonly #skips = new Set<string>();
  readonly #sinks: Sinks;
  readonly #checkpointTimer: CheckpointTimer;
  readonly #pool: WorkerPool | null;
  readonly #running: Promise<void>[] = [];
  #isStopping = false;
  /** Effects gathered by all partitions. */
  #size = 0;
  #flushing: Promise<void> = Promise.resolve();
  #flushTimer: NodeJS.Timeout | null = null;

  constructor(options: ProcessorOptions) {
    this.#options = options;
    this.#sinks = new Sinks({ ...options, guarantees: options.guarantees ?? exactlyOnce });
    this.#checkpointTimer = new CheckpointTimer({
      store: options.checkpoints,
      everyMs: options.checkpointEveryMs ?? CHECKPOINT_EVERY_MS,
      onFailure: options.onFailure,
      probe: options.probe,
      threads: () => this.workers,
    });
    const { workers, log, documents, latenessMs, onFailure } = options;
    this.#pool =
      workers && workers.max > 1
        ? new WorkerPool({ ...workers, log, documents, latenessMs, onFailure })
        : null;
  }

  /** Threads that fold just now. */
  get workers(): number {
    return this.#pool?.size ?? 1;
  }

  /** Goes to so many worker threads; without workers this thread folds on. Otherwise the lag decides. */
  async scaleTo(workers: number): Promise<void> {
    await this.#pool?.scaleTo(workers);
  }

  get archiveLagMs(): number {
    return this.#sinks.archiveLagMs;
  }

  /** Time that checkpoints took so far, ms, and how many were written. */
  get checkpointsSpent(): { readonly ms: number; readonly count: number } {
    return this.#checkpointTimer.spent;
  }

  /** Oldest partition clock of all, epoch ms: up to here everything is folded. */
  clockAt(): number {
    return Math.min(...this.#assigned.map(({ folder }) => folder.clockAt));
  }

  async start(): Promise<void> {
    const { ledger, everyMs } = this.#options;
    for (const { partition, offset } of await ledger.skips()) this.#skips.add(`${partition}/${offset}`);
    await this.#sinks.start();
    await this.#pool?.start();
    await this.#assignAll();
    for (const assigned of this.#assigned) this.#running.push(this.#run(assigned).catch(this.#failed));
    this.#checkpointTimer.start(this.#assigned.map((assigned) => this.#kept(assigned)));
    if (everyMs > 0) this.#flushTimer = setInterval(() => void this.#flush().catch(this.#failed), everyMs);
  }

  #failed = (error: unknown): void => {
    if (!this.#isStopping) this.#options.onFailure(error);
  };

  /** Takes the partitions over, some at a time. */
  async #assignAll(): Promise<void> {
    const { partitions } = this.#options.log;
    const assigned: Assigned[] = [];
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < partitions) {
        const partition = next++;
        assigned[partition] = await this.#assign(partition);
      }
    };
    await Promise.all(Array.from({ length: LANES * this.workers }, lane));
    this.#assigned.push(...assigned);
  }

  async #assign(partition: number): Promise<Assigned> {
    const { ledger, onFailure, probe } = this.#options;
    const { epoch, offset: ledgerFrom } = await ledger.acquire(partition);
    await probe?.('acquired');
    const starts = await this.#sinks.startsOf(partition, epoch, ledgerFrom);
    const options = { ...this.#options, skips: this.#skips, onSkipped: onFailure };
    const folder = this.#pool
      ? await ThreadPartition.open(partition, { ...options, pool: this.#pool, starts })
      : await FoldedPartition.open(partition, options, starts);
    return { folder, epoch, starts, gathered: null };
  }

  #kept({ folder, starts }: Assigned): Kept {
    return {
      folder,
      positions: () => this.#sinks.positions(folder.partition, starts),
      durable: () => this.#sinks.durable(folder.partition),
    };
  }

  async #run(assigned: Assigned): Promise<void> {
    const { log, probe } = this.#options;
    const { folder } = assigned;
    let next = folder.offset;
    /** The chunk before: it is handed over first. */
    let before: Promise<void> = Promise.resolve();
    while (!this.#isStopping) {
      const entries = await log.read(folder.partition, next, READ_LIMIT, READ_WAIT_MS);
      const last = entries.at(-1);
      if (!last) {
        await before;
        continue;
      }
      await probe?.('fetched');
      next = last.offset + 1;
      const waiting = before;
      before = this.#finish(assigned, waiting, folder.fold(entries));
      // Where it fails while the next one is read, the next turn hears of it.
      before.catch(() => {});
      await (folder.depth > 1 ? waiting : before);
    }
    await before;
  }

  /** Hands a chunk over when it is folded and the one before is out of the way. */
  async #finish(assigned: Assigned, before: Promise<void>, folding: Promise<Folded>): Promise<void> {
    const { everyMs, probe } = this.#options;
    const [folded] = await Promise.all([folding, before]);
    this.#take(assigned, folded);
    await probe?.('folded');
    if (everyMs === 0) await this.#hand(assigned);
    else if (this.#size >= MAX_GATHERED) await this.#flush();
  }

  #take(assigned: Assigned, folded: Folded): void {
    const { folder, epoch } = assigned;
    const { counted, ...gathered } = folded;
    if (!Number.isFinite(gathered.clockAt)) gathered.clockAt = 0;
    this.#size += sizeOf(gathered);
    // A micro-batch may hold the chunks before.
    if (assigned.gathered) append(assigned.gathered, gathered);
    else assigned.gathered = { partition: folder.partition, epoch, ...gathered };
    for (const [what, by] of counted) this.#options.onCounted(what, by);
  }

  /** Hands what the partition has gathered to the sinks. */
  async #hand(assigned: Assigned): Promise<void> {
    const { gathered, starts } = assigned;
    if (!gathered) return;
    assigned.gathered = null;
    this.#size -= sizeOf(gathered);
    await this.#sinks.put(gathered, starts);
    await this.#options.probe?.('committed');
    await this.#options.log.commit('processor', gathered.partition, gathered.to);
  }

  /** Ends a micro-batch: what all partitions have gathered is committed together, one batch behind the other. */
  #flush(): Promise<void> {
    const flushed = this.#flushing.then(async () => {
      await Promise.all(this.#assigned.map((assigned) => this.#hand(assigned)));
    });
    this.#flushing = flushed.catch(() => {});
    return flushed;
  }

  /** Removes checkpoints and log that no recovery can need any more. */
  async prune(): Promise<void> {
    const { archive, ledger, topic, checkpoints, log } = this.#options;
    const offsets = (all: readonly { partition: number; offset: number }[]): Map<number, number> =>
      new Map(all.map(({ partition, offset }) => [partition, offset]));
    const kept = await archive.durablePositions();
    this.#sinks.noteDurable(kept);
    const durable = offsets(kept);
    const stored = offsets(await ledger.positions());
    const told = topic ? offsets(await ledger.sinkPositions(`topic:${topic.name}`)) : null;
    const oldest: number[] = [];
    for (const { folder, starts } of this.#assigned) {
      const { partition } = folder;
      const position = Math.min(
        durable.get(partition) ?? 0,
        stored.get(partition) ?? 0,
        told ? (told.get(partition) ?? 0) : Number.POSITIVE_INFINITY,
      );
      const positions = this.#sinks.positions(partition, starts);
      oldest.push(await checkpoints.prune(partition, position, positions));
    }
    invariant(oldest.length <= log.partitions, 'more partitions are assigned than the log has');
    await log.trim(oldest);
  }

  /** Stops between two batches, commits what is folded, and writes checkpoints so that the next start is quick. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    if (this.#flushTimer) clearInterval(this.#flushTimer);
    this.#checkpointTimer.halt();
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([
      Promise.all(this.#running),
      new Promise((done) => {
        timer = setTimeout(done, READ_WAIT_MS + 200);
      }),
    ]);
    clearTimeout(timer);
    await this.#flush();
    await this.#sinks.stop();
    await this.#checkpointTimer.stop();
    await this.#pool?.stop();
  }
}

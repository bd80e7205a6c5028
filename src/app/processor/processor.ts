import { isFenced } from '../../lib/errors.ts';
import type { Log, LogEntry } from '../../log/log.ts';
import type { Archive } from '../../store/archive/archive.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { CheckpointStore } from '../checkpoints/checkpoints.ts';
import { CheckpointTimer, type Kept } from '../checkpoints/timer.ts';
import type { DocumentCache } from '../documents.ts';
import { exactlyOnce, type Guarantees, type Probe } from '../sinks/guarantee.ts';
import { append, type Owned, Sinks, type Starts, sizeOf, type Taken } from '../sinks/sinks.ts';
import { ThreadPartition } from '../workers/thread-partition.ts';
import { WorkerPool, type WorkersOptions } from '../workers/worker-pool.ts';
import type { Folded, Folder } from './folder.ts';
import { FoldedPartition, keyOf } from './partition-fold.ts';

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
  /**
   * Other processes share the log: partitions come by {@link Processor.take} and go by {@link Processor.release}, and one
   * that somebody else took over is let go and told here. Without it this process takes all, and to be fenced is a failure.
   */
  readonly onFenced?: ((partition: number, error: unknown) => void) | undefined;
  /** Hears that a checkpoint could not be kept, in place of `onFailure`: for a store far away, which may come back. */
  readonly onCheckpointFailure?: ((error: unknown) => void) | undefined;
}

const READ_LIMIT = 1000;
const READ_WAIT_MS = 1000;
const CHECKPOINT_EVERY_MS = 1000;
/** Partitions that are opened at once for each thread: one is read and inflated while another is restored. */
const LANES = 4;
/** Partitions asked of a ledger of our own at once: it takes those of one turn over together. */
const ACQUIRED_AT_ONCE = 64;
/** A partition that goes to another process waits so long at most for what is under way; the rest is the other's to fold. */
const RELEASE_LIMIT_MS = 10_000;
/** A micro-batch of all partitions together is committed early at so many effects: memory is bounded. */
const MAX_GATHERED = 200_000;

/** A partition being folded by this process. */
interface Assigned {
  readonly folder: Folder;
  readonly epoch: number;
  readonly starts: Starts;
  readonly kept: Kept;
  /** Folded and not handed to the sinks yet. */
  gathered: Owned | null;
  /** No more is read. */
  isLeaving: boolean;
  /** Nothing more may be committed. */
  isDropped: boolean;
  /** Ends a wait for records. */
  wake: () => void;
  running: Promise<void>;
  handing: Promise<void>;
}

/** Folds the records of the partitions that it holds and hands the effects to the sinks, each with its own fenced position. */
export class Processor {
  readonly #options: ProcessorOptions;
  readonly #assigned = new Map<number, Assigned>();
  readonly #skips = new Set<string>();
  readonly #sinks: Sinks;
  readonly #checkpointTimer: CheckpointTimer;
  readonly #pool: WorkerPool | null;
  #isStopping = false;
  /** Effects gathered by all partitions. */
  #size = 0;
  #flushing: Promise<void> = Promise.resolve();
  #flushTimer: NodeJS.Timeout | null = null;

  constructor(options: ProcessorOptions) {
    this.#options = options;
    this.#sinks = new Sinks({
      ...options,
      guarantees: options.guarantees ?? exactlyOnce,
      onFenced: options.onFenced && ((...fenced) => this.#fenced(...fenced)),
    });
    this.#checkpointTimer = new CheckpointTimer({
      store: options.checkpoints,
      everyMs: options.checkpointEveryMs ?? CHECKPOINT_EVERY_MS,
      onFailure: options.onCheckpointFailure ?? options.onFailure,
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

  /** The partitions that are folded here, ascending. */
  get held(): readonly number[] {
    return [...this.#assigned.keys()].sort((a, b) => a - b);
  }

  /** Oldest partition clock of those held, epoch ms: up to here everything is folded. Infinite when none is held. */
  clockAt(): number {
    return Math.min(...[...this.#assigned.values()].map(({ folder }) => folder.clockAt));
  }

  async start(): Promise<void> {
    const { everyMs, onFenced, log } = this.#options;
    await this.#sinks.start();
    await this.#pool?.start();
    if (!onFenced) await this.take(Array.from({ length: log.partitions }, (_, partition) => partition));
    this.#checkpointTimer.start();
    if (everyMs > 0) this.#flushTimer = setInterval(() => void this.#flush(), everyMs);
  }

  /** Takes partitions over, some at a time: whoever held them is fenced from here on. */
  async take(partitions: readonly number[]): Promise<void> {
    const { ledger, probe, onFenced } = this.#options;
    const taken: Taken[] = [];
    // One that is shared is a server: each of those asked at once is a connection, of every process that starts.
    const atOnce = onFenced ? LANES : ACQUIRED_AT_ONCE;
    await inLanes(atOnce, partitions, async (partition) => {
      if (this.#assigned.has(partition)) return;
      const { epoch, offset } = await ledger.acquire(partition);
      await probe?.('acquired');
      taken.push({ partition, epoch, offset });
    });
    // After the takeover: the holder before may have skipped one with its last breath.
    for (const { partition, offset } of await ledger.skips()) this.#skips.add(keyOf({ partition, offset }));
    // They begin to fold together: one pass over the end of the log serves all that read it.
    const ready = Promise.withResolvers<void>();
    try {
      const begun = await this.#begin(taken);
      await inLanes(LANES * this.workers, begun, (one) => this.#open(...one, ready.promise));
    } finally {
      ready.resolve();
    }
  }

  /** Where the sinks go on; a partition that is another's again already is left out, and told. */
  async #begin(taken: readonly Taken[]): Promise<(readonly [Taken, Starts])[]> {
    const { onFenced } = this.#options;
    try {
      const starts = await this.#sinks.begin(taken);
      return taken.map((one, i) => [one, starts[i] as Starts] as const);
    } catch (error) {
      if (!onFenced || !isFenced(error)) throw error;
      const [first] = taken;
      if (taken.length > 1) return (await Promise.all(taken.map((one) => this.#begin([one])))).flat();
      if (first) onFenced(first.partition, error);
      return [];
    }
  }

  async #open({ partition, epoch }: Taken, starts: Starts, ready: Promise<void>): Promise<void> {
    const options = { ...this.#options, skips: this.#skips, onSkipped: this.#options.onFailure };
    const folder = this.#pool
      ? await ThreadPartition.open(partition, { ...options, pool: this.#pool, starts })
      : await FoldedPartition.open(partition, options, starts);
    const kept: Kept = {
      folder,
      epoch,
      positions: () => this.#sinks.positions(partition, starts),
      durable: () => this.#sinks.durable(partition),
    };
    const assigned: Assigned = {
      ...{ folder, epoch, starts, kept, gathered: null, isLeaving: this.#isStopping, isDropped: false },
      ...{ wake: () => {}, running: Promise.resolve(), handing: Promise.resolve() },
    };
    this.#assigned.set(partition, assigned);
    this.#checkpointTimer.add(kept);
    assigned.running = ready
      .then(() => this.#run(assigned))
      .catch((error: unknown) => this.#failed(assigned, error));
  }

  #failed(assigned: Assigned, error: unknown): void {
    if (assigned.isDropped || this.#isStopping) return;
    if (this.#options.onFenced && isFenced(error))
      this.#fenced(assigned.folder.partition, assigned.epoch, error);
    // What is not committed is the next holder's to fold.
    else if (!assigned.isLeaving) this.#options.onFailure(error);
  }

  /** Another process took the partition over: it is its from here on, whatever the log's broker says. */
  #fenced(partition: number, epoch: number, error: unknown): void {
    const assigned = this.#assigned.get(partition);
    if (assigned?.epoch !== epoch || assigned.isDropped) return;
    this.#drop(assigned);
    this.#options.onFenced?.(partition, error);
  }

  #drop(assigned: Assigned): void {
    const { folder, kept, gathered } = assigned;
    assigned.isLeaving = true;
    assigned.isDropped = true;
    assigned.wake();
    if (gathered) this.#size -= sizeOf(gathered);
    assigned.gathered = null;
    this.#sinks.drop([folder.partition]);
    void this.#checkpointTimer.remove(kept, false);
    folder.close();
    this.#assigned.delete(folder.partition);
  }

  async #run(assigned: Assigned): Promise<void> {
    const { probe } = this.#options;
    const { folder } = assigned;
    let next = folder.offset;
    /** The chunk before: it is handed over first. */
    let before: Promise<void> = Promise.resolve();
    while (!assigned.isLeaving) {
      const entries = await this.#read(assigned, next);
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

  /** What comes next; nothing when the partition leaves meanwhile. */
  #read(assigned: Assigned, next: number): Promise<readonly LogEntry[]> {
    return new Promise((resolve, reject) => {
      assigned.wake = () => resolve([]);
      this.#options.log.read(assigned.folder.partition, next, READ_LIMIT, READ_WAIT_MS).then(resolve, reject);
    });
  }

  /** Hands a chunk over when it is folded and the one before is out of the way. */
  async #finish(assigned: Assigned, before: Promise<void>, folding: Promise<Folded>): Promise<void> {
    const { everyMs, probe } = this.#options;
    const [folded] = await Promise.all([folding, before]);
    if (assigned.isDropped) return;
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
  #hand(assigned: Assigned): Promise<void> {
    assigned.handing = this.#handNow(assigned);
    return assigned.handing;
  }

  async #handNow(assigned: Assigned): Promise<void> {
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
    this.#flushing = this.#flushing.then(async () => {
      const all = [...this.#assigned.values()];
      await Promise.all(all.map((one) => this.#hand(one).catch((error) => this.#failed(one, error))));
    });
    return this.#flushing;
  }

  /** Removes checkpoints and log that no recovery can need any more, of the partitions held. */
  async prune(): Promise<void> {
    const { archive, ledger, topic, checkpoints, log } = this.#options;
    const offsets = (all: readonly { partition: number; offset: number }[]): Map<number, number> =>
      new Map(all.map(({ partition, offset }) => [partition, offset]));
    const kept = await archive.durablePositions();
    this.#sinks.noteDurable(kept);
    const durable = offsets(kept);
    const stored = offsets(await ledger.positions());
    const told = topic ? offsets(await ledger.sinkPositions(`topic:${topic.name}`)) : null;
    const oldest = new Array<number>(log.partitions).fill(0);
    for (const [partition, { starts, epoch }] of [...this.#assigned]) {
      const position = Math.min(
        durable.get(partition) ?? 0,
        stored.get(partition) ?? 0,
        told ? (told.get(partition) ?? 0) : Number.POSITIVE_INFINITY,
      );
      const positions = this.#sinks.positions(partition, starts);
      oldest[partition] = await checkpoints.prune(partition, position, positions, epoch);
    }
    await log.trim(oldest);
  }

  /**
   * Lets partitions go. `revoked`: what is folded is committed and kept in a checkpoint before it resolves, so that the
   * next holder goes on from there. `lost`: nothing is committed any more.
   */
  async release(partitions: readonly number[], reason: 'revoked' | 'lost'): Promise<void> {
    const leaving = partitions.flatMap((partition) => this.#assigned.get(partition) ?? []);
    if (reason === 'lost') {
      for (const assigned of leaving) this.#drop(assigned);
      return;
    }
    await this.#quiesce(leaving, RELEASE_LIMIT_MS);
    await this.#sinks.release(partitions, RELEASE_LIMIT_MS);
    // Without its checkpoint the next holder folds some records more.
    await this.#keepLast(leaving).catch(() => {});
    for (const assigned of leaving) if (!assigned.isDropped) this.#drop(assigned);
  }

  /** Reads no more and hands over what is folded, within the time. */
  async #quiesce(leaving: readonly Assigned[], limitMs: number): Promise<void> {
    for (const assigned of leaving) {
      assigned.isLeaving = true;
      assigned.wake();
    }
    await within(limitMs, Promise.all(leaving.map(({ running }) => running)));
    const hand = async (assigned: Assigned): Promise<void> => {
      await assigned.handing.catch(() => {});
      await this.#hand(assigned).catch((error: unknown) => {
        if (this.#isStopping && !isFenced(error)) throw error;
        this.#failed(assigned, error);
      });
    };
    await within(limitMs, Promise.all(leaving.filter(({ isDropped }) => !isDropped).map(hand)));
  }

  /** A last checkpoint of each. */
  async #keepLast(leaving: readonly Assigned[]): Promise<void> {
    for (const { isDropped, kept } of leaving) if (!isDropped) await this.#checkpointTimer.remove(kept, true);
  }

  /** Stops between two batches, commits what is folded, and writes checkpoints so that the next start is quick. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    if (this.#flushTimer) clearInterval(this.#flushTimer);
    this.#checkpointTimer.halt();
    this.#sinks.halt();
    const leaving = [...this.#assigned.values()];
    await this.#quiesce(leaving, READ_WAIT_MS + 200);
    await this.#sinks.stop();
    await this.#keepLast(leaving);
    await this.#pool?.stop();
  }
}

/** Does something with each, so many at a time. */
async function inLanes<T>(lanes: number, all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < all.length) await work(all[next++] as T);
  };
  await Promise.all(Array.from({ length: Math.min(lanes, all.length) }, lane));
}

/** Waits for it, at most `limitMs`. */
async function within(limitMs: number, what: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((done) => {
    timer = setTimeout(done, limitMs);
  });
  try {
    await Promise.race([what, late]);
  } finally {
    clearTimeout(timer);
  }
}

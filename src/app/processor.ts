import { invariant } from '../lib/errors.ts';
import type { Log, LogEntry } from '../log/log.ts';
import type { Archive } from '../store/archive/archive.ts';
import type { Ledger } from '../store/ledger/ledger.ts';
import { CheckpointTimer, type Kept } from './checkpoint-timer.ts';
import type { CheckpointStore } from './checkpoints.ts';
import type { DocumentCache } from './documents.ts';
import { exactlyOnce, type Guarantees, type Probe } from './guarantee.ts';
import { FoldedPartition } from './partition-fold.ts';
import { type Gathered, gather, Sinks, type Starts, sizeOf } from './sinks.ts';

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
  /** Tests of the guarantees crash the process here. */
  readonly probe?: Probe;
  readonly onCommitted: () => void;
  readonly onCounted: (what: string, by: number) => void;
  readonly onFailure: (error: unknown) => void;
}

const READ_LIMIT = 1000;
const READ_WAIT_MS = 1000;
const CHECKPOINT_EVERY_MS = 1000;
/** A micro-batch of all partitions together is committed early at so many effects: memory is bounded. */
const MAX_GATHERED = 200_000;

/** A partition being folded by this process. */
interface Assigned {
  readonly folded: FoldedPartition;
  readonly epoch: number;
  readonly starts: Starts;
  /** Folded and not handed to the sinks yet. */
  gathered: Gathered | null;
}

/** Takes partitions over, folds their records and hands the effects to the sinks, each with its own fenced position. */
export class Processor {
  readonly #options: ProcessorOptions;
  readonly #assigned: Assigned[] = [];
  readonly #skips = new Set<string>();
  readonly #sinks: Sinks;
  readonly #checkpointTimer: CheckpointTimer;
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
    });
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
    return Math.min(...this.#assigned.map(({ folded }) => folded.clockAt));
  }

  async start(): Promise<void> {
    const { ledger, log, everyMs } = this.#options;
    for (const { partition, offset } of await ledger.skips()) this.#skips.add(`${partition}/${offset}`);
    await this.#sinks.start();
    for (let partition = 0; partition < log.partitions; partition++)
      this.#assigned.push(await this.#assign(partition));
    for (const assigned of this.#assigned) this.#running.push(this.#run(assigned).catch(this.#failed));
    this.#checkpointTimer.start(this.#assigned.map((assigned) => this.#kept(assigned)));
    if (everyMs > 0) this.#flushTimer = setInterval(() => void this.#flush().catch(this.#failed), everyMs);
  }

  #failed = (error: unknown): void => {
    if (!this.#isStopping) this.#options.onFailure(error);
  };

  async #assign(partition: number): Promise<Assigned> {
    const { ledger, onFailure, probe } = this.#options;
    const { epoch, offset: ledgerFrom } = await ledger.acquire(partition);
    await probe?.('acquired');
    const starts = await this.#sinks.startsOf(partition, epoch, ledgerFrom);
    const from = Math.min(starts.ledger, starts.archive, starts.topic);
    const skips = { skips: this.#skips, onSkipped: onFailure };
    const folded = await FoldedPartition.open(partition, { ...this.#options, ...skips }, from);
    return { folded, epoch, starts, gathered: null };
  }

  #kept({ folded, starts }: Assigned): Kept {
    const positions = (): number[] => this.#sinks.positions(folded.partition, starts);
    return {
      partition: folded.partition,
      get offset() {
        return folded.offset;
      },
      get isStirred() {
        return folded.isStirred;
      },
      snapshot: () => folded.snapshot(),
      kept: () => {
        folded.isStirred = false;
      },
      positions,
      durable: () => this.#sinks.durable(folded.partition),
    };
  }

  async #run(assigned: Assigned): Promise<void> {
    const { log, everyMs, probe } = this.#options;
    const { folded } = assigned;
    while (!this.#isStopping) {
      const entries = await log.read(folded.partition, folded.offset, READ_LIMIT, READ_WAIT_MS);
      if (entries.length === 0) continue;
      await probe?.('fetched');
      await this.#foldEntries(assigned, entries);
      await probe?.('folded');
      if (everyMs === 0) await this.#hand(assigned);
      else if (this.#size >= MAX_GATHERED) await this.#flush();
    }
  }

  async #foldEntries(assigned: Assigned, entries: readonly LogEntry[]): Promise<void> {
    const { folded, starts, epoch } = assigned;
    const { probe } = this.#options;
    for (const entry of entries) {
      if (probe) await probe('mid-batch');
      const from = folded.offset;
      const effects = await folded.apply(entry);
      // A micro-batch may have been handed over since the record before.
      assigned.gathered ??= {
        partition: folded.partition,
        epoch,
        from,
        to: from,
        clockAt: 0,
        revisions: [],
        observations: [],
      };
      const before = sizeOf(assigned.gathered);
      gather(assigned.gathered, entry.offset, effects);
      assigned.gathered.to = entry.offset + 1;
      assigned.gathered.clockAt = Number.isFinite(folded.clockAt) ? folded.clockAt : 0;
      this.#size += sizeOf(assigned.gathered) - before;
      if (entry.offset < starts.ledger) continue;
      for (const effect of effects) if (effect.kind === 'counted') this.#options.onCounted(effect.what, 1);
    }
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
    for (const { folded, starts } of this.#assigned) {
      const { partition } = folded;
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
  }
}

import { AtalaiaError, invariant } from '../../lib/errors.ts';
import type { LogEntry } from '../../log/log.ts';
import type { Folded, Folder, Keeping } from '../processor/folder.ts';
import { keyOf, lowestOf, type PartitionOptions, skipRecord } from '../processor/partition-fold.ts';
import type { Starts } from '../sinks/sinks.ts';
import { packChunk } from './chunk.ts';
import type { CallName, Calls, FoldAnswer } from './protocol.ts';
import { WorkerLost } from './worker-link.ts';
import type { Member, Slot, WorkerPool } from './worker-pool.ts';

export interface ThreadPartitionOptions extends PartitionOptions {
  readonly pool: WorkerPool;
  readonly starts: Starts;
}

/** Records that a worker was, or will be, given; they are kept until their effects are here. */
interface Flight {
  readonly entries: readonly LogEntry[];
  readonly resolve: (folded: Folded) => void;
  readonly reject: (error: Error) => void;
}

const READ_LIMIT = 1000;
/** A chunk is folded while the one before is on its way to the sinks. */
const DEPTH = 2;

/**
 * The near end of a partition that a worker folds. Whatever happens to the state there, a crash, a move, a record on
 * which the fold throws, it is made anew in one way: the newest checkpoint, then the log up to {@link offset} with the
 * effects dropped, which are here already, then the chunks that had no answer yet.
 */
export class ThreadPartition implements Folder, Member {
  readonly partition: number;
  readonly depth = DEPTH;
  readonly #options: ThreadPartitionOptions;
  readonly #opened = Promise.withResolvers<void>();
  readonly #flights: Flight[] = [];
  #slot: Slot;
  /** Counts the states made; an answer of an earlier one is of no use. */
  #session = 0;
  #isOpen = false;
  #failure: Error | null = null;
  #offset: number | null = null;
  #clockAt = Number.NEGATIVE_INFINITY;
  #stirredTo = 0;
  #keptTo = 0;
  #keeping: Promise<Keeping | null> | null = null;

  private constructor(partition: number, options: ThreadPartitionOptions) {
    this.partition = partition;
    this.#options = options;
    this.#slot = options.pool.join(this);
  }

  /** The state from the newest checkpoint at or below all starts, else of an empty log, in a worker of the pool. */
  static async open(partition: number, options: ThreadPartitionOptions): Promise<ThreadPartition> {
    const opening = new ThreadPartition(partition, options);
    void opening.#reopen();
    await opening.#opened.promise;
    return opening;
  }

  get offset(): number {
    return this.#offset ?? 0;
  }
  get clockAt(): number {
    return this.#clockAt;
  }
  get isStirred(): boolean {
    return this.#stirredTo > this.#keptTo;
  }

  fold(entries: readonly LogEntry[]): Promise<Folded> {
    if (this.#failure) return Promise.reject(this.#failure);
    invariant(this.#flights.length < DEPTH, 'a partition has too many chunks under way');
    return new Promise((resolve, reject) => {
      const flight = { entries, resolve, reject };
      this.#flights.push(flight);
      if (this.#isOpen) void this.#send(flight);
    });
  }

  async #send(flight: Flight): Promise<void> {
    const session = this.#session;
    try {
      const answer = await this.#fold(session, flight.entries, false);
      if (session !== this.#session) return;
      if (answer.thrown) await this.#skip(answer.thrown);
      else this.#land(flight, answer);
    } catch (error) {
      this.#unlessOver(session, error);
    }
  }

  #land(flight: Flight, answer: FoldAnswer): void {
    invariant(this.#flights.shift() === flight, 'a worker answers out of turn');
    const { clockAt, isStirred, revisions, acts, rows, counted, tookMs } = answer;
    const { entries } = flight;
    const from = this.offset;
    const to = (entries.at(-1)?.offset ?? from) + 1;
    this.#offset = to;
    this.#clockAt = clockAt;
    if (isStirred) this.#stirredTo = to;
    this.#options.pool.note(entries.length, tookMs);
    const packed = rows.numbers.length > 0 ? [rows] : [];
    flight.resolve({
      from,
      to,
      clockAt,
      revisions: [...revisions],
      acts: [...acts],
      observations: [],
      packed,
      counted,
    });
  }

  async #skip({ offset, reason, clockAt }: NonNullable<FoldAnswer['thrown']>): Promise<void> {
    const session = ++this.#session;
    this.#isOpen = false;
    try {
      await skipRecord(this.#options, { partition: this.partition, offset }, reason, clockAt);
    } catch (error) {
      this.#unlessOver(session, error);
      return;
    }
    await this.#reopen();
  }

  /** A worker that ended is told by {@link lost}; what else goes wrong ends the partition. */
  #unlessOver(session: number, error: unknown): void {
    if (session !== this.#session || error instanceof WorkerLost) return;
    this.failed(error instanceof Error ? error : new Error(String(error)));
  }

  failed(error: Error): void {
    this.#session++;
    this.#isOpen = false;
    this.#failure = error;
    this.#opened.reject(error);
    for (const { reject } of this.#flights.splice(0)) reject(error);
  }

  close(): void {
    this.failed(new WorkerLost());
    this.#slot.members.delete(this);
    void this.#slot.link.call('close', { partition: this.partition }).catch(() => {});
  }

  lost(): void {
    void this.#reopen();
  }

  async move(to: Slot): Promise<void> {
    // With a checkpoint just written there is little to fold again.
    await this.keep();
    const { link } = this.#slot;
    this.#slot = to;
    to.members.add(this);
    void link.call('close', { partition: this.partition }).catch(() => {});
    await this.#reopen();
  }

  async #reopen(): Promise<void> {
    if (this.#failure) return;
    const session = ++this.#session;
    this.#isOpen = false;
    try {
      const restored = await this.#restore(session);
      if (this.#offset === null) {
        this.#offset = restored.offset;
        this.#clockAt = restored.clockAt;
        this.#keptTo = restored.offset;
      } else await this.#refold(session, restored.offset, this.#offset);
      if (session !== this.#session) return;
      this.#isOpen = true;
      this.#opened.resolve();
      for (const flight of this.#flights) void this.#send(flight);
    } catch (error) {
      this.#unlessOver(session, error);
    }
  }

  async #restore(session: number): Promise<{ readonly offset: number; readonly clockAt: number }> {
    const { partition } = this;
    const { checkpoints, starts } = this.#options;
    const { foldVersion } = checkpoints;
    for (let below = this.#offset ?? lowestOf(starts); ; ) {
      const sealed = await checkpoints.newestSealed(partition, below);
      const checkpoint = sealed?.bytes ? { offset: sealed.offset, bytes: sealed.bytes } : null;
      const answer =
        sealed && !checkpoint
          ? ({ flaw: 'damaged' } as const)
          : await this.#call(session, 'open', { partition, foldVersion, checkpoint });
      if (!('flaw' in answer)) return { offset: checkpoint?.offset ?? 0, clockAt: answer.clockAt };
      invariant(sealed, 'an empty state has no flaw');
      checkpoints.passOver(partition, sealed.offset, answer.flaw);
      below = sealed.offset - 1;
    }
  }

  async #refold(session: number, from: number, to: number): Promise<void> {
    const { partition } = this;
    for (let offset = from; offset < to; ) {
      const page = await this.#options.log.read(partition, offset, Math.min(READ_LIMIT, to - offset), 0);
      invariant(
        page.length > 0,
        `the log ends before record ${to} of partition ${partition}, which was folded`,
      );
      // Offsets may have holes: the page can reach beyond what was folded.
      const entries = page.filter((entry) => entry.offset < to);
      const last = entries.at(-1);
      if (!last) return;
      const { thrown } = await this.#fold(session, entries, true);
      if (thrown)
        throw new AtalaiaError(
          'ATL_BUG',
          `Record ${thrown.offset} of partition ${partition} was folded before, and now it cannot be: ${thrown.reason}. Start again, and report it.`,
        );
      offset = last.offset + 1;
    }
  }

  #fold(session: number, entries: readonly LogEntry[], isRefold: boolean): Promise<FoldAnswer> {
    const { skips, starts } = this.#options;
    const chunk = packChunk(entries);
    const call = {
      partition: this.partition,
      count: entries.length,
      chunk,
      skips:
        skips.size === 0
          ? []
          : entries.filter((entry) => skips.has(keyOf(entry))).map(({ offset }) => offset),
      archiveFrom: starts.archive,
      countFrom: starts.ledger,
      isRefold,
    };
    return this.#call(session, 'fold', call, [chunk]);
  }

  /** Calls the worker, as long as its state is the one of `session`. */
  async #call<N extends CallName>(
    session: number,
    name: N,
    argument: Calls[N]['argument'],
    transfer?: ArrayBuffer[],
  ): Promise<Calls[N]['result']> {
    if (session !== this.#session) throw new WorkerLost();
    return this.#slot.link.call(name, argument, transfer);
  }

  /** One at a time: two would write the same file. */
  keep(): Promise<Keeping | null> {
    this.#keeping ??= this.#keep().finally(() => {
      this.#keeping = null;
    });
    return this.#keeping;
  }

  async #keep(): Promise<Keeping | null> {
    if (!this.#isOpen) return null;
    const session = this.#session;
    const { partition } = this;
    try {
      const { offset, bytes, spentMs } = await this.#call(session, 'snapshot', { partition });
      if (session !== this.#session) return null;
      await this.#options.checkpoints.writeSealed(partition, offset, bytes);
      this.#keptTo = Math.max(this.#keptTo, offset);
      return { offset, spentMs };
    } catch (error) {
      if (session !== this.#session || error instanceof WorkerLost) return null;
      throw error;
    }
  }
}

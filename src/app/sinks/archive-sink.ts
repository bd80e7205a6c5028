import { AtalaiaError, isFenced } from '../../lib/errors.ts';
import type { Archive, ArchiveBatch } from '../../store/archive/archive.ts';
import { rowsIn } from '../../store/archive/packed.ts';
import { type Guarantee, type Probe, writeBy } from './guarantee.ts';

const FLUSH_EVERY_MS = 400;
const FLUSH_AT = 20_000;
/** Above this many waiting observations the fold waits: memory is bounded, the log keeps the rest. */
const MAX_WAITING = 500_000;
/** A commit that failed is tried again after this, each time twice as long, ms. */
const FIRST_RETRY_MS = 1000;
const MAX_RETRY_MS = 30_000;

export interface ArchiveSinkOptions {
  readonly archive: Archive;
  readonly guarantee: Guarantee;
  /** How long a batch waits for others at most, ms; default 400. */
  readonly everyMs?: number | undefined;
  /** First wait before a failed commit is tried again, ms; default 1 s, doubled up to 30 s. */
  readonly retryMs?: number | undefined;
  /** Hears once of an outage, and with null of its end; meanwhile commits are tried again and alerts go on. */
  readonly onOutage?: ((error: unknown) => void) | undefined;
  /** What no repeat can heal: another process took over, or a defect. */
  readonly onFailure: (error: unknown) => void;
  /** Hears of a partition that another process took over, and the others go on; without it that is a failure. */
  readonly onFenced?: ((partition: number, epoch: number, error: unknown) => void) | undefined;
  readonly probe?: Probe | undefined;
}

type Part = Required<Pick<ArchiveBatch, 'observations' | 'packed'>>;

/** Observations of a batch, packed or not. */
export const countOf = ({
  observations,
  packed = [],
}: Pick<ArchiveBatch, 'observations' | 'packed'>): number =>
  packed.reduce((sum, rows) => sum + rowsIn(rows), observations.length);

/** Gathers archive batches of consecutive offsets and commits them in larger transactions; the alert path does not wait for it. */
export class ArchiveSink {
  readonly #options: ArchiveSinkOptions;
  /** Position that the archive holds, by partition, as far as this process has moved it. */
  readonly committedTo = new Map<number, number>();
  #batches = new Map<number, { batch: ArchiveBatch; parts: Part[] }>();
  #waiting = 0;
  #oldestAt: number | null = null;
  #flushing: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | null = null;
  #hasFailed = false;
  /** A commit is queued that takes whatever waits when its turn comes. */
  #isQueued = false;
  #writingSince: number | null = null;
  #isOut = false;
  #isStopping = false;
  readonly #stopping = Promise.withResolvers<void>();

  constructor(options: ArchiveSinkOptions) {
    this.#options = options;
  }

  /** How long the oldest batch has waited, ms. */
  get lagMs(): number {
    const since = this.#writingSince ?? this.#oldestAt;
    return since === null ? 0 : performance.now() - since;
  }

  async put(batch: ArchiveBatch): Promise<void> {
    if (this.#hasFailed) return;
    const before = this.#batches.get(batch.partition);
    const parts = before?.parts ?? [];
    const { observations, packed = [] } = batch;
    if (observations.length > 0 || packed.length > 0) parts.push({ observations, packed });
    this.#batches.set(batch.partition, {
      batch: before ? { ...batch, from: before.batch.from } : batch,
      parts,
    });
    this.#waiting += countOf(batch);
    this.#oldestAt ??= performance.now();
    if (this.#waiting >= FLUSH_AT) void this.flush();
    else this.#timer ??= setTimeout(() => void this.flush(), this.#options.everyMs ?? FLUSH_EVERY_MS);
    if (this.#waiting > MAX_WAITING) await this.#flushing;
  }

  flush(): Promise<void> {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#isQueued) return this.#flushing;
    this.#isQueued = true;
    this.#flushing = this.#flushing.then(() => this.#commit());
    return this.#flushing;
  }

  async #commit(): Promise<void> {
    this.#isQueued = false;
    if (this.#batches.size === 0 || this.#hasFailed) return;
    const batches = [...this.#batches.values()].map(({ batch, parts }) => ({
      ...batch,
      observations: parts.flatMap(({ observations }) => observations),
      packed: parts.flatMap(({ packed }) => packed),
    }));
    this.#batches = new Map();
    this.#waiting = 0;
    this.#writingSince = this.#oldestAt;
    this.#oldestAt = null;
    try {
      await this.#writeAll(batches);
    } catch (error) {
      // The log keeps what is not archived: the next start folds it again. Alerts go on.
      this.#hasFailed = true;
      if (this.#isStopping && !isFinal(error)) this.#tell(error);
      else this.#options.onFailure(error);
    } finally {
      this.#writingSince = null;
    }
  }

  async #writeAll(batches: readonly ArchiveBatch[]): Promise<void> {
    const { onFenced } = this.#options;
    try {
      await this.#write(batches);
      for (const { partition, to } of batches) this.committedTo.set(partition, to);
    } catch (error) {
      if (!onFenced || !isFenced(error)) throw error;
      const [first] = batches;
      if (batches.length > 1) for (const batch of batches) await this.#writeAll([batch]);
      else if (first) onFenced(first.partition, first.epoch, error);
    }
  }

  /** What waits of the partition is another's to write. */
  drop(partition: number): void {
    const dropped = this.#batches.get(partition);
    if (!dropped) return;
    this.#batches.delete(partition);
    for (const part of dropped.parts) this.#waiting -= countOf(part);
    if (this.#batches.size === 0) this.#oldestAt = null;
  }

  /** Writes until it stands: a repeat is skipped by its position. Rejects when no repeat can help, or at the end of the process. */
  async #persist(write: () => Promise<void>): Promise<void> {
    for (let pause = this.#options.retryMs ?? FIRST_RETRY_MS; ; pause = Math.min(2 * pause, MAX_RETRY_MS)) {
      const isLast = this.#isStopping;
      try {
        await write();
        if (this.#isOut) this.#tell(null);
        return;
      } catch (error) {
        if (isLast || isFinal(error)) throw error;
        this.#tell(error);
      }
      await this.#wait(pause);
    }
  }

  /** At most once: what may have been written is not written again. */
  async #once(write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      if (isFinal(error)) throw error;
      this.#tell(error);
    }
  }

  /** Tells of an outage once, and of its end. */
  #tell(error: unknown): void {
    if (this.#isOut && error !== null) return;
    this.#isOut = error !== null;
    this.#options.onOutage?.(error);
  }

  async #wait(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const passed = new Promise<void>((done) => {
      timer = setTimeout(done, ms);
    });
    await Promise.race([passed, this.#stopping.promise]);
    clearTimeout(timer);
  }

  #write(batches: readonly ArchiveBatch[]): Promise<void> {
    const { archive, guarantee, probe } = this.#options;
    const hasEffects = batches.some((batch) => countOf(batch) > 0);
    return writeBy(
      // Without effects there is nothing to lose or repeat, and one transaction will do.
      hasEffects ? guarantee : 'exactly-once',
      'archive',
      {
        both: () => this.#persist(() => archive.commit(batches)),
        effects: () => {
          const write = (): Promise<void> => archive.commit(batches, 'effects');
          return guarantee === 'at-most-once' ? this.#once(write) : this.#persist(write);
        },
        position: () =>
          this.#persist(() =>
            archive.commit(batches.map((batch) => ({ ...batch, observations: [], packed: [] }))),
          ),
      },
      probe,
    );
  }

  /** From now on a commit is tried once more at most, and who waits for room in an outage goes on. */
  halt(): void {
    this.#isStopping = true;
    this.#stopping.resolve();
  }

  async stop(): Promise<void> {
    this.halt();
    await this.flush();
  }
}

/** Another process holds the partition, or the batch is no batch: a repeat changes nothing. */
const isFinal = (error: unknown): boolean =>
  error instanceof AtalaiaError && (error.code === 'ATL_FENCED' || error.code === 'ATL_BUG');

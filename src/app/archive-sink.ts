import type { Archive, ArchiveBatch } from '../store/archive/archive.ts';
import { rowsIn } from '../store/archive/packed.ts';
import { type Guarantee, type Probe, writeBy } from './guarantee.ts';

const FLUSH_EVERY_MS = 400;
const FLUSH_AT = 20_000;
/** Above this many waiting observations the fold waits: memory is bounded, the log keeps the rest. */
const MAX_WAITING = 500_000;

export interface ArchiveSinkOptions {
  readonly archive: Archive;
  readonly guarantee: Guarantee;
  /** How long a batch waits for others at most, ms; default 400. */
  readonly everyMs?: number | undefined;
  readonly onFailure: (error: unknown) => void;
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

  constructor(options: ArchiveSinkOptions) {
    this.#options = options;
  }

  /** How long the oldest batch has waited, ms. */
  get lagMs(): number {
    return this.#oldestAt === null ? 0 : performance.now() - this.#oldestAt;
  }

  async put(batch: ArchiveBatch): Promise<void> {
    if (this.#hasFailed) return;
    const before = this.#batches.get(batch.partition);
    const parts = before?.parts ?? [];
    const { observations, packed = [] } = batch;
    parts.push({ observations, packed });
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
    this.#flushing = this.#flushing.then(() => this.#commit());
    return this.#flushing;
  }

  async #commit(): Promise<void> {
    if (this.#batches.size === 0 || this.#hasFailed) return;
    const batches = [...this.#batches.values()].map(({ batch, parts }) => ({
      ...batch,
      observations: parts.flatMap(({ observations }) => observations),
      packed: parts.flatMap(({ packed }) => packed),
    }));
    this.#batches = new Map();
    this.#waiting = 0;
    this.#oldestAt = null;
    try {
      await this.#write(batches);
      for (const { partition, to } of batches) this.committedTo.set(partition, to);
    } catch (error) {
      // The log keeps what is not archived: the next start folds it again. Alerts go on.
      this.#hasFailed = true;
      this.#options.onFailure(error);
    }
  }

  #write(batches: readonly ArchiveBatch[]): Promise<void> {
    const { archive, guarantee, probe } = this.#options;
    const hasEffects = batches.some((batch) => countOf(batch) > 0);
    return writeBy(
      // Without effects there is nothing to lose or repeat, and one transaction will do.
      hasEffects ? guarantee : 'exactly-once',
      'archive',
      {
        both: () => archive.commit(batches),
        effects: () => archive.commit(batches, 'effects'),
        position: () => archive.commit(batches.map((batch) => ({ ...batch, observations: [], packed: [] }))),
      },
      probe,
    );
  }

  async stop(): Promise<void> {
    await this.flush();
  }
}

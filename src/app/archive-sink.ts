import type { Archive, ArchiveBatch } from '../store/archive/archive.ts';

const FLUSH_EVERY_MS = 400;
const FLUSH_AT = 20_000;
/** Above this many waiting observations the fold waits: memory is bounded, the log keeps the rest. */
const MAX_WAITING = 500_000;

/** Gathers archive batches of consecutive offsets and commits them in larger transactions; the alert path does not wait for it. */
export class ArchiveSink {
  readonly #archive: Archive;
  readonly #onFailure: (error: unknown) => void;
  #batches = new Map<number, ArchiveBatch>();
  #waiting = 0;
  #oldestAt: number | null = null;
  #flushing: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | null = null;
  #hasFailed = false;

  constructor(archive: Archive, onFailure: (error: unknown) => void) {
    this.#archive = archive;
    this.#onFailure = onFailure;
  }

  /** How long the oldest batch has waited, ms. */
  get lagMs(): number {
    return this.#oldestAt === null ? 0 : performance.now() - this.#oldestAt;
  }

  async put(batch: ArchiveBatch): Promise<void> {
    if (this.#hasFailed) return;
    const before = this.#batches.get(batch.partition);
    this.#batches.set(
      batch.partition,
      before
        ? { ...batch, from: before.from, observations: [...before.observations, ...batch.observations] }
        : batch,
    );
    this.#waiting += batch.observations.length;
    this.#oldestAt ??= performance.now();
    if (this.#waiting >= FLUSH_AT) void this.flush();
    else this.#timer ??= setTimeout(() => void this.flush(), FLUSH_EVERY_MS);
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
    const batches = [...this.#batches.values()];
    this.#batches = new Map();
    this.#waiting = 0;
    this.#oldestAt = null;
    try {
      await this.#archive.commit(batches);
    } catch (error) {
      // The log keeps what is not archived: the next start folds it again. Alerts go on.
      this.#hasFailed = true;
      this.#onFailure(error);
    }
  }

  async stop(): Promise<void> {
    await this.flush();
  }
}

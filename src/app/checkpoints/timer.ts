import { invariant } from '../../lib/errors.ts';
import type { Folder } from '../processor/folder.ts';
import type { Probe } from '../sinks/guarantee.ts';
import type { CheckpointStore } from './checkpoints.ts';

/** A partition whose state is to be kept. Ticks alone do not stir it: they are folded again in no time. */
export interface Kept {
  readonly folder: Folder;
  /** Positions that a recovery could begin from. */
  positions(): readonly number[];
  /** Where a recovery would begin if the sinks lost what is not durable in them yet. */
  durable(): number;
  /** Under which the partition is held. */
  readonly epoch: number;
}

export interface CheckpointTimerOptions {
  readonly store: CheckpointStore;
  /** A partition is kept at most once in this span, ms; infinite: only at the end. */
  readonly everyMs: number;
  readonly onFailure: (error: unknown) => void;
  readonly probe?: Probe | undefined;
  /** Threads that fold; default 1. Each gives its share. */
  readonly threads?: () => number;
}

/** Ticks without anything else are kept after so many records. */
const MAX_QUIET = 3600;
/** Of a fold's thread's time, so much may go to checkpoints: whoever has a state too large for `everyMs` keeps it less often. */
const SHARE = 0.04;
const POLL_SHARE = 4;
const MIN_POLL_MS = 5;
const MAX_POLL_MS = 250;

/**
 * Writes checkpoints in turn, one partition at a time, the one kept longest ago first, so that no partition stands still
 * for the state of all. After each one it rests until checkpoints have taken SHARE of the time.
 */
export class CheckpointTimer {
  readonly #options: CheckpointTimerOptions;
  readonly #keptAt = new Map<Kept, { at: number; offset: number }>();
  #timer: NodeJS.Timeout | null = null;
  #writing: Promise<void> = Promise.resolve();
  #isStopped = false;
  /** Time of the fold's thread that was spent, ms, and checkpoints written. */
  readonly spent = { ms: 0, count: 0 };

  constructor(options: CheckpointTimerOptions) {
    invariant(options.everyMs > 0, 'checkpoints need a span above 0');
    this.#options = options;
  }

  start(): void {
    this.#rest(0);
  }

  /** Keeps a partition from now on. */
  add(kept: Kept): void {
    this.#keptAt.set(kept, { at: performance.now(), offset: kept.folder.offset });
  }

  /** Keeps a partition no more; with `isLast` it is kept once again when it moved, for whoever goes on with it. */
  async remove(kept: Kept, isLast: boolean): Promise<void> {
    const last = this.#keptAt.get(kept);
    this.#keptAt.delete(kept);
    if (!last || !isLast) return;
    await this.#writing;
    if (kept.folder.offset > last.offset) await this.#write(kept);
  }

  #rest(afterMs: number): void {
    const { everyMs } = this.#options;
    if (this.#isStopped || !Number.isFinite(everyMs)) return;
    const poll = Math.min(MAX_POLL_MS, Math.max(MIN_POLL_MS, everyMs / POLL_SHARE));
    const next = this.#due();
    this.#timer = setTimeout(
      () => {
        this.#writing = this.#turn().catch(this.#options.onFailure);
      },
      next ? Math.max(MIN_POLL_MS, afterMs) : Math.max(poll, afterMs),
    );
  }

  async #turn(): Promise<void> {
    const due = this.#due();
    let spentMs = 0;
    try {
      if (due) spentMs = await this.#write(due);
    } finally {
      this.#rest((spentMs / (this.#options.threads?.() ?? 1)) * (1 / SHARE - 1));
    }
  }

  #due(): Kept | undefined {
    const before = performance.now() - this.#options.everyMs;
    let oldest: Kept | undefined;
    let oldestAt = before;
    for (const [kept, { at, offset }] of this.#keptAt) {
      if (at > oldestAt || (!kept.folder.isStirred && kept.folder.offset - offset < MAX_QUIET)) continue;
      oldest = kept;
      oldestAt = at;
    }
    return oldest;
  }

  async #write(kept: Kept): Promise<number> {
    const at = performance.now();
    const { store, probe } = this.#options;
    const { folder } = kept;
    this.#note(kept, at, folder.offset);
    const keeping = await folder.keep();
    // A worker that ends meanwhile gives none: the next turn comes.
    if (!keeping) return 0;
    const { offset, spentMs } = keeping;
    this.#note(kept, at, offset);
    await store.thin(folder.partition, kept.positions(), kept.durable(), kept.epoch);
    this.spent.ms += spentMs;
    this.spent.count++;
    await probe?.('checkpointed');
    return spentMs;
  }

  #note(kept: Kept, at: number, offset: number): void {
    // It may have been let go meanwhile.
    if (this.#keptAt.has(kept)) this.#keptAt.set(kept, { at, offset });
  }

  /** Ends the turns; one that has begun goes on. */
  halt(): void {
    this.#isStopped = true;
    if (this.#timer) clearTimeout(this.#timer);
  }
}

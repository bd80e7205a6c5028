import { type Clock, sleep } from '../../lib/clock.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import { Cursor } from './cursor.ts';
import type { Follower } from './follower.ts';
import type { Link } from './link.ts';
import type { Found } from './tail.ts';

/** Readers behind the newest records that a stream keeps open. */
const MAX_CURSORS = 2;
const IDLE_MS = 30_000;
const ANSWER_MS = 15_000;
const RETRY_MS = 100;

/** Reads one stream: the newest records from memory, older ones by cursors, and a gap never in silence. */
export class StreamReader {
  readonly #link: Link;
  readonly #stream: string;
  readonly #clock: Clock;
  readonly #follower: Follower;
  #cursors: Cursor[] = [];
  #cancelIdle: (() => void) | undefined;
  #closed: AtalaiaError | undefined;

  constructor(link: Link, stream: string, clock: Clock, follower: Follower) {
    this.#link = link;
    this.#stream = stream;
    this.#clock = clock;
    this.#follower = follower;
  }

  async read(offset: number, limit: number, waitMs: number): Promise<readonly Found[]> {
    await this.#follower.ready(ANSWER_MS);
    if (offset >= this.#follower.next) {
      await this.#follower.reach(offset, waitMs);
      if (offset >= this.#follower.next) return [];
    }
    return this.#follower.cached(offset, limit) ?? this.#readOld(offset, limit);
  }

  close(error: AtalaiaError): void {
    this.#closed = error;
    this.#cancelIdle?.();
    for (const cursor of this.#cursors.splice(0)) cursor.close();
  }

  /** There is something at `offset` or behind it, and not in memory. */
  async #readOld(offset: number, limit: number): Promise<readonly Found[]> {
    const until = this.#clock.monotonicMs() + ANSWER_MS;
    for (;;) {
      if (this.#closed) throw this.#closed;
      const known = this.#cursors.findIndex(({ position }) => position === offset);
      let cursor = known < 0 ? undefined : this.#cursors.splice(known, 1)[0];
      try {
        cursor ??= await Cursor.open(this.#link, this.#stream, offset, this.#clock);
        const first = await cursor.peek(this.#stream, Math.max(1, until - this.#clock.monotonicMs()));
        // A hole is where the broker keeps notes of its own; it is a gap when the log begins behind it only.
        if (first.offset !== offset) await this.#checkGap(offset);
        const found = cursor.take(limit);
        this.#keep(cursor);
        return found;
      } catch (error) {
        cursor?.close();
        const mayRetry = error instanceof AtalaiaError && error.code === 'ATL_BUSY';
        if (!mayRetry || this.#closed || this.#clock.monotonicMs() + RETRY_MS > until)
          throw this.#closed ?? error;
        await sleep(this.#clock, RETRY_MS);
      }
    }
  }

  async #checkGap(offset: number): Promise<void> {
    const oldest = await this.#follower.oldest(ANSWER_MS);
    if (offset >= oldest) return;
    throw new AtalaiaError(
      'ATL_LOG_GAP',
      `Stream ${this.#stream} has no record at ${offset} any more: the oldest is at ${oldest}. Restore from a backup, or keep records for longer (docs/rabbitmq.md).`,
    );
  }

  /** Kept for the next read, unless that one is served from memory. */
  #keep(cursor: Cursor): void {
    if (this.#closed || cursor.position >= this.#follower.cachedFrom) {
      cursor.close();
      return;
    }
    this.#cursors.push(cursor);
    if (this.#cursors.length > MAX_CURSORS) this.#cursors.shift()?.close();
    this.#cancelIdle ??= this.#clock.after(IDLE_MS, () => this.#closeIdle());
  }

  #closeIdle(): void {
    const before = this.#clock.monotonicMs() - IDLE_MS;
    for (const cursor of this.#cursors) if (cursor.usedAt <= before) cursor.close();
    this.#cursors = this.#cursors.filter(({ usedAt }) => usedAt > before);
    this.#cancelIdle =
      this.#cursors.length > 0 ? this.#clock.after(IDLE_MS, () => this.#closeIdle()) : undefined;
  }
}

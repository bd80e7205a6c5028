import type { Clock } from '../lib/clock.ts';
import type { Log } from '../log/log.ts';
import { encodeRecord } from '../log/record-codec.ts';
import { SECOND_MS } from '../model/time.ts';

/** Over this much machine time between two ticks we were down. */
const GAP_MS = 10 * SECOND_MS;

/** Appends one tick to every partition. */
export async function appendTick(log: Log, at: number, gap: boolean): Promise<void> {
  const payload = encodeRecord(gap ? { kind: 'tick', at, gap: true } : { kind: 'tick', at });
  await log.append(
    Array.from({ length: log.partitions }, (_, partition) => ({ partition, key: 'tick', payload })),
  );
}

/** Moves the partition clock of a live system: a tick to every partition each second, marked where we were down. */
export class Ticker {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #onFailure: (error: unknown) => void;
  #lastAt: number;
  #cancel: (() => void) | null = null;
  #appending: Promise<void> = Promise.resolve();

  /** `lastAt`: the tick before, of an earlier run; -Infinity when there was none. */
  constructor(log: Log, clock: Clock, lastAt: number, onFailure: (error: unknown) => void) {
    this.#log = log;
    this.#clock = clock;
    this.#lastAt = lastAt;
    this.#onFailure = onFailure;
  }

  get lastAt(): number {
    return this.#lastAt;
  }

  /** Writes the first tick and goes on each second. */
  async start(): Promise<void> {
    await this.#tick();
    this.#next();
  }

  /** Writes a single tick. */
  async once(): Promise<void> {
    await this.#tick();
  }

  #next(): void {
    const wait = SECOND_MS - (this.#clock.now() % SECOND_MS);
    this.#cancel = this.#clock.after(wait, () => {
      this.#appending = this.#tick().catch(this.#onFailure);
      void this.#appending.then(() => this.#cancel && this.#next());
    });
  }

  async #tick(): Promise<void> {
    const at = Math.floor(this.#clock.now() / SECOND_MS) * SECOND_MS;
    // A machine clock that steps back moves nothing: the partition clock never does.
    if (at <= this.#lastAt) return;
    const gap = Number.isFinite(this.#lastAt) && at - this.#lastAt > GAP_MS;
    await appendTick(this.#log, at, gap);
    this.#lastAt = at;
  }

  async stop(): Promise<void> {
    this.#cancel?.();
    this.#cancel = null;
    await this.#appending;
  }
}

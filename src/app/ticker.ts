import type { Clock } from '../lib/clock.ts';
import type { Log } from '../log/log.ts';
import { decodeRecord, encodeRecord } from '../log/record-codec.ts';
import { SECOND_MS } from '../model/time.ts';

/** Over this much machine time between two ticks we were down. */
const GAP_MS = 10 * SECOND_MS;
const TICK_KEY = 'tick';
const READ_LIMIT = 1000;
/** So many records of a partition are looked through for its last tick. */
const MAX_LOOKED_AT = 10 * READ_LIMIT;

const allOf = (log: Log): readonly number[] =>
  Array.from({ length: log.partitions }, (_, partition) => partition);

const tickOf = (at: number, gap: boolean): Uint8Array =>
  encodeRecord(gap ? { kind: 'tick', at, gap: true } : { kind: 'tick', at });

/** Appends one tick to every partition. */
export async function appendTick(log: Log, at: number, gap: boolean): Promise<void> {
  const payload = tickOf(at, gap);
  await log.append(allOf(log).map((partition) => ({ partition, key: TICK_KEY, payload })));
}

/** Time of the newest tick at the end of a partition, epoch ms; undefined when there is none among its last records. */
async function newestTick(log: Log, partition: number): Promise<number | undefined> {
  const { oldest, next } = await log.bounds(partition);
  const floor = Math.max(oldest, next - MAX_LOOKED_AT);
  for (let to = next; to > floor; ) {
    const from = Math.max(floor, to - READ_LIMIT);
    const entries = await log.read(partition, from, to - from, 0);
    const last = entries.findLast(({ offset, key }) => offset < to && key === TICK_KEY);
    const record = last && decodeRecord(last.payload);
    if (record?.kind === 'tick') return record.at;
    to = from;
  }
  return undefined;
}

/** Moves the partition clocks of a live system: a tick to every partition held each second, marked where we were down. */
export class Ticker {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #beforeAt: number;
  readonly #onFailure: (error: unknown) => void;
  readonly #held: (() => readonly number[]) | undefined;
  /** Last tick by partition; what others may have ticked meanwhile is looked up in the log. */
  readonly #lastAt = new Map<number, number>();
  #newestAt: number;
  #cancel: (() => void) | null = null;
  #appending: Promise<void> = Promise.resolve();

  /**
   * `lastAt`: the tick before, of an earlier run, in all partitions; -Infinity when there was none. `held`: the partitions
   * that this process holds, where others hold the rest; default all.
   */
  constructor(
    log: Log,
    clock: Clock,
    lastAt: number,
    onFailure: (error: unknown) => void,
    held?: () => readonly number[],
  ) {
    this.#log = log;
    this.#clock = clock;
    this.#beforeAt = lastAt;
    this.#onFailure = onFailure;
    this.#held = held;
    this.#newestAt = lastAt;
  }

  /** Up to when all partitions held have their ticks. */
  get lastAt(): number {
    return this.#newestAt;
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
    const partitions = this.#held?.() ?? allOf(this.#log);
    const ours = new Set(partitions);
    for (const known of this.#lastAt.keys()) if (!ours.has(known)) this.#lastAt.delete(known);
    const appends = await Promise.all(
      partitions.map(async (partition) => {
        const lastAt = await this.#lastOf(partition, at);
        // A machine clock that steps back moves nothing: the partition clock never does.
        if (at <= lastAt) return [];
        const gap = Number.isFinite(lastAt) && at - lastAt > GAP_MS;
        return [{ partition, key: TICK_KEY, payload: tickOf(at, gap) }];
      }),
    );
    if (appends.flat().length > 0) await this.#log.append(appends.flat());
    for (const [i, { length }] of appends.entries())
      if (length > 0) this.#lastAt.set(partitions[i] as number, at);
    this.#newestAt = Math.max(this.#newestAt, at);
  }

  /** The tick before; where we may not have been the only one to write them, the log says it. */
  async #lastOf(partition: number, at: number): Promise<number> {
    const known = this.#lastAt.get(partition);
    if (!this.#held) return known ?? this.#beforeAt;
    // Also when this process stood still: another one may have ticked meanwhile.
    if (known !== undefined && at - known <= GAP_MS) return known;
    const found = (await newestTick(this.#log, partition)) ?? known ?? this.#beforeAt;
    this.#lastAt.set(partition, found);
    return found;
  }

  async stop(): Promise<void> {
    this.#cancel?.();
    this.#cancel = null;
    await this.#appending;
  }
}

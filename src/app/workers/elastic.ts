import { SECOND_MS } from '../../model/time.ts';

/** What is seen of the work at an instant; `records` and `busyMs` count from the beginning, of all workers together. */
export interface Sight {
  /** Of a clock that never goes back, ms. */
  readonly atMs: number;
  /** Records in the log that are not folded yet. */
  readonly lagRecords: number;
  /** Records folded so far. */
  readonly records: number;
  /** Time that workers spent on them, ms. */
  readonly busyMs: number;
  readonly workers: number;
}

/** More work than this waits ... */
const BEHIND_MS = SECOND_MS;
/** ... for so long: one more worker. */
const BEHIND_FOR_MS = 3 * SECOND_MS;
/** Less than this waits ... */
const LEVEL_MS = SECOND_MS / 10;
/** ... for so long: one less. */
const IDLE_FOR_MS = 60 * SECOND_MS;
/** Of their time the workers must have been used to get help, and must not be after one has gone. */
const USED = 0.5;
/** Weight of the newest cost of a record. */
const NEW = 0.3;

/**
 * Says how many workers there should be, by the lag in time of work: records behind, times what one cost lately, over
 * the workers. Up and down differ in level and in time, so that the number does not swing.
 */
export class Elastic {
  readonly #min: number;
  readonly #max: number;
  #before: Sight | null = null;
  #costMs: number | null = null;
  #behindSince: number | null = null;
  #idleSince: number | null = null;

  constructor({ min, max }: { readonly min: number; readonly max: number }) {
    this.#min = min;
    this.#max = max;
  }

  /** The number of workers wanted from now on. Call it about each second. */
  observe(sight: Sight): number {
    const before = this.#before;
    this.#before = sight;
    const { atMs, lagRecords, workers } = sight;
    if (!before || atMs <= before.atMs) return workers;
    const records = sight.records - before.records;
    const busyMs = sight.busyMs - before.busyMs;
    if (records > 0) this.#costMs = (this.#costMs ?? busyMs / records) * (1 - NEW) + (busyMs / records) * NEW;
    const backlogMs = (lagRecords * (this.#costMs ?? 0)) / workers;
    const used = busyMs / (atMs - before.atMs);
    // Workers that wait for the sinks are not helped by more of them.
    const isBehind = backlogMs > BEHIND_MS && used >= USED * workers;
    const isIdle = backlogMs < LEVEL_MS && used < USED * (workers - 1);
    this.#behindSince = isBehind ? (this.#behindSince ?? atMs) : null;
    this.#idleSince = isIdle ? (this.#idleSince ?? atMs) : null;
    const wanted = this.#wanted(atMs, workers);
    if (wanted !== workers) {
      this.#behindSince = null;
      this.#idleSince = null;
    }
    return wanted;
  }

  #wanted(atMs: number, workers: number): number {
    if (this.#behindSince !== null && atMs - this.#behindSince >= BEHIND_FOR_MS)
      return Math.min(this.#max, workers + 1);
    if (this.#idleSince !== null && atMs - this.#idleSince >= IDLE_FOR_MS)
      return Math.max(this.#min, workers - 1);
    return workers;
  }
}

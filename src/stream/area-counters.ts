import type { Absences } from './area-frontier.ts';
import { IndexHeap } from './area-heap.ts';
import { type Asked, type StationTruths, slidingUntil } from './area-truths.ts';
import { PooledWindow } from './pooled-window.ts';
import type { StationState } from './station-state.ts';
import { type StationCount, TRUE, type Truth, UNKNOWN } from './truth.ts';
import { type Reading, slidingWindow, type WindowStatistics } from './window.ts';

/** What an area keeps per station while it goes on through its instants: only stations that change are looked at again. */
abstract class Counter {
  protected readonly members: readonly StationState[];
  /** By station: what is known of it holds before this instant. */
  readonly #until: Float64Array;
  readonly #due = new IndexHeap();

  constructor(members: readonly StationState[]) {
    this.members = members;
    this.#until = new Float64Array(members.length).fill(Number.NEGATIVE_INFINITY);
    for (let i = 0; i < members.length; i++) this.#due.push(Number.NEGATIVE_INFINITY, i);
  }

  /** Looks at a station again and says until when that holds. */
  protected abstract look(i: number, at: number): number;

  protected advance(at: number): void {
    while (this.#due.topKey <= at) {
      const due = this.#due.topKey;
      const i = this.#due.pop();
      // What was put forward since is passed over.
      if (this.#until[i] !== due) continue;
      const until = this.look(i, at);
      this.#until[i] = until;
      if (until < Number.POSITIVE_INFINITY) this.#due.push(until, i);
    }
  }

  /** Readings of a station changed at `at`. */
  cut(i: number, at: number): void {
    if (at >= (this.#until[i] as number)) return;
    this.#until[i] = at;
    this.#due.push(at, i);
  }
}

/** How many stations hold a condition, from instant to instant. */
export class TruthCounter extends Counter {
  readonly #all: readonly StationTruths[];
  readonly #asked: () => Asked;
  readonly #places: ReadonlyMap<StationState, number>;
  readonly #truths: Uint8Array;
  /** How many have each truth. */
  readonly #counts = [0, 0, 0];

  constructor(
    members: readonly StationState[],
    places: ReadonlyMap<StationState, number>,
    all: readonly StationTruths[],
    asked: () => Asked,
  ) {
    super(members);
    this.#all = all;
    this.#asked = asked;
    this.#places = places;
    this.#truths = new Uint8Array(members.length);
    this.#counts[0] = members.length;
  }

  protected look(i: number, at: number): number {
    const truths = this.#all[i] as StationTruths;
    const truth = truths.at(at, this.#asked());
    (this.#counts[this.#truths[i] as Truth] as number)--;
    (this.#counts[truth] as number)++;
    this.#truths[i] = truth;
    return truths.until;
  }

  /** Without the stations that are silent at the instant. */
  count(at: number, silent: Absences): StationCount {
    this.advance(at);
    let holding = this.#counts[TRUE] as number;
    let unknown = this.#counts[UNKNOWN] as number;
    let total = this.members.length;
    for (const [station, { heardAt, backAt }] of silent) {
      if (at <= heardAt || at >= backAt) continue;
      const truth = this.#truths[this.#places.get(station) as number];
      total--;
      if (truth === TRUE) holding--;
      else if (truth === UNKNOWN) unknown--;
    }
    return { holding, unknown, total };
  }
}

/** A sliding window over all stations, from instant to instant; the same as {@link PooledWindow} at each. */
export class PooledCounter extends Counter implements WindowStatistics {
  count = 0;
  sum = 0;
  readonly #quantity: string;
  readonly #spanMs: number;
  readonly #isInterval: boolean;
  #at = Number.NEGATIVE_INFINITY;
  readonly #counts: Float64Array;
  readonly #sums: Float64Array;
  readonly #mins: Float64Array;
  readonly #maxs: Float64Array;
  /** Coverage, ms; of a station whose coverage shrinks with time: what it was at the base instant. */
  #base = Number.NaN;
  readonly #covered: Float64Array;
  readonly #isShrinking: Uint8Array;
  #coveredMs = 0;
  #shrinking = 0;
  #extremes: { min: number; max: number } | null = null;
  #full: PooledWindow | null = null;

  constructor(members: readonly StationState[], quantity: string, spanMs: number, isInterval: boolean) {
    super(members);
    this.#quantity = quantity;
    this.#spanMs = spanMs;
    this.#isInterval = isInterval;
    const n = members.length;
    this.#counts = new Float64Array(n);
    this.#sums = new Float64Array(n);
    this.#mins = new Float64Array(n);
    this.#maxs = new Float64Array(n);
    this.#covered = new Float64Array(n);
    this.#isShrinking = new Uint8Array(n);
  }

  moveTo(at: number): this {
    if (at !== this.#at) this.#full = null;
    this.#at = at;
    if (Number.isNaN(this.#base)) this.#base = at;
    this.advance(at);
    return this;
  }

  protected look(i: number, at: number): number {
    const series = this.members[i]?.series.get(this.#quantity);
    const spanMs = this.#spanMs;
    const found = slidingWindow(series, at, spanMs, this.#isInterval);
    let until = slidingUntil(series, at, spanMs, this.#isInterval, found.firstCounted);
    let isShrinking = 0;
    let coveredMs = found.coveredMs;
    if (series && !this.#isInterval && found.firstCounted >= 0) {
      const leavesAt = series.at(found.firstCounted) + spanMs;
      const shrinksAt = leavesAt - series.cover(found.firstCounted);
      if (at >= shrinksAt) {
        isShrinking = 1;
        coveredMs += at - this.#base;
      } else until = Math.min(until, shrinksAt);
    }
    this.count += found.count - (this.#counts[i] as number);
    this.sum += found.sum - (this.#sums[i] as number);
    this.#coveredMs += coveredMs - (this.#covered[i] as number);
    this.#shrinking += isShrinking - (this.#isShrinking[i] as number);
    this.#counts[i] = found.count;
    this.#sums[i] = found.sum;
    this.#mins[i] = found.min;
    this.#maxs[i] = found.max;
    this.#covered[i] = coveredMs;
    this.#isShrinking[i] = isShrinking;
    this.#extremes = null;
    return Math.max(until, at + 1);
  }

  get coveredMs(): number {
    return this.members.length > 0
      ? (this.#coveredMs - this.#shrinking * (this.#at - this.#base)) / this.members.length
      : 0;
  }
  get min(): number {
    return this.#extreme().min;
  }
  get max(): number {
    return this.#extreme().max;
  }

  #extreme(): { min: number; max: number } {
    if (this.#extremes) return this.#extremes;
    let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let i = 0; i < this.#counts.length; i++) {
      if (this.#counts[i] === 0) continue;
      min = Math.min(min, this.#mins[i] as number);
      max = Math.max(max, this.#maxs[i] as number);
    }
    this.#extremes = min <= max ? { min, max } : { min: 0, max: 0 };
    return this.#extremes;
  }

  /** All readings of the instant: for what needs each of them. */
  #all(): PooledWindow {
    this.#full ??= new PooledWindow(
      this.members.map(({ series }) =>
        slidingWindow(series.get(this.#quantity), this.#at, this.#spanMs, this.#isInterval),
      ),
    );
    return this.#full;
  }

  get first(): number {
    return this.#all().first;
  }
  get last(): number {
    return this.#all().last;
  }
  get uncounted(): number {
    return this.#all().uncounted;
  }
  get uncountedSum(): number {
    return this.#all().uncountedSum;
  }
  readings(): readonly Reading[] {
    return this.#all().readings();
  }
}

import { CellPool } from './cell-pool.ts';
import { SeriesExtras } from './series-extras.ts';
import { RunningSums } from './series-sums.ts';

/** What inserting a reading found: a new key, the same value again, another value, or a value replaced before. */
export type Insertion = 'new' | 'repeat' | 'correction' | 'stale-repeat';

/** Plain form of a series, for checkpoints. */
export interface SeriesSnapshot {
  readonly at: readonly number[];
  readonly interval: readonly number[];
  readonly cover: readonly number[];
  readonly value: readonly number[];
  /** Newest forgotten reading that counted: what overlaps it does not count; null when none. */
  readonly floor: number | null;
  readonly replaced: readonly (readonly [string, readonly number[]])[];
}

const FIRST_CAPACITY = 4;
/** Columns of a row. */
const AT = 0;
const VALUE = 1;
const WIDTH = 2;
/** Sums over fewer readings are added up anew; running sums are kept from the first longer one on. */
const SHORT = 32;
/** How many replaced values of a reading are remembered. */
const MOST_REPLACED = 8;

/**
 * The readings of one station and quantity, sorted by (`observedAt`, interval), in pooled columns: the finest slices,
 * shared by every window over the quantity. Values are scaled integers, so running sums are exact and no order of
 * arrival can change a result. Of overlapping intervals the earlier counts; the later is an upper bound only.
 *
 * Nearly every series is *even*: one interval, one cover, and every reading counts. Of such a one only instants and
 * values are held; what else a reading has is held from the first uneven one on.
 */
export class ReadingSeries {
  readonly isInterval: boolean;
  /** Newest `observedAt` that it ever took, forgotten or not. */
  newestAt = Number.NEGATIVE_INFINITY;
  /** How many readings have been forgotten: index + forgotten names a reading as long as the version stays. */
  forgotten = 0;
  /** Changes with everything that is not a reading at the end. */
  version = 0;
  readonly #pool: CellPool;
  /** Rows of WIDTH numbers from #base on, one a reading; those in use are [#start, #end). */
  #cells: Float64Array;
  #base: number;
  #segment: number;
  #capacity = FIRST_CAPACITY;
  #start = 0;
  #end = 0;
  #floor = Number.NEGATIVE_INFINITY;
  /** Of every reading while the series is even. */
  #interval = 0;
  #cover = 0;
  #extras: SeriesExtras | null = null;
  #sums: RunningSums | null = null;
  #replaced: Map<string, number[]> | null = null;

  constructor(isInterval: boolean, pool = new CellPool()) {
    this.isInterval = isInterval;
    this.#pool = pool;
    pool.take(FIRST_CAPACITY * WIDTH);
    this.#cells = pool.cells;
    this.#base = pool.offset;
    this.#segment = pool.segment;
  }

  get length(): number {
    return this.#end - this.#start;
  }
  at(index: number): number {
    return this.#cells[this.#base + (this.#start + index) * WIDTH + AT] as number;
  }
  value(index: number): number {
    return this.#cells[this.#base + (this.#start + index) * WIDTH + VALUE] as number;
  }
  /** Start of the interval that the reading measured; its `observedAt` for an instantaneous one. */
  from(index: number): number {
    return this.at(index) - (this.isInterval ? this.#intervalOf(this.#start + index) : 0);
  }
  counts(index: number): boolean {
    return this.#extras === null || this.#extras.counts(this.#start + index);
  }
  /** No reading overlaps an earlier one. */
  get countsAll(): boolean {
    return this.#extras === null || this.#extras.uncounted === 0;
  }
  /** Span that a reading covers by itself, ms: its interval, or one station interval for an instantaneous quantity. */
  cover(index: number): number {
    return this.#coverOf(this.#start + index);
  }

  #atOf(row: number): number {
    return this.#cells[this.#base + row * WIDTH + AT] as number;
  }
  #intervalOf(row: number): number {
    return this.#extras === null ? this.#interval : this.#extras.interval(row);
  }
  #coverOf(row: number): number {
    return this.#extras === null ? this.#cover : this.#extras.cover(row);
  }

  /** Index of the first reading with `observedAt` > `at`. */
  firstAfter(at: number): number {
    let low = this.#start;
    let high = this.#end;
    if (high > low && this.#atOf(high - 1) <= at) return high - this.#start;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#atOf(middle) <= at) low = middle + 1;
      else high = middle;
    }
    return low - this.#start;
  }

  /** Exact sum of counted values of readings [first, last]. */
  sum(first: number, last: number): number {
    if (last - first >= SHORT) return this.#runningSums(last).sum(this.#start + first, this.#start + last);
    let sum = 0;
    for (let i = first; i <= last; i++) if (this.counts(i)) sum += this.value(i);
    return sum;
  }

  /** Covered span of counted readings [first, last] where nothing before `first` reaches into them, ms. */
  covered(first: number, last: number): number {
    if (last < first) return 0;
    if (this.isInterval && this.#extras === null) return (last - first + 1) * this.#cover;
    if (last - first >= SHORT)
      return this.#runningSums(last).covered(this.#start + first, this.#start + last);
    let covered = 0;
    let before = this.#countedBefore(this.#start + first);
    for (let row = this.#start + first; row <= this.#start + last; row++) {
      if (!this.counts(row - this.#start)) continue;
      covered += this.#adds(row, before);
      before = this.#atOf(row);
    }
    return covered;
  }

  /** What a row that counts adds to the coverage, where the counted one before it ends at `before`. */
  #adds(row: number, before: number): number {
    const cover = this.#coverOf(row);
    return this.isInterval ? cover : Math.min(cover, this.#atOf(row) - before);
  }

  /** `observedAt` of the newest counted reading before a row. */
  #countedBefore(row: number): number {
    for (let k = row - 1; k >= this.#start; k--)
      if (this.#extras === null || this.#extras.counts(k)) return this.#atOf(k);
    return this.#floor;
  }

  /** The running sums, made up to the reading `last`. */
  #runningSums(last: number): RunningSums {
    this.#sums ??= new RunningSums(this.#capacity);
    if (this.#sums.end < this.#start) this.#sums.begin(this.#start);
    const sums = this.#sums;
    const from = sums.end;
    let before = from <= this.#start + last ? this.#countedBefore(from) : 0;
    for (let row = from; row <= this.#start + last; row++) {
      const counts = this.counts(row - this.#start);
      sums.push(
        counts ? (this.#cells[this.#base + row * WIDTH + VALUE] as number) : 0,
        counts ? this.#adds(row, before) : 0,
      );
      if (counts) before = this.#atOf(row);
    }
    return sums;
  }

  /** Puts a reading in its place. A correction keeps the value it replaced, so that its late repeat is known as stale. */
  insert(at: number, intervalMs: number, coverMs: number, value: number): Insertion {
    let row = this.#end;
    if (this.#extras === null && row > this.#start && row < this.#capacity) {
      // Nearly all readings are newer than those before and like them.
      const cell = this.#base + row * WIDTH;
      const last = this.#cells[cell - WIDTH + AT] as number;
      const isAfter = this.isInterval ? at - intervalMs >= last && at > last : at > last;
      if (isAfter && intervalMs === this.#interval && coverMs === this.#cover) {
        this.#cells[cell + AT] = at;
        this.#cells[cell + VALUE] = value;
        this.#end = row + 1;
        if (at > this.newestAt) this.newestAt = at;
        return 'new';
      }
    }
    if (row > this.#start && at <= this.#atOf(row - 1)) {
      row = this.#start + this.firstAfter(at);
      for (let k = row - 1; k >= this.#start && this.#atOf(k) === at; k--) {
        const interval = this.#intervalOf(k);
        if (interval === intervalMs) return this.#replace(k, value);
        if (interval > intervalMs) row = k;
      }
      this.version++;
    }
    if (this.#end === this.#capacity) {
      row -= this.#start;
      this.#reserve();
    }
    if (this.#extras === null && !this.#staysEven(row, at, intervalMs, coverMs)) this.#makeUneven();
    this.#open(row);
    const cell = this.#base + row * WIDTH;
    this.#cells[cell + AT] = at;
    this.#cells[cell + VALUE] = value;
    if (this.#extras !== null) {
      this.#extras.put(row, intervalMs, coverMs);
      this.#recount(row);
    }
    if (at > this.newestAt) this.newestAt = at;
    return 'new';
  }

  /** Whether a reading that comes to stand at `row` is like all others, and overlaps neither neighbour. */
  #staysEven(row: number, at: number, intervalMs: number, coverMs: number): boolean {
    if (this.#end === this.#start) {
      this.#interval = intervalMs;
      this.#cover = coverMs;
    } else if (intervalMs !== this.#interval || coverMs !== this.#cover) return false;
    const spanMs = this.isInterval ? intervalMs : 0;
    const before = row > this.#start ? this.#atOf(row - 1) : this.#floor;
    if (this.isInterval ? at - spanMs < before : at === before) return false;
    return row === this.#end || this.#atOf(row) - spanMs >= at;
  }

  #makeUneven(): void {
    this.#extras = new SeriesExtras(this.#capacity);
    for (let row = this.#start; row < this.#end; row++) this.#extras.put(row, this.#interval, this.#cover);
  }

  #replace(row: number, value: number): Insertion {
    const cell = this.#base + row * WIDTH;
    const old = this.#cells[cell + VALUE] as number;
    if (old === value) return 'repeat';
    const key = this.#keyOf(row);
    const replaced = this.#replaced?.get(key) ?? [];
    if (replaced.includes(value)) return 'stale-repeat';
    this.#replaced ??= new Map();
    this.#replaced.set(key, [...replaced, old].slice(-MOST_REPLACED));
    this.#cells[cell + VALUE] = value;
    this.version++;
    this.#sums?.cut(row);
    return 'correction';
  }

  #keyOf(row: number): string {
    return `${this.#atOf(row)}/${this.#intervalOf(row)}`;
  }

  /** Makes room at a row, where there is room behind the last. */
  #open(row: number): void {
    if (row < this.#end) {
      const from = this.#base + row * WIDTH;
      this.#cells.copyWithin(from + WIDTH, from, this.#base + this.#end * WIDTH);
      this.#extras?.open(row, this.#end);
      this.#sums?.cut(row);
    }
    this.#end++;
  }

  /** Moves the readings to the front, in twice the room when three quarters of it are in use. */
  #reserve(): void {
    const length = this.length;
    const from = this.#base + this.#start * WIDTH;
    const rows = this.#cells.subarray(from, from + length * WIDTH);
    if (length * 4 > this.#capacity * 3) {
      const size = this.#capacity * WIDTH;
      this.#pool.take(size * 2);
      this.#pool.cells.set(rows, this.#pool.offset);
      this.#pool.give(this.#segment, this.#base, size);
      this.#cells = this.#pool.cells;
      this.#base = this.#pool.offset;
      this.#segment = this.#pool.segment;
      this.#capacity *= 2;
    } else this.#cells.copyWithin(this.#base, from, from + length * WIDTH);
    this.#sums = null;
    this.#moveExtras(length);
    this.#start = 0;
    this.#end = length;
  }

  /** The last uneven reading may have been forgotten: then the series is even again. */
  #moveExtras(length: number): void {
    if (this.#extras === null) return;
    if (length > 0 && this.#extras.isEven(this.#start, this.#end)) {
      this.#interval = this.#extras.interval(this.#start);
      this.#cover = this.#extras.cover(this.#start);
      this.#extras = null;
    } else this.#extras = this.#extras.moved(this.#start, length, this.#capacity);
  }

  /** Decides again, from a row on, which readings count; stops where nothing changes any more. */
  #recount(row: number): void {
    const extras = this.#extras as SeriesExtras;
    let before = this.#countedBefore(row);
    for (let k = row; k < this.#end; k++) {
      const at = this.#atOf(k);
      const counts = this.isInterval ? at - extras.interval(k) >= before : at !== before;
      const isSame = extras.setCounts(k, counts);
      if (counts) before = at;
      if (k > row && isSame && counts) return;
    }
  }

  /** Forgets readings observed at or before `at`, except the newest `keep` of them that count (at least so many). */
  forget(at: number, keep = 0): void {
    // Of the rows kept some may not count: that many more are kept.
    const ahead = keep > 0 ? keep + (this.#extras?.uncounted ?? 0) : 0;
    while (this.#start + ahead < this.#end && this.#atOf(this.#start + ahead) <= at) {
      const row = this.#start;
      if (this.#extras === null || this.#extras.counts(row)) this.#floor = this.#atOf(row);
      if (this.#replaced !== null) {
        this.#replaced.delete(this.#keyOf(row));
        if (this.#replaced.size === 0) this.#replaced = null;
      }
      this.#extras?.forget(row);
      this.#start++;
      this.forgotten++;
    }
  }

  snapshot(): SeriesSnapshot {
    const column = (of: (index: number) => number): number[] =>
      Array.from({ length: this.length }, (_, index) => of(index));
    return {
      at: column((index) => this.at(index)),
      interval: column((index) => this.#intervalOf(this.#start + index)),
      cover: column((index) => this.cover(index)),
      value: column((index) => this.value(index)),
      floor: Number.isFinite(this.#floor) ? this.#floor : null,
      replaced: [...(this.#replaced ?? [])],
    };
  }

  static restore(isInterval: boolean, from: SeriesSnapshot, pool?: CellPool): ReadingSeries {
    const series = new ReadingSeries(isInterval, pool);
    series.#floor = from.floor ?? Number.NEGATIVE_INFINITY;
    for (let i = 0; i < from.at.length; i++)
      series.insert(
        from.at[i] as number,
        from.interval[i] as number,
        from.cover[i] as number,
        from.value[i] as number,
      );
    if (from.replaced.length > 0)
      series.#replaced = new Map(from.replaced.map(([key, values]) => [key, [...values]]));
    return series;
  }
}

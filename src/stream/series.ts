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

const FIRST_CAPACITY = 16;

/** Columns of a row. */
const AT = 0;
const INTERVAL = 1;
/** Span that a reading covers: its interval, or one station interval for an instantaneous quantity. */
const COVER = 2;
const VALUE = 3;
/** 1 when the reading counts, 0 when an earlier interval overlaps it. */
const COUNTED = 4;
/** Running sums over counted readings, up to and with this one. */
const SUM = 5;
const COVERED = 6;
const WIDTH = 7;

/**
 * The readings of one station and quantity, sorted by (`observedAt`, interval), in typed arrays: the finest slices,
 * shared by every window over the quantity. Values are scaled integers, so running sums are exact and no order of
 * arrival can change a result. Of overlapping intervals the earlier counts; the later is an upper bound only.
 */
export class ReadingSeries {
  readonly #isInterval: boolean;
  /** Newest `observedAt` that it ever took, forgotten or not. */
  newestAt = Number.NEGATIVE_INFINITY;
  #capacity = FIRST_CAPACITY;
  #start = 0;
  #floor = Number.NEGATIVE_INFINITY;
  #end = 0;
  /** Rows of WIDTH numbers, one a reading: what is touched together lies together. */
  #cells = new Float64Array(FIRST_CAPACITY * WIDTH);
  readonly #replaced = new Map<string, number[]>();
  /** Readings that do not count. */
  #uncounted = 0;
  #forgotten = 0;
  #version = 0;

  constructor(isInterval: boolean) {
    this.#isInterval = isInterval;
  }

  get isInterval(): boolean {
    return this.#isInterval;
  }
  get length(): number {
    return this.#end - this.#start;
  }
  at(index: number): number {
    return this.#cells[(this.#start + index) * WIDTH + AT] as number;
  }
  value(index: number): number {
    return this.#cells[(this.#start + index) * WIDTH + VALUE] as number;
  }
  /** Start of the interval that the reading measured; its `observedAt` for an instantaneous one. */
  from(index: number): number {
    const i = this.#start + index;
    return (
      (this.#cells[i * WIDTH + AT] as number) -
      (this.#isInterval ? (this.#cells[i * WIDTH + INTERVAL] as number) : 0)
    );
  }
  counts(index: number): boolean {
    return this.#cells[(this.#start + index) * WIDTH + COUNTED] === 1;
  }

  /** No reading overlaps an earlier one. */
  get countsAll(): boolean {
    return this.#uncounted === 0;
  }
  /** How many readings have been forgotten: index + forgotten names a reading as long as the version stays. */
  get forgotten(): number {
    return this.#forgotten;
  }
  /** Changes with everything that is not a reading at the end. */
  get version(): number {
    return this.#version;
  }

  /** Index of the first reading with `observedAt` > `at`. */
  firstAfter(at: number): number {
    let low = this.#start;
    let high = this.#end;
    if (high > low && (this.#cells[(high - 1) * WIDTH + AT] as number) <= at) return high - this.#start;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#cells[middle * WIDTH + AT] as number) <= at) low = middle + 1;
      else high = middle;
    }
    return low - this.#start;
  }

  /** Exact sum of counted values of readings [first, last]. */
  sum(first: number, last: number): number {
    if (last < first) return 0;
    return (this.#cells[(this.#start + last) * WIDTH + SUM] as number) - this.#before(SUM, first);
  }

  /** Covered span of counted readings [first, last] where nothing before `first` reaches into them, ms. */
  covered(first: number, last: number): number {
    if (last < first) return 0;
    return (this.#cells[(this.#start + last) * WIDTH + COVERED] as number) - this.#before(COVERED, first);
  }

  /** Span that a reading covers by itself, ms. */
  cover(index: number): number {
    return this.#cells[(this.#start + index) * WIDTH + COVER] as number;
  }

  #before(column: number, first: number): number {
    const i = this.#start + first;
    return i > 0 ? (this.#cells[(i - 1) * WIDTH + column] as number) : 0;
  }

  /** Puts a reading in its place. A correction keeps the value it replaced, so that its late repeat is known as stale. */
  insert(at: number, intervalMs: number, coverMs: number, value: number): Insertion {
    let i = this.#start + this.firstAfter(at);
    for (let k = i - 1; k >= this.#start && this.#cells[k * WIDTH + AT] === at; k--) {
      if (this.#cells[k * WIDTH + INTERVAL] === intervalMs) return this.#replace(k, value);
      if ((this.#cells[k * WIDTH + INTERVAL] as number) > intervalMs) i = k;
    }
    if (i < this.#end) this.#version++;
    i = this.#open(i);
    this.#cells[i * WIDTH + AT] = at;
    this.#cells[i * WIDTH + INTERVAL] = intervalMs;
    this.#cells[i * WIDTH + COVER] = coverMs;
    this.#cells[i * WIDTH + VALUE] = value;
    this.#recount(i);
    if (at > this.newestAt) this.newestAt = at;
    return 'new';
  }

  #replace(k: number, value: number): Insertion {
    const old = this.#cells[k * WIDTH + VALUE] as number;
    if (old === value) return 'repeat';
    const key = `${this.#cells[k * WIDTH + AT]}/${this.#cells[k * WIDTH + INTERVAL]}`;
    const replaced = this.#replaced.get(key) ?? [];
    if (replaced.includes(value)) return 'stale-repeat';
    this.#replaced.set(key, [...replaced, old].slice(-8));
    this.#cells[k * WIDTH + VALUE] = value;
    this.#version++;
    this.#recount(k);
    return 'correction';
  }

  /** Makes room at physical index i and returns where it is now. */
  #open(i: number): number {
    if (this.#end === this.#capacity) {
      const shift = this.#start;
      this.#reserve();
      i -= shift - this.#start;
    }
    if (i < this.#end) {
      this.#cells.copyWithin((i + 1) * WIDTH, i * WIDTH, this.#end * WIDTH);
    }
    this.#end++;
    this.#cells[i * WIDTH + COUNTED] = 1;
    return i;
  }

  /** Moves the readings to the front, in twice the room when over half of it is in use. Keeps one reading of history for running sums. */
  #reserve(): void {
    const length = this.length;
    const capacity = length * 2 > this.#capacity ? this.#capacity * 2 : this.#capacity;
    const { sum, covered } = { sum: this.#before(SUM, 0), covered: this.#before(COVERED, 0) };
    const cells = capacity === this.#capacity ? this.#cells : new Float64Array(capacity * WIDTH);
    cells.set(this.#cells.subarray(this.#start * WIDTH, this.#end * WIDTH));
    this.#cells = cells;
    for (let k = 0; k < length; k++) {
      (this.#cells[k * WIDTH + SUM] as number) -= sum;
      (this.#cells[k * WIDTH + COVERED] as number) -= covered;
    }
    this.#capacity = capacity;
    this.#start = 0;
    this.#end = length;
  }

  /** Decides again, from physical index i on, which readings count, and the running sums with it. */
  #recount(i: number): void {
    let lastEnd = this.#floor;
    for (let k = i - 1; k >= this.#start; k--) {
      if (this.#cells[k * WIDTH + COUNTED] === 1) {
        lastEnd = this.#cells[k * WIDTH + AT] as number;
        break;
      }
    }
    for (let k = i; k < this.#end; k++) {
      const at = this.#cells[k * WIDTH + AT] as number;
      const counts = this.#isInterval
        ? at - (this.#cells[k * WIDTH + INTERVAL] as number) >= lastEnd
        : at !== lastEnd;
      this.#uncounted += (this.#cells[k * WIDTH + COUNTED] as number) - (counts ? 1 : 0);
      this.#cells[k * WIDTH + COUNTED] = counts ? 1 : 0;
      const beforeSum = k > 0 ? (this.#cells[(k - 1) * WIDTH + SUM] as number) : 0;
      const beforeCovered = k > 0 ? (this.#cells[(k - 1) * WIDTH + COVERED] as number) : 0;
      const cover = this.#cells[k * WIDTH + COVER] as number;
      const adds = !counts ? 0 : this.#isInterval ? cover : Math.min(cover, at - lastEnd);
      this.#cells[k * WIDTH + SUM] = beforeSum + (counts ? (this.#cells[k * WIDTH + VALUE] as number) : 0);
      this.#cells[k * WIDTH + COVERED] = beforeCovered + adds;
      if (counts) lastEnd = at;
    }
  }

  /** Forgets readings observed at or before `at`, except the newest `keep` of them that count (at least so many). */
  forget(at: number, keep = 0): void {
    // Of the rows kept some may not count: that many more are kept.
    const ahead = keep > 0 ? keep + this.#uncounted : 0;
    while (
      this.#start + ahead < this.#end &&
      (this.#cells[(this.#start + ahead) * WIDTH + AT] as number) <= at
    ) {
      if (this.#cells[this.#start * WIDTH + COUNTED] === 1)
        this.#floor = this.#cells[this.#start * WIDTH + AT] as number;
      if (this.#replaced.size > 0)
        this.#replaced.delete(
          `${this.#cells[this.#start * WIDTH + AT]}/${this.#cells[this.#start * WIDTH + INTERVAL]}`,
        );
      this.#uncounted -= 1 - (this.#cells[this.#start * WIDTH + COUNTED] as number);
      this.#start++;
      this.#forgotten++;
    }
  }

  snapshot(): SeriesSnapshot {
    const cut = (column: number): number[] =>
      Array.from(
        { length: this.length },
        (_, i) => this.#cells[(this.#start + i) * WIDTH + column] as number,
      );
    return {
      at: cut(AT),
      interval: cut(INTERVAL),
      cover: cut(COVER),
      value: cut(VALUE),
      floor: Number.isFinite(this.#floor) ? this.#floor : null,
      replaced: [...this.#replaced],
    };
  }

  static restore(isInterval: boolean, from: SeriesSnapshot): ReadingSeries {
    const series = new ReadingSeries(isInterval);
    series.#floor = from.floor ?? Number.NEGATIVE_INFINITY;
    from.at.forEach((at, i) => {
      series.insert(at, from.interval[i] as number, from.cover[i] as number, from.value[i] as number);
    });
    for (const [key, values] of from.replaced) series.#replaced.set(key, [...values]);
    return series;
  }
}

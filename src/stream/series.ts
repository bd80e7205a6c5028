/** What inserting a reading found: a new key, the same value again, another value, or a value replaced before. */
export type Insertion = 'new' | 'repeat' | 'correction' | 'stale-repeat';

/** Plain form of a series, for checkpoints. */
export interface SeriesSnapshot {
  readonly at: readonly number[];
  readonly interval: readonly number[];
  readonly cover: readonly number[];
  readonly value: readonly number[];
  readonly replaced: readonly (readonly [string, readonly number[]])[];
}

const FIRST_CAPACITY = 16;

/**
 * The readings of one station and quantity, sorted by (`observedAt`, interval), in typed arrays: the finest slices,
 * shared by every window over the quantity. Values are scaled integers, so running sums are exact and no order of
 * arrival can change a result. Of overlapping intervals the earlier counts; the later is an upper bound only.
 */
export class ReadingSeries {
  readonly #isInterval: boolean;
  #capacity = FIRST_CAPACITY;
  #start = 0;
  #end = 0;
  #at = new Float64Array(FIRST_CAPACITY);
  #interval = new Float64Array(FIRST_CAPACITY);
  /** Span that a reading covers: its interval, or one station interval for an instantaneous quantity. */
  #cover = new Float64Array(FIRST_CAPACITY);
  #value = new Float64Array(FIRST_CAPACITY);
  /** 1 when the reading counts, 0 when an earlier interval overlaps it. */
  #counted = new Uint8Array(FIRST_CAPACITY);
  /** Running sums over counted readings, up to and with this one. */
  #sum = new Float64Array(FIRST_CAPACITY);
  #covered = new Float64Array(FIRST_CAPACITY);
  readonly #replaced = new Map<string, number[]>();

  constructor(isInterval: boolean) {
    this.#isInterval = isInterval;
  }

  get length(): number {
    return this.#end - this.#start;
  }
  at(index: number): number {
    return this.#at[this.#start + index] as number;
  }
  value(index: number): number {
    return this.#value[this.#start + index] as number;
  }
  /** Start of the interval that the reading measured; its `observedAt` for an instantaneous one. */
  from(index: number): number {
    const i = this.#start + index;
    return (this.#at[i] as number) - (this.#isInterval ? (this.#interval[i] as number) : 0);
  }
  counts(index: number): boolean {
    return this.#counted[this.#start + index] === 1;
  }

  /** Index of the first reading with `observedAt` > `at`. */
  firstAfter(at: number): number {
    let low = this.#start;
    let high = this.#end;
    if (high > low && (this.#at[high - 1] as number) <= at) return high - this.#start;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#at[middle] as number) <= at) low = middle + 1;
      else high = middle;
    }
    return low - this.#start;
  }

  /** Exact sum of counted values of readings [first, last]. */
  sum(first: number, last: number): number {
    if (last < first) return 0;
    return (this.#sum[this.#start + last] as number) - this.#before(this.#sum, first);
  }

  /** Covered span of counted readings [first, last] where nothing before `first` reaches into them, ms. */
  covered(first: number, last: number): number {
    if (last < first) return 0;
    return (this.#covered[this.#start + last] as number) - this.#before(this.#covered, first);
  }

  /** Span that a reading covers by itself, ms. */
  cover(index: number): number {
    return this.#cover[this.#start + index] as number;
  }

  #before(column: Float64Array, first: number): number {
    const i = this.#start + first;
    return i > 0 ? (column[i - 1] as number) : 0;
  }

  /** Puts a reading in its place. A correction keeps the value it replaced, so that its late repeat is known as stale. */
  insert(at: number, intervalMs: number, coverMs: number, value: number): Insertion {
    let i = this.#start + this.firstAfter(at);
    for (let k = i - 1; k >= this.#start && this.#at[k] === at; k--) {
      if (this.#interval[k] === intervalMs) return this.#replace(k, value);
      if ((this.#interval[k] as number) > intervalMs) i = k;
    }
    i = this.#open(i);
    this.#at[i] = at;
    this.#interval[i] = intervalMs;
    this.#cover[i] = coverMs;
    this.#value[i] = value;
    this.#recount(i);
    return 'new';
  }

  #replace(k: number, value: number): Insertion {
    const old = this.#value[k] as number;
    if (old === value) return 'repeat';
    const key = `${this.#at[k]}/${this.#interval[k]}`;
    const replaced = this.#replaced.get(key) ?? [];
    if (replaced.includes(value)) return 'stale-repeat';
    this.#replaced.set(key, [...replaced, old].slice(-8));
    this.#value[k] = value;
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
      for (const column of this.#columns()) column.copyWithin(i + 1, i, this.#end);
    }
    this.#end++;
    return i;
  }

  #columns(): (Float64Array | Uint8Array)[] {
    return [this.#at, this.#interval, this.#cover, this.#value, this.#counted, this.#sum, this.#covered];
  }

  /** Moves the readings to the front, in twice the room when over half of it is in use. Keeps one reading of history for running sums. */
  #reserve(): void {
    const length = this.length;
    const capacity = length * 2 > this.#capacity ? this.#capacity * 2 : this.#capacity;
    const { sum, covered } = { sum: this.#before(this.#sum, 0), covered: this.#before(this.#covered, 0) };
    const move = (column: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> => {
      const target = capacity === this.#capacity ? column : new Float64Array(capacity);
      target.set(column.subarray(this.#start, this.#end));
      return target;
    };
    this.#at = move(this.#at);
    this.#interval = move(this.#interval);
    this.#cover = move(this.#cover);
    this.#value = move(this.#value);
    this.#sum = move(this.#sum);
    this.#covered = move(this.#covered);
    const counted = capacity === this.#capacity ? this.#counted : new Uint8Array(capacity);
    counted.set(this.#counted.subarray(this.#start, this.#end));
    this.#counted = counted;
    for (let k = 0; k < length; k++) {
      (this.#sum[k] as number) -= sum;
      (this.#covered[k] as number) -= covered;
    }
    this.#capacity = capacity;
    this.#start = 0;
    this.#end = length;
  }

  /** Decides again, from physical index i on, which readings count, and the running sums with it. */
  #recount(i: number): void {
    let lastEnd = Number.NEGATIVE_INFINITY;
    for (let k = i - 1; k >= this.#start; k--) {
      if (this.#counted[k] === 1) {
        lastEnd = this.#at[k] as number;
        break;
      }
    }
    for (let k = i; k < this.#end; k++) {
      const at = this.#at[k] as number;
      const counts = this.#isInterval ? at - (this.#interval[k] as number) >= lastEnd : at !== lastEnd;
      this.#counted[k] = counts ? 1 : 0;
      const beforeSum = k > 0 ? (this.#sum[k - 1] as number) : 0;
      const beforeCovered = k > 0 ? (this.#covered[k - 1] as number) : 0;
      const cover = this.#cover[k] as number;
      const adds = !counts ? 0 : this.#isInterval ? cover : Math.min(cover, at - lastEnd);
      this.#sum[k] = beforeSum + (counts ? (this.#value[k] as number) : 0);
      this.#covered[k] = beforeCovered + adds;
      if (counts) lastEnd = at;
    }
  }

  /** Forgets readings observed at or before `at`. */
  forget(at: number): void {
    while (this.#start < this.#end && (this.#at[this.#start] as number) <= at) {
      if (this.#replaced.size > 0) this.#replaced.delete(`${this.#at[this.#start]}/${this.#interval[this.#start]}`);
      this.#start++;
    }
  }

  snapshot(): SeriesSnapshot {
    const cut = (column: Float64Array): number[] => [...column.subarray(this.#start, this.#end)];
    return {
      at: cut(this.#at), interval: cut(this.#interval), cover: cut(this.#cover), value: cut(this.#value),
      replaced: [...this.#replaced],
    };
  }

  static restore(isInterval: boolean, from: SeriesSnapshot): ReadingSeries {
    const series = new ReadingSeries(isInterval);
    from.at.forEach((at, i) => {
      series.insert(at, from.interval[i] as number, from.cover[i] as number, from.value[i] as number);
    });
    for (const [key, values] of from.replaced) series.#replaced.set(key, [...values]);
    return series;
  }
}

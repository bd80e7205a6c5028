const INTERVAL = 0;
const COVER = 1;
/** 1 when the reading counts, 0 when an earlier interval overlaps it. */
const COUNTED = 2;
const WIDTH = 3;

/** What the readings of an uneven series have beside instant and value, by the rows of the series. */
export class SeriesExtras {
  /** Readings that do not count. */
  uncounted = 0;
  readonly #cells: Float64Array;

  constructor(capacity: number) {
    this.#cells = new Float64Array(capacity * WIDTH);
  }

  interval(row: number): number {
    return this.#cells[row * WIDTH + INTERVAL] as number;
  }
  cover(row: number): number {
    return this.#cells[row * WIDTH + COVER] as number;
  }
  counts(row: number): boolean {
    return this.#cells[row * WIDTH + COUNTED] === 1;
  }

  /** A new reading counts until it is found not to. */
  put(row: number, interval: number, cover: number): void {
    this.#cells[row * WIDTH + INTERVAL] = interval;
    this.#cells[row * WIDTH + COVER] = cover;
    this.#cells[row * WIDTH + COUNTED] = 1;
  }

  /** True: it was so already. */
  setCounts(row: number, counts: boolean): boolean {
    if (this.counts(row) === counts) return true;
    this.uncounted += counts ? -1 : 1;
    this.#cells[row * WIDTH + COUNTED] = counts ? 1 : 0;
    return false;
  }

  /** Makes room at a row before `end`. */
  open(row: number, end: number): void {
    this.#cells.copyWithin((row + 1) * WIDTH, row * WIDTH, end * WIDTH);
  }

  /** Takes a row before `end` out. */
  close(row: number, end: number): void {
    this.forget(row);
    this.#cells.copyWithin(row * WIDTH, (row + 1) * WIDTH, end * WIDTH);
  }

  forget(row: number): void {
    if (!this.counts(row)) this.uncounted--;
  }

  /** All of [start, end) have one interval and one cover, which of intervals is the interval, and count. */
  isEven(start: number, end: number, isInterval: boolean): boolean {
    if (this.uncounted > 0 || (isInterval && this.cover(start) !== this.interval(start))) return false;
    for (let row = start + 1; row < end; row++)
      if (this.interval(row) !== this.interval(start) || this.cover(row) !== this.cover(start)) return false;
    return true;
  }

  /** The same with its rows from `start` on at the front of a new room. */
  moved(start: number, length: number, capacity: number): SeriesExtras {
    const extras = new SeriesExtras(capacity);
    extras.#cells.set(this.#cells.subarray(start * WIDTH, (start + length) * WIDTH));
    extras.uncounted = this.uncounted;
    return extras;
  }
}

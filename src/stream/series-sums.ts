const SUM = 0;
const COVERED = 1;
const WIDTH = 2;

/**
 * Running sums over the counted readings of a series, by its rows: made when a long window is asked for, up to the row
 * that it ends with, and cut back where a reading is put in between. Values are integers: differences are exact.
 */
export class RunningSums {
  /** The rows [#start, end) are added up. */
  end = 0;
  #start = 0;
  readonly #cells: Float64Array;

  constructor(capacity: number) {
    this.#cells = new Float64Array(capacity * WIDTH);
  }

  /** Begins anew at a row: those before it are forgotten. */
  begin(row: number): void {
    this.#start = row;
    this.end = row;
  }

  push(value: number, coveredMs: number): void {
    const cell = this.end * WIDTH;
    this.#cells[cell + SUM] = this.#upTo(this.end - 1, SUM) + value;
    this.#cells[cell + COVERED] = this.#upTo(this.end - 1, COVERED) + coveredMs;
    this.end++;
  }

  /** Forgets the sums from a row on. */
  cut(row: number): void {
    if (row < this.end) this.end = Math.max(row, this.#start);
  }

  sum(first: number, last: number): number {
    return this.#upTo(last, SUM) - this.#upTo(first - 1, SUM);
  }

  covered(first: number, last: number): number {
    return this.#upTo(last, COVERED) - this.#upTo(first - 1, COVERED);
  }

  #upTo(row: number, column: number): number {
    return row < this.#start ? 0 : (this.#cells[row * WIDTH + column] as number);
  }
}

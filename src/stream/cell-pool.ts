/** Cells of the first segment; each further one has twice as many, up to the most. */
const FIRST_CELLS = 1 << 6;
const MOST_CELLS = 1 << 17;
/** Runs that are longer have an array of their own. */
const LONGEST_RUN = 1 << 14;

/**
 * Memory for many small columns: runs of numbers cut from large arrays, so that a hundred thousand stations are a few
 * hundred objects to the garbage collector instead of millions. Lengths are powers of two; a run given back is given
 * out again.
 */
export class CellPool {
  /** Where the run lies that `take` gave out last. */
  cells: Float64Array = new Float64Array(0);
  offset = 0;
  /** Number of its segment, for giving it back; -1: an array of its own. */
  segment = -1;
  readonly #segments: Float64Array[] = [];
  /** Cells in use of the last segment. */
  #used = 0;
  /** By length: runs given back, as segment times the most cells, plus offset. */
  readonly #free = new Map<number, number[]>();

  /** Finds a run of `length` numbers, a power of two; what stands in it is left from before. */
  take(length: number): void {
    const free = this.#free.get(length)?.pop();
    if (free !== undefined) {
      this.segment = Math.floor(free / MOST_CELLS);
      this.offset = free % MOST_CELLS;
      this.cells = this.#segments[this.segment] as Float64Array;
      return;
    }
    if (length > LONGEST_RUN) {
      this.cells = new Float64Array(length);
      this.offset = 0;
      this.segment = -1;
      return;
    }
    const last = this.#segments.at(-1);
    if (last === undefined || this.#used + length > last.length) {
      const size = Math.min(MOST_CELLS, Math.max(FIRST_CELLS, (last?.length ?? 0) * 2));
      this.#segments.push(new Float64Array(Math.max(length, size)));
      this.#used = 0;
    }
    this.segment = this.#segments.length - 1;
    this.cells = this.#segments[this.segment] as Float64Array;
    this.offset = this.#used;
    this.#used += length;
  }

  /** Takes a run back; nobody may read it any more. */
  give(segment: number, offset: number, length: number): void {
    if (segment < 0) return;
    const free = this.#free.get(length);
    const run = segment * MOST_CELLS + offset;
    if (free) free.push(run);
    else this.#free.set(length, [run]);
  }
}

import type { CellPool } from './cell-pool.ts';

/** A series as the rows see it that hold its readings. */
export interface RowsMember {
  readonly isInterval: boolean;
  /** A reading comes to stand at a row before others. */
  noteOpened(row: number): void;
  /** All rows have moved. */
  noteMoved(): void;
  noteForgotten(row: number): void;
}

const FIRST_CAPACITY = 4;
const AT = 0;
/** Copying cell by cell costs less than a view up to here. */
const FEW_CELLS = 64;

/**
 * The readings of one station, a row an instant: `observedAt`, then a column for each series that shares them. Series
 * whose readings come in the same reports share rows, so that a report is one place to find and one run to write. Shared
 * rows are even: one interval, one cover, and every reading counts; a series that is not leaves for rows of its own.
 */
export class ReadingRows {
  cells: Float64Array;
  base: number;
  capacity: number;
  /** Rows in use are [start, end). */
  start = 0;
  end = 0;
  /** Newest forgotten instant that counted. */
  floor = Number.NEGATIVE_INFINITY;
  /** Of every reading, unless a lone series says otherwise; cover is that of instantaneous quantities. */
  intervalMs = 0;
  coverMs = 0;
  /** Changes with everything that is not a row at the end. */
  version = 0;
  forgotten = 0;
  /** By column, less one; null: the series has left. */
  readonly members: (RowsMember | null)[] = [];
  /** How many have not left. */
  shared = 0;
  readonly width: number;
  readonly pool: CellPool;
  #hasInterval = false;
  #segment: number;
  /** Newest instant of a row that is gone, or was before a restart. */
  #newestAt = Number.NEGATIVE_INFINITY;

  constructor(columns: number, pool: CellPool, capacity = FIRST_CAPACITY) {
    this.width = columns + 1;
    this.pool = pool;
    this.capacity = capacity;
    pool.take(capacity * this.width);
    this.cells = pool.cells;
    this.base = pool.offset;
    this.#segment = pool.segment;
  }

  /** Gives a series the next column, and says which that is. */
  add(member: RowsMember): number {
    if (member.isInterval) this.#hasInterval = true;
    this.shared++;
    return this.members.push(member);
  }

  /** Newest `observedAt` ever taken, forgotten or not. */
  get newestAt(): number {
    return this.end === this.start ? this.#newestAt : Math.max(this.#newestAt, this.at(this.end - 1));
  }
  set newestAt(at: number) {
    this.#newestAt = at;
  }

  at(row: number): number {
    return this.cells[this.base + row * this.width + AT] as number;
  }

  /** The first row after an instant. */
  firstAfter(at: number): number {
    let low = this.start;
    let high = this.end;
    if (high > low && this.at(high - 1) <= at) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.at(middle) <= at) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * Puts the readings of a report in their place, those of all series at once. `order` gives the place in `values` by
   * column; null: they are in order.
   * @returns false, with nothing changed, where the rows would not stay even or the instant has a row
   */
  put(
    at: number,
    intervalMs: number,
    coverMs: number,
    values: readonly number[],
    order: readonly number[] | null,
  ): boolean {
    const spanMs = this.#hasInterval ? intervalMs : 0;
    let row = this.end;
    const isFirst = row === this.start;
    if (!isFirst && (intervalMs !== this.intervalMs || coverMs !== this.coverMs)) return false;
    if (!isFirst && at <= this.at(row - 1)) row = this.firstAfter(at);
    const before = row > this.start ? this.at(row - 1) : this.floor;
    if (at <= before || at - spanMs < before) return false;
    if (row < this.end && this.at(row) - spanMs < at) return false;
    if (isFirst) {
      this.intervalMs = intervalMs;
      this.coverMs = coverMs;
    }
    row = this.open(row);
    const { cells } = this;
    const cell = this.base + row * this.width;
    cells[cell] = at;
    const length = this.width - 1;
    if (order === null) for (let i = 0; i < length; i++) cells[cell + i + 1] = values[i] as number;
    else
      for (let i = 0; i < length; i++) {
        const place = order[i] as number;
        if (place >= 0) cells[cell + i + 1] = values[place] as number;
      }
    return true;
  }

  /** Makes sure that there is room for one more; returns where a row is now. */
  makeRoom(row: number): number {
    if (this.end < this.capacity) return row;
    const place = row - this.start;
    this.#reserve();
    return place;
  }

  /** Opens a gap at a row; returns where that row is now. */
  open(row: number): number {
    const place = this.makeRoom(row);
    if (place < this.end) {
      const from = this.base + place * this.width;
      this.cells.copyWithin(from + this.width, from, this.base + this.end * this.width);
      this.version++;
      for (const member of this.members) member?.noteOpened(place);
    }
    this.end++;
    return place;
  }

  /** Takes a row out. The newest instant stays the newest that was ever taken. */
  close(row: number): void {
    this.#newestAt = this.newestAt;
    const from = this.base + row * this.width;
    this.cells.copyWithin(from, from + this.width, this.base + this.end * this.width);
    this.end--;
    this.version++;
  }

  /** Moves the rows to the front, in twice the room when three quarters of it are in use. */
  #reserve(): void {
    const { width } = this;
    const length = this.end - this.start;
    const from = this.base + this.start * width;
    for (const member of this.members) member?.noteMoved();
    if (length * 4 > this.capacity * 3) {
      const size = this.capacity * width;
      this.pool.take(size * 2);
      const { cells, offset, segment } = this.pool;
      copy(this.cells, from, cells, offset, length * width);
      this.pool.give(this.#segment, this.base, size);
      this.cells = cells;
      this.base = offset;
      this.#segment = segment;
      this.capacity *= 2;
    } else this.cells.copyWithin(this.base, from, from + length * width);
    this.start = 0;
    this.end = length;
  }

  /** Forgets rows at or before `at`, except the newest `keep`. Every reading counts. */
  forget(at: number, keep: number): void {
    while (this.start + keep < this.end && this.at(this.start + keep) <= at) {
      this.floor = this.at(this.start);
      this.dropFirst();
    }
  }

  /** Forgets the first row. */
  dropFirst(): void {
    for (const member of this.members) member?.noteForgotten(this.start);
    if (this.end - this.start === 1) this.#newestAt = this.newestAt;
    this.start++;
    this.forgotten++;
  }

  /** A copy, without members, of columns of rows that are alike in all but their values. */
  copyFor(columns: readonly RowColumn[]): ReadingRows {
    const made = new ReadingRows(columns.length, this.pool, this.capacity);
    made.end = this.end - this.start;
    made.floor = this.floor;
    made.intervalMs = this.intervalMs;
    made.coverMs = this.coverMs;
    made.newestAt = this.newestAt;
    for (let k = 0; k < made.end; k++) made.cells[made.base + k * made.width] = this.at(this.start + k);
    columns.forEach(({ rows, column }, i) => {
      // What remembers places in any of them must not take them for places in these.
      if (rows.version >= made.version) made.version = rows.version + 1;
      if (rows.forgotten > made.forgotten) made.forgotten = rows.forgotten;
      for (let k = 0; k < made.end; k++)
        made.cells[made.base + k * made.width + i + 1] = rows.cells[
          rows.base + (rows.start + k) * rows.width + column
        ] as number;
    });
    return made;
  }

  /** The instants of both are the same, and so is what all their readings have in common. */
  isLike(other: ReadingRows): boolean {
    const length = this.end - this.start;
    if (length !== other.end - other.start || this.newestAt !== other.newestAt || this.floor !== other.floor)
      return false;
    if (length === 0) return true;
    if (this.intervalMs !== other.intervalMs) return false;
    for (let k = length - 1; k >= 0; k--)
      if (this.at(this.start + k) !== other.at(other.start + k)) return false;
    return true;
  }

  /** A series leaves; the last gives the memory back. */
  leave(member: RowsMember): void {
    this.members[this.members.indexOf(member)] = null;
    this.shared--;
    this.#hasInterval = this.members.some((one) => one?.isInterval === true);
    if (this.shared === 0) this.pool.give(this.#segment, this.base, this.capacity * this.width);
  }
}

/** Where the values of a series stand. */
export interface RowColumn {
  readonly rows: ReadingRows;
  readonly column: number;
}

function copy(from: Float64Array, at: number, to: Float64Array, offset: number, length: number): void {
  if (length > FEW_CELLS) to.set(from.subarray(at, at + length), offset);
  else for (let i = 0; i < length; i++) to[offset + i] = from[at + i] as number;
}

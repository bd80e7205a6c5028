import { invariant } from '../lib/errors.ts';
import { CellPool } from './cell-pool.ts';
import { ReadingRows, type RowColumn, type RowsMember } from './reading-rows.ts';
import { SeriesExtras } from './series-extras.ts';
import { RunningSums } from './series-sums.ts';

/** What inserting a reading found: a new key, the same value again, another value, or a value replaced before. */
export type Insertion = 'new' | 'repeat' | 'correction' | 'stale-repeat';

/** A reading out of its series. */
export interface TakenReading {
  readonly at: number;
  readonly intervalMs: number;
  readonly coverMs: number;
  readonly value: number;
  /** Values that corrections have replaced, oldest first. */
  readonly replaced: readonly number[];
}

/** The values that a correction leaves behind. */
export const replacedWith = (replaced: readonly number[], old: number): readonly number[] =>
  [...replaced, old].slice(-MOST_REPLACED);

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
export class ReadingSeries implements RowsMember, RowColumn {
  readonly isInterval: boolean;
  /** Where its readings stand: rows of its own, or those that it shares. */
  rows: ReadingRows;
  column: number;
  #extras: SeriesExtras | null = null;
  #sums: RunningSums | null = null;
  #replaced: Map<string, number[]> | null = null;

  /** `rows`: those that it is to share, where nothing stands yet. */
  constructor(isInterval: boolean, pool = new CellPool(), rows = new ReadingRows(1, pool)) {
    this.isInterval = isInterval;
    this.rows = rows;
    this.column = rows.add(this);
  }

  /** Newest `observedAt` that it ever took, forgotten or not. */
  get newestAt(): number {
    return this.rows.newestAt;
  }
  set newestAt(at: number) {
    this.rows.newestAt = at;
  }
  /** How many readings have been forgotten: index + forgotten names a reading as long as the version stays. */
  get forgotten(): number {
    return this.rows.forgotten;
  }
  /** Changes with everything that is not a reading at the end. */
  get version(): number {
    return this.rows.version;
  }
  get length(): number {
    return this.rows.end - this.rows.start;
  }
  at(index: number): number {
    return this.rows.at(this.rows.start + index);
  }
  value(index: number): number {
    return this.#valueOf(this.rows.start + index);
  }
  /** Start of the interval that the reading measured; its `observedAt` for an instantaneous one. */
  from(index: number): number {
    return this.at(index) - (this.isInterval ? this.#intervalOf(this.rows.start + index) : 0);
  }
  /** The interval that its report names. */
  interval(index: number): number {
    return this.#intervalOf(this.rows.start + index);
  }
  counts(index: number): boolean {
    return this.#extras === null || this.#extras.counts(this.rows.start + index);
  }
  /** No reading overlaps an earlier one. */
  get countsAll(): boolean {
    return this.#extras === null || this.#extras.uncounted === 0;
  }
  /** Span that a reading covers by itself, ms: its interval, or one station interval for an instantaneous quantity. */
  cover(index: number): number {
    return this.#coverOf(this.rows.start + index);
  }

  #atOf(row: number): number {
    return this.rows.at(row);
  }
  #valueOf(row: number): number {
    const { rows } = this;
    return rows.cells[rows.base + row * rows.width + this.column] as number;
  }
  #intervalOf(row: number): number {
    return this.#extras === null ? this.rows.intervalMs : this.#extras.interval(row);
  }
  /** Of an even series: an interval is covered by itself. */
  get #evenCover(): number {
    return this.isInterval ? this.rows.intervalMs : this.rows.coverMs;
  }
  #coverOf(row: number): number {
    return this.#extras === null ? this.#evenCover : this.#extras.cover(row);
  }

  /** Index of the first reading with `observedAt` > `at`. */
  firstAfter(at: number): number {
    return this.rows.firstAfter(at) - this.rows.start;
  }

  /** Exact sum of counted values of readings [first, last]. */
  sum(first: number, last: number): number {
    if (last - first >= SHORT)
      return this.#runningSums(last).sum(this.rows.start + first, this.rows.start + last);
    let sum = 0;
    for (let i = first; i <= last; i++) if (this.counts(i)) sum += this.value(i);
    return sum;
  }

  /** Covered span of counted readings [first, last] where nothing before `first` reaches into them, ms. */
  covered(first: number, last: number): number {
    if (last < first) return 0;
    if (this.isInterval && this.#extras === null) return (last - first + 1) * this.#evenCover;
    if (last - first >= SHORT)
      return this.#runningSums(last).covered(this.rows.start + first, this.rows.start + last);
    let covered = 0;
    let before = this.#countedBefore(this.rows.start + first);
    for (let row = this.rows.start + first; row <= this.rows.start + last; row++) {
      if (!this.counts(row - this.rows.start)) continue;
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
    for (let k = row - 1; k >= this.rows.start; k--)
      if (this.#extras === null || this.#extras.counts(k)) return this.#atOf(k);
    return this.rows.floor;
  }

  /** The running sums, made up to the reading `last`. */
  #runningSums(last: number): RunningSums {
    this.#sums ??= new RunningSums(this.rows.capacity);
    if (this.#sums.end < this.rows.start) this.#sums.begin(this.rows.start);
    const sums = this.#sums;
    const from = sums.end;
    let before = from <= this.rows.start + last ? this.#countedBefore(from) : 0;
    for (let row = from; row <= this.rows.start + last; row++) {
      const counts = this.counts(row - this.rows.start);
      sums.push(counts ? this.#valueOf(row) : 0, counts ? this.#adds(row, before) : 0);
      if (counts) before = this.#atOf(row);
    }
    return sums;
  }

  /** Puts a reading in its place. A correction keeps the value it replaced, so that its late repeat is known as stale. */
  insert(at: number, intervalMs: number, coverMs: number, value: number): Insertion {
    const { rows } = this;
    let row = rows.end;
    if (row > rows.start && at <= rows.at(row - 1)) {
      row = rows.firstAfter(at);
      for (let k = row - 1; k >= rows.start && rows.at(k) === at; k--) {
        const interval = this.#intervalOf(k);
        if (interval === intervalMs) return this.#replace(k, value);
        if (interval > intervalMs) row = k;
      }
      rows.version++;
    }
    if (rows.shared > 1) {
      row -= rows.start;
      this.separate();
    }
    return this.#insertAt(row, at, intervalMs, coverMs, value);
  }

  #insertAt(place: number, at: number, intervalMs: number, coverMs: number, value: number): Insertion {
    const { rows } = this;
    const row = rows.makeRoom(place);
    if (this.#extras === null && !this.#staysEven(row, at, intervalMs, coverMs)) this.#makeUneven();
    rows.open(row);
    const cell = rows.base + row * rows.width;
    rows.cells[cell] = at;
    rows.cells[cell + this.column] = value;
    if (this.#extras !== null) {
      this.#extras.put(row, intervalMs, coverMs);
      this.#recount(row);
    }
    return 'new';
  }

  /** Whether a reading that comes to stand at `row` is like all others, and overlaps neither neighbour. */
  #staysEven(row: number, at: number, intervalMs: number, coverMs: number): boolean {
    const { rows } = this;
    if (this.isInterval && coverMs !== intervalMs) return false;
    if (rows.end === rows.start) {
      rows.intervalMs = intervalMs;
      rows.coverMs = coverMs;
    } else if (intervalMs !== rows.intervalMs || coverMs !== this.#evenCover) return false;
    const spanMs = this.isInterval ? intervalMs : 0;
    const before = row > rows.start ? rows.at(row - 1) : rows.floor;
    if (this.isInterval ? at - spanMs < before : at === before) return false;
    return row === rows.end || rows.at(row) - spanMs >= at;
  }

  #makeUneven(): void {
    const { rows } = this;
    this.#extras = new SeriesExtras(rows.capacity);
    for (let row = rows.start; row < rows.end; row++) this.#extras.put(row, rows.intervalMs, this.#evenCover);
  }

  #replace(row: number, value: number): Insertion {
    const { rows } = this;
    const old = this.#valueOf(row);
    if (old === value) return 'repeat';
    const key = this.#keyOf(row);
    const replaced = this.#replaced?.get(key) ?? [];
    if (replaced.includes(value)) return 'stale-repeat';
    this.#replaced ??= new Map();
    this.#replaced.set(key, [...replacedWith(replaced, old)]);
    rows.cells[rows.base + row * rows.width + this.column] = value;
    rows.version++;
    this.#sums?.cut(row);
    return 'correction';
  }

  /** Takes a reading that stands here out, with the values that it replaced. */
  take(at: number, intervalMs: number): TakenReading {
    this.separate();
    const { rows } = this;
    let row = rows.firstAfter(at) - 1;
    while (row >= rows.start && rows.at(row) === at && this.#intervalOf(row) !== intervalMs) row--;
    invariant(row >= rows.start && rows.at(row) === at, 'a reading that is taken out stands in its series');
    const key = this.#keyOf(row);
    const taken = {
      at,
      intervalMs,
      coverMs: this.#coverOf(row),
      value: this.#valueOf(row),
      replaced: this.#replaced?.get(key) ?? [],
    };
    this.#replaced?.delete(key);
    this.#extras?.close(row, rows.end);
    rows.close(row);
    this.#sums?.cut(row);
    if (this.#extras !== null && row < rows.end) this.#recount(row);
    return taken;
  }

  /** Puts one that was taken out back. */
  putBack({ at, intervalMs, coverMs, value, replaced }: TakenReading): void {
    this.insert(at, intervalMs, coverMs, value);
    this.rows.version++;
    if (replaced.length === 0) return;
    this.#replaced ??= new Map();
    this.#replaced.set(`${at}/${intervalMs}`, [...replaced]);
  }

  #keyOf(row: number): string {
    return `${this.#atOf(row)}/${this.#intervalOf(row)}`;
  }

  noteOpened(row: number): void {
    this.#extras?.open(row, this.rows.end);
    this.#sums?.cut(row);
  }

  /** The last uneven reading may have been forgotten: then the series is even again. */
  noteMoved(): void {
    this.#sums = null;
    if (this.#extras === null) return;
    const { start, end, capacity } = this.rows;
    const length = end - start;
    if (length > 0 && this.#extras.isEven(start, end, this.isInterval)) {
      this.rows.intervalMs = this.#extras.interval(start);
      this.rows.coverMs = this.#extras.cover(start);
      this.#extras = null;
    } else
      this.#extras = this.#extras.moved(start, length, length * 4 > capacity * 3 ? capacity * 2 : capacity);
  }

  noteForgotten(row: number): void {
    if (this.#replaced === null) return;
    this.#replaced.delete(this.#keyOf(row));
    if (this.#replaced.size === 0) this.#replaced = null;
  }

  /** Leaves the rows that it shares for rows of its own. */
  separate(): void {
    const { rows } = this;
    if (rows.shared > 1) this.#moveTo(rows.copyFor([this]));
  }

  #moveTo(rows: ReadingRows): void {
    this.rows.leave(this);
    this.rows = rows;
    this.column = rows.add(this);
    this.#sums = null;
  }

  /** Whether its readings can share rows with those of another series: both even, at the same instants. */
  #fits(other: ReadingSeries): boolean {
    if (this.rows === other.rows) return true;
    if (this.#extras !== null || other.#extras !== null || !this.rows.isLike(other.rows)) return false;
    return (
      this.length === 0 || this.isInterval || other.isInterval || this.rows.coverMs === other.rows.coverMs
    );
  }

  /** Lets those of these series share rows that can, with the most of them. */
  static share(all: readonly ReadingSeries[]): void {
    let most = all[0] as ReadingSeries;
    for (const one of all) if (one.rows.shared > most.rows.shared) most = one;
    if (most.rows.shared === all.length && all.every(({ rows }) => rows === most.rows)) return;
    // The cover is that of an instantaneous one.
    const joined = all.filter((one) => one.#fits(most));
    const first = joined.find(({ isInterval }) => !isInterval) ?? most;
    const members = joined.filter((one) => one.#fits(first));
    if (members.length < 2 || members.every(({ rows }) => rows === first.rows)) return;
    const rows = first.rows.copyFor(members);
    for (const one of members) one.#moveTo(rows);
  }

  /** Decides again, from a row on, which readings count; stops where nothing changes any more. */
  #recount(row: number): void {
    const extras = this.#extras as SeriesExtras;
    let before = this.#countedBefore(row);
    for (let k = row; k < this.rows.end; k++) {
      const at = this.#atOf(k);
      const counts = this.isInterval ? at - extras.interval(k) >= before : at !== before;
      const isSame = extras.setCounts(k, counts);
      if (counts) before = at;
      if (k > row && isSame && counts) return;
    }
  }

  /** Forgets readings observed at or before `at`, except the newest `keep` of them that count (at least so many). */
  forget(at: number, keep = 0): void {
    // What is kept by count is kept of this series alone.
    if (keep > 0) this.separate();
    const { rows } = this;
    if (this.#extras === null) {
      rows.forget(at, keep);
      return;
    }
    // Of the rows kept some may not count: that many more are kept.
    const ahead = keep > 0 ? keep + this.#extras.uncounted : 0;
    while (rows.start + ahead < rows.end && rows.at(rows.start + ahead) <= at) {
      if (this.#extras.counts(rows.start)) rows.floor = rows.at(rows.start);
      this.#extras.forget(rows.start);
      rows.dropFirst();
    }
  }

  snapshot(): SeriesSnapshot {
    const column = (of: (index: number) => number): number[] =>
      Array.from({ length: this.length }, (_, index) => of(index));
    return {
      at: column((index) => this.at(index)),
      interval: column((index) => this.#intervalOf(this.rows.start + index)),
      cover: column((index) => this.cover(index)),
      value: column((index) => this.value(index)),
      floor: Number.isFinite(this.rows.floor) ? this.rows.floor : null,
      replaced: [...(this.#replaced ?? [])],
    };
  }

  static restore(isInterval: boolean, from: SeriesSnapshot, pool?: CellPool): ReadingSeries {
    const series = new ReadingSeries(isInterval, pool);
    series.rows.floor = from.floor ?? Number.NEGATIVE_INFINITY;
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

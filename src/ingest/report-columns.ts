import type { Report } from '../model/report.ts';

/** Reports of one block of memory, and of one block that is given out. */
const ROWS = 65_536;
const BLOCK = 4096;

/** Columns of some reports: numbers of station and layout, instants, and the values of all one after the other. */
export interface ColumnBlock {
  readonly station: Uint32Array;
  readonly layout: Uint32Array;
  readonly observedAt: Float64Array;
  readonly receivedAt: Float64Array;
  readonly intervalMs: Float64Array;
  /** Where the values of a report end; they begin where those before it do. */
  readonly end: Uint32Array;
  values: Float64Array;
  /** How many reports it holds. */
  length: number;
}

/**
 * Reports in memory, in the order in which they were added: numbers in columns, so that years of a network take a fraction
 * of what objects take and cost the garbage collector nothing. They can be walked again and again.
 */
export class ReportColumns {
  readonly #blocks: ColumnBlock[] = [];
  readonly #stations = new Map<string, number>();
  readonly #names: string[] = [];
  readonly #layouts = new Map<string, number>();
  readonly #quantities: (readonly string[])[] = [];
  /** The layout added last: most reports have the same. */
  #last: readonly string[] | null = null;
  #lastLayout = 0;
  #length = 0;
  #from = Number.POSITIVE_INFINITY;
  #to = Number.NEGATIVE_INFINITY;
  #firstAt = Number.POSITIVE_INFINITY;
  #newestAt = Number.NEGATIVE_INFINITY;
  #newestStation = '';
  #isSorted = true;

  /** Reports of lists, for tests and small recordings. */
  static of(reports: Iterable<Report>): ReportColumns {
    const columns = new ReportColumns();
    for (const report of reports) columns.add(report);
    return columns;
  }

  /** All reports of a stream of lists. */
  static async from(blocks: AsyncIterable<readonly Report[]>): Promise<ReportColumns> {
    const columns = new ReportColumns();
    for await (const block of blocks) for (const report of block) columns.add(report);
    return columns;
  }

  get length(): number {
    return this.#length;
  }

  /** First and last observation, epoch ms; undefined without a report. */
  get span(): { readonly from: number; readonly to: number } | undefined {
    return this.#length === 0 ? undefined : { from: this.#from, to: this.#to };
  }

  /** Earliest `receivedAt`, epoch ms; infinite without a report. */
  get firstAt(): number {
    return this.#firstAt;
  }

  /** Ids of the stations, each once, by their first report. */
  get stations(): readonly string[] {
    return this.#names;
  }

  /** The lists of quantities of the reports, by the number of the layout. */
  get layouts(): readonly (readonly string[])[] {
    return this.#quantities;
  }

  /** The columns themselves, for who needs no reports. */
  get memory(): readonly ColumnBlock[] {
    return this.#blocks;
  }

  /** `receivedAt`, epoch ms: where it is not what the report says. */
  add(report: Report, receivedAt = report.receivedAt): void {
    const { station, observedAt, intervalMs, quantities, values } = report;
    let block = this.#blocks.at(-1);
    if (block === undefined || block.length === ROWS) block = this.#begin(block);
    const row = block.length++;
    const start = row === 0 ? 0 : (block.end[row - 1] as number);
    const end = start + values.length;
    if (end > block.values.length) block.values = longer(block.values, end);
    for (let i = 0; i < values.length; i++) block.values[start + i] = values[i] as number;
    block.end[row] = end;
    block.station[row] = this.#stationOf(station);
    block.layout[row] = quantities === this.#last ? this.#lastLayout : this.#layoutOf(quantities);
    block.observedAt[row] = observedAt;
    block.receivedAt[row] = receivedAt;
    block.intervalMs[row] = intervalMs;
    if (observedAt < this.#from) this.#from = observedAt;
    if (observedAt > this.#to) this.#to = observedAt;
    if (receivedAt < this.#firstAt) this.#firstAt = receivedAt;
    if (receivedAt < this.#newestAt || (receivedAt === this.#newestAt && station < this.#newestStation))
      this.#isSorted = false;
    this.#newestAt = receivedAt;
    this.#newestStation = station;
    this.#length++;
  }

  /** The same in the order of (receivedAt, station), stable; itself where it is so already. */
  sorted(): ReportColumns {
    if (this.#isSorted) return this;
    return ReportColumns.of([...this.blocks()].flat().sort(compareReports));
  }

  /** Their reports in lists of some thousand, made anew with each walk; those of one layout share the array that names it. */
  *blocks(): Generator<readonly Report[]> {
    for (const block of this.#blocks)
      for (let from = 0; from < block.length; from += BLOCK) {
        const reports: Report[] = [];
        const to = Math.min(block.length, from + BLOCK);
        for (let row = from; row < to; row++) reports.push(this.report(block, row));
        yield reports;
      }
  }

  /** The report in a row of a block. */
  report(block: ColumnBlock, row: number): Report {
    const values: number[] = [];
    const end = block.end[row] as number;
    for (let i = row === 0 ? 0 : (block.end[row - 1] as number); i < end; i++)
      values.push(block.values[i] as number);
    return {
      station: this.#names[block.station[row] as number] as string,
      observedAt: block.observedAt[row] as number,
      intervalMs: block.intervalMs[row] as number,
      receivedAt: block.receivedAt[row] as number,
      quantities: this.#quantities[block.layout[row] as number] as readonly string[],
      values,
    };
  }

  /** Begins a block; a full one keeps no more memory for values than it needs. */
  #begin(full: ColumnBlock | undefined): ColumnBlock {
    if (full) full.values = full.values.slice(0, full.end[ROWS - 1]);
    const block = {
      station: new Uint32Array(ROWS),
      layout: new Uint32Array(ROWS),
      observedAt: new Float64Array(ROWS),
      receivedAt: new Float64Array(ROWS),
      intervalMs: new Float64Array(ROWS),
      end: new Uint32Array(ROWS),
      values: new Float64Array(full ? full.values.length : ROWS),
      length: 0,
    };
    this.#blocks.push(block);
    return block;
  }

  #stationOf(id: string): number {
    let number = this.#stations.get(id);
    if (number === undefined) {
      number = this.#names.push(id) - 1;
      this.#stations.set(id, number);
    }
    return number;
  }

  #layoutOf(quantities: readonly string[]): number {
    const key = quantities.join('\n');
    let number = this.#layouts.get(key);
    if (number === undefined) {
      number = this.#quantities.push(quantities) - 1;
      this.#layouts.set(key, number);
    }
    this.#last = quantities;
    this.#lastLayout = number;
    return number;
  }
}

/** By `receivedAt`, then station. */
export const compareReports = (a: Report, b: Report): number =>
  a.receivedAt - b.receivedAt || (a.station < b.station ? -1 : a.station > b.station ? 1 : 0);

function longer(values: Float64Array, least: number): Float64Array<ArrayBuffer> {
  const next = new Float64Array(Math.max(least, values.length * 2));
  next.set(values);
  return next;
}

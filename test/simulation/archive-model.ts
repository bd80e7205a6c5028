import { writeFileSync } from 'node:fs';
import { AtalaiaError } from '../../src/lib/errors.ts';
import type { Observation } from '../../src/model/observation.ts';
import { fromScaled, quantities } from '../../src/model/quantity.ts';
import { HOUR_MS, monthStart, nextMonth } from '../../src/model/time.ts';
import { aggregateColumns, asksNothing, toAggregates } from '../../src/store/archive/aggregates.ts';
import {
  type AggregateQuery,
  type Archive,
  type ArchiveBatch,
  checkOf,
  type FoundMarks,
  type LatestValue,
  type MarksQuery,
  type NeighbourMark,
  type SeriesPoint,
} from '../../src/store/archive/archive.ts';
import { unpacked } from '../../src/store/archive/packed.ts';

interface PositionRow {
  readonly partition: number;
  readonly epoch: number;
  readonly offset: number;
}
export interface ObservationRow {
  readonly partition: number;
  readonly observation: Observation;
}

/** What an archive holds: rows in order of commit, and the point up to which they survive the loss of its write-ahead log. */
export class ArchiveMedium {
  rows: ObservationRow[] = [];
  /** Rows that retention took: latest values and hours stand as they made them. */
  gone: ObservationRow[] = [];
  keptFrom = Number.MIN_SAFE_INTEGER;
  marks: readonly NeighbourMark[] = [];
  positions = new Map<number, PositionRow>();
  #durableRows = 0;
  #durable = new Map<number, PositionRow>();
  onCommit: (batch: ArchiveBatch, before: PositionRow) => void = () => {};
  /** A planted fault: an older epoch is let in. */
  isUnfenced = false;

  get durablePositions(): readonly PositionRow[] {
    return [...this.#durable.values()];
  }
  /** The write-ahead log is folded into the file. */
  makeDurable(): void {
    this.#durableRows = this.rows.length;
    this.#durable = new Map(this.positions);
  }
  /** The write-ahead log is damaged and put aside. */
  loseWriteAheadLog(): void {
    this.rows.length = this.#durableRows;
    this.positions = new Map(this.#durable);
  }
}

const keyOf = ({ station, quantity, observedAt, intervalMs }: Observation): string =>
  `${station}\n${quantity}\n${observedAt}\n${intervalMs}`;

/** The newest value of every key, sorted by station, quantity, time and interval. */
function readings(medium: { readonly rows: readonly ObservationRow[] }): Observation[] {
  const newest = new Map<string, Observation>();
  for (const { observation } of medium.rows) newest.set(keyOf(observation), observation);
  const text = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
  return [...newest.values()].sort(
    (a, b) =>
      text(a.station, b.station) ||
      text(a.quantity, b.quantity) ||
      a.observedAt - b.observedAt ||
      a.intervalMs - b.intervalMs,
  );
}

export function commitToArchive(medium: ArchiveMedium, batches: readonly ArchiveBatch[]): void {
  const positions = new Map<number, PositionRow>();
  const rows: ObservationRow[] = [];
  const told: [ArchiveBatch, PositionRow][] = [];
  for (const batch of batches) {
    const { partition, epoch, from, to } = batch;
    const held = positions.get(partition) ??
      medium.positions.get(partition) ?? { partition, epoch, offset: 0 };
    const refuse = (why: string): never => {
      throw new AtalaiaError('ATL_FENCED', `Partition ${partition} of the archive: ${why}.`);
    };
    if (!medium.isUnfenced && epoch < held.epoch) refuse(`epoch ${epoch} is older than ${held.epoch}`);
    if (!medium.isUnfenced && to <= held.offset) {
      if (epoch > held.epoch) positions.set(partition, { ...held, epoch });
      continue;
    }
    if (!medium.isUnfenced && from !== held.offset)
      refuse(`batch [${from}, ${to}) does not start at ${held.offset}`);
    positions.set(partition, { partition, epoch: Math.max(epoch, held.epoch), offset: to });
    told.push([batch, held]);
    for (const observation of batch.observations) rows.push({ partition, observation });
  }
  for (const [partition, row] of positions) medium.positions.set(partition, row);
  medium.rows.push(...rows);
  for (const [batch, before] of told) medium.onCommit(batch, before);
}

/** Archive in memory with the semantics of the port. */
export class ModelArchive implements Archive {
  readonly #medium: ArchiveMedium;
  #isClosed = false;

  constructor(medium: ArchiveMedium) {
    this.#medium = medium;
  }

  get #open(): ArchiveMedium {
    if (this.#isClosed) throw new AtalaiaError('ATL_STORE', 'The archive is closed. Open it again.');
    return this.#medium;
  }

  async commit(given: readonly ArchiveBatch[], what: 'both' | 'effects' = 'both') {
    const batches = given.map(unpacked);
    if (what === 'both') return commitToArchive(this.#open, batches);
    for (const { partition, epoch } of batches) {
      if (epoch < (this.#open.positions.get(partition)?.epoch ?? 0))
        throw new AtalaiaError(
          'ATL_FENCED',
          `Partition ${partition} of the archive: epoch ${epoch} is older.`,
        );
    }
    for (const { partition, observations } of batches)
      this.#medium.rows.push(...observations.map((observation) => ({ partition, observation })));
  }
  async positions() {
    return [...this.#open.positions.values()].sort((a, b) => a.partition - b.partition);
  }
  async durablePositions() {
    return this.#open.durablePositions.map(({ partition, offset }) => ({ partition, offset }));
  }
  async latest() {
    const newest = new Map<string, LatestValue>();
    for (const { observation } of [...this.#open.gone, ...this.#open.rows]) {
      const { arrival: _, ...rest } = observation;
      const key = `${rest.station}\n${rest.quantity}`;
      if (rest.observedAt >= (newest.get(key)?.observedAt ?? Number.NEGATIVE_INFINITY))
        newest.set(key, { ...rest, value: fromScaled(rest.value) });
    }
    return [...newest].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value);
  }
  async series(query: Parameters<Archive['series']>[0]) {
    return seriesOf(this.#open, query);
  }
  async aggregates(query: AggregateQuery) {
    const empty = asksNothing(query);
    const spans = new Map<string, number[]>();
    const { gone, rows: held, keptFrom } = this.#open;
    const made = [...gone, ...held.filter(({ observation }) => observation.observedAt > keptFrom)];
    for (const one of empty ? [] : readings({ rows: made })) {
      const place = query.stations.indexOf(one.station);
      const hour = Math.ceil(one.observedAt / HOUR_MS) * HOUR_MS - HOUR_MS;
      if (place < 0 || one.quantity !== query.quantity || one.flag === 'bad') continue;
      if (hour < query.from || hour >= query.to) continue;
      const key = query.by === 'hour' ? `${place} ${hour}` : `${place}`;
      const row = spans.get(key) ?? [place, hour, 0, one.value, one.value, 0, 0];
      const [, first, sum, min, max, count, covered] = row as [
        number,
        number,
        number,
        number,
        number,
        number,
        number,
      ];
      const { value, intervalMs } = one;
      spans.set(key, [
        place,
        Math.min(first, hour),
        sum + value,
        Math.min(min, value),
        Math.max(max, value),
        count + 1,
        covered + intervalMs,
      ]);
    }
    const rows = [...spans.values()].sort(
      (a, b) => (a[0] as number) - (b[0] as number) || (a[1] as number) - (b[1] as number),
    );
    return toAggregates(
      aggregateColumns.map((_, column) => rows.map((row) => row[column])),
      query.limit,
    );
  }
  async export({ path, from, to, stations }: Parameters<Archive['export']>[0]) {
    const rows = readings(this.#open).filter(
      ({ station, observedAt }) =>
        observedAt >= (from ?? Number.NEGATIVE_INFINITY) &&
        observedAt < (to ?? Number.POSITIVE_INFINITY) &&
        (stations?.includes(station) ?? true),
    );
    const header = 'station,quantity,observedAt,intervalMs,receivedAt,value,unit,flag,arrival,check';
    try {
      writeFileSync(path, `${[header, ...rows.map(csvLine)].join('\n')}\n`);
    } catch (cause) {
      throw new AtalaiaError('ATL_STORE', `Export to ${path} failed. Check the folder.`, { cause });
    }
    return { rows: rows.length };
  }
  async keepMarks({ check, from, to, marks }: FoundMarks) {
    const rest = this.#open.marks.filter((one) => one.check !== check || one.from < from || one.from >= to);
    this.#open.marks = [...rest, ...marks];
  }
  async marks({ station, from, to }: MarksQuery) {
    const order = (one: NeighbourMark): string => `${one.quantity} ${one.check}`;
    return this.#open.marks
      .filter((one) => one.station === station && one.to >= from && one.from + 1 < to)
      .sort((a, b) => a.from - b.from || (order(a) < order(b) ? -1 : 1));
  }
  async months() {
    const months = new Map<number, unknown[]>();
    for (const { observation } of this.#open.rows) {
      const month = monthStart(observation.observedAt);
      months.set(month, [...(months.get(month) ?? []), observation]);
    }
    return [...months]
      .sort(([a], [b]) => a - b)
      .map(([month, rows]) => ({
        month,
        mark: JSON.stringify(rows),
        isWhole: month >= this.#open.keptFrom,
      }));
  }
  async dropBefore(instant: number, marks?: ReadonlyMap<number, string>) {
    const months: number[] = [];
    for (const { month, mark } of await this.months()) {
      if (nextMonth(month) > instant || (marks && marks.get(month) !== mark)) break;
      months.push(month);
    }
    const keptFrom = nextMonth(months.at(-1) ?? Number.NaN);
    const isGone = ({ observation }: ObservationRow): boolean => observation.observedAt < keptFrom;
    const gone = this.#open.rows.filter(isGone);
    // What came late was in no hour.
    const before = this.#open.keptFrom;
    this.#open.gone.push(...gone.filter(({ observation }) => observation.observedAt > before));
    this.#open.rows = this.#open.rows.filter((row) => !isGone(row));
    if (months.length > 0) this.#open.keptFrom = Math.max(this.#open.keptFrom, keptFrom);
    return { months, rows: gone.length };
  }
  async close() {
    if (this.#isClosed) return;
    this.#medium.makeDurable();
    this.#isClosed = true;
  }
}

const csvField = (text: string): string => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
const instant = (at: number): string => new Date(at).toISOString().replace('.000Z', 'Z');
const decimal = (scaled: number): string => {
  const text = String(fromScaled(scaled));
  return text.includes('.') ? text : `${text}.0`;
};

const csvLine = (o: Observation): string =>
  [
    csvField(o.station),
    o.quantity,
    instant(o.observedAt),
    o.intervalMs,
    instant(o.receivedAt),
    decimal(o.value),
    quantities.get(o.quantity)?.unit ?? '',
    o.flag,
    o.arrival,
    o.check ?? '',
  ].join(',');

const wrong = (what: string): AtalaiaError => new AtalaiaError('ATL_USAGE', `series: ${what}.`);

function seriesOf(medium: ArchiveMedium, query: Parameters<Archive['series']>[0]): SeriesPoint[] {
  const { from, to, everyMs, limit } = query;
  if (!Number.isSafeInteger(limit) || limit < 1) throw wrong('limit is no whole number from 1');
  if (![from, to].every(Number.isSafeInteger)) throw wrong('from and to are no instants');
  if (everyMs !== null && (!Number.isSafeInteger(everyMs) || everyMs < 1000))
    throw wrong('every is under 1 s');
  if (from >= to) return [];
  const first = everyMs === null ? from : Math.floor(from / everyMs) * everyMs + 1;
  const end = everyMs === null ? to : Math.ceil(to / everyMs) * everyMs + 1;
  const points = new Map<number, Map<string, Observation[]>>();
  for (const one of readings(medium)) {
    if (one.station !== query.station || one.observedAt < first || one.observedAt >= end) continue;
    if (query.quantities && !query.quantities.includes(one.quantity)) continue;
    if (everyMs !== null && one.flag === 'bad') continue;
    const at = everyMs === null ? one.observedAt : Math.ceil(one.observedAt / everyMs) * everyMs;
    const point = points.get(at) ?? new Map<string, Observation[]>();
    points.set(at, point.set(one.quantity, [...(point.get(one.quantity) ?? []), one]));
  }
  return [...points]
    .sort(([a], [b]) => a - b)
    .slice(0, limit)
    .map(([at, point]) => ({
      at,
      values: Object.fromEntries(
        [...point].map(([name, rows]) => [name, everyMs === null ? shortest(rows) : gathered(name, rows)]),
      ),
    }));
}

function shortest(rows: readonly Observation[]): SeriesPoint['values'][string] {
  const [row] = rows.toSorted((a, b) => a.intervalMs - b.intervalMs) as [Observation];
  const value = fromScaled(row.value);
  return { value, count: 1, min: value, max: value, flag: row.flag, ...checkOf(row.check) };
}

function gathered(name: string, rows: readonly Observation[]): SeriesPoint['values'][string] {
  const values = rows.map(({ value }) => fromScaled(value));
  const sum = rows.reduce((total, { value }) => total + value, 0);
  const quantity = quantities.get(name);
  let value = fromScaled(Math.round(sum / rows.length));
  if (quantity?.kind === 'interval' && quantity.range.perHour) value = fromScaled(sum);
  else if (quantity?.unit === '°') value = meanDirection(values);
  const flag = rows.some((row) => row.flag === 'suspect') ? 'suspect' : 'good';
  return { value, count: rows.length, min: Math.min(...values), max: Math.max(...values), flag };
}

function meanDirection(degrees: readonly number[]): number {
  const mean = (of: (radians: number) => number): number =>
    degrees.reduce((total, one) => total + of((one * Math.PI) / 180), 0) / degrees.length;
  const angle = (Math.atan2(mean(Math.sin), mean(Math.cos)) * 180) / Math.PI;
  return fromScaled(Math.round(((angle + 360) % 360) * 1000) % 360_000);
}

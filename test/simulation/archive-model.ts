import { writeFileSync } from 'node:fs';
import { AtalaiaError } from '../../src/lib/errors.ts';
import type { Observation } from '../../src/model/observation.ts';
import { fromScaled, quantities } from '../../src/model/quantity.ts';
import type { Archive, ArchiveBatch, LatestValue, SeriesPoint } from '../../src/store/archive/archive.ts';
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
function readings(medium: ArchiveMedium): Observation[] {
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
    for (const { observation } of this.#open.rows) {
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
  async export({ path, from, to }: Parameters<Archive['export']>[0]) {
    const rows = readings(this.#open).filter(
      ({ observedAt }) =>
        observedAt >= (from ?? Number.NEGATIVE_INFINITY) && observedAt < (to ?? Number.POSITIVE_INFINITY),
    );
    const header = 'station,quantity,observedAt,intervalMs,receivedAt,value,unit,flag,arrival';
    try {
      writeFileSync(path, `${[header, ...rows.map(csvLine)].join('\n')}\n`);
    } catch (cause) {
      throw new AtalaiaError('ATL_STORE', `Export to ${path} failed. Check the folder.`, { cause });
    }
    return { rows: rows.length };
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
  return { value, count: 1, min: value, max: value, flag: row.flag };
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

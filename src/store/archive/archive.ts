import type { CheckName, Observation } from '../../model/observation.ts';

export interface ArchiveBatch {
  readonly partition: number;
  readonly epoch: number;
  readonly from: number;
  readonly to: number;
  readonly observations: readonly Observation[];
  /** More of them, behind `observations`, as another thread packed them. A commit takes the memory: they can be given once. */
  readonly packed?: readonly PackedRows[];
}
export interface SeriesPoint {
  readonly at: number;
  readonly values: Readonly<
    Record<
      string,
      {
        readonly value: number;
        readonly count: number;
        readonly min: number;
        readonly max: number;
        readonly flag: string;
        /** The check that flagged it, as observed. */
        readonly check?: string;
      }
    >
  >;
}
export interface LatestValue {
  readonly station: string;
  readonly quantity: string;
  readonly observedAt: number;
  readonly intervalMs: number;
  readonly receivedAt: number;
  readonly value: number;
  readonly flag: string;
  /** The check that flagged it. */
  readonly check?: string;
}

export interface AggregateQuery {
  readonly stations: readonly string[];
  readonly quantity: string;
  /** Hours that begin at or after `from` and before `to`, epoch ms. */
  readonly from: number;
  readonly to: number;
  /** One row for each hour, or one for each station over all its hours. */
  readonly by: 'hour' | 'span';
  /** Rows at most; more reject with ATL_USAGE. */
  readonly limit: number;
}

/** Rows in columns, by station as asked, then time; values in canonical units, usable readings alone. */
export interface Aggregates {
  /** Index into the stations of the query. */
  readonly station: Float64Array;
  /** Start of the hour, or of the first one; a reading belongs to the hour (start, end] that holds its `observedAt`. */
  readonly at: Float64Array;
  readonly sum: Float64Array;
  readonly min: Float64Array;
  readonly max: Float64Array;
  readonly count: Float64Array;
  /** Time that the readings measured, ms. */
  readonly coveredMs: Float64Array;
}

/** The engines keep no check as the empty text. */
export const checkOf = (text: unknown): { readonly check?: string } =>
  typeof text === 'string' && text !== '' ? { check: text } : {};

/** A month of the archive, UTC, by `observedAt`. */
export interface ArchiveMonth {
  /** Its first instant, epoch ms. */
  readonly month: number;
  /** Another text after every change of its readings. */
  readonly mark: string;
  /** False where retention has taken the month before: what it holds came later and is a part of it. */
  readonly isWhole: boolean;
}

export interface Dropped {
  /** First instants of the months that went, epoch ms. */
  readonly months: readonly number[];
  readonly rows: number;
}

/** What the neighbours of a station said of one quantity in the hour (from, to]. */
export interface NeighbourMark {
  readonly station: string;
  readonly quantity: string;
  readonly from: number;
  readonly to: number;
  readonly check: CheckName;
  /** What was held against them: the mean of the hour, or its sum, in canonical units. */
  readonly value: number;
}
/** All that one check finds about the hours that begin at or after `from` and before `to`, epoch ms. */
export interface FoundMarks {
  readonly check: CheckName;
  readonly from: number;
  readonly to: number;
  readonly marks: readonly NeighbourMark[];
}
export interface MarksQuery {
  readonly station: string;
  /** Hours that hold an instant at or after `from` and before `to`, epoch ms. */
  readonly from: number;
  readonly to: number;
}

/** The archive port: every observation with its flag, latest values, hourly and daily aggregates. May lag; nothing waits for it. */
export interface Archive {
  /** One transaction; each batch is fenced by (partition, epoch, from): at or below the position it is skipped, above it rejects with ATL_FENCED. A newer epoch takes over, an older is fenced. `effects` leaves the positions where they are and is fenced by the epoch alone, for an archive that is not exactly once: given again, the observations are there twice, and the newest row of a key holds. */
  commit(batches: readonly ArchiveBatch[], what?: 'both' | 'effects'): Promise<void>;
  positions(): Promise<
    readonly { readonly partition: number; readonly epoch: number; readonly offset: number }[]
  >;
  /** The positions that would survive the loss of the write-ahead log: the log may be trimmed below these only. */
  durablePositions(): Promise<readonly { readonly partition: number; readonly offset: number }[]>;
  latest(): Promise<readonly LatestValue[]>;
  /** Values in canonical units; `every` null = as observed, else aggregated (interval quantities summed where additive, else mean; min and max beside). */
  series(query: {
    readonly station: string;
    readonly from: number;
    readonly to: number;
    readonly everyMs: number | null;
    readonly quantities?: readonly string[];
    readonly limit: number;
  }): Promise<readonly SeriesPoint[]>;
  /** Aggregates from the hours kept beside the readings, later rows and corrections included: years of them cost little. */
  aggregates(query: AggregateQuery): Promise<Aggregates>;
  export(query: {
    readonly path: string;
    readonly format: 'parquet' | 'csv';
    readonly from?: number;
    readonly to?: number;
    /** Ids; all unless given. */
    readonly stations?: readonly string[];
  }): Promise<{ readonly rows: number }>;
  /** Keeps what a check beside the log found; what it said of these hours before gives way. Given again it changes nothing. */
  keepMarks(found: FoundMarks): Promise<void>;
  /** Marks of a station, by time, quantity and check. Readings, hours and days are as they would be without. */
  marks(query: MarksQuery): Promise<readonly NeighbourMark[]>;
  /** The months that hold readings, oldest first. */
  months(): Promise<readonly ArchiveMonth[]>;
  /**
   * Retention: removes the readings of the months that end at or before the instant (epoch ms), oldest first; hours, days
   * and latest values stay. With `marks` (by month) it goes on only while a month's mark is still the one given, so that
   * what came after it was copied is not lost.
   */
  dropBefore(instant: number, marks?: ReadonlyMap<number, string>): Promise<Dropped>;
  close(): Promise<void>;
}

/** Observations as numbers and names: copying thousands of small objects between threads costs more than storing them. */
export interface PackedRows {
  /** Station and quantity names; rows refer to them by index. */
  readonly names: readonly string[];
  /** Per row: station, quantity, observedAt, intervalMs, receivedAt, value, flag, arrival, check. */
  readonly numbers: Float64Array<ArrayBuffer>;
}

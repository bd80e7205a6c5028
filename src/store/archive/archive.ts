import type { Observation } from '../../model/observation.ts';
import type { PackedRows } from './packed.ts';

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
  export(query: {
    readonly path: string;
    readonly format: 'parquet' | 'csv';
    readonly from?: number;
    readonly to?: number;
  }): Promise<{ readonly rows: number }>;
  close(): Promise<void>;
}

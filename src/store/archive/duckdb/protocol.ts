import type { ErrorCode } from '../../../lib/errors.ts';
import type {
  AggregateQuery,
  Aggregates,
  Archive,
  ArchiveBatch,
  ArchiveMonth,
  Dropped,
  FoundMarks,
  LatestValue,
  MarksQuery,
  NeighbourMark,
  PackedRows,
  SeriesPoint,
} from '../archive.ts';
import { packRows } from '../packed.ts';

export type SeriesQuery = Parameters<Archive['series']>[0];
export type ExportQuery = Parameters<Archive['export']>[0];
export interface DropQuery {
  readonly instant: number;
  readonly marks: ReadonlyMap<number, string> | undefined;
}
export type Positions = Awaited<ReturnType<Archive['positions']>>;
export type DurablePositions = Awaited<ReturnType<Archive['durablePositions']>>;

/** Every call to the worker: what goes there and what comes back. */
export interface Calls {
  commit: { readonly argument: readonly PackedBatch[]; readonly result: null };
  commitEffects: { readonly argument: readonly PackedBatch[]; readonly result: null };
  positions: { readonly argument: null; readonly result: Positions };
  durablePositions: { readonly argument: null; readonly result: DurablePositions };
  latest: { readonly argument: null; readonly result: readonly LatestValue[] };
  series: { readonly argument: SeriesQuery; readonly result: readonly SeriesPoint[] };
  aggregates: { readonly argument: AggregateQuery; readonly result: Aggregates };
  export: { readonly argument: ExportQuery; readonly result: { readonly rows: number } };
  keepMarks: { readonly argument: FoundMarks; readonly result: null };
  marks: { readonly argument: MarksQuery; readonly result: readonly NeighbourMark[] };
  months: { readonly argument: null; readonly result: readonly ArchiveMonth[] };
  dropBefore: { readonly argument: DropQuery; readonly result: Dropped };
  close: { readonly argument: null; readonly result: null };
}
export type CallName = keyof Calls;

export interface Request {
  readonly id: number;
  readonly name: CallName;
  readonly argument: Calls[CallName]['argument'];
}
export interface ArchiveEvent {
  readonly kind: string;
  readonly detail: string;
}
export interface CarriedError {
  readonly code: ErrorCode;
  readonly message: string;
}

/** What the worker says: id 0 answers the opening. */
export type Message =
  | { readonly type: 'done'; readonly id: number; readonly result: unknown }
  | { readonly type: 'failed'; readonly id: number; readonly error: CarriedError }
  | { readonly type: 'event'; readonly event: ArchiveEvent };

/** A batch in columns. */
export interface PackedBatch {
  readonly partition: number;
  readonly epoch: number;
  readonly from: number;
  readonly to: number;
  readonly parts: readonly PackedRows[];
}

/** Packs a batch for the worker; what is packed already goes as it is. */
export function pack({ partition, epoch, from, to, observations, packed = [] }: ArchiveBatch): PackedBatch {
  const parts = observations.length > 0 ? [packRows(observations), ...packed] : packed;
  return { partition, epoch, from, to, parts };
}

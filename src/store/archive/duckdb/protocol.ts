import type { ErrorCode } from '../../../lib/errors.ts';
import type { Observation } from '../../../model/observation.ts';
import type { Archive, ArchiveBatch, LatestValue, SeriesPoint } from '../archive.ts';

export type SeriesQuery = Parameters<Archive['series']>[0];
export type ExportQuery = Parameters<Archive['export']>[0];
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
  export: { readonly argument: ExportQuery; readonly result: { readonly rows: number } };
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

export const flags = ['good', 'suspect', 'bad'] as const satisfies readonly Observation['flag'][];
export const arrivals = [
  'on-time',
  'late',
  'correction',
] as const satisfies readonly Observation['arrival'][];

/** Numbers of one observation in {@link PackedBatch.numbers}. */
export const STRIDE = 8;

/** A batch in columns: copying thousands of small objects between threads costs more than storing them. */
export interface PackedBatch {
  readonly partition: number;
  readonly epoch: number;
  readonly from: number;
  readonly to: number;
  /** Station and quantity names; rows refer to them by index. */
  readonly names: readonly string[];
  /** Per row: station, quantity, observedAt, intervalMs, receivedAt, value, flag, arrival. */
  readonly numbers: Float64Array<ArrayBuffer>;
}

/** Packs a batch for the worker. */
export function pack(batch: ArchiveBatch): PackedBatch {
  const names: string[] = [];
  const indexes = new Map<string, number>();
  const indexOf = (name: string): number => {
    const known = indexes.get(name);
    if (known !== undefined) return known;
    indexes.set(name, names.length);
    return names.push(name) - 1;
  };
  const numbers = new Float64Array(batch.observations.length * STRIDE);
  batch.observations.forEach((o, row) => {
    numbers.set(
      [
        indexOf(o.station),
        indexOf(o.quantity),
        o.observedAt,
        o.intervalMs,
        o.receivedAt,
        o.value,
        flags.indexOf(o.flag),
        arrivals.indexOf(o.arrival),
      ],
      row * STRIDE,
    );
  });
  const { partition, epoch, from, to } = batch;
  return { partition, epoch, from, to, names, numbers };
}

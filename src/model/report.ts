/**
 * What a station sends once: readings of several quantities at one `observedAt`, the end of the interval measured.
 * `quantities` and `values` are parallel; reports of one layout share the same `quantities` array, so that the fold
 * can look a layout up once. Values are scaled integers in canonical units (see quantity.ts).
 */
export interface Report {
  readonly station: string;
  readonly observedAt: number;
  readonly intervalMs: number;
  readonly receivedAt: number;
  readonly quantities: readonly string[];
  readonly values: readonly number[];
}

/** Why a reading or a report was refused. */
export type RefusalCode =
  | 'future'
  | 'unit'
  | 'range'
  | 'not-finite'
  | 'unknown-quantity'
  | 'no-values'
  | 'time'
  | 'interval'
  | 'station'
  | 'unknown-station'
  /** The station lies outside of what the sender's key is for. */
  | 'scope'
  | 'form';

export interface Refusal {
  /** Place in the request: index of the report, or line of the file (from 1). */
  readonly index: number;
  readonly quantity?: string;
  readonly code: RefusalCode;
  readonly message: string;
}

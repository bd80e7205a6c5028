/**
 * The log port: partitions of records in order. Every broker passes `conformance.ts`.
 * Payloads are opaque bytes; `key` keeps order per key and is kept with the record.
 */
export interface LogEntry {
  readonly partition: number;
  readonly offset: number;
  readonly key: string;
  readonly payload: Uint8Array;
}

export interface Append {
  readonly partition: number;
  readonly key: string;
  readonly payload: Uint8Array;
}

export interface Log {
  readonly partitions: number;
  /** Resolves with each record's offset, in the order given, when all are durable; rejects (ATL_LOG_*) when that is not known. */
  append(records: readonly Append[]): Promise<readonly number[]>;
  /**
   * Up to `limit` durable entries of `partition` from `offset` on, in order; waits up to `waitMs` when there is none yet.
   * A position below the oldest kept record rejects with ATL_LOG_GAP and names both offsets.
   */
  read(partition: number, offset: number, limit: number, waitMs?: number): Promise<readonly LogEntry[]>;
  /** Offset of the oldest kept record and the one the next record will get. */
  bounds(partition: number): Promise<{ readonly oldest: number; readonly next: number }>;
  /** A hint of the group's position, for lag only: the sinks hold the truth. */
  commit(group: string, partition: number, offset: number): Promise<void>;
  /** Records behind the group's position, all partitions. */
  lag(group: string): Promise<number>;
  /** Records below these offsets (index = partition) may go. */
  trim(oldest: readonly number[]): Promise<void>;
  close(): Promise<void>;
}

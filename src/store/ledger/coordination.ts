/**
 * What the processes of one log agree by, beside the ledger's own tables: who holds what, and which offset belongs to
 * which place of a stream. Every engine passes `conformance-coordination.ts`.
 */
export interface Coordination {
  readonly leases: LeaseTable;
  readonly index: OffsetIndex;
  close(): Promise<void>;
}

/** A lease that was got. Its epoch grows each time that it is got: nobody after its holder has the same one. */
export interface HeldLease {
  readonly name: string;
  readonly epoch: number;
}

export interface LeaseRow extends HeldLease {
  /** Empty when it was given back. */
  readonly owner: string;
  /** False when its time is over, or it was given back: anyone may take it. */
  readonly isLive: boolean;
}

/**
 * Leases that end by themselves: one row each, which ends by the database's clock alone, so that no two processes
 * compare their clocks. Each call is one transaction. An owner is a process's life: no other one has its name.
 */
export interface LeaseTable {
  /** Every lease whose name begins with this, by name. Rejects with ATL_STORE over {@link MAX_LEASES}. */
  list(prefix: string): Promise<readonly LeaseRow[]>;
  /**
   * Gets those that are not there, not live, or the owner's already, for `ttlMs`; resolves with what was got, each with a
   * higher epoch than before.
   */
  take(owner: string, names: readonly string[], ttlMs: number): Promise<readonly HeldLease[]>;
  /** Prolongs those that are still the owner's under this epoch to `ttlMs` from now; resolves with their names. */
  renew(owner: string, held: readonly HeldLease[], ttlMs: number): Promise<readonly string[]>;
  /** Gives back those that are still the owner's under this epoch; the rows stay, with their epochs. */
  release(owner: string, held: readonly HeldLease[]): Promise<void>;
  /** Removes rows that are not live. For names that nobody takes twice: their epochs would begin anew. */
  forget(prefix: string): Promise<void>;
}

/**
 * A durable map of short texts (a few KiB) that says which offset belongs to which sequence number of a stream. Keys
 * begin with the stream's name and creation time. All processes of one log share it.
 */
export interface OffsetIndex {
  /** Every pair whose key begins with this, by key. */
  list(prefix: string): Promise<readonly (readonly [key: string, value: string])[]>;
  /** Keeps the value durably unless the key is there; resolves with the value that is kept. */
  insert(key: string, value: string): Promise<string>;
  /** Keeps these values durably, all or none, whatever was there. */
  set(entries: readonly (readonly [key: string, value: string])[]): Promise<void>;
  /** Removes these keys; no error when one is not there. */
  remove(keys: readonly string[]): Promise<void>;
}

/** Leases under one prefix at most: 65 536 partitions and their holders. */
export const MAX_LEASES = 70_000;

/** First text that does not begin with the prefix, in the order of code points. */
export const endOf = (prefix: string): string => `${prefix}\u{10ffff}`;

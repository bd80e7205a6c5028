import type { ErrorCode } from '../../lib/errors.ts';
import type { PackedRows } from '../../store/archive/archive.ts';
import type { LedgerBatch } from '../../store/ledger/ledger.ts';

/** A checkpoint could not be used: damaged, or of another version of the fold. */
export type Flaw = 'damaged' | { readonly foldVersion: number };

/** Opens a partition with the state of a checkpoint, or of an empty log. A partition that is open already is opened anew. */
export interface OpenCall {
  readonly partition: number;
  readonly foldVersion: number;
  readonly checkpoint: { readonly offset: number; readonly bytes: Uint8Array } | null;
}

export interface FoldCall {
  readonly partition: number;
  /** Records of {@link chunk}. */
  readonly count: number;
  readonly chunk: ArrayBuffer;
  /** Offsets of the chunk that are skipped. */
  readonly skips: readonly number[];
  /** Observations and counts below these offsets are left out. */
  readonly archiveFrom: number;
  readonly countFrom: number;
  /** The effects are known already: the state is brought forward only. */
  readonly isRefold: boolean;
}

export interface FoldAnswer {
  readonly clockAt: number;
  /** A report or command was among the records. */
  readonly isStirred: boolean;
  readonly revisions: readonly LedgerBatch['revisions'][number][];
  readonly acts: NonNullable<LedgerBatch['acts']>;
  readonly rows: PackedRows;
  readonly counted: ReadonlyMap<string, number>;
  readonly tookMs: number;
  /** The fold threw at this record: nothing of the chunk counts, and the partition must be opened anew. */
  readonly thrown?: { readonly offset: number; readonly reason: string; readonly clockAt: number };
}

export interface SnapshotAnswer {
  readonly offset: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly spentMs: number;
}

/** Every call to a worker: what goes there and what comes back. */
export interface Calls {
  open: {
    readonly argument: OpenCall;
    readonly result: { readonly flaw: Flaw } | { readonly clockAt: number };
  };
  fold: { readonly argument: FoldCall; readonly result: FoldAnswer };
  snapshot: { readonly argument: { readonly partition: number }; readonly result: SnapshotAnswer };
  close: { readonly argument: { readonly partition: number }; readonly result: null };
}
export type CallName = keyof Calls;

/** What a worker is told. */
export type ToWorker =
  | {
      readonly type: 'call';
      readonly id: number;
      readonly name: CallName;
      readonly argument: Calls[CallName]['argument'];
    }
  | { readonly type: 'document'; readonly hash: string; readonly bytes: Uint8Array | undefined };

/** What a worker says. */
export type FromWorker =
  | { readonly type: 'done'; readonly id: number; readonly result: unknown }
  | { readonly type: 'failed'; readonly id: number; readonly code: ErrorCode; readonly message: string }
  /** It needs a document that a command or checkpoint names. */
  | { readonly type: 'document'; readonly hash: string };

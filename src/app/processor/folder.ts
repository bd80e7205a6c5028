import type { LogEntry } from '../../log/log.ts';
import type { Gathered } from '../sinks/sinks.ts';

/** What the fold of consecutive records gave. */
export interface Folded extends Gathered {
  /** What is counted only, from the ledger's start on. */
  readonly counted: ReadonlyMap<string, number>;
}

/** A checkpoint that was written, and the time of the fold's thread that it took. */
export interface Keeping {
  readonly offset: number;
  readonly spentMs: number;
}

/** The fold of one partition, in this thread or in a worker. */
export interface Folder {
  readonly partition: number;
  /** Next record whose effects were not given yet. */
  readonly offset: number;
  /** Partition clock before it, epoch ms; -Infinity before the first tick. */
  readonly clockAt: number;
  /** A report or command was folded since the last checkpoint. */
  readonly isStirred: boolean;
  /** Calls of {@link fold} that may be under way at once. */
  readonly depth: number;
  /** Folds the records at {@link offset} and behind; a record on which the fold throws is skipped, by a list that is kept. */
  fold(entries: readonly LogEntry[]): Promise<Folded>;
  /** Writes a checkpoint; null when there could be none just now. */
  keep(): Promise<Keeping | null>;
  /** The partition is folded here no more. */
  close(): void;
}

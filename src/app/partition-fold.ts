import { AtalaiaError } from '../lib/errors.ts';
import type { Log, LogEntry } from '../log/log.ts';
import { decodeRecord } from '../log/record-codec.ts';
import type { Effect } from '../model/effect.ts';
import type { Ledger } from '../store/ledger/ledger.ts';
import { type FoldSnapshot, PartitionFold } from '../stream/fold.ts';
import type { CheckpointStore } from './checkpoints.ts';
import type { DocumentCache } from './documents.ts';

export interface PartitionOptions {
  readonly log: Log;
  readonly ledger: Ledger;
  readonly checkpoints: CheckpointStore;
  readonly documents: DocumentCache;
  readonly latenessMs: number;
  /** Records passed over, `partition/offset`: of this run and those before. */
  readonly skips: Set<string>;
  /** Hears of a record that was skipped. */
  readonly onSkipped: (error: AtalaiaError) => void;
}

const READ_LIMIT = 1000;

/** The fold of one partition with its place in the log; a record on which it throws is skipped, by a list that is kept. */
export class FoldedPartition {
  readonly partition: number;
  readonly #options: PartitionOptions;
  #fold: PartitionFold;
  #offset: number;
  /** A report or command was folded since the last checkpoint. */
  isStirred = false;

  private constructor(partition: number, options: PartitionOptions, fold: PartitionFold, offset: number) {
    this.partition = partition;
    this.#options = options;
    this.#fold = fold;
    this.#offset = offset;
  }

  /** The state from the newest checkpoint at or below `offset`, else of an empty log. */
  static async open(partition: number, options: PartitionOptions, offset: number): Promise<FoldedPartition> {
    const { fold, from } = await restored(partition, options, offset);
    return new FoldedPartition(partition, options, fold, from);
  }

  /** Next record to fold. */
  get offset(): number {
    return this.#offset;
  }
  /** Partition clock, epoch ms; -Infinity before the first tick. */
  get clockAt(): number {
    return this.#fold.clockAt;
  }
  /** The state before the record at {@link offset}. */
  snapshot(): FoldSnapshot {
    return this.#fold.snapshot();
  }

  /** Folds the record at {@link offset}. */
  async apply(entry: LogEntry): Promise<readonly Effect[]> {
    const effects = await this.#apply(entry);
    this.#offset = entry.offset + 1;
    return effects;
  }

  async #apply(entry: LogEntry): Promise<readonly Effect[]> {
    if (this.#options.skips.has(keyOf(entry))) return [{ kind: 'counted', what: 'skipped' }];
    try {
      const record = decodeRecord(entry.payload);
      if (record.kind === 'command' && record.command.type !== 'recording')
        await this.#options.documents.ensure(record.command.hash);
      if (record.kind !== 'tick') this.isStirred = true;
      return this.#fold.apply(record);
    } catch (error) {
      if (error instanceof AtalaiaError && error.code === 'ATL_STORE') throw error;
      await this.#skip(entry, error);
      return [{ kind: 'counted', what: 'skipped' }];
    }
  }

  /** A record on which the fold throws is skipped by the list, for this fold and every later one. */
  async #skip(entry: LogEntry, error: unknown): Promise<void> {
    const { ledger, skips, onSkipped } = this.#options;
    await ledger.skip({
      partition: entry.partition,
      offset: entry.offset,
      reason: String(error),
      at: Number.isFinite(this.clockAt) ? this.clockAt : 0,
    });
    skips.add(keyOf(entry));
    onSkipped(
      new AtalaiaError(
        'ATL_BUG',
        `Record ${entry.offset} of partition ${entry.partition} was skipped: ${String(error)}. It is kept in the log, and every later fold skips it too.`,
        { cause: error },
      ),
    );
    // The state may be half changed: fold again from the last checkpoint, now without the record.
    this.#fold = await this.#refolded(entry.offset);
  }

  async #refolded(to: number): Promise<PartitionFold> {
    const { log, skips } = this.#options;
    const { fold, from } = await restored(this.partition, this.#options, to);
    for (let offset = from; offset < to; ) {
      const entries = await log.read(this.partition, offset, Math.min(READ_LIMIT, to - offset), 0);
      if (entries.length === 0) break;
      for (const entry of entries) if (!skips.has(keyOf(entry))) fold.apply(decodeRecord(entry.payload));
      offset += entries.length;
    }
    return fold;
  }
}

const keyOf = ({ partition, offset }: LogEntry): string => `${partition}/${offset}`;

async function restored(
  partition: number,
  { checkpoints, documents, latenessMs }: PartitionOptions,
  offset: number,
): Promise<{ readonly fold: PartitionFold; readonly from: number }> {
  const checkpoint = await checkpoints.newest(partition, offset);
  const options = documents.foldOptions(latenessMs);
  if (!checkpoint) return { fold: new PartitionFold(options), from: 0 };
  await documents.ensure(checkpoint.snapshot.ruleSet);
  return { fold: PartitionFold.restore(checkpoint.snapshot, options), from: checkpoint.offset };
}

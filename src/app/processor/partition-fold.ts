import { AtalaiaError } from '../../lib/errors.ts';
import type { Log, LogEntry } from '../../log/log.ts';
import { decodeRecord } from '../../log/record-codec.ts';
import type { Effect } from '../../model/effect.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { PartitionFold } from '../../stream/fold.ts';
import type { CheckpointStore } from '../checkpoints/checkpoints.ts';
import type { DocumentCache } from '../documents.ts';
import type { Probe } from '../sinks/guarantee.ts';
import { gather, type Starts } from '../sinks/sinks.ts';
import type { Folded, Folder, Keeping } from './folder.ts';

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
  readonly probe?: Probe | undefined;
}

const READ_LIMIT = 1000;

/** The fold of one partition in this thread, with its place in the log. */
export class FoldedPartition implements Folder {
  readonly partition: number;
  readonly depth = 1;
  readonly #starts: Starts;
  readonly #options: PartitionOptions;
  #fold: PartitionFold;
  #offset: number;
  /** A report or command was folded since the last checkpoint. */
  isStirred = false;

  private constructor(
    partition: number,
    options: PartitionOptions,
    starts: Starts,
    { fold, from }: Awaited<ReturnType<typeof restored>>,
  ) {
    this.partition = partition;
    this.#options = options;
    this.#starts = starts;
    this.#fold = fold;
    this.#offset = from;
  }

  /** The state from the newest checkpoint at or below all starts, else of an empty log. */
  static async open(partition: number, options: PartitionOptions, starts: Starts): Promise<FoldedPartition> {
    return new FoldedPartition(
      partition,
      options,
      starts,
      await restored(partition, options, lowestOf(starts)),
    );
  }

  /** Next record to fold. */
  get offset(): number {
    return this.#offset;
  }
  /** Partition clock, epoch ms; -Infinity before the first tick. */
  get clockAt(): number {
    return this.#fold.clockAt;
  }

  async keep(): Promise<Keeping> {
    const from = performance.now();
    const { partition, offset } = this;
    const snapshot = this.#fold.snapshot();
    this.isStirred = false;
    const snapshotMs = performance.now() - from;
    return {
      offset,
      spentMs: snapshotMs + (await this.#options.checkpoints.write({ partition, offset, snapshot })),
    };
  }

  async fold(entries: readonly LogEntry[]): Promise<Folded> {
    const { probe } = this.#options;
    const from = this.#offset;
    const counted = new Map<string, number>();
    const folded: Folded = {
      from,
      to: from,
      clockAt: 0,
      revisions: [],
      acts: [],
      observations: [],
      packed: [],
      counted,
    };
    for (const entry of entries) {
      if (probe) await probe('mid-batch');
      const effects = await this.#apply(entry);
      this.#offset = entry.offset + 1;
      gather(folded, entry.offset, effects);
      if (entry.offset >= this.#starts.ledger) countInto(counted, effects);
    }
    folded.to = this.#offset;
    folded.clockAt = this.clockAt;
    return folded;
  }

  close(): void {}

  async #apply(entry: LogEntry): Promise<readonly Effect[]> {
    if (this.#options.skips.has(keyOf(entry))) return [{ kind: 'counted', what: 'skipped' }];
    try {
      const record = decodeRecord(entry.payload);
      if (record.kind === 'command' && 'hash' in record.command)
        await this.#options.documents.ensure(record.command.hash);
      if (record.kind !== 'tick') this.isStirred = true;
      return this.#fold.apply(record);
    } catch (error) {
      // A store that is away or busy says nothing about the record: it must not be skipped for ever.
      if (error instanceof AtalaiaError && (error.code === 'ATL_STORE' || error.code === 'ATL_BUSY'))
        throw error;
      await this.#skip(entry, error);
      return [{ kind: 'counted', what: 'skipped' }];
    }
  }

  async #skip(entry: LogEntry, error: unknown): Promise<void> {
    await skipRecord(this.#options, entry, String(error), this.clockAt, error);
    // The state may be half changed: fold again from the last checkpoint, now without the record.
    this.#fold = await this.#refolded(entry.offset);
  }

  async #refolded(to: number): Promise<PartitionFold> {
    const { log, skips } = this.#options;
    const { fold, from } = await restored(this.partition, this.#options, to);
    for (let offset = from; offset < to; ) {
      const entries = await log.read(this.partition, offset, Math.min(READ_LIMIT, to - offset), 0);
      if (entries.length === 0) break;
      for (const entry of entries) {
        // Offsets may have holes: the page can reach beyond the record.
        if (entry.offset >= to) return fold;
        if (!skips.has(keyOf(entry))) fold.apply(decodeRecord(entry.payload));
        offset = entry.offset + 1;
      }
    }
    return fold;
  }
}

/** The newest checkpoint at or below this serves all sinks. */
export const lowestOf = ({ ledger, archive, topic }: Starts): number => Math.min(ledger, archive, topic);

/** Adds what is counted only. */
export function countInto(counted: Map<string, number>, effects: readonly Effect[]): void {
  for (const effect of effects)
    if (effect.kind === 'counted') counted.set(effect.what, (counted.get(effect.what) ?? 0) + 1);
}

/** A record on which the fold throws is skipped by the list, for this fold and every later one. */
export async function skipRecord(
  { ledger, skips, onSkipped }: Pick<PartitionOptions, 'ledger' | 'skips' | 'onSkipped'>,
  { partition, offset }: Pick<LogEntry, 'partition' | 'offset'>,
  reason: string,
  clockAt: number,
  cause?: unknown,
): Promise<void> {
  await ledger.skip({ partition, offset, reason, at: Number.isFinite(clockAt) ? clockAt : 0 });
  skips.add(keyOf({ partition, offset }));
  onSkipped(
    new AtalaiaError(
      'ATL_BUG',
      `Record ${offset} of partition ${partition} was skipped: ${reason}. It is kept in the log, and every later fold skips it too.`,
      { cause },
    ),
  );
}

/** How the list of skipped records names one. */
export const keyOf = ({ partition, offset }: Pick<LogEntry, 'partition' | 'offset'>): string =>
  `${partition}/${offset}`;

async function restored(
  partition: number,
  { checkpoints, documents, latenessMs }: PartitionOptions,
  offset: number,
): Promise<{ readonly fold: PartitionFold; readonly from: number }> {
  const checkpoint = await checkpoints.newest(partition, offset);
  const options = documents.foldOptions(latenessMs);
  if (!checkpoint) return { fold: new PartitionFold(options), from: 0 };
  await documents.ensure(checkpoint.snapshot.ruleSet);
  await documents.ensure(checkpoint.snapshot.climatology ?? '');
  return { fold: PartitionFold.restore(checkpoint.snapshot, options), from: checkpoint.offset };
}

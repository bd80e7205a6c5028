import { AtalaiaError } from '../lib/errors.ts';
import type { Log, LogEntry } from '../log/log.ts';
import { decodeRecord } from '../log/record-codec.ts';
import type { Effect } from '../model/effect.ts';
import type { Observation } from '../model/observation.ts';
import type { Archive, ArchiveBatch } from '../store/archive/archive.ts';
import type { Ledger, LedgerBatch } from '../store/ledger/ledger.ts';
import { PartitionFold } from '../stream/fold.ts';
import { ArchiveSink } from './archive-sink.ts';
import type { CheckpointStore } from './checkpoints.ts';
import type { DocumentCache } from './documents.ts';
import { LedgerSink } from './ledger-sink.ts';

export interface ProcessorOptions {
  readonly log: Log;
  readonly ledger: Ledger;
  readonly archive: Archive;
  readonly checkpoints: CheckpointStore;
  readonly documents: DocumentCache;
  readonly latenessMs: number;
  /** Milliseconds gathered before a commit: 0 = streaming, more = micro-batch. */
  readonly everyMs: number;
  readonly onCommitted: () => void;
  readonly onCounted: (what: string, by: number) => void;
  readonly onFailure: (error: unknown) => void;
}

const READ_LIMIT = 1000;
const READ_WAIT_MS = 1000;
/** Records folded between two checkpoints of a partition. */
const CHECKPOINT_EVERY = 2000;

/** A partition being folded by this process. */
interface Assigned {
  readonly partition: number;
  readonly epoch: number;
  fold: PartitionFold;
  /** Next record to fold. */
  offset: number;
  /** Effects below these are already in the sink. */
  readonly ledgerFrom: number;
  readonly archiveFrom: number;
  archivedTo: number;
  checkpointAt: number;
}

/** Takes partitions over, folds their records and hands the effects to the sinks, each with its own fenced position. */
export class Processor {
  readonly #options: ProcessorOptions;
  readonly #assigned: Assigned[] = [];
  readonly #skips = new Set<string>();
  readonly #ledgerSink: LedgerSink;
  readonly #archiveSink: ArchiveSink;
  readonly #running: Promise<void>[] = [];
  #isStopping = false;

  constructor(options: ProcessorOptions) {
    this.#options = options;
    this.#ledgerSink = new LedgerSink(options.ledger, options.everyMs, options.onCommitted);
    this.#archiveSink = new ArchiveSink(options.archive, options.onFailure);
  }

  get archiveLagMs(): number {
    return this.#archiveSink.lagMs;
  }

  /** Oldest partition clock of all, epoch ms: up to here everything is folded. */
  clockAt(): number {
    return Math.min(...this.#assigned.map(({ fold }) => fold.clockAt));
  }

  async start(): Promise<void> {
    for (const { partition, offset } of await this.#options.ledger.skips())
      this.#skips.add(`${partition}/${offset}`);
    const archived = new Map((await this.#options.archive.positions()).map((p) => [p.partition, p]));
    for (let partition = 0; partition < this.#options.log.partitions; partition++) {
      this.#assigned.push(await this.#assign(partition, archived.get(partition)?.offset ?? 0));
    }
    for (const assigned of this.#assigned) {
      this.#running.push(
        this.#run(assigned).catch((error) => {
          if (!this.#isStopping) this.#options.onFailure(error);
        }),
      );
    }
  }

  async #assign(partition: number, archiveFrom: number): Promise<Assigned> {
    const { epoch, offset: ledgerFrom } = await this.#options.ledger.acquire(partition);
    const checkpoint = await this.#options.checkpoints.newest(partition, Math.min(ledgerFrom, archiveFrom));
    const options = this.#options.documents.foldOptions(this.#options.latenessMs);
    if (checkpoint) await this.#options.documents.ensure(checkpoint.snapshot.ruleSet);
    const fold = checkpoint
      ? PartitionFold.restore(checkpoint.snapshot, options)
      : new PartitionFold(options);
    const offset = checkpoint?.offset ?? 0;
    return {
      partition,
      epoch,
      fold,
      offset,
      ledgerFrom,
      archiveFrom,
      archivedTo: archiveFrom,
      checkpointAt: offset,
    };
  }

  async #run(assigned: Assigned): Promise<void> {
    while (!this.#isStopping) {
      const entries = await this.#options.log.read(
        assigned.partition,
        assigned.offset,
        READ_LIMIT,
        READ_WAIT_MS,
      );
      if (entries.length > 0) await this.#foldEntries(assigned, entries);
    }
  }

  async #foldEntries(assigned: Assigned, entries: readonly LogEntry[]): Promise<void> {
    const from = assigned.offset;
    const revisions: LedgerBatch['revisions'][number][] = [];
    const observations: Observation[] = [];
    for (const entry of entries) {
      const effects = await this.#foldOne(assigned, entry);
      let index = 0;
      for (const effect of effects) {
        if (effect.kind === 'alert' && entry.offset >= assigned.ledgerFrom)
          revisions.push({ offset: entry.offset, index: index++, revision: effect.revision });
        else if (effect.kind === 'observation' && entry.offset >= assigned.archiveFrom)
          observations.push(effect.observation);
        else if (effect.kind === 'counted' && entry.offset >= assigned.ledgerFrom)
          this.#options.onCounted(effect.what, 1);
      }
    }
    assigned.offset = (entries.at(-1) as LogEntry).offset + 1;
    await this.#hand(assigned, from, revisions, observations);
    await this.#checkpoint(assigned);
  }

  async #hand(
    assigned: Assigned,
    from: number,
    revisions: LedgerBatch['revisions'],
    observations: readonly Observation[],
  ): Promise<void> {
    const { partition, epoch, offset: to, fold } = assigned;
    if (to > assigned.archivedTo) {
      const batch: ArchiveBatch = {
        partition,
        epoch,
        from: Math.max(from, assigned.archivedTo),
        to,
        observations,
      };
      assigned.archivedTo = to;
      await this.#archiveSink.put(batch);
    }
    if (to > assigned.ledgerFrom) {
      await this.#ledgerSink.put({
        partition,
        epoch,
        from: Math.max(from, assigned.ledgerFrom),
        to,
        revisions,
        clockAt: Number.isFinite(fold.clockAt) ? fold.clockAt : 0,
      });
    }
    await this.#options.log.commit('processor', partition, to);
  }

  /** A record on which the fold throws is skipped by the list, for this fold and every later one. */
  async #foldOne(assigned: Assigned, entry: LogEntry): Promise<readonly Effect[]> {
    if (this.#skips.has(`${entry.partition}/${entry.offset}`)) return [{ kind: 'counted', what: 'skipped' }];
    try {
      const record = decodeRecord(entry.payload);
      if (record.kind === 'command' && record.command.type !== 'recording')
        await this.#options.documents.ensure(record.command.hash);
      return assigned.fold.apply(record);
    } catch (error) {
      if (error instanceof AtalaiaError && error.code === 'ATL_STORE') throw error;
      await this.#options.ledger.skip({
        partition: entry.partition,
        offset: entry.offset,
        reason: String(error),
        at: Number.isFinite(assigned.fold.clockAt) ? assigned.fold.clockAt : 0,
      });
      this.#skips.add(`${entry.partition}/${entry.offset}`);
      this.#options.onFailure(
        new AtalaiaError(
          'ATL_BUG',
          `Record ${entry.offset} of partition ${entry.partition} was skipped: ${String(error)}. It is kept in the log, and every later fold skips it too.`,
          { cause: error },
        ),
      );
      // The state may be half changed: fold again from the last checkpoint, now without the record.
      await this.#refold(assigned, entry.offset);
      return [{ kind: 'counted', what: 'skipped' }];
    }
  }

  async #refold(assigned: Assigned, to: number): Promise<void> {
    const again = await this.#options.checkpoints.newest(assigned.partition, to);
    const options = this.#options.documents.foldOptions(this.#options.latenessMs);
    assigned.fold = again ? PartitionFold.restore(again.snapshot, options) : new PartitionFold(options);
    let offset = again?.offset ?? 0;
    while (offset < to) {
      const entries = await this.#options.log.read(
        assigned.partition,
        offset,
        Math.min(READ_LIMIT, to - offset),
        0,
      );
      for (const entry of entries) {
        if (!this.#skips.has(`${entry.partition}/${entry.offset}`))
          assigned.fold.apply(decodeRecord(entry.payload));
      }
      offset += entries.length;
      if (entries.length === 0) return;
    }
  }

  async #checkpoint(assigned: Assigned): Promise<void> {
    if (assigned.offset - assigned.checkpointAt < CHECKPOINT_EVERY) return;
    await this.#options.checkpoints.write({
      partition: assigned.partition,
      offset: assigned.offset,
      snapshot: assigned.fold.snapshot(),
    });
    assigned.checkpointAt = assigned.offset;
  }

  /** Removes checkpoints and log that no recovery can need any more. */
  async prune(): Promise<void> {
    const durable = new Map(
      (await this.#options.archive.durablePositions()).map((p) => [p.partition, p.offset]),
    );
    const ledger = new Map((await this.#options.ledger.positions()).map((p) => [p.partition, p.offset]));
    const oldest: number[] = [];
    for (const { partition } of this.#assigned) {
      oldest.push(
        await this.#options.checkpoints.prune(
          partition,
          Math.min(durable.get(partition) ?? 0, ledger.get(partition) ?? 0),
        ),
      );
    }
    await this.#options.log.trim(oldest);
  }

  /** Stops between two batches, commits what is folded, and writes checkpoints so that the next start is quick. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.race([
      Promise.all(this.#running),
      new Promise((done) => setTimeout(done, READ_WAIT_MS + 200)),
    ]);
    await this.#ledgerSink.stop();
    await this.#archiveSink.stop();
    for (const assigned of this.#assigned) {
      if (assigned.offset > assigned.checkpointAt) {
        await this.#options.checkpoints.write({
          partition: assigned.partition,
          offset: assigned.offset,
          snapshot: assigned.fold.snapshot(),
        });
      }
    }
  }
}

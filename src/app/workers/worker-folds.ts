import { AtalaiaError, invariant } from '../../lib/errors.ts';
import { decodeRecord } from '../../log/record-codec.ts';
import type { Effect } from '../../model/effect.ts';
import { RowPacker } from '../../store/archive/packed.ts';
import { type FoldSnapshot, PartitionFold } from '../../stream/fold.ts';
import { decodeCheckpoint, packCheckpoint, sealCheckpoint } from '../checkpoints/codec.ts';
import type { DocumentCache } from '../documents.ts';
import { countInto } from '../processor/partition-fold.ts';
import { readChunk } from './chunk.ts';
import type { Calls, FoldAnswer, FoldCall, OpenCall, SnapshotAnswer } from './protocol.ts';

interface Open {
  readonly fold: PartitionFold;
  readonly foldVersion: number;
  /** Next record. */
  offset: number;
}

/** The partitions that one worker folds. Its calls must come one after the other. */
export class WorkerFolds {
  readonly #documents: DocumentCache;
  readonly #latenessMs: number;
  readonly #open = new Map<number, Open>();

  constructor(documents: DocumentCache, latenessMs: number) {
    this.#documents = documents;
    this.#latenessMs = latenessMs;
  }

  async open({ partition, foldVersion, checkpoint }: OpenCall): Promise<Calls['open']['result']> {
    const options = this.#documents.foldOptions(this.#latenessMs);
    if (!checkpoint) {
      this.#open.set(partition, { fold: new PartitionFold(options), foldVersion, offset: 0 });
      return { clockAt: Number.NEGATIVE_INFINITY };
    }
    let snapshot: FoldSnapshot;
    try {
      snapshot = await decodeCheckpoint(checkpoint.bytes);
    } catch {
      return { flaw: 'damaged' };
    }
    if (snapshot.foldVersion !== foldVersion) return { flaw: { foldVersion: snapshot.foldVersion } };
    await this.#documents.ensure(snapshot.ruleSet);
    await this.#documents.ensure(snapshot.climatology ?? '');
    const fold = PartitionFold.restore(snapshot, options);
    this.#open.set(partition, { fold, foldVersion, offset: checkpoint.offset });
    return { clockAt: fold.clockAt };
  }

  async fold(call: FoldCall): Promise<FoldAnswer> {
    const begun = performance.now();
    const open = this.#opened(call.partition);
    const effects = new Effects(call);
    const skips = new Set(call.skips);
    let isStirred = false;
    for (const { offset, payload } of readChunk(call.chunk, call.count)) {
      if (skips.has(offset)) effects.add(offset, [{ kind: 'counted', what: 'skipped' }]);
      else {
        try {
          const record = decodeRecord(payload);
          if (record.kind === 'command' && 'hash' in record.command)
            await this.#documents.ensure(record.command.hash);
          isStirred ||= record.kind !== 'tick';
          effects.add(offset, open.fold.apply(record));
        } catch (error) {
          if (error instanceof AtalaiaError && error.code === 'ATL_STORE') throw error;
          // The state may be half changed: it is of no use any more.
          this.#open.delete(call.partition);
          const thrown = { offset, reason: String(error), clockAt: open.fold.clockAt };
          return { ...effects.answer(open, false, begun), thrown };
        }
      }
      open.offset = offset + 1;
    }
    return effects.answer(open, isStirred, begun);
  }

  /** The state as bytes that can be given away; the second step, deflating, is no work of this thread. */
  snapshot(partition: number): () => Promise<SnapshotAnswer> {
    const begun = performance.now();
    const { fold, foldVersion, offset } = this.#opened(partition);
    const packed = packCheckpoint({ ...fold.snapshot(), foldVersion });
    const spentMs = performance.now() - begun;
    return async () => {
      const sealed = await sealCheckpoint(packed);
      // A buffer of its own: small ones share one with others.
      return { offset, bytes: new Uint8Array(sealed), spentMs };
    };
  }

  close(partition: number): null {
    this.#open.delete(partition);
    return null;
  }

  #opened(partition: number): Open {
    const open = this.#open.get(partition);
    invariant(open, `partition ${partition} is not open in this worker`);
    return open;
  }
}

/** The effects of a chunk, as they are sent. */
class Effects {
  readonly #call: FoldCall;
  readonly #revisions: FoldAnswer['revisions'][number][] = [];
  readonly #acts: FoldAnswer['acts'][number][] = [];
  readonly #rows: RowPacker;
  readonly #counted = new Map<string, number>();

  constructor(call: FoldCall) {
    this.#call = call;
    this.#rows = new RowPacker(call.isRefold ? 0 : 4 * call.count);
  }

  add(offset: number, effects: readonly Effect[]): void {
    const { isRefold, archiveFrom, countFrom } = this.#call;
    if (isRefold) return;
    let index = 0;
    for (const effect of effects) {
      if (effect.kind === 'alert')
        this.#revisions.push({ offset, index: index++, revision: effect.revision });
      else if (effect.kind === 'act') this.#acts.push({ offset, outcome: effect.outcome });
      else if (offset < archiveFrom) continue;
      else if (effect.kind === 'readings') this.#rows.addReport(effect.report, effect.arrival);
      else if (effect.kind === 'observation') this.#rows.add(effect.observation);
    }
    if (offset >= countFrom) countInto(this.#counted, effects);
  }

  answer(open: Open, isStirred: boolean, begun: number): FoldAnswer {
    return {
      clockAt: open.fold.clockAt,
      isStirred,
      revisions: this.#revisions,
      acts: this.#acts,
      rows: this.#rows.rows(),
      counted: this.#counted,
      tookMs: performance.now() - begun,
    };
  }
}

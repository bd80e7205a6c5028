import type { Ledger, LedgerBatch } from '../store/ledger/ledger.ts';
import { type Guarantee, type Probe, writeBy } from './guarantee.ts';

interface Waiting {
  readonly batch: LedgerBatch;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

export interface LedgerSinkOptions {
  readonly ledger: Ledger;
  readonly guarantee: Guarantee;
  readonly onCommitted: () => void;
  readonly probe?: Probe | undefined;
}

/** The guarantee of the run before, where another one has to know it. */
const META = 'guarantee:ledger';

/** Commits the batches of all partitions that wait together (group commit), in the order of the guarantee. */
export class LedgerSink {
  readonly #options: LedgerSinkOptions;
  /** Below these offsets a run at least once may have left revisions whose position it did not come to write. */
  readonly #bridge = new Map<number, number>();
  #waiting: Waiting[] = [];
  #isCommitting = false;
  #idle: Promise<void> = Promise.resolve();

  constructor(options: LedgerSinkOptions) {
    this.#options = options;
  }

  /**
   * To be called before the first batch, with the next offset of each partition of the log. Exactly once refuses a
   * revision that is there already, so after a run at least once it begins behind what that run can have written.
   */
  async start(next: readonly number[]): Promise<void> {
    const { ledger, guarantee } = this.#options;
    const before = await ledger.meta(META);
    if (guarantee === 'exactly-once' && before === 'at-least-once') {
      for (const [partition, offset] of next.entries()) this.#bridge.set(partition, offset);
      await this.#crossed();
    } else if ((before ?? 'exactly-once') !== guarantee) await ledger.putMeta(META, guarantee);
  }

  /** Resolves when the batch is committed. A partition waits for its batch before it gives the next: the queue is bounded. */
  put(batch: LedgerBatch): Promise<void> {
    return new Promise((done, failed) => {
      this.#waiting.push({ batch, done, failed });
      if (!this.#isCommitting) this.#idle = this.#commitAll();
    });
  }

  async #commitAll(): Promise<void> {
    this.#isCommitting = true;
    // One turn of the loop lets every partition that is ready join the transaction.
    await new Promise<void>((next) => void setImmediate(next));
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      try {
        await this.#commit(group.map(({ batch }) => batch));
        for (const { done } of group) done();
        if (group.some(({ batch }) => batch.revisions.length > 0)) this.#options.onCommitted();
      } catch (error) {
        for (const { failed } of group) failed(error);
      }
    }
    this.#isCommitting = false;
  }

  async #commit(batches: readonly LedgerBatch[]): Promise<void> {
    const isOverBridge = (batch: LedgerBatch): boolean =>
      batch.from < (this.#bridge.get(batch.partition) ?? 0);
    const bridging = batches.filter(isOverBridge);
    const plain = bridging.length === 0 ? batches : batches.filter((batch) => !isOverBridge(batch));
    if (bridging.length > 0) {
      await this.#write('at-least-once', bridging);
      for (const { partition, to } of bridging)
        if (to >= (this.#bridge.get(partition) as number)) this.#bridge.delete(partition);
      await this.#crossed();
    }
    if (plain.length > 0) await this.#write(this.#options.guarantee, plain);
  }

  async #crossed(): Promise<void> {
    if ([...this.#bridge.values()].every((offset) => offset === 0))
      await this.#options.ledger.putMeta(META, this.#options.guarantee);
  }

  #write(guarantee: Guarantee, batches: readonly LedgerBatch[]): Promise<void> {
    const { ledger, probe } = this.#options;
    const effects = batches.filter(({ revisions }) => revisions.length > 0);
    return writeBy(
      // Without effects there is nothing to lose or repeat, and one transaction will do.
      effects.length === 0 ? 'exactly-once' : guarantee,
      'ledger',
      {
        both: () => ledger.commit(batches),
        effects: () => ledger.commit(effects, 'effects'),
        position: () => ledger.commit(batches.map((batch) => ({ ...batch, revisions: [] }))),
      },
      probe,
    );
  }

  /** Resolves when nothing waits. */
  async stop(): Promise<void> {
    await this.#idle;
  }
}

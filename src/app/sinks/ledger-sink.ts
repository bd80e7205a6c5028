import { AtalaiaError, isFenced } from '../../lib/errors.ts';
import type { Ledger, LedgerBatch } from '../../store/ledger/ledger.ts';
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
  /** Hears of revisions passed over, and of a position without effects that could not be written: nobody waits for it. */
  readonly onFailure: (error: unknown) => void;
  /** The same because another process took the partition over, where there can be others. */
  readonly onFenced?: ((partition: number, epoch: number, error: unknown) => void) | undefined;
  /** How long a position without effects waits to be written at most, ms; default 200. */
  readonly everyMs?: number | undefined;
  readonly probe?: Probe | undefined;
}

const POSITIONS_EVERY_MS = 200;

const hasEffects = ({ revisions, acts }: LedgerBatch): boolean =>
  revisions.length > 0 || (acts?.length ?? 0) > 0;

/** The guarantee of the run before, where another one has to know it. */
const META = 'guarantee:ledger';

/**
 * Commits the batches of all partitions that wait together (group commit), in the order of the guarantee. A batch without
 * effects only moves its position: it waits for the next commit or a moment, for a sync each costs more than to fold the
 * calm records again after a crash.
 */
export class LedgerSink {
  readonly #options: LedgerSinkOptions;
  /** Position that the ledger holds, by partition, as far as this process has moved it. */
  readonly committedTo = new Map<number, number>();
  /** Batches without effects that were put and are not written yet, one of each partition. */
  readonly #calm = new Map<number, LedgerBatch>();
  #timer: NodeJS.Timeout | null = null;
  #isCalmDue = false;
  #isStopping = false;
  /** Below these offsets a run at least once may have left revisions whose position it did not come to write. */
  readonly #bridge = new Map<number, number>();
  #waiting: Waiting[] = [];
  #isCommitting = false;
  #idle: Promise<void> = Promise.resolve();

  constructor(options: LedgerSinkOptions) {
    this.#options = options;
  }

  /**
   * To be called before the first batch; `next` gives the next offset of each partition of the log. Exactly once refuses a
   * revision that is there already, so after a run at least once it begins behind what that run can have written.
   */
  async start(next: () => Promise<readonly number[]>): Promise<void> {
    const { ledger, guarantee } = this.#options;
    const before = await ledger.meta(META);
    if (guarantee === 'exactly-once' && before === 'at-least-once') {
      for (const [partition, offset] of (await next()).entries()) this.#bridge.set(partition, offset);
      await this.#crossed();
    } else if ((before ?? 'exactly-once') !== guarantee) await ledger.putMeta(META, guarantee);
  }

  /**
   * Resolves when the batch is committed, without effects at once. A partition waits for its batch before it gives the
   * next: the queue is bounded.
   */
  async put(batch: LedgerBatch): Promise<void> {
    const { partition } = batch;
    const from = this.#calm.get(partition)?.from ?? batch.from;
    const whole = { ...batch, from };
    if (!hasEffects(batch) && !this.#bridge.has(partition)) {
      this.#calm.set(partition, whole);
      this.#timer ??= setTimeout(() => this.#writeCalm(), this.#options.everyMs ?? POSITIONS_EVERY_MS);
      return;
    }
    this.#calm.delete(partition);
    await new Promise<void>((done, failed) => {
      this.#waiting.push({ batch: whole, done, failed });
      this.#begin();
    });
  }

  /** Writes the positions without effects now, or with the commit that follows the one under way. */
  #writeCalm(): void {
    this.#isCalmDue = this.#calm.size > 0;
    if (this.#isCalmDue) this.#begin();
  }

  /** Forgets the position of a partition that is another's; what waits for its commit hears of it there. */
  drop(partition: number): void {
    this.#calm.delete(partition);
  }

  /** Resolves when every position that was put is written, or found not to be writable. */
  async flush(): Promise<void> {
    await this.#idle;
    this.#writeCalm();
    await this.#idle;
  }

  #begin(): void {
    if (!this.#isCommitting) this.#idle = this.#commitAll();
  }

  async #commitAll(): Promise<void> {
    this.#isCommitting = true;
    // One turn of the loop lets every partition that is ready join the transaction.
    await new Promise<void>((next) => void setImmediate(next));
    while (this.#waiting.length > 0 || this.#isCalmDue) {
      const group = [...this.#waiting, ...this.#takeCalm()];
      this.#waiting = [];
      await this.#commitGroup(group);
    }
    this.#isCommitting = false;
  }

  #takeCalm(): Waiting[] {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    this.#isCalmDue = false;
    const batches = [...this.#calm.values()];
    this.#calm.clear();
    return batches.map((batch) => ({
      batch,
      done: () => {},
      failed: (error) => this.#calmFailed(batch, error),
    }));
  }

  /** Nobody waits for a position: at the end nothing is lost with it, for the next start folds from the one before. */
  #calmFailed({ partition, epoch }: LedgerBatch, error: unknown): void {
    const { onFailure, onFenced } = this.#options;
    if (this.#isStopping) return;
    if (onFenced && isFenced(error)) onFenced(partition, epoch, error);
    else onFailure(error);
  }

  async #commitGroup(group: readonly Waiting[]): Promise<void> {
    try {
      await this.#commit(group.map(({ batch }) => batch));
      for (const { batch } of group) this.committedTo.set(batch.partition, batch.to);
      for (const { done } of group) done();
      if (group.some(({ batch }) => batch.revisions.length > 0)) this.#options.onCommitted();
    } catch (error) {
      // One partition that another process took over must not take the others with it.
      if (isFenced(error) && group.length > 1) for (const one of group) await this.#commitGroup([one]);
      else for (const { failed } of group) failed(error);
    }
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
    if (plain.length === 0) return;
    try {
      await this.#write(this.#options.guarantee, plain);
    } catch (error) {
      // Every start would fold the same again and fail at the same record: what is new must not wait for that.
      const repeats = await this.#repeatsOf(plain, error);
      if (repeats.length === 0) throw error;
      await this.#write('at-least-once', plain);
      for (const repeat of repeats) this.#options.onFailure(repeat);
    }
  }

  /** What stands in the ledger already of batches that it refused, each as what is told of it. */
  async #repeatsOf(batches: readonly LedgerBatch[], cause: unknown): Promise<AtalaiaError[]> {
    if (!(cause instanceof AtalaiaError) || cause.code !== 'ATL_STORE') return [];
    const repeats: AtalaiaError[] = [];
    const given = new Set<string>();
    for (const { partition, revisions } of batches)
      for (const { offset, revision } of revisions) {
        const { alert, revision: number, event } = revision.event;
        const key = `${alert} ${number}`;
        const history = given.has(key) ? null : await this.#options.ledger.history(alert);
        if (history === null || history.some((stored) => stored.revision.event.revision === number))
          repeats.push(
            new AtalaiaError(
              'ATL_BUG',
              `Record ${offset} of partition ${partition} made revision ${number} of alert ${alert} (${event}), which the ledger holds already: it was passed over and is not sent. Look at the alert, and please report this with the version.`,
              { cause },
            ),
          );
        given.add(key);
      }
    return repeats;
  }

  async #crossed(): Promise<void> {
    if ([...this.#bridge.values()].every((offset) => offset === 0))
      await this.#options.ledger.putMeta(META, this.#options.guarantee);
  }

  #write(guarantee: Guarantee, batches: readonly LedgerBatch[]): Promise<void> {
    const { ledger, probe } = this.#options;
    const effects = batches.filter(hasEffects);
    return writeBy(
      // Without effects there is nothing to lose or repeat, and one transaction will do.
      effects.length === 0 ? 'exactly-once' : guarantee,
      'ledger',
      {
        both: () => ledger.commit(batches),
        effects: () => ledger.commit(effects, 'effects'),
        position: () => ledger.commit(batches.map((batch) => ({ ...batch, revisions: [], acts: [] }))),
      },
      probe,
    );
  }

  /** Writes what waits. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#writeCalm();
    await this.#idle;
  }
}

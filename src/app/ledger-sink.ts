import type { Ledger, LedgerBatch } from '../store/ledger/ledger.ts';

interface Waiting {
  readonly batch: LedgerBatch;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

/**
 * Commits the batches of all partitions that wait together in one transaction (group commit). Effects and position
 * are one: exactly once.
 */
export class LedgerSink {
  readonly #ledger: Ledger;
  readonly #everyMs: number;
  readonly #onCommitted: () => void;
  #waiting: Waiting[] = [];
  #isCommitting = false;
  #idle: Promise<void> = Promise.resolve();
  #isStopping = false;
  /** Ends the wait of a micro-batch at once. */
  #wake: () => void = () => {};

  constructor(ledger: Ledger, everyMs: number, onCommitted: () => void) {
    this.#ledger = ledger;
    this.#everyMs = everyMs;
    this.#onCommitted = onCommitted;
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
    await this.#gather();
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      try {
        await this.#ledger.commit(group.map(({ batch }) => batch));
        for (const { done } of group) done();
        if (group.some(({ batch }) => batch.revisions.length > 0)) this.#onCommitted();
      } catch (error) {
        for (const { failed } of group) failed(error);
      }
    }
    this.#isCommitting = false;
  }

  async #gather(): Promise<void> {
    await new Promise<void>((next) => {
      if (this.#everyMs === 0 || this.#isStopping) return void setImmediate(next);
      const timer = setTimeout(next, this.#everyMs);
      this.#wake = () => {
        clearTimeout(timer);
        next();
      };
    });
  }

  /** Commits what waits, now. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#wake();
    await this.#idle;
  }
}

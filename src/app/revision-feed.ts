import type { Clock } from '../lib/clock.ts';
import type { Ledger } from '../store/ledger/ledger.ts';
import type { StoredRevision } from '../store/ledger/stored-revision.ts';

const PAGE = 500;

/** Tells every committed revision once, in the order of the ledger, to whoever listens in this process. */
export class RevisionFeed {
  readonly #ledger: Ledger;
  readonly #listeners = new Set<(revision: StoredRevision) => void>();
  #position: string | null = null;
  #pumping: Promise<void> = Promise.resolve();
  #cancel: (() => void) | null = null;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** Begins behind what is there already. */
  async start(): Promise<void> {
    for (;;) {
      const page = (await this.#ledger.since(this.#position, PAGE)) ?? [];
      const last = page.at(-1);
      if (last) this.#position = last.position;
      if (page.length < PAGE) return;
    }
  }

  on(callback: (revision: StoredRevision) => void): () => void {
    this.#listeners.add(callback);
    return () => void this.#listeners.delete(callback);
  }

  /** Reads what was committed since and tells it. */
  pump(): Promise<void> {
    const pumped = this.#pumping.then(() => this.#read());
    // A ledger that was away once is read on.
    this.#pumping = pumped.catch(() => {});
    return pumped;
  }

  /** Hears of what other processes commit too: looks every `everyMs`. */
  follow(clock: Clock, everyMs: number, onFailure: (error: unknown) => void): void {
    this.#cancel = clock.after(everyMs, () => {
      void this.pump()
        .catch(onFailure)
        .then(() => this.#cancel && this.follow(clock, everyMs, onFailure));
    });
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  async #read(): Promise<void> {
    for (;;) {
      const page = (await this.#ledger.since(this.#position, PAGE)) ?? [];
      for (const revision of page) {
        this.#position = revision.position;
        for (const listener of this.#listeners) listener(revision);
      }
      if (page.length < PAGE) return;
    }
  }
}

/** What one shift leaves to the next, in a person's words. Never changed: who errs writes another. */
export interface Handover {
  /** Of the request that brought it, so that a repeat is the same note. */
  readonly id: string;
  readonly by: string;
  /** Epoch ms. */
  readonly at: number;
  readonly text: string;
  /** Alerts that it speaks of. */
  readonly alerts: readonly string[];
}

/** Notes of shifts. Part of the ledger port. */
export interface HandoverStore {
  /** False: a note of that id is there, and stays as it is. */
  putHandover(note: Handover): Promise<boolean>;
  /** The newest first; `before` is the id of the last one of the page before. */
  handovers(filter: { readonly before?: string; readonly limit: number }): Promise<readonly Handover[]>;
}

/** One window that a rule set reads. */
export interface WindowSlot {
  readonly quantity: string;
  readonly spanMs: number;
}

/** Numbers the windows of a rule set, so that rules share them and find them without a key. */
export class WindowSlots {
  readonly #slots: WindowSlot[] = [];

  get all(): readonly WindowSlot[] {
    return this.#slots;
  }

  /** The number of a window; a new one for a window not asked for before. */
  slotOf(quantity: string, spanMs: number): number {
    const known = this.#slots.findIndex((slot) => slot.quantity === quantity && slot.spanMs === spanMs);
    return known >= 0 ? known : this.#slots.push({ quantity, spanMs }) - 1;
  }
}

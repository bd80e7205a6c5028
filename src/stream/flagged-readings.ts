import type { CheckName, Verdict } from '../quality/verdict.ts';

/** A reading that was found suspect or bad, out of its series; scaled integers. */
export interface FlaggedReading {
  readonly at: number;
  readonly intervalMs: number;
  readonly coverMs: number;
  readonly value: number;
  /** Values that corrections have replaced. */
  readonly replaced: readonly number[];
  readonly flag: 'suspect' | 'bad';
  readonly check: CheckName;
}

/** Plain form for checkpoints. */
export type FlaggedSnapshot = readonly (readonly [string, readonly FlaggedReading[]])[];

/** The flagged readings of one station by quantity, ascending by (`observedAt`, interval). Few, so lists. */
export class FlaggedReadings {
  readonly #lists = new Map<string, FlaggedReading[]>();
  /** Changes with every reading put or taken. What is forgotten changes nothing that is still asked for. */
  version = 0;

  get size(): number {
    return this.#lists.size;
  }

  /** Those of a quantity. */
  of(quantity: string): readonly FlaggedReading[] | undefined {
    return this.#lists.get(quantity);
  }

  find(quantity: string, at: number, intervalMs: number): FlaggedReading | undefined {
    const list = this.#lists.get(quantity);
    if (!list) return undefined;
    for (let i = countUpTo(list, at) - 1; i >= 0 && list[i]?.at === at; i--)
      if (list[i]?.intervalMs === intervalMs) return list[i];
    return undefined;
  }

  put(quantity: string, reading: FlaggedReading): void {
    this.version++;
    const list = this.#lists.get(quantity);
    if (!list) {
      this.#lists.set(quantity, [reading]);
      return;
    }
    let i = countUpTo(list, reading.at);
    while (i > 0 && list[i - 1]?.at === reading.at && (list[i - 1]?.intervalMs ?? 0) > reading.intervalMs)
      i--;
    list.splice(i, 0, reading);
  }

  remove(quantity: string, reading: FlaggedReading): void {
    this.version++;
    const list = this.#lists.get(quantity) ?? [];
    list.splice(list.indexOf(reading), 1);
    if (list.length === 0) this.#lists.delete(quantity);
  }

  /** Forgets readings observed at or before `at`. */
  forget(at: number): void {
    for (const [quantity, list] of this.#lists) {
      const old = countUpTo(list, at);
      if (old === list.length) this.#lists.delete(quantity);
      else if (old > 0) list.splice(0, old);
    }
  }

  snapshot(): FlaggedSnapshot {
    const names = [...this.#lists.keys()].sort();
    return names.map((quantity) => [quantity, [...(this.#lists.get(quantity) ?? [])]]);
  }

  static restore(from: FlaggedSnapshot): FlaggedReadings {
    const flagged = new FlaggedReadings();
    for (const [quantity, list] of from) flagged.#lists.set(quantity, [...list]);
    return flagged;
  }
}

/** How many readings of a sorted list were observed at or before an instant. */
export function countUpTo(list: readonly { readonly at: number }[], at: number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((list[middle] as { at: number }).at <= at) low = middle + 1;
    else high = middle;
  }
  return low;
}

export const flaggedBy = (
  reading: Omit<FlaggedReading, 'flag' | 'check'>,
  { flag, check }: Verdict,
): FlaggedReading => ({ ...reading, flag: flag as 'bad', check: check as CheckName });

import { type Increment, rainIncrements } from '../quality/rain-counter.ts';
import { indexAt } from './derived.ts';
import type { ReadingSeries } from './series.ts';
import type { SeriesByQuantity } from './series-table.ts';

export const COUNTER = 'rainfallTotal';
export const RAIN = 'rainfall';

/** Readings of the counter before one that its increment may hang on: a level that rounding left stands for so long. */
const LOOK_BACK = 8;

/** Rain over (at - intervalMs, at], thousandths of a millimetre; null: what stood there is no longer so. */
export interface CounterPlacement {
  readonly at: number;
  readonly intervalMs: number;
  readonly amount: number | null;
}

/** Plain form for checkpoints: `observedAt` and interval of what was made from the counter. */
export type RainCounterSnapshot = readonly (readonly [number, number])[];

/**
 * Rain from an ever-growing counter. The increment of a reading is a function of the eight counter readings before it and
 * the one after it, so that the order of arrival does not matter. Rain that was measured at the same instant goes before.
 */
export class RainCounterFold {
  #made = new Map<number, number>();

  /** Whether the rain at an instant was made from the counter. */
  has(at: number): boolean {
    return this.#made.has(at);
  }

  /**
   * What a report at `at` changed, removals first: its readings stand in their series already.
   * @param measuredMs the interval of the rain that it measured; null: it measured none
   */
  update(series: SeriesByQuantity, at: number, measuredMs: number | null): CounterPlacement[] {
    const totals = series.get(COUNTER);
    const removed: CounterPlacement[] = [];
    const added: CounterPlacement[] = [];
    // A measured reading over the same interval has taken the place already.
    if (measuredMs !== null && this.#made.get(at) === measuredMs) this.#made.delete(at);
    if (measuredMs !== null) this.#remove(at, removed);
    if (!totals) return removed;
    const first = Math.max(0, totals.firstAfter(at - 1) - 1);
    const last = Math.min(totals.length - 1, totals.firstAfter(at) - 1 + LOOK_BACK);
    for (let i = first; i <= last; i++) {
      const instant = totals.at(i);
      if (i > first && totals.at(i - 1) === instant) continue;
      const wanted = this.#isMeasured(series, instant) ? undefined : incrementAt(totals, i);
      const made = this.#made.get(instant);
      if (made !== undefined && made !== wanted?.intervalMs) this.#remove(instant, removed);
      if (wanted) {
        this.#made.set(instant, wanted.intervalMs);
        added.push(wanted);
      }
    }
    return [...removed, ...added];
  }

  #remove(at: number, into: CounterPlacement[]): void {
    const intervalMs = this.#made.get(at);
    if (intervalMs === undefined) return;
    into.push({ at, intervalMs, amount: null });
    this.#made.delete(at);
  }

  /** Whether a gauge measured rain at an instant. */
  #isMeasured(series: SeriesByQuantity, instant: number): boolean {
    const rain = series.get(RAIN);
    return !this.#made.has(instant) && rain !== undefined && indexAt(rain, instant) >= 0;
  }

  forget(at: number): void {
    for (const instant of this.#made.keys()) if (instant <= at) this.#made.delete(instant);
  }

  snapshot(): RainCounterSnapshot {
    return [...this.#made].sort(([a], [b]) => a - b);
  }

  static restore(from: RainCounterSnapshot): RainCounterFold {
    const counter = new RainCounterFold();
    counter.#made = new Map(from);
    return counter;
  }
}

function incrementAt(totals: ReadingSeries, i: number): Increment | undefined {
  const at = totals.at(i);
  const readings: { at: number; total: number }[] = [];
  for (let k = Math.max(0, i - LOOK_BACK); k <= Math.min(totals.length - 1, i + 1); k++)
    readings.push({ at: totals.at(k), total: totals.value(k) });
  return rainIncrements(readings).find((one) => one.at === at);
}

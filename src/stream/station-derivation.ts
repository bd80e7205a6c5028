import { quantities } from '../model/quantity.ts';
import type { DailyChainSnapshot } from './daily-chain.ts';
import { DAILY_COVER_MS } from './daily-chain.ts';
import {
  DerivedMarks,
  type DerivedReading,
  derivedAmong,
  deriveFromSeries,
  indexAt,
  type Place,
} from './derived.ts';
import { dailyAmong, FireWeatherChains } from './fire-weather.ts';
import { COUNTER, RAIN, RainCounterFold, type RainCounterSnapshot } from './rain-counter-fold.ts';
import type { SeriesByQuantity } from './series-table.ts';

/** The derived quantities that rules in force name, by how they come about. */
export interface WantedQuantities {
  /** From readings of one instant. */
  readonly instant: ReadonlySet<string>;
  /** Once a day, from the day before. */
  readonly daily: ReadonlySet<string>;
}

/** Splits the names that rules read; made once for a rule set. */
export function wantedAmong(names: Iterable<string>): WantedQuantities {
  const all = [...names];
  return { instant: derivedAmong(all), daily: dailyAmong(all) };
}

/** A derived reading to put into the series of its quantity. */
export interface DerivedPlacement {
  readonly quantity: string;
  readonly observedAt: number;
  /** Scaled integer; null: what was derived there follows from nothing any more. */
  readonly value: number | null;
  /** What it covers; null: as an instantaneous reading of the station does. */
  readonly coverMs: number | null;
  /** The interval that it measures; absent: that of the station. */
  readonly intervalMs?: number;
}

/** Plain form for checkpoints. */
export interface StationDerivationSnapshot {
  readonly marks: readonly (readonly [string, readonly number[]])[];
  readonly chains: readonly DailyChainSnapshot[];
  readonly counter?: RainCounterSnapshot;
}

/** What one station remembers to derive: which readings were derived, and the daily chains. */
export class StationDerivation {
  #marks = new DerivedMarks();
  #chains = new FireWeatherChains();
  #counter: RainCounterFold | null = null;

  /**
   * What follows from a report whose readings stand in the series already. The inputs are taken from the series, so that
   * it does not matter which report brought which; only values that differ from what stands there are returned.
   *
   * @param reported quantities that the report brought: measured values, derived ones no longer
   * @param newestAt the station's newest `observedAt`, this report's included
   * @param intervalMs the interval of the report
   * @param hasLost readings of the instant were found not to be good
   */
  placements(
    series: SeriesByQuantity,
    place: Place,
    reported: readonly string[],
    observedAt: number,
    newestAt: number,
    wanted: WantedQuantities,
    intervalMs = 0,
    hasLost = false,
  ): readonly DerivedPlacement[] {
    const placements: DerivedPlacement[] = this.#rain(series, reported, observedAt, intervalMs);
    if (wanted.instant.size === 0 && wanted.daily.size === 0) return placements;
    for (const quantity of reported) this.#marks.measured(quantity, observedAt);
    const put = (quantity: string, at: number, value: number | null, coverMs: number | null): void => {
      const one = series.get(quantity);
      const i = one === undefined ? -1 : indexAt(one, at);
      if (value === null ? i >= 0 : i < 0 || one?.value(i) !== value)
        placements.push({ quantity, observedAt: at, value, coverMs });
    };
    const derived = deriveFromSeries(series, this.#marks, observedAt, wanted.instant, place);
    if (hasLost) this.#lose(derived, observedAt, wanted.instant, put);
    for (const { quantity, value } of derived) {
      this.#marks.note(quantity, observedAt);
      put(quantity, observedAt, value, null);
    }
    for (const daily of this.#chains.update(series, place, observedAt, newestAt, wanted.daily))
      put(daily.quantity, daily.observedAt, daily.value, DAILY_COVER_MS);
    return placements;
  }

  /** What was derived at an instant from readings that are good no longer goes. */
  #lose(
    derived: readonly DerivedReading[],
    at: number,
    wanted: ReadonlySet<string>,
    put: (quantity: string, at: number, value: null, coverMs: null) => void,
  ): void {
    for (const quantity of wanted) {
      if (derived.some((one) => one.quantity === quantity)) continue;
      const isOurs = quantities.get(quantity)?.derived === 'always' || this.#marks.has(quantity, at);
      if (!isOurs) continue;
      this.#marks.measured(quantity, at);
      put(quantity, at, null, null);
    }
  }

  #rain(
    series: SeriesByQuantity,
    reported: readonly string[],
    observedAt: number,
    reportMs: number,
  ): DerivedPlacement[] {
    if (reported.includes(COUNTER)) this.#counter ??= new RainCounterFold();
    if (this.#counter === null) return [];
    return this.#counter
      .update(series, observedAt, reported.includes(RAIN) ? reportMs : null)
      .map(({ at, intervalMs, amount }) => ({
        quantity: RAIN,
        observedAt: at,
        value: amount,
        coverMs: intervalMs,
        intervalMs,
      }));
  }

  /** Whether what stands at an instant was derived, not measured. */
  isDerived(quantity: string, at: number): boolean {
    return this.#marks.has(quantity, at) || (quantity === RAIN && this.#counter?.has(at) === true);
  }

  /** A reading was measured, and stands in its series again. */
  measured(quantity: string, at: number): void {
    this.#marks.measured(quantity, at);
  }

  /** Forgets what no report within lateness can change. */
  forget(lateBefore: number): void {
    this.#marks.forget(lateBefore - 1);
    this.#chains.forget(lateBefore);
    this.#counter?.forget(lateBefore - 1);
  }

  snapshot(): StationDerivationSnapshot {
    return {
      marks: this.#marks.snapshot(),
      chains: this.#chains.snapshot(),
      ...(this.#counter ? { counter: this.#counter.snapshot() } : {}),
    };
  }

  static restore(from: StationDerivationSnapshot): StationDerivation {
    const derivation = new StationDerivation();
    derivation.#marks = DerivedMarks.restore(from.marks);
    derivation.#chains = FireWeatherChains.restore(from.chains);
    if (from.counter) derivation.#counter = RainCounterFold.restore(from.counter);
    return derivation;
  }
}

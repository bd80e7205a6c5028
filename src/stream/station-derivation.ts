import type { DailyChainSnapshot } from './daily-chain.ts';
import { DAILY_COVER_MS } from './daily-chain.ts';
import { DerivedMarks, derivedAmong, deriveFromSeries, indexAt, type Place } from './derived.ts';
import { dailyAmong, FireWeatherChains } from './fire-weather.ts';
import type { ReadingSeries } from './series.ts';

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
  /** Scaled integer. */
  readonly value: number;
  /** What it covers; null: as an instantaneous reading of the station does. */
  readonly coverMs: number | null;
}

/** Plain form for checkpoints. */
export interface StationDerivationSnapshot {
  readonly marks: readonly (readonly [string, readonly number[]])[];
  readonly chains: readonly DailyChainSnapshot[];
}

const NONE: readonly DerivedPlacement[] = [];

/** What one station remembers to derive: which readings were derived, and the daily chains. */
export class StationDerivation {
  #marks = new DerivedMarks();
  #chains = new FireWeatherChains();

  /**
   * What follows from a report whose readings stand in the series already. The inputs are taken from the series, so that
   * it does not matter which report brought which; only values that differ from what stands there are returned.
   *
   * @param reported quantities that the report brought: measured values, derived ones no longer
   * @param newestAt the station's newest `observedAt`, this report's included
   */
  placements(
    series: ReadonlyMap<string, ReadingSeries>,
    place: Place,
    reported: readonly string[],
    observedAt: number,
    newestAt: number,
    wanted: WantedQuantities,
  ): readonly DerivedPlacement[] {
    if (wanted.instant.size === 0 && wanted.daily.size === 0) return NONE;
    for (const quantity of reported) this.#marks.measured(quantity, observedAt);
    const placements: DerivedPlacement[] = [];
    const put = (quantity: string, at: number, value: number, coverMs: number | null): void => {
      const one = series.get(quantity);
      const i = one === undefined ? -1 : indexAt(one, at);
      if (i < 0 || one?.value(i) !== value) placements.push({ quantity, observedAt: at, value, coverMs });
    };
    for (const { quantity, value } of deriveFromSeries(
      series,
      this.#marks,
      observedAt,
      wanted.instant,
      place,
    )) {
      this.#marks.note(quantity, observedAt);
      put(quantity, observedAt, value, null);
    }
    for (const daily of this.#chains.update(series, place, observedAt, newestAt, wanted.daily))
      put(daily.quantity, daily.observedAt, daily.value, DAILY_COVER_MS);
    return placements;
  }

  /** Forgets what no report within lateness can change. */
  forget(lateBefore: number): void {
    this.#marks.forget(lateBefore - 1);
    this.#chains.forget(lateBefore);
  }

  snapshot(): StationDerivationSnapshot {
    return { marks: this.#marks.snapshot(), chains: this.#chains.snapshot() };
  }

  static restore(from: StationDerivationSnapshot): StationDerivation {
    const derivation = new StationDerivation();
    derivation.#marks = DerivedMarks.restore(from.marks);
    derivation.#chains = FireWeatherChains.restore(from.chains);
    return derivation;
  }
}

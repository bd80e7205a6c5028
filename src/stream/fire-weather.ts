import { monteAlegreDay } from '../rules/derived/fire-danger-brazil.ts';
import { fireWeatherDay, startCodes } from '../rules/derived/fire-weather-index.ts';
import { DailyChain, type DailyChainSnapshot, type DailyKind, type DailyReading } from './daily-chain.ts';
import type { SeriesByQuantity } from './series-table.ts';

/**
 * The Fire Weather Index System at local noon, from the standard start codes (85, 6, 15). Those are the codes of a wet
 * spring: after a start in a drought the drought code needs some fifty days to be the station's own.
 */
const fireWeatherKind: DailyKind = {
  hour: 12,
  quantities: [
    'fineFuelMoistureCode',
    'duffMoistureCode',
    'droughtCode',
    'initialSpreadIndex',
    'buildupIndex',
    'fireWeatherIndex',
    'dailySeverityRating',
  ],
  start: [startCodes.fineFuelMoistureCode, startCodes.duffMoistureCode, startCodes.droughtCode],
  step: ({ temperature, humidity, wind, rain24h, month, latitude }, before) => {
    if (temperature === undefined || humidity === undefined || wind === undefined || rain24h === undefined)
      return undefined;
    const [fineFuelMoistureCode, duffMoistureCode, droughtCode] = before as [number, number, number];
    const today = fireWeatherDay(
      { noonTemperature: temperature, noonHumidity: humidity, noonWind: wind, rain24h, month, latitude },
      { fineFuelMoistureCode, duffMoistureCode, droughtCode },
    );
    return {
      carried: [today.fineFuelMoistureCode, today.duffMoistureCode, today.droughtCode],
      values: { ...today },
    };
  },
};

/** The Monte Alegre formula at 13:00; FMA+ only where wind is measured. */
const monteAlegreKind: DailyKind = {
  hour: 13,
  quantities: ['monteAlegreIndex', 'monteAlegreWindIndex'],
  start: [0],
  step: ({ humidity, wind, rain24h }, before) => {
    if (humidity === undefined || rain24h === undefined) return undefined;
    const today = monteAlegreDay({ humidity, rain24h, wind: wind ?? 0 }, before[0] as number);
    return {
      carried: [today.monteAlegreIndex],
      values: wind === undefined ? { monteAlegreIndex: today.monteAlegreIndex } : { ...today },
    };
  },
};

const kinds = [fireWeatherKind, monteAlegreKind] as const;

/** Quantities whose reading stands once a day, at the hour of its chain. */
export const dailyQuantities: ReadonlySet<string> = new Set(kinds.flatMap((kind) => kind.quantities));

/** The daily fire quantities among the names that rules read. */
export const dailyAmong = (names: Iterable<string>): ReadonlySet<string> =>
  new Set([...names].filter((name) => dailyQuantities.has(name)).sort());

/** The fire-weather chains of one station. */
export class FireWeatherChains {
  #chains: readonly DailyChain[] = kinds.map((kind) => new DailyChain(kind));

  /**
   * What the readings of a report changed: call it after the report's readings stand in the series.
   *
   * @param changedAt the report's `observedAt`
   * @param newestAt the station's newest `observedAt`, this report's included
   * @returns readings to put into the series of their quantities; those that stand there already are repeats
   */
  update(
    series: SeriesByQuantity,
    place: { readonly latitude: number; readonly longitude: number },
    changedAt: number,
    newestAt: number,
    wanted: ReadonlySet<string>,
  ): DailyReading[] {
    if (wanted.size === 0) return [];
    return this.#chains.flatMap((chain) =>
      chain.update(series, place, changedAt, newestAt).filter(({ quantity }) => wanted.has(quantity)),
    );
  }

  /** Forgets the days that no report within lateness can change, but for the one that the next stand on. */
  forget(lateBefore: number): void {
    for (const chain of this.#chains) chain.forget(lateBefore);
  }

  snapshot(): readonly DailyChainSnapshot[] {
    return this.#chains.map((chain) => chain.snapshot());
  }

  static restore(from: readonly DailyChainSnapshot[]): FireWeatherChains {
    const chains = new FireWeatherChains();
    chains.#chains = kinds.map((kind, i) => {
      const snapshot = from[i];
      return snapshot === undefined ? new DailyChain(kind) : DailyChain.restore(kind, snapshot);
    });
    return chains;
  }
}

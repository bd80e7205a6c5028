import { quantities } from '../model/quantity.ts';
import type { Station } from '../model/station.ts';
import type { Held, StationHistory } from '../quality/history.ts';
import { countUpTo, type FlaggedReading, FlaggedReadings } from './flagged-readings.ts';
import type { ReadingSeries } from './series.ts';
import type { SeriesByQuantity } from './series-table.ts';

/** Where the readings of a station stand. */
export interface Measured {
  readonly station: Station;
  readonly series: SeriesByQuantity;
  readonly derivation: {
    isDerived(quantity: string, at: number): boolean;
    measured(quantity: string, at: number): void;
  } | null;
}

/** Scaled integers in one canonical unit. */
export const scaleOf = (quantity: string): number => 10 ** (quantities.get(quantity)?.decimals ?? 3);

/** What a station measured, as the checks see it: readings that count in its series and those that were flagged, in one. */
export class SeriesHistory implements StationHistory {
  readonly #measured: Measured;
  flagged = new FlaggedReadings();

  constructor(measured: Measured) {
    this.#measured = measured;
  }

  valueAt(quantity: string, at: number): number | undefined {
    const series = this.#measured.series.get(quantity);
    const i = series === undefined ? -1 : this.#firstOf(quantity, series, series.firstAfter(at) - 1, at);
    const flagged = firstAt(this.flagged.of(quantity), at);
    if (flagged && (i < 0 || flagged.intervalMs < (series as ReadingSeries).interval(i)))
      return flagged.value / scaleOf(quantity);
    return i < 0 ? undefined : (series as ReadingSeries).value(i) / scaleOf(quantity);
  }

  before(quantity: string, at: number): Held | undefined {
    const series = this.#measured.series.get(quantity);
    let found = -1;
    if (series) {
      let i = series.firstAfter(at - 1) - 1;
      while (i >= 0 && found < 0) {
        found = this.#firstOf(quantity, series, i, series.at(i));
        i--;
      }
    }
    const list = this.flagged.of(quantity);
    const newest = list?.[countUpTo(list, at - 1) - 1];
    const flagged = newest && firstAt(list, newest.at);
    return chosen(quantity, series, found, flagged, (a, b) => a > b);
  }

  after(quantity: string, at: number): Held | undefined {
    const series = this.#measured.series.get(quantity);
    let found = -1;
    if (series)
      for (let i = series.firstAfter(at); i < series.length && found < 0; i++)
        found = this.#isDerived(quantity, series.at(i)) ? -1 : i;
    const list = this.flagged.of(quantity);
    return chosen(quantity, series, found, list?.[countUpTo(list, at)], (a, b) => a < b);
  }

  /** The first of the readings at an instant, the last of which stands at or before `i`; below 0: none was measured then. */
  #firstOf(quantity: string, series: ReadingSeries, i: number, at: number): number {
    if (i < 0 || series.at(i) !== at || this.#isDerived(quantity, at)) return -1;
    let first = i;
    while (first > 0 && series.at(first - 1) === at) first--;
    return first;
  }

  #isDerived(quantity: string, at: number): boolean {
    return this.#measured.derivation?.isDerived(quantity, at) === true;
  }
}

/** Of equal instants those over the shortest interval come first. */
function firstAt(list: readonly FlaggedReading[] | undefined, at: number): FlaggedReading | undefined {
  const found = list?.[countUpTo(list, at - 1)];
  return found?.at === at ? found : undefined;
}

function chosen(
  quantity: string,
  series: ReadingSeries | undefined,
  i: number,
  flagged: FlaggedReading | undefined,
  isNearer: (a: number, b: number) => boolean,
): Held | undefined {
  if (series !== undefined && i >= 0) {
    const [at, intervalMs] = [series.at(i), series.interval(i)];
    const isFlagged =
      flagged && (isNearer(flagged.at, at) || (flagged.at === at && flagged.intervalMs < intervalMs));
    if (!isFlagged) return { at, intervalMs, value: series.value(i) / scaleOf(quantity), isBad: false };
  }
  if (!flagged) return undefined;
  const { at, intervalMs, value, flag } = flagged;
  return { at, intervalMs, value: value / scaleOf(quantity), isBad: flag === 'bad' };
}

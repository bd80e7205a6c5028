import { DAY_MS, HOUR_MS } from '../model/time.ts';
import { relativeHumidity } from '../rules/derived/humidity.ts';
import { isPlaceKnown } from '../rules/derived/sun.ts';
import { rounded } from './derived.ts';
import type { ReadingSeries } from './series.ts';
import type { SeriesByQuantity } from './series-table.ts';

/** How long a daily reading covers: a window of 24 h over it is whole. */
export const DAILY_COVER_MS = DAY_MS;
/** What a daily chain reads back from its hour: series must be kept as if a window of this length stood over them. */
export const DAILY_WINDOW_MS = 25 * HOUR_MS;
/** Inputs stand within this of the hour. */
const NEAR_MS = HOUR_MS;
/** Share of the 24 h of rain that must be measured. */
const RAIN_COVERAGE = 0.8;
/** After so many days without inputs the chain begins again. */
const LONGEST_GAP_DAYS = 10;

/** Quantities that a daily chain reads. */
export const dailyInputQuantities: readonly string[] = [
  'airTemperature',
  'relativeHumidity',
  'dewPoint',
  'windSpeed',
  'rainfall',
];

/** What a station measured about the hour of one day; canonical units. */
export interface DailyInputs {
  readonly temperature: number | undefined;
  readonly humidity: number | undefined;
  readonly wind: number | undefined;
  /** Undefined where less than 80 % of the day was measured: rain that fell unseen must not read as drought. */
  readonly rain24h: number | undefined;
  readonly month: number;
  readonly latitude: number;
}

/** A recurrence from day to day. */
export interface DailyKind {
  /** Hour of the day, local standard time. */
  readonly hour: number;
  readonly quantities: readonly string[];
  readonly start: readonly number[];
  /** The day's carried numbers and readings by quantity; undefined when an input is missing. */
  readonly step: (
    inputs: DailyInputs,
    before: readonly number[],
  ) => { readonly carried: readonly number[]; readonly values: Readonly<Record<string, number>> } | undefined;
}

/** A reading of a chain: scaled, at the hour of its day, covering {@link DAILY_COVER_MS}. */
export interface DailyReading {
  readonly quantity: string;
  readonly observedAt: number;
  /** Null: the day has no reading any more. */
  readonly value: number | null;
}

/** Plain form for checkpoints. */
export interface DailyChainSnapshot {
  readonly floorAt: number | null;
  readonly days: readonly (readonly [number, readonly number[]])[];
}

type Series = SeriesByQuantity;
interface Coordinates {
  readonly latitude: number;
  readonly longitude: number;
}

/**
 * A daily recurrence at one station. A day stands on the newest complete day at most ten days before it, else on the
 * kind's start; a day with an input missing has no reading and changes nothing. That is a function of the readings, not
 * of their order, so that late data change the days from theirs on and nothing else.
 *
 * Local standard time is that of the station's meridian, 15° an hour: the equations mean the hours after the sun's
 * highest, and a rule must not change its mind with a zone database.
 */
export class DailyChain {
  readonly #kind: DailyKind;
  /** Carried numbers of complete days by the instant of their hour, ascending. */
  #days = new Map<number, readonly number[]>();
  /** Days at or before it are settled. */
  #floorAt = Number.NEGATIVE_INFINITY;

  constructor(kind: DailyKind) {
    this.#kind = kind;
  }

  /**
   * Computes again what a reading at `changedAt` can have changed, up to the station's newest report.
   *
   * @returns readings of the days recomputed, also those that did not change; none when no day is touched, which is
   *   decided by two divisions
   */
  update(series: Series, place: Coordinates, changedAt: number, newestAt: number): DailyReading[] {
    if (!isPlaceKnown(place.latitude, place.longitude)) return [];
    const phase = this.#kind.hour * HOUR_MS - offsetMs(place);
    const first = phase + Math.ceil((changedAt - NEAR_MS - phase) / DAY_MS) * DAY_MS;
    const last = phase + Math.floor((newestAt - phase) / DAY_MS) * DAY_MS;
    const readings: DailyReading[] = [];
    for (let at = first; at <= last; at += DAY_MS) {
      if (at <= this.#floorAt) continue;
      const before = this.#before(at) ?? this.#kind.start;
      const result = this.#kind.step(inputsAt(series, place, at), before);
      if (result === undefined) {
        if (this.#days.delete(at))
          for (const quantity of this.#kind.quantities)
            readings.push({ quantity, observedAt: at, value: null });
        continue;
      }
      // Two days on, the reading is out of reach of the day's inputs: an unchanged day leaves all later ones as they are.
      if (at - 2 * DAY_MS > changedAt && same(this.#days.get(at), result.carried)) break;
      this.#put(at, result.carried);
      for (const quantity of this.#kind.quantities) {
        const value = rounded(quantity, result.values[quantity]);
        if (value !== undefined) readings.push({ quantity, observedAt: at, value });
      }
    }
    return readings;
  }

  /** Days that a report within lateness can change stay, and the one that they stand on. */
  forget(lateBefore: number): void {
    const kept = lateBefore - NEAR_MS;
    let base: number | undefined;
    for (const at of this.#days.keys()) {
      if (at >= kept) break;
      if (base !== undefined) this.#days.delete(base);
      base = at;
    }
    if (base !== undefined) this.#floorAt = Math.max(this.#floorAt, base);
  }

  snapshot(): DailyChainSnapshot {
    return {
      floorAt: Number.isFinite(this.#floorAt) ? this.#floorAt : null,
      days: [...this.#days].map(([at, carried]) => [at, [...carried]]),
    };
  }

  static restore(kind: DailyKind, from: DailyChainSnapshot): DailyChain {
    const chain = new DailyChain(kind);
    chain.#floorAt = from.floorAt ?? Number.NEGATIVE_INFINITY;
    chain.#days = new Map(from.days.map(([at, carried]) => [at, [...carried]]));
    return chain;
  }

  #before(at: number): readonly number[] | undefined {
    for (let day = 1; day <= LONGEST_GAP_DAYS; day++) {
      const carried = this.#days.get(at - day * DAY_MS);
      if (carried !== undefined) return carried;
    }
    return undefined;
  }

  /** Whether a later day is known. */
  #reaches(at: number): boolean {
    for (const day of this.#days.keys()) if (day > at) return true;
    return false;
  }

  #put(at: number, carried: readonly number[]): void {
    const isNew = !this.#days.has(at);
    this.#days.set(at, carried);
    if (isNew && this.#reaches(at)) this.#days = new Map([...this.#days].sort(([a], [b]) => a - b));
  }
}

const same = (a: readonly number[] | undefined, b: readonly number[]): boolean =>
  a?.every((value, i) => value === b[i]) ?? false;

const offsetMs = ({ longitude }: Coordinates): number => Math.round(longitude / 15) * HOUR_MS;

function inputsAt(series: Series, place: Coordinates, at: number): DailyInputs {
  const near = (quantity: string): number | undefined => {
    const one = series.get(quantity);
    const i = one === undefined ? -1 : nearest(one, at);
    return i < 0 ? undefined : (one as ReadingSeries).value(i) / 1000;
  };
  const temperature = near('airTemperature');
  const dewPoint = near('dewPoint');
  const humidity =
    near('relativeHumidity') ??
    (temperature === undefined || dewPoint === undefined
      ? undefined
      : relativeHumidity(temperature, dewPoint));
  return {
    temperature,
    humidity: humidity === undefined ? undefined : Math.min(100, humidity),
    wind: near('windSpeed'),
    rain24h: rainBefore(series.get('rainfall'), at),
    month: new Date(at + offsetMs(place)).getUTCMonth() + 1,
    latitude: place.latitude,
  };
}

/** Index of the reading nearest to an instant within an hour, the earlier of two as near; below 0 when there is none. */
function nearest(series: ReadingSeries, at: number): number {
  let best = -1;
  let least = NEAR_MS;
  const after = series.firstAfter(at);
  for (let i = after - 1; i >= 0 && at - series.at(i) <= least; i--) {
    if (!series.counts(i)) continue;
    best = i;
    least = at - series.at(i);
    break;
  }
  for (let i = after; i < series.length && series.at(i) - at <= least; i++) {
    if (!series.counts(i)) continue;
    return best >= 0 && at - series.at(best) <= series.at(i) - at ? best : i;
  }
  return best;
}

function rainBefore(series: ReadingSeries | undefined, at: number): number | undefined {
  if (series === undefined) return undefined;
  const last = series.firstAfter(at) - 1;
  let first = series.firstAfter(at - DAY_MS);
  while (first <= last && series.from(first) < at - DAY_MS) first++;
  if (series.covered(first, last) < RAIN_COVERAGE * DAY_MS) return undefined;
  return series.sum(first, last) / 1000;
}

import { quantities, toScaled } from '../model/quantity.ts';
import type { Report } from '../model/report.ts';
import type { Station } from '../model/station.ts';
import { derivedQuantities, type Setting } from '../rules/derived/table.ts';
import type { ReadingSeries } from './series.ts';
import type { SeriesByQuantity } from './series-table.ts';

/**
 * Derived readings: what follows from the readings of one station at one instant, for the quantities that some rule in
 * force names. Pure and bounded: at most one reading a wanted quantity.
 *
 * Mathematics: `Math.exp`, `log`, `pow`, `tan` and their kin may differ in the last bit between engines and versions
 * (ECMA-262 leaves them to the implementation). Every result is rounded half away from zero to the quantity's
 * resolution (0.001), which hides nearly all of it: about one result in 10^11 may lie so near a tie that two engines
 * round it apart. Equal bytes are promised under one engine version, as for the whole fold.
 */

/** The place of a station, as far as formulas need it. */
export type Place = Pick<Station, 'latitude' | 'longitude' | 'altitude'>;

/** A value that was derived: scaled integer, as in a report. */
export interface DerivedReading {
  readonly quantity: string;
  readonly value: number;
}

const NONE: readonly DerivedReading[] = [];

/**
 * Derives the wanted quantities of one instant.
 *
 * @param readingAt the scaled *reported* value of a quantity at the instant; undefined where there is none. A derived
 *   value must not be returned, or it would pass for a measured one.
 * @param wanted names of quantities; others than derived ones are passed over
 * @returns in the order of `wanted`; nothing for a quantity that the station reports itself, that lacks an input, or
 *   whose method does not hold for the values
 */
export function deriveAt(
  readingAt: (quantity: string) => number | undefined,
  wanted: ReadonlySet<string>,
  setting: Setting,
): readonly DerivedReading[] {
  if (wanted.size === 0) return NONE;
  const readings: DerivedReading[] = [];
  for (const quantity of wanted) {
    if (!derivedQuantities.has(quantity) || readingAt(quantity) !== undefined) continue;
    const value = derivedValue(quantity, readingAt, setting);
    if (value !== undefined) readings.push({ quantity, value });
  }
  return readings;
}

/**
 * A report with the wanted derived readings added, from its own readings; the report itself when there are none.
 * Humidity counts as 100 % at most; what lies outside the quantity's range is left out.
 */
export function deriveReport(report: Report, wanted: ReadonlySet<string>, place: Place): Report {
  if (wanted.size === 0) return report;
  const readingAt = (quantity: string): number | undefined => {
    const i = report.quantities.indexOf(quantity);
    return i < 0 ? undefined : report.values[i];
  };
  const { observedAt, intervalMs: radiationMs } = report;
  const { latitude, longitude, altitude } = place;
  const added = deriveAt(readingAt, wanted, { observedAt, radiationMs, latitude, longitude, altitude });
  if (added.length === 0) return report;
  return {
    ...report,
    quantities: [...report.quantities, ...added.map(({ quantity }) => quantity)],
    values: [...report.values, ...added.map(({ value }) => value)],
  };
}

/**
 * Derives the wanted quantities of one instant from a station's series, whichever reports its inputs came in.
 *
 * @param marks which readings of the series were derived: these are no inputs
 */
export function deriveFromSeries(
  series: SeriesByQuantity,
  marks: DerivedMarks,
  at: number,
  wanted: ReadonlySet<string>,
  place: Place,
): readonly DerivedReading[] {
  if (wanted.size === 0) return NONE;
  const readingAt = (quantity: string): number | undefined => {
    const one = series.get(quantity);
    if (one === undefined || marks.has(quantity, at)) return undefined;
    // Nothing measures these: what stands there is ours.
    if (quantities.get(quantity)?.derived === 'always') return undefined;
    const i = indexAt(one, at);
    return i < 0 ? undefined : one.value(i);
  };
  const radiation = series.get('globalRadiation');
  const i = radiation === undefined ? -1 : indexAt(radiation, at);
  const radiationMs = i < 0 ? 0 : at - (radiation as ReadingSeries).from(i);
  const { latitude, longitude, altitude } = place;
  return deriveAt(readingAt, wanted, { observedAt: at, radiationMs, latitude, longitude, altitude });
}

/** The derived quantities among the names that rules read. */
export const derivedAmong = (names: Iterable<string>): ReadonlySet<string> =>
  new Set([...names].filter((name) => derivedQuantities.has(name)).sort());

/** Index of the reading that counts at an instant; below 0 when there is none. */
export function indexAt(series: ReadingSeries, at: number): number {
  for (let i = series.firstAfter(at) - 1; i >= 0 && series.at(i) === at; i--) if (series.counts(i)) return i;
  return -1;
}

function derivedValue(
  quantity: string,
  readingAt: (quantity: string) => number | undefined,
  setting: Setting,
  mayFollow = true,
): number | undefined {
  const entry = derivedQuantities.get(quantity);
  if (entry === undefined) return undefined;
  const values: (number | undefined)[] = [];
  for (const input of entry.inputs) {
    // A station that reports the dew point has a relative humidity, and the other way round: one step, never two.
    const scaled =
      readingAt(input) ?? (mayFollow ? derivedValue(input, readingAt, setting, false) : undefined);
    if (scaled === undefined) return undefined;
    values.push(canonical(input, scaled));
  }
  for (const input of entry.optional) {
    const scaled = readingAt(input);
    values.push(scaled === undefined ? undefined : canonical(input, scaled));
  }
  return rounded(quantity, entry.compute(values, setting));
}

function canonical(quantity: string, scaled: number): number {
  const value = scaled / 10 ** (quantities.get(quantity)?.decimals ?? 3);
  return quantity === 'relativeHumidity' ? Math.min(100, value) : value;
}

/** Scaled integer at the quantity's resolution; undefined outside its range. */
export function rounded(quantity: string, value: number | undefined): number | undefined {
  const { decimals, range } = quantities.get(quantity) ?? {};
  if (value === undefined || decimals === undefined || range === undefined) return undefined;
  if (!(value >= range.min && value <= range.max)) return undefined;
  return toScaled(value, decimals);
}

/**
 * Which readings of a station's series were derived, for the quantities that instruments measure too: a measured value
 * replaces a derived one, and a derived one never a measured. Plain data for checkpoints.
 */
export class DerivedMarks {
  readonly #at = new Map<string, Set<number>>();

  has(quantity: string, at: number): boolean {
    return this.#at.get(quantity)?.has(at) ?? false;
  }

  /** Notes a derived reading; only quantities that are also measured need it. */
  note(quantity: string, at: number): void {
    if (quantities.get(quantity)?.derived !== 'when-missing') return;
    const known = this.#at.get(quantity);
    if (known) known.add(at);
    else this.#at.set(quantity, new Set([at]));
  }

  /** A report brought the quantity itself. */
  measured(quantity: string, at: number): void {
    this.#at.get(quantity)?.delete(at);
  }

  /** Forgets what was observed at or before `at`. */
  forget(at: number): void {
    for (const instants of this.#at.values())
      for (const instant of instants) if (instant <= at) instants.delete(instant);
  }

  snapshot(): readonly (readonly [string, readonly number[]])[] {
    return [...this.#at].map(([quantity, at]) => [quantity, [...at].sort((a, b) => a - b)]);
  }

  static restore(from: readonly (readonly [string, readonly number[]])[]): DerivedMarks {
    const marks = new DerivedMarks();
    for (const [quantity, instants] of from) marks.#at.set(quantity, new Set(instants));
    return marks;
  }
}

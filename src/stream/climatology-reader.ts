import type { AggregateName, Window } from '../model/rule.ts';
import { newValue, set, type Value } from './value.ts';

/** What is known of the climate of one station: an immutable document, computed from its history. */
export interface ClimatologyTable {
  readonly percentiles: readonly PercentileTable[];
  readonly extremes: readonly ExtremeValues[];
}

/** Percentiles of a quantity by the day of the year. */
export interface PercentileTable {
  readonly quantity: string;
  readonly percent: number;
  /** Scaled integers in the canonical unit; index 0 is day 1 of a leap year (local-day.ts); null: unknown. */
  readonly byDay: readonly (number | null)[];
}

/** The generalized extreme value distribution fitted to the annual maxima of an aggregate; canonical units. */
export interface ExtremeValues {
  readonly quantity: string;
  readonly aggregate: AggregateName;
  readonly spanMs: number;
  readonly mu: number;
  readonly sigma: number;
  /** Shape; above zero the tail is heavy (the sign of S. Coles, An Introduction to Statistical Modeling of Extreme Values, 2001). */
  readonly xi: number;
}

/** The climatology document: tables by station. */
export interface Climatology {
  readonly stations: Readonly<Record<string, ClimatologyTable>>;
}

const MAX_YEARS = 1_000_000;

/** The percentile of a quantity on a day of the year (1..366); nothing without a table. */
export function climatologyValue(
  table: ClimatologyTable | null,
  quantity: string,
  percent: number,
  dayOfYear: number,
): Value {
  const one = table?.percentiles.find((entry) => entry.quantity === quantity && entry.percent === percent);
  const value = one?.byDay[dayOfYear - 1];
  return value === undefined || value === null ? newValue() : set(newValue(), 'exact', value);
}

/**
 * The return period, years, of the value of an aggregate: 1 / (1 - F(x)), F the distribution of annual maxima (Coles
 * 2001, section 3.3.3). At most a million years. It grows with the value, so that a bound stays one. Nothing without a table.
 */
export function returnPeriodOf(
  table: ClimatologyTable | null,
  aggregate: AggregateName,
  quantity: string,
  window: Window,
  value: Value,
): Value {
  const spanMs = 'spanMs' in window ? window.spanMs : 0;
  const fit = table?.extremes.find(
    (entry) => entry.quantity === quantity && entry.aggregate === aggregate && entry.spanMs === spanMs,
  );
  if (!fit || value.known === 'nothing' || value.known === 'between') return newValue();
  const years = returnPeriodYears(value.numerator / value.denominator / 1000, fit);
  return set(newValue(), value.known, years * 1000);
}

/** See {@link returnPeriodOf}; x in the canonical unit. */
export function returnPeriodYears(x: number, { mu, sigma, xi }: ExtremeValues): number {
  const s = (x - mu) / sigma;
  // Below 1e-9 the distribution is Gumbel's to the last digit shown.
  const base = 1 + xi * s;
  if (Math.abs(xi) >= 1e-9 && base <= 0) return xi > 0 ? 1 : MAX_YEARS;
  const y = Math.abs(xi) < 1e-9 ? Math.exp(-s) : base ** (-1 / xi);
  return Math.min(MAX_YEARS, 1 / -Math.expm1(-y));
}

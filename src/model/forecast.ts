import { MINUTE_MS } from './time.ts';

/**
 * What somebody forecasts of one quantity at one station, never mixed with what the station measures. `issuedAt` is the
 * reference time (WMO-No. 306, FM 92 GRIB, section 1). `validAt` and `values` are parallel; an amount is that of
 * the `intervalMs` up to its valid instant. Values are scaled integers in canonical units (see quantity.ts).
 */
export interface Forecast {
  readonly station: string;
  /** Who says so, as `gfs` or `nowcast`. */
  readonly issuer: string;
  readonly issuedAt: number;
  readonly receivedAt: number;
  readonly quantity: string;
  readonly intervalMs: number;
  readonly validAt: readonly number[];
  readonly values: readonly number[];
}

/** Most valid instants of one forecast: 16 days of hours. */
export const MAX_FORECAST_STEPS = 384;
/** Shortest step of a forecast. */
export const MIN_FORECAST_STEP_MS = 5 * MINUTE_MS;
export const MAX_ISSUER_LENGTH = 64;

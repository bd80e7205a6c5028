import { HOUR_MS } from '../model/time.ts';
import { type HourSeries, lastOf } from './hour-series.ts';
import { dot, pinball, quantileRegression } from './quantile-regression.ts';
import { fitSmoothing, type Smoothing, smoothed } from './smoothing.ts';

/** The quantiles that every model forecasts. */
export const taus = [0.1, 0.5, 0.9] as const;
export const models = ['persistence', 'smoothing', 'regression'] as const;
export type ModelName = (typeof models)[number];
/** A forecast of each of {@link taus}. */
type Quantiles = readonly number[];

/** What was fitted for a series and a horizon in hours. Plain numbers: kept under the hash of its content. */
export interface Nowcast {
  readonly horizon: number;
  /** Forecasts are not below it: no rain is less than none. */
  readonly least: number | null;
  /** Quantiles of the errors of the fitted hours, which persistence and smoothing add to their one value. */
  readonly errors: { readonly persistence: Quantiles; readonly smoothing: Quantiles };
  readonly smoothing: Smoothing;
  /** Coefficients of the predictors, for each of {@link taus}. */
  readonly regression: readonly (readonly number[])[];
  /** Forecasts that it was fitted to. */
  readonly n: number;
}

/** Errors of a model where it was not fitted, in the unit of the quantity. */
export interface Score {
  /** Mean absolute error of the middle quantile. */
  readonly mae: number;
  /** Mean pinball loss over {@link taus}. */
  readonly pinball: number;
  /** Share of the observations within the outer quantiles; 0.8 is right. */
  readonly within: number;
}
export type Scores = { readonly [Name in ModelName]: Score } & { readonly n: number };

/** Fewer forecasts to fit to than two weeks of hours say nothing. */
const LEAST_FITTED = 336;
/** More are thinned evenly: they cost time and change little. */
const MOST_FITTED = 5000;
/** The smoothing is fitted to the last three years: it forgets what lies before. */
const SMOOTHED_HOURS = 26_280;

/**
 * Predictors at hour `i` for `horizon` hours later: a constant, the last three values, the value a day before the hour
 * forecast. Undefined where one is missing, so that all models are fitted to and scored on the same hours.
 */
function predictors({ values }: HourSeries, i: number, horizon: number): readonly number[] | undefined {
  const day = i + horizon - 24 * Math.ceil(horizon / 24);
  const row = [1, values[i], values[i - 1], values[i - 2], values[day]];
  return row.every((value) => value !== undefined && !Number.isNaN(value)) ? (row as number[]) : undefined;
}

interface Sample {
  readonly i: number;
  readonly row: readonly number[];
  readonly observed: number;
}

/** Every hour from `from` on at which a forecast can be made and was answered. */
function samples(series: HourSeries, horizon: number, from: number): readonly Sample[] {
  const found: Sample[] = [];
  for (let i = Math.max(0, from); i + horizon < series.values.length; i++) {
    const observed = series.values[i + horizon] as number;
    const row = Number.isNaN(observed) ? undefined : predictors(series, i, horizon);
    if (row) found.push({ i, row, observed });
  }
  return found;
}

/**
 * Fits the three models to a series: persistence (the last value), exponential smoothing with a daily cycle, and quantile
 * regression on lags. `horizon` in hours. Undefined when there are fewer than 336 forecasts to fit to.
 */
export function fitNowcast(series: HourSeries, horizon: number, least: number | null): Nowcast | undefined {
  const all = samples(series, horizon, 0);
  if (all.length < LEAST_FITTED) return undefined;
  const every = Math.ceil(all.length / MOST_FITTED);
  const some = all.filter((_, place) => place % every === 0);
  const smoothing = fitSmoothing(lastOf(series, SMOOTHED_HOURS), horizon);
  const steady = smoothed(series, smoothing, horizon);
  const errorsOf = (forecast: (sample: Sample) => number): Quantiles => {
    const errors = all.map((sample) => sample.observed - forecast(sample)).sort((a, b) => a - b);
    return taus.map((tau) => errors[Math.min(errors.length - 1, Math.floor(tau * errors.length))] as number);
  };
  return {
    horizon,
    least,
    errors: {
      persistence: errorsOf(({ row }) => row[1] as number),
      smoothing: errorsOf(({ i }) => steady[i] as number),
    },
    smoothing,
    regression: taus.map((tau) =>
      quantileRegression(
        some.map(({ row }) => row),
        some.map(({ observed }) => observed),
        tau,
      ),
    ),
    n: all.length,
  };
}

/** Quantiles that each model forecasts; `steady` is the smoothing's value. Persistence says the last value itself. */
function forecastsOf(
  { least, errors, regression }: Nowcast,
  row: readonly number[],
  steady: number,
): { readonly [Name in ModelName]: Quantiles } {
  const bounded = (quantiles: readonly number[]): Quantiles =>
    // Lines fitted one by one may cross: in order they lose nothing (Chernozhukov et al. 2010, Econometrica 78).
    quantiles.map((value) => (least === null ? value : Math.max(least, value))).sort((a, b) => a - b);
  const last = row[1] as number;
  return {
    persistence: bounded(
      errors.persistence.map((error, place) => (taus[place] === 0.5 ? last : last + error)),
    ),
    smoothing: bounded(errors.smoothing.map((error) => steady + error)),
    regression: bounded(regression.map((coefficients) => dot(row, coefficients))),
  };
}

/**
 * The newest forecast that a series allows, made at its last hour; undefined when a predictor of that hour is missing.
 * `at` is the start of the hour forecast, epoch ms.
 */
export function forecastNext(
  nowcast: Nowcast,
  series: HourSeries,
): ({ readonly at: number } & { readonly [Name in ModelName]: Quantiles }) | undefined {
  const i = series.values.length - 1;
  const row = predictors(series, i, nowcast.horizon);
  if (!row) return undefined;
  const steady = smoothed(series, nowcast.smoothing, nowcast.horizon)[i] as number;
  return { at: series.start + (i + nowcast.horizon) * HOUR_MS, ...forecastsOf(nowcast, row, steady) };
}

/**
 * Scores forecasts made from the instant `from` on (epoch ms), after the hours that the models were fitted to; what lies
 * before only warms the smoothing up. Undefined when there is none.
 */
export function scoreNowcast(nowcast: Nowcast, series: HourSeries, from: number): Scores | undefined {
  const found = samples(series, nowcast.horizon, Math.ceil((from - series.start) / HOUR_MS));
  if (found.length === 0) return undefined;
  const steady = smoothed(series, nowcast.smoothing, nowcast.horizon);
  const sums = Object.fromEntries(models.map((name) => [name, { mae: 0, pinball: 0, within: 0 }]));
  for (const { i, row, observed } of found) {
    const forecasts = forecastsOf(nowcast, row, steady[i] as number);
    for (const name of models) {
      const sum = sums[name] as { mae: number; pinball: number; within: number };
      const [low, middle, high] = forecasts[name] as [number, number, number];
      sum.mae += Math.abs(observed - middle) / found.length;
      sum.within += Number(observed >= low && observed <= high) / found.length;
      taus.forEach((tau, place) => {
        sum.pinball +=
          pinball(tau, observed, forecasts[name][place] as number) / (taus.length * found.length);
      });
    }
  }
  return { ...(sums as { [Name in ModelName]: Score }), n: found.length };
}

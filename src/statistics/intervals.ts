import type { Random } from '../lib/random.ts';
import { type Gev, gevByLikelihood, gevNegativeLogLikelihood, gevReturnLevel } from './gev.ts';
import { minimise } from './minimise.ts';
import { quantile } from './verification.ts';

export type Interval = readonly [number, number];

/** Half the 95 % quantile of chi-square with one degree of freedom: how far the log-likelihood may fall. */
const DROP_95 = 3.841458820694124 / 2;
const MAX_DOUBLINGS = 24;
const HALVINGS = 24;

/**
 * 95 % interval of a return level by profile likelihood: the levels at which the best likelihood lies within 1.92 of the
 * maximum (Coles 2001, sections 2.6.6 and 3.3.4). Unlike a symmetric one it tells how open the upper end is; an end that
 * is not found within 2^24 tenths of the scale is null. Undefined where no GEV fits.
 */
export function profileInterval(
  maxima: readonly number[],
  years: number,
): readonly [number | null, number | null] | undefined {
  const best = gevByLikelihood(maxima);
  if (!best) return undefined;
  const limit = gevNegativeLogLikelihood(best, maxima) + DROP_95;
  const level = gevReturnLevel(best, years);
  const end = (direction: number): number | null => {
    let start = best;
    const costAt = (at: number): number => {
      const { fit, value } = profileAt(maxima, years, at, start);
      if (value < limit) start = fit;
      return value;
    };
    let step = best.sigma / 10;
    let inside = level;
    for (let i = 0; i < MAX_DOUBLINGS; i++, step *= 1.6) {
      let outside = inside + direction * step;
      if (costAt(outside) < limit) {
        inside = outside;
        continue;
      }
      for (let j = 0; j < HALVINGS; j++) {
        const middle = (inside + outside) / 2;
        if (costAt(middle) < limit) inside = middle;
        else outside = middle;
      }
      return (inside + outside) / 2;
    }
    return null;
  };
  return [end(-1), end(1)];
}

/** The best GEV whose return level is `level`: mu follows from it, sigma and xi are searched. */
function profileAt(
  maxima: readonly number[],
  years: number,
  level: number,
  start: Gev,
): { readonly fit: Gev; readonly value: number } {
  const fitOf = ([sigma, xi]: readonly number[]): Gev => {
    const unit = { mu: 0, sigma: sigma as number, xi: xi as number };
    return { ...unit, mu: level - gevReturnLevel(unit, years) };
  };
  const cost = (at: readonly number[]): number =>
    Math.abs(at[1] as number) >= 1 || (at[0] as number) <= 0
      ? Number.POSITIVE_INFINITY
      : gevNegativeLogLikelihood(fitOf(at), maxima);
  const { at, value } = minimise(cost, [start.sigma, start.xi], [start.sigma / 5, 0.1]);
  return { fit: fitOf(at), value };
}

/**
 * 95 % interval of a figure by parametric bootstrap: samples as large as the one fitted are drawn from the fit and fitted
 * anew (Efron & Tibshirani 1993, percentile interval). Chance comes from outside, so that a seed gives the same interval.
 * Undefined where fewer than nine of ten samples could be fitted.
 */
export function bootstrapIntervals(options: {
  readonly draw: () => number;
  readonly size: number;
  readonly samples: number;
  /** The figures of a sample; undefined where it cannot be fitted. */
  readonly figures: (sample: readonly number[]) => readonly number[] | undefined;
}): readonly Interval[] | undefined {
  const found: (readonly number[])[] = [];
  for (let i = 0; i < options.samples; i++) {
    const figures = options.figures(Array.from({ length: options.size }, options.draw));
    if (figures) found.push(figures);
  }
  if (found.length < options.samples * 0.9) return undefined;
  return (found[0] as readonly number[]).map((_, column) => {
    const sorted = found.map((figures) => figures[column] as number).sort((a, b) => a - b);
    return [quantile(sorted, 0.025) as number, quantile(sorted, 0.975) as number];
  });
}

/** Draws from a GEV by inversion. */
export const gevDraw =
  (gev: Gev, random: Random): (() => number) =>
  () =>
    // The level passed with probability u; 1 - u keeps it above 0.
    gevReturnLevel(gev, 1 / (1 - random()) + Number.EPSILON);

import { lMoments } from './l-moments.ts';
import { minimise } from './minimise.ts';

/** Generalized Pareto distribution of what lies above a threshold; `xi` as in Coles 2001. */
export interface Gpd {
  readonly threshold: number;
  readonly sigma: number;
  readonly xi: number;
  /** Values above the threshold in a year, on average. */
  readonly perYear: number;
}

const FEWEST_EXCESSES = 20;
const EXPONENTIAL = 1e-9;

/** What of `values` lies above the threshold, less the threshold. */
export const excessesOver = (values: readonly number[], threshold: number): number[] =>
  values.filter((value) => value > threshold).map((value) => value - threshold);

/** Level passed once in `years` on average: Coles 2001, equation 4.12. Meant for years * perYear > 1. */
export function gpdReturnLevel({ threshold, sigma, xi, perYear }: Gpd, years: number): number {
  const log = Math.log(years * perYear);
  return threshold + (Math.abs(xi) < EXPONENTIAL ? sigma * log : (sigma * Math.expm1(xi * log)) / xi);
}

/** Negative log-likelihood of excesses; infinite outside the support. Coles 2001, equations 4.10 and 4.11. */
export function gpdNegativeLogLikelihood(sigma: number, xi: number, excesses: readonly number[]): number {
  if (!(sigma > 0)) return Number.POSITIVE_INFINITY;
  let sum = excesses.length * Math.log(sigma);
  for (const y of excesses) {
    if (Math.abs(xi) < EXPONENTIAL) {
      sum += y / sigma;
      continue;
    }
    const base = 1 + (xi * y) / sigma;
    if (base <= 0) return Number.POSITIVE_INFINITY;
    sum += (1 + 1 / xi) * Math.log(base);
  }
  return sum;
}

/** By L-moments with the threshold known (Hosking & Wallis 1987). Undefined for fewer than 20 excesses. */
export function gpdByLMoments(values: readonly number[], threshold: number, years: number): Gpd | undefined {
  const excesses = excessesOver(values, threshold);
  const moments = excesses.length < FEWEST_EXCESSES ? undefined : lMoments(excesses);
  if (!moments || !(moments.scale > 0)) return undefined;
  const k = moments.mean / moments.scale - 2;
  return { threshold, sigma: (1 + k) * moments.mean, xi: -k, perYear: excesses.length / years };
}

/** By maximum likelihood, the shape between -1 and 1; `years`: the length of the record. Undefined as {@link gpdByLMoments}. */
export function gpdByLikelihood(
  values: readonly number[],
  threshold: number,
  years: number,
): Gpd | undefined {
  const start = gpdByLMoments(values, threshold, years);
  if (!start) return undefined;
  const excesses = excessesOver(values, threshold);
  const mean = excesses.reduce((sum, y) => sum + y, 0) / excesses.length;
  const cost = ([sigma, xi]: readonly number[]): number =>
    Math.abs(xi as number) >= 1
      ? Number.POSITIVE_INFINITY
      : gpdNegativeLogLikelihood(sigma as number, xi as number, excesses);
  // The exponential distribution of the same mean has every excess in its support.
  const { at } = minimise(cost, [mean, 0], [mean / 4, 0.1]);
  return { ...start, sigma: at[0] as number, xi: at[1] as number };
}

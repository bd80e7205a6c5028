import { lMoments } from './l-moments.ts';
import { minimise, rootBetween } from './minimise.ts';
import { logGamma } from './special-functions.ts';

/** Generalized extreme value distribution; `xi` 0 is Gumbel's, above 0 the tail is heavy (the sign of Coles 2001). */
export interface Gev {
  readonly mu: number;
  readonly sigma: number;
  readonly xi: number;
}

/** Fewest maxima that a distribution is fitted to. */
export const FEWEST_MAXIMA = 10;
const EULER = 0.5772156649015329;
/** A shape nearer to 0 is Gumbel's to the last digit shown. */
const GUMBEL = 1e-9;
/** At xi <= -1 the likelihood has no maximum (Coles 2001, section 3.3.2); one above 1 has no mean. */
const SHAPES = [-1, 1] as const;

/** The value that the maximum of a year passes with probability 1 / `years`, years > 1: Coles 2001, equation 3.4. */
export function gevReturnLevel({ mu, sigma, xi }: Gev, years: number): number {
  const y = -Math.log1p(-1 / years);
  return Math.abs(xi) < GUMBEL ? mu - sigma * Math.log(y) : mu + (sigma * Math.expm1(-xi * Math.log(y))) / xi;
}

/** Negative log-likelihood of maxima; infinite outside the support. Coles 2001, equations 3.7 and 3.9. */
export function gevNegativeLogLikelihood({ mu, sigma, xi }: Gev, maxima: readonly number[]): number {
  if (!(sigma > 0)) return Number.POSITIVE_INFINITY;
  let sum = maxima.length * Math.log(sigma);
  for (const x of maxima) {
    const s = (x - mu) / sigma;
    if (Math.abs(xi) < GUMBEL) {
      sum += s + Math.exp(-s);
      continue;
    }
    const base = 1 + xi * s;
    if (base <= 0) return Number.POSITIVE_INFINITY;
    const log = Math.log(base);
    sum += (1 + 1 / xi) * log + Math.exp(-log / xi);
  }
  return sum;
}

/**
 * GEV by L-moments: Hosking, Wallis & Wood 1985 (Technometrics 27, 251–261), the shape by halving rather than by their
 * approximation. Undefined for fewer than ten maxima, or where they are all equal.
 */
export function gevByLMoments(maxima: readonly number[]): Gev | undefined {
  const moments = fittable(maxima);
  return moments && gevFromLMoments(moments.mean, moments.scale, moments.skewness);
}

/** The GEV with a given mean, L-scale (above 0) and L-skewness. */
export function gevFromLMoments(mean: number, scale: number, skewness: number): Gev {
  const ratio = (k: number): number =>
    Math.abs(k) < 1e-8
      ? Math.log(3) / Math.log(2)
      : Math.expm1(-k * Math.log(3)) / Math.expm1(-k * Math.log(2));
  const k = rootBetween((x) => 2 * ratio(x) - 3 - skewness, -0.999999, 20);
  if (Math.abs(k) < GUMBEL) return gumbelFromLMoments(mean, scale);
  const gamma = Math.exp(logGamma(1 + k));
  const sigma = (scale * k) / (-Math.expm1(-k * Math.LN2) * gamma);
  return { mu: mean - (sigma * (1 - gamma)) / k, sigma, xi: -k };
}

const gumbelFromLMoments = (mean: number, scale: number): Gev => {
  const sigma = scale / Math.LN2;
  return { mu: mean - EULER * sigma, sigma, xi: 0 };
};

/** Gumbel's distribution by L-moments (Hosking 1990). Undefined as {@link gevByLMoments}. */
export function gumbelByLMoments(maxima: readonly number[]): Gev | undefined {
  const moments = fittable(maxima);
  return moments && gumbelFromLMoments(moments.mean, moments.scale);
}

function fittable(maxima: readonly number[]) {
  const moments = maxima.length < FEWEST_MAXIMA ? undefined : lMoments(maxima);
  return moments && moments.scale > 1e-12 * Math.abs(moments.mean) ? moments : undefined;
}

/**
 * GEV by maximum likelihood with the shape between -1 and 1, the search begun at the L-moments' fit and at Gumbel's.
 * Undefined as {@link gevByLMoments}.
 */
export function gevByLikelihood(maxima: readonly number[]): Gev | undefined {
  const starts = [gevByLMoments(maxima), gumbelByLMoments(maxima)];
  const fits = starts.flatMap((start) => (start ? [search(maxima, start)] : []));
  return fits.sort((a, b) => a.value - b.value)[0]?.fit;
}

function search(maxima: readonly number[], start: Gev): { readonly fit: Gev; readonly value: number } {
  const gev = ([mu, sigma, xi]: readonly number[]): Gev => ({ mu, sigma, xi }) as Gev;
  const cost = (at: readonly number[]): number =>
    (at[2] as number) <= SHAPES[0] || (at[2] as number) >= SHAPES[1]
      ? Number.POSITIVE_INFINITY
      : gevNegativeLogLikelihood(gev(at), maxima);
  const { sigma } = start;
  const { at, value } = minimise(cost, [start.mu, sigma, start.xi], [sigma / 4, sigma / 4, 0.1]);
  return { fit: gev(at), value };
}

/** Gumbel's distribution by maximum likelihood: its scale is the zero of one equation. Undefined as {@link gevByLMoments}. */
export function gumbelByLikelihood(maxima: readonly number[]): Gev | undefined {
  const start = gumbelByLMoments(maxima);
  if (!start) return undefined;
  const least = Math.min(...maxima);
  const mean = maxima.reduce((sum, x) => sum + x, 0) / maxima.length;
  const sums = (sigma: number): readonly [number, number] => {
    let weights = 0;
    let weighted = 0;
    for (const x of maxima) {
      const weight = Math.exp(-(x - least) / sigma);
      weights += weight;
      weighted += weight * x;
    }
    return [weights, weighted];
  };
  const sigma = rootBetween(
    (s) => {
      const [weights, weighted] = sums(s);
      return s - mean + weighted / weights;
    },
    start.sigma / 20,
    start.sigma * 20,
  );
  return { mu: least - sigma * Math.log(sums(sigma)[0] / maxima.length), sigma, xi: 0 };
}

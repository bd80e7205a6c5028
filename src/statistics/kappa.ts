import { minimise } from './minimise.ts';
import { logGamma } from './special-functions.ts';

/** Four-parameter kappa distribution: Hosking 1994 (IBM J. Res. Dev. 38, 251–258). */
export interface Kappa {
  readonly xi: number;
  readonly alpha: number;
  readonly k: number;
  readonly h: number;
}

const NEAR_ZERO = 1e-7;

/** Value passed with probability 1 - `share`. */
export function kappaQuantile({ xi, alpha, k, h }: Kappa, share: number): number {
  const y = Math.abs(h) < NEAR_ZERO ? -Math.log(share) : -Math.expm1(h * Math.log(share)) / h;
  return xi + (Math.abs(k) < NEAR_ZERO ? -alpha * Math.log(y) : (-alpha * Math.expm1(k * Math.log(y))) / k);
}

/** The moments g(1) to g(4) of Hosking 1994, equation 12; undefined where they do not exist. */
function gammas(k: number, h: number): readonly [number, number, number, number] | undefined {
  if (k <= -1 || (h < 0 && k >= -1 / h)) return undefined;
  const one = (r: number): number => {
    if (Math.abs(h) < NEAR_ZERO) return Math.exp(logGamma(1 + k) - k * Math.log(r));
    const parts =
      h > 0 ? logGamma(r / h) - logGamma(1 + k + r / h) : logGamma(-k - r / h) - logGamma(1 - r / h);
    return r * Math.exp(logGamma(1 + k) + parts - (1 + k) * Math.log(Math.abs(h)));
  };
  return [one(1), one(2), one(3), one(4)];
}

/**
 * The kappa distribution with the given L-moments; the generalized logistic (h = -1) where the kurtosis is as high as that
 * one's or higher. Undefined where none has them.
 */
export function kappaFromLMoments(
  mean: number,
  scale: number,
  skewness: number,
  kurtosis: number,
): Kappa | undefined {
  const isLogistic = kurtosis >= (1 + 5 * skewness * skewness) / 6;
  const cost = ([k, freeH]: readonly number[]): number => {
    const h = isLogistic ? -1 : (freeH as number);
    const g = h < -1 ? undefined : gammas(k as number, h);
    if (!g) return Number.POSITIVE_INFINITY;
    const [g1, g2, g3, g4] = g;
    const t3 = (-g1 + 3 * g2 - 2 * g3) / (g1 - g2);
    const t4 = (g1 - 6 * g2 + 10 * g3 - 5 * g4) / (g1 - g2);
    return 1e6 * ((t3 - skewness) ** 2 + (isLogistic ? 0 : (t4 - kurtosis) ** 2));
  };
  const { at, value } = minimise(cost, [isLogistic ? -skewness : 0.05, isLogistic ? -1 : 0.05], [0.1, 0.1]);
  const k = nonZero(at[0] as number);
  const h = isLogistic ? -1 : (at[1] as number);
  const g = gammas(k, h);
  if (!g || value > 1e-4) return undefined;
  const alpha = (scale * k) / (g[0] - g[1]);
  return { xi: mean - (alpha * (1 - g[0])) / k, alpha, k, h };
}

/** The formulas divide by k; they are smooth there. */
const nonZero = (k: number): number => (Math.abs(k) < NEAR_ZERO ? NEAR_ZERO : k);

import { normalCdf } from './special-functions.ts';
import { quantile } from './verification.ts';

/** A value and when it was, in years or any other unit of time. */
export interface Timed {
  readonly at: number;
  readonly value: number;
}

export interface Trend {
  readonly n: number;
  /** Kendall's S: pairs that rise less pairs that fall. */
  readonly s: number;
  /** Standard deviations of S, with the correction for continuity. */
  readonly z: number;
  /** Two-sided probability of a z as far from 0 where there is no trend. */
  readonly p: number;
  /** Sen's slope, unit of the values per unit of time. */
  readonly slope: number;
  readonly slopeInterval: readonly [number, number];
}

const FEWEST = 4;
/** Pairs grow with the square: 1000 values have half a million. */
const MOST = 1000;
const Z95 = 1.959963984540054;

/**
 * Mann-Kendall test with the correction for ties (Mann 1945; Kendall 1975) and Sen's slope with its 95 % interval (Sen
 * 1968; Gilbert 1987, section 16.5). For values without autocorrelation, such as one a year. Undefined for fewer than four
 * values, or more than a thousand.
 */
export function trendOf(values: readonly Timed[]): Trend | undefined {
  const n = values.length;
  if (n < FEWEST || n > MOST) return undefined;
  const sorted = [...values].sort((a, b) => a.at - b.at);
  const slopes: number[] = [];
  let s = 0;
  sorted.forEach((first, i) => {
    for (const second of sorted.slice(i + 1)) {
      s += Math.sign(second.value - first.value);
      if (second.at > first.at) slopes.push((second.value - first.value) / (second.at - first.at));
    }
  });
  const variance = varianceOfS(sorted.map(({ value }) => value));
  const z = variance === 0 ? 0 : (s - Math.sign(s)) / Math.sqrt(variance);
  slopes.sort((a, b) => a - b);
  // Ranks of the bounds, from 1 on, between the ordered slopes.
  const half = (Z95 * Math.sqrt(variance)) / 2;
  const at = (rank: number): number =>
    quantile(slopes, Math.min(1, Math.max(0, (rank - 1) / Math.max(1, slopes.length - 1)))) ?? 0;
  const middle = slopes.length / 2;
  return {
    n,
    s,
    z,
    p: 2 * normalCdf(-Math.abs(z)),
    slope: quantile(slopes, 0.5) ?? 0,
    slopeInterval: [at(middle - half), at(middle + half + 1)],
  };
}

/** Variance of S where the order is chance, with groups of equal values: Kendall 1975. */
export function varianceOfS(values: readonly number[]): number {
  const term = (n: number): number => n * (n - 1) * (2 * n + 5);
  const ties = [...Map.groupBy(values, (value) => value).values()];
  return (term(values.length) - ties.reduce((sum, group) => sum + term(group.length), 0)) / 18;
}

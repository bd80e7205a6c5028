/** L-moments of a sample: mean and scale in the unit of the values, then the ratios t3, t4 and t5. */
export interface LMoments {
  readonly n: number;
  readonly mean: number;
  readonly scale: number;
  /** t3. Not a number where all values are equal, like the next two. */
  readonly skewness: number;
  /** t4; null for fewer than four values. */
  readonly kurtosis: number | null;
  /** t5; null for fewer than five values. */
  readonly fifth: number | null;
}

/**
 * Sample L-moments by unbiased probability-weighted moments (ub-pwm): Hosking 1990 (J. R. Stat. Soc. B 52, 105–124).
 * Undefined for fewer than three values.
 */
export function lMoments(values: readonly number[]): LMoments | undefined {
  const n = values.length;
  if (n < 3) return undefined;
  const sorted = Float64Array.from(values).sort();
  const b = [0, 0, 0, 0, 0];
  sorted.forEach((value, i) => {
    let weighted = value / n;
    for (let r = 0; r < 5 && r < n; r++) {
      b[r] = (b[r] as number) + weighted;
      weighted *= (i - r) / (n - 1 - r);
    }
  });
  const [b0, b1, b2, b3, b4] = b as [number, number, number, number, number];
  const scale = 2 * b1 - b0;
  return {
    n,
    mean: b0,
    scale,
    skewness: (6 * b2 - 6 * b1 + b0) / scale,
    kurtosis: n < 4 ? null : (20 * b3 - 30 * b2 + 12 * b1 - b0) / scale,
    fifth: n < 5 ? null : (70 * b4 - 140 * b3 + 90 * b2 - 20 * b1 + b0) / scale,
  };
}

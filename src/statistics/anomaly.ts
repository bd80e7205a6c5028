/**
 * Standardised anomalies: (value - mean) / standard deviation of the same season over the years of reference (WMO-No.
 * 1203). `seasons` number the values (month 1..12, say). Undefined for a missing value, and in a season of fewer than
 * `fewest` years of reference or where all are equal.
 */
export function standardisedAnomalies(
  values: readonly (number | undefined)[],
  seasons: readonly number[],
  {
    fewest = 10,
    isReference = () => true as boolean,
  }: {
    readonly fewest?: number;
    readonly isReference?: (index: number) => boolean;
  } = {},
): readonly (number | undefined)[] {
  const pools = new Map<number, number[]>();
  values.forEach((value, i) => {
    if (value === undefined || !isReference(i)) return;
    const season = seasons[i] as number;
    const pool = pools.get(season) ?? [];
    pools.set(season, pool);
    pool.push(value);
  });
  const norms = new Map<number, { mean: number; deviation: number }>();
  for (const [season, pool] of pools) {
    if (pool.length < Math.max(2, fewest)) continue;
    const mean = pool.reduce((sum, value) => sum + value, 0) / pool.length;
    const squares = pool.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    norms.set(season, { mean, deviation: Math.sqrt(squares / (pool.length - 1)) });
  }
  return values.map((value, i) => {
    const norm = norms.get(seasons[i] as number);
    return value === undefined || !norm || norm.deviation === 0
      ? undefined
      : (value - norm.mean) / norm.deviation;
  });
}

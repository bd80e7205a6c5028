/** A two by two table; `correctNegatives` is null where non-events cannot be counted. */
export interface Contingency {
  readonly hits: number;
  readonly misses: number;
  readonly falseAlarms: number;
  readonly correctNegatives: number | null;
}

export interface Scores {
  /** Probability of detection. */
  readonly pod: number | null;
  /** 95 % Wilson interval of `pod`. */
  readonly podInterval: readonly [number, number] | null;
  /** False alarm ratio (not the rate). */
  readonly far: number | null;
  readonly farInterval: readonly [number, number] | null;
  /** Critical success index, the threat score. */
  readonly csi: number | null;
  readonly bias: number | null;
  /** Heidke skill score; null without correct negatives. */
  readonly hss: number | null;
}

const ratio = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole);

/** Scores of a contingency table, dimensionless; null where the divisor is 0. Wilks, Statistical Methods in the Atmospheric Sciences, chapter on forecast verification. */
export function scoresOf(table: Contingency): Scores {
  const { hits: a, falseAlarms: b, misses: c, correctNegatives: d } = table;
  return {
    pod: ratio(a, a + c),
    podInterval: wilson(a, a + c),
    far: ratio(b, a + b),
    farInterval: wilson(b, a + b),
    csi: ratio(a, a + b + c),
    bias: ratio(a + b, a + c),
    hss: d === null ? null : ratio(2 * (a * d - b * c), (a + c) * (c + d) + (a + b) * (b + d)),
  };
}

const Z95 = 1.959963984540054;

/** 95 % score interval of a proportion (Wilson 1927); null when `n` is 0. */
export function wilson(successes: number, n: number): readonly [number, number] | null {
  if (n === 0) return null;
  const p = successes / n;
  const z2 = Z95 * Z95;
  const centre = (p + z2 / (2 * n)) / (1 + z2 / n);
  const half = (Z95 * Math.sqrt((p * (1 - p)) / n + z2 / (4 * n * n))) / (1 + z2 / n);
  return [Math.max(0, centre - half), Math.min(1, centre + half)];
}

/** The value at a share of a sorted list, linear between neighbours (type 7 of Hyndman and Fan 1996). */
export function quantile(sorted: readonly number[], share: number): number | null {
  if (sorted.length === 0) return null;
  const place = (sorted.length - 1) * share;
  const low = sorted[Math.floor(place)] as number;
  return low + ((sorted[Math.ceil(place)] as number) - low) * (place - Math.floor(place));
}

/** Lead times in hours; negative when the alert came after the beginning. */
export interface LeadTimes {
  readonly min: number | null;
  readonly p10: number | null;
  readonly median: number | null;
  readonly p90: number | null;
  /** How many hits by whole hours of lead, rounded down. */
  readonly histogram: readonly { readonly hours: number; readonly count: number }[];
}

/** How lead times, h, are spread. */
export function leadOf(hours: readonly number[]): LeadTimes {
  const sorted = [...hours].sort((a, b) => a - b);
  const bins = Map.groupBy(sorted, (lead) => Math.floor(lead));
  return {
    min: sorted[0] ?? null,
    p10: quantile(sorted, 0.1),
    median: quantile(sorted, 0.5),
    p90: quantile(sorted, 0.9),
    histogram: [...bins].map(([at, leads]) => ({ hours: at, count: leads.length })),
  };
}

import { getJson, HttpError } from './api.ts';

/** What every statistic is made of; instants are RFC 3339. */
export interface Basis {
  readonly n: number;
  readonly from: string | null;
  readonly to: string | null;
  readonly missing: number | null;
}
export interface Course {
  readonly basis: Basis;
  readonly measure: string;
  readonly years: readonly number[];
  readonly days: readonly { readonly value: number | null; readonly others: readonly number[] | null }[];
}
export interface Extremes {
  readonly basis: Basis;
  readonly years: number;
  readonly span: string;
  readonly maxima: readonly {
    readonly year: number;
    readonly value: number;
    readonly at: string;
    readonly used: boolean;
  }[];
  readonly fits: Readonly<Record<'gevByLMoments', Fit | null>>;
}
export interface Fit {
  readonly mu: number;
  readonly sigma: number;
  readonly xi: number;
  readonly returnLevels: readonly {
    readonly years: number;
    readonly level: number;
    readonly interval: readonly (number | null)[] | null;
  }[];
}
export interface Cycle {
  readonly basis: Basis;
  readonly months: readonly {
    readonly hours: readonly { readonly n: number; readonly value: number | null }[];
  }[];
}
export interface Completeness {
  readonly basis: Basis;
  readonly months: readonly { readonly month: string; readonly n: number; readonly coverage: number }[];
}
export interface Rose {
  readonly basis: Basis;
  readonly calm: number;
  readonly calmBelow: number;
  readonly speedClasses: readonly number[];
  readonly sectors: readonly { readonly direction: number; readonly counts: readonly number[] }[];
}
export interface Anomalies {
  readonly basis: Basis;
  readonly months: readonly { readonly month: string; readonly value: number; readonly coverage: number }[];
}

/** One statistic of a station; null when the server has none of it. */
export async function getStatistic<T>(
  station: string,
  path: string,
  query: Readonly<Record<string, string>>,
): Promise<T | null> {
  try {
    return await getJson<T>(
      `/statistics/stations/${encodeURIComponent(station)}/${path}?${new URLSearchParams(query)}`,
    );
  } catch (error) {
    if (error instanceof HttpError) return null;
    throw error;
  }
}

/** The quantile of a GEV for a return period in years (Coles 2001, 3.4); xi near 0 is the Gumbel limit. */
export function returnLevel({ mu, sigma, xi }: Pick<Fit, 'mu' | 'sigma' | 'xi'>, years: number): number {
  const y = -Math.log(1 - 1 / years);
  return Math.abs(xi) < 1e-9 ? mu - sigma * Math.log(y) : mu + (sigma / xi) * (y ** -xi - 1);
}

/** Return periods of sorted annual maxima, largest first, by Gringorten's plotting position (1963): (n + 0.12) / (rank - 0.44). */
export const plottingYears = (n: number, rank: number): number => (n + 0.12) / (rank - 0.44);

/** Years of which at least a hundredth is measured, oldest first: a reading at midnight UTC makes no year of its own. */
export function yearsOf(months: readonly { readonly month: string; readonly coverage: number }[]): number[] {
  const covered = new Map<number, number>();
  for (const { month, coverage } of months) {
    const year = Number(month.slice(0, 4));
    covered.set(year, (covered.get(year) ?? 0) + coverage / 12);
  }
  return [...covered].filter(([, share]) => share >= 0.01).map(([year]) => year);
}

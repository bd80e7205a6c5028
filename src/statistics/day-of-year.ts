import { quantile } from './verification.ts';

/** Days that have a number of their own: 29 February too, so that a calendar day keeps its number. */
const DAYS_OF_YEAR = 366;

/** Values with their day of the year, 1..366. */
export interface DatedValues {
  readonly days: ArrayLike<number>;
  readonly values: ArrayLike<number>;
}

interface DayOptions {
  readonly halfWindow: number;
  readonly fewest: number;
}

/**
 * Percentiles by day of the year over all years, each from the values of the day and of `halfWindow` days before and after
 * it (Zhang et al. 2005, J. Climate 18, take two; WMO-No. 1203 a few more), by the definition of `quantile`. One row of
 * 366 for each percent; null where fewer than `fewest` values lie in the window.
 */
export function percentilesByDay(
  values: DatedValues,
  percents: readonly number[],
  options: DayOptions,
): readonly (readonly (number | null)[])[] {
  const days = [...percentileSteps(values, percents, options)];
  return percents.map((_, i) => days.map((day) => day[i] ?? null));
}

/** The same day by day, for who must let others go first: years of hours take a while to sort. */
export function* percentileSteps(
  { days, values }: DatedValues,
  percents: readonly number[],
  { halfWindow, fewest }: DayOptions,
): Generator<readonly (number | null)[]> {
  const byDay: number[][] = Array.from({ length: DAYS_OF_YEAR }, () => []);
  for (let i = 0; i < values.length; i++) byDay[(days[i] as number) - 1]?.push(values[i] as number);
  for (let day = 0; day < DAYS_OF_YEAR; day++) {
    const pool: number[] = [];
    for (let step = -halfWindow; step <= halfWindow; step++) {
      for (const value of byDay[(day + step + DAYS_OF_YEAR) % DAYS_OF_YEAR] as number[]) pool.push(value);
    }
    const sorted = Float64Array.from(pool).sort() as unknown as readonly number[];
    yield percents.map((percent) => (pool.length < fewest ? null : quantile(sorted, percent / 100)));
  }
}

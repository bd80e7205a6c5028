import { dayOfYear } from '../model/local-day.ts';
import { DAY_MS, HOUR_MS } from '../model/time.ts';
import type { ClimatologyTable, ExtremeValues, PercentileTable } from '../stream/climatology-reader.ts';
import { percentileSteps } from './day-of-year.ts';
import { gevByLMoments } from './gev.ts';
import { annualMaxima, type Hours, hourValues, LEAST_COVERAGE, naturalMeasure, periodsOf } from './hours.ts';

/** What rules read of climatology. */
export interface ClimateReads {
  readonly percentiles: readonly { readonly quantity: string; readonly percent: number }[];
  readonly returnPeriods: readonly {
    readonly quantity: string;
    readonly aggregate: 'sum' | 'max' | 'avg';
    readonly spanMs: number;
  }[];
}

/** Days before and after a day that its percentiles are drawn from, and years a station must have. */
export interface ClimateOptions {
  readonly halfWindow: number;
  readonly leastYears: number;
}

/** Years measured to four fifths at least. */
export const fullYears = (hours: Hours, timeZone: string): number =>
  periodsOf(hours, 'max', 'year', timeZone).filter(({ coverage }) => coverage >= LEAST_COVERAGE).length;

/**
 * Percentiles of the readings, hour by hour, for each day of the year in turn. A day gets them where the days around it
 * hold half the readings of `leastYears`.
 */
export function dailyPercentiles(
  hours: Hours,
  quantity: string,
  percents: readonly number[],
  timeZone: string,
  { halfWindow, leastYears }: ClimateOptions,
): Generator<readonly (number | null)[]> {
  const days = Float64Array.from(hours.at, (at) => dayOfYear(at + HOUR_MS, timeZone));
  const dated = new Set(hours.at.map((at) => Math.floor(at / DAY_MS))).size;
  const perDay = hours.at.length / Math.max(1, dated);
  const fewest = Math.max(1, Math.floor(leastYears * (2 * halfWindow + 1) * perDay * 0.5));
  const values = hourValues(hours, naturalMeasure(quantity));
  return percentileSteps({ days, values }, percents, { halfWindow, fewest });
}

/**
 * The table of one station: what rules read and the station's history can say. Percentiles need `leastYears` full years,
 * extremes as many annual maxima and never fewer than ten; without them an entry is left out and the rule says unknown.
 */
export function climatologyTable(
  hoursOf: (quantity: string) => Hours | undefined,
  reads: ClimateReads,
  timeZone: string,
  options: ClimateOptions,
): ClimatologyTable {
  const percentiles: PercentileTable[] = [];
  for (const [quantity, entries] of Map.groupBy(reads.percentiles, (entry) => entry.quantity)) {
    const hours = hoursOf(quantity);
    if (!hours || fullYears(hours, timeZone) < options.leastYears) continue;
    const percents = [...new Set(entries.map(({ percent }) => percent))].sort((a, b) => a - b);
    const days = [...dailyPercentiles(hours, quantity, percents, timeZone, options)];
    percents.forEach((percent, i) => {
      const byDay = days.map(({ [i]: value = null }) => (value === null ? null : Math.round(value * 1000)));
      percentiles.push({ quantity, percent, byDay });
    });
  }
  const extremes = reads.returnPeriods.flatMap(({ quantity, aggregate, spanMs }): ExtremeValues[] => {
    const hours = hoursOf(quantity);
    if (!hours || spanMs % HOUR_MS !== 0) return [];
    const maxima = annualMaxima(hours, aggregate, spanMs, timeZone).filter(
      ({ coverage }) => coverage >= LEAST_COVERAGE,
    );
    if (maxima.length < options.leastYears) return [];
    const fit = gevByLMoments(maxima.map(({ value }) => value));
    return fit ? [{ quantity, aggregate, spanMs, ...fit }] : [];
  });
  return { percentiles, extremes };
}

import { z } from 'zod';
import { formatInstant } from '../../model/time.ts';
import { standardisedAnomalies } from '../../statistics/anomaly.ts';
import { dailyPercentiles } from '../../statistics/climatology.ts';
import {
  LEAST_COVERAGE,
  type Measure,
  monthOf,
  naturalMeasure,
  type Period,
  periodsOf,
  yearOf,
} from '../../statistics/hours.ts';
import { trendOf } from '../../statistics/trend.ts';
import { quantile } from '../../statistics/verification.ts';
import { basis, measure, monthText, numbers, quantity, shown, spanFields, whole } from './input.ts';
import type { Statistic } from './statistic.ts';
import { pause } from './work.ts';

/** Days of the year whose percentiles are made before others may go first. */
const DAYS_A_PIECE = 10;

const seriesQuery = z.strictObject({ ...spanFields, quantity, measure });
const isFull = ({ coverage }: Period): boolean => coverage >= LEAST_COVERAGE;

const greatest = (periods: readonly Period[], sign: 1 | -1): object | null => {
  const found = periods.reduce<Period | undefined>(
    (best, one) => (best === undefined || sign * one.value > sign * best.value ? one : best),
    undefined,
  );
  return found ? { value: shown(found.value), at: formatInstant(found.at) } : null;
};

export const summary: Statistic<typeof seriesQuery> = {
  path: 'summary',
  summary:
    'A series in short: readings, period, missing share, extremes with their instants, quantiles of its days.',
  query: seriesQuery,
  quantities: (query) => [query.quantity],
  async answer({ hours, station }, query) {
    const rows = hours(query.quantity);
    const how = query.measure ?? naturalMeasure(query.quantity);
    const days = periodsOf(rows, how, 'day', station.timeZone).filter(isFull);
    const sorted = days.map(({ value }) => value).sort((a, b) => a - b);
    const years = (of: Measure) => periodsOf(rows, of, 'year', station.timeZone);
    return {
      basis: basis(query.quantity, rows),
      least: greatest(years('min'), -1),
      greatest: greatest(years('max'), 1),
      days: {
        measure: how,
        n: sorted.length,
        mean: shown(sorted.reduce((sum, value) => sum + value, 0) / sorted.length),
        quantiles: [0.05, 0.25, 0.5, 0.75, 0.95].map((share) => ({
          share,
          value: shown(quantile(sorted, share)),
        })),
      },
    };
  },
};

const climatologyQuery = z.strictObject({
  ...spanFields,
  quantity,
  measure,
  percents: numbers(0, 100, '10,50,90', 9),
  window: whole(0, 30, 7),
  years: whole(2, 100, 10),
});

/** Normals by month with their records, and percentiles by day of the year. */
export const climatology: Statistic<typeof climatologyQuery> = {
  path: 'climatology',
  summary: 'Normals and records by month, percentiles of the readings by day of the year (moving window).',
  query: climatologyQuery,
  quantities: (query) => [query.quantity],
  async answer({ hours, station }, query) {
    const rows = hours(query.quantity);
    const how = query.measure ?? naturalMeasure(query.quantity);
    const months = periodsOf(rows, how, 'month', station.timeZone);
    const lows = periodsOf(rows, 'min', 'month', station.timeZone);
    const highs = periodsOf(rows, 'max', 'month', station.timeZone);
    await pause();
    const options = { halfWindow: query.window, leastYears: query.years };
    const days: (readonly (number | null)[])[] = [];
    for (const day of dailyPercentiles(rows, query.quantity, query.percents, station.timeZone, options)) {
      if (days.push(day) % DAYS_A_PIECE === 0) await pause();
    }
    return {
      basis: basis(query.quantity, rows),
      measure: how,
      months: Array.from({ length: 12 }, (_, i) => {
        const isMonth = ({ day }: Period): boolean => monthOf(day) === i + 1;
        const all = months.filter(isMonth);
        const full = all.filter(isFull);
        return {
          month: i + 1,
          years: full.length,
          missing: shown(1 - all.reduce((sum, { coverage }) => sum + coverage, 0) / Math.max(1, all.length)),
          normal: shown(full.reduce((sum, { value }) => sum + value, 0) / full.length),
          lowest: extreme(full, -1),
          highest: extreme(full, 1),
          recordLow: greatest(lows.filter(isMonth), -1),
          recordHigh: greatest(highs.filter(isMonth), 1),
        };
      }),
      window: query.window,
      percentiles: query.percents.map((percent, i) => ({ percent, byDay: days.map((day) => shown(day[i])) })),
    };
  },
};

const extreme = (periods: readonly Period[], sign: 1 | -1): object | null => {
  const found = periods.toSorted((a, b) => sign * (b.value - a.value))[0];
  return found ? { value: shown(found.value), year: yearOf(found.day) } : null;
};

export const trend: Statistic<typeof seriesQuery> = {
  path: 'trend',
  summary:
    "Mann-Kendall test with ties and Sen's slope, unit a year, over the years measured to four fifths.",
  query: seriesQuery,
  quantities: (query) => [query.quantity],
  async answer({ hours, station }, query) {
    const rows = hours(query.quantity);
    const how = query.measure ?? naturalMeasure(query.quantity);
    const years = periodsOf(rows, how, 'year', station.timeZone).map((period) => ({
      year: yearOf(period.day),
      value: period.value,
      coverage: period.coverage,
      used: isFull(period),
    }));
    const found = trendOf(years.filter(({ used }) => used).map(({ year, value }) => ({ at: year, value })));
    return {
      basis: basis(query.quantity, rows),
      measure: how,
      years: years.map((one) => ({ ...one, value: shown(one.value), coverage: shown(one.coverage) })),
      trend: found
        ? {
            n: found.n,
            s: found.s,
            z: shown(found.z),
            p: shown(found.p),
            slope: shown(found.slope),
            slopeInterval: found.slopeInterval.map(shown),
          }
        : null,
    };
  },
};

const anomalyQuery = z.strictObject({ ...spanFields, quantity, measure, years: whole(2, 100, 10) });

export const anomalies: Statistic<typeof anomalyQuery> = {
  path: 'anomalies',
  summary: 'Standardised anomalies of the months, against the same month of all years.',
  query: anomalyQuery,
  quantities: (query) => [query.quantity],
  async answer({ hours, station }, query) {
    const rows = hours(query.quantity);
    const how = query.measure ?? naturalMeasure(query.quantity);
    const months = periodsOf(rows, how, 'month', station.timeZone);
    const found = standardisedAnomalies(
      months.map((month) => (isFull(month) ? month.value : undefined)),
      months.map(({ day }) => monthOf(day)),
      { fewest: query.years },
    );
    return {
      basis: basis(query.quantity, rows),
      measure: how,
      months: months.map(({ day, value, coverage }, i) => ({
        month: monthText(day),
        value: shown(value),
        coverage: shown(coverage),
        anomaly: shown(found[i]),
      })),
    };
  },
};

const completenessQuery = z.strictObject({ ...spanFields, quantity });

export const completeness: Statistic<typeof completenessQuery> = {
  path: 'completeness',
  summary: 'Share of each local month that is measured, and readings in it.',
  query: completenessQuery,
  quantities: (query) => [query.quantity],
  async answer({ hours, station }, query) {
    const rows = hours(query.quantity);
    return {
      basis: basis(query.quantity, rows),
      months: periodsOf(rows, 'mean', 'month', station.timeZone).map(({ day, n, coverage }) => ({
        month: monthText(day),
        n,
        coverage: shown(coverage),
      })),
    };
  },
};

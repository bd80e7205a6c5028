import { z } from 'zod';
import { monthByHour, yearCourse } from '../../statistics/cycle.ts';
import { naturalMeasure } from '../../statistics/hours.ts';
import { basis, measure, quantity, shown, spanFields } from './input.ts';
import type { Statistic } from './statistic.ts';

const cycleQuery = z.strictObject({
  ...spanFields,
  quantity,
  measure,
  threshold: z.coerce.number().optional(),
});

export const cycle: Statistic<typeof cycleQuery> = {
  path: 'cycle',
  summary:
    'Hours of the day by month, local time: their mean, or with `threshold` the share that reaches it.',
  query: cycleQuery,
  quantities: (query) => [query.quantity],
  async answer({ hours, station }, query) {
    const rows = hours(query.quantity);
    const how = query.measure ?? naturalMeasure(query.quantity);
    const months = monthByHour(rows, how, station.timeZone, query.threshold);
    return {
      basis: basis(query.quantity, rows),
      measure: how,
      threshold: query.threshold ?? null,
      months: months.map((cells, i) => ({
        month: i + 1,
        hours: cells.map(({ n, value }) => ({ n, value: shown(value) })),
      })),
    };
  },
};

const courseQuery = z.strictObject({
  ...spanFields,
  quantity,
  measure,
  year: z.coerce.number().int().min(1800).max(2200),
});

export const course: Statistic<typeof courseQuery> = {
  path: 'course',
  summary:
    'The course of a year by day, beside the least, 10 %, median, 90 % and greatest of the other full years; amounts added up.',
  query: courseQuery,
  quantities: (query) => [query.quantity],
  async answer({ hours, station }, query) {
    const rows = hours(query.quantity);
    const how = query.measure ?? naturalMeasure(query.quantity);
    const { years, days } = yearCourse(rows, how, station.timeZone, query.year);
    return {
      basis: basis(query.quantity, rows),
      measure: how,
      year: query.year,
      years,
      days: days.map(({ value, others }) => ({
        value: shown(value),
        others: others?.map((one) => shown(one)) ?? null,
      })),
    };
  },
};

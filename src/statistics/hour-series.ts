import { HOUR_MS } from '../model/time.ts';
import { type Hours, hourValues, type Measure } from './hours.ts';

/** One value for each hour from `start` (epoch ms, a whole hour) on; NaN where there is none. */
export interface HourSeries {
  readonly start: number;
  readonly values: Float64Array;
}

/** Rows of hours as a series without holes. */
export function hourSeries(hours: Hours, measure: Measure): HourSeries {
  const start = hours.at[0] ?? 0;
  const last = hours.at.at(-1) ?? start - HOUR_MS;
  const values = new Float64Array((last - start) / HOUR_MS + 1).fill(Number.NaN);
  const found = hourValues(hours, measure);
  hours.at.forEach((at, i) => {
    values[(at - start) / HOUR_MS] = found[i] as number;
  });
  return { start, values };
}

/** The part of a series before an instant. */
export const seriesBefore = ({ start, values }: HourSeries, instant: number): HourSeries => ({
  start,
  values: values.subarray(0, Math.max(0, Math.ceil((instant - start) / HOUR_MS))),
});

export const lastOf = ({ start, values }: HourSeries, hours: number): HourSeries => {
  const left = Math.max(0, values.length - hours);
  return { start: start + left * HOUR_MS, values: values.subarray(left) };
};

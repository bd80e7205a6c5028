import { dayOfYear, dayStart, localDay, localMs } from '../model/local-day.ts';
import { DAY_MS, HOUR_MS } from '../model/time.ts';
import { type Hours, hourValues, LEAST_COVERAGE, type Measure, monthOf, periodsOf, yearOf } from './hours.ts';
import { quantile } from './verification.ts';

export interface CycleCell {
  /** Hours measured. */
  readonly n: number;
  /** Their mean, or of them the share that reaches the threshold; null without any. */
  readonly value: number | null;
}

/**
 * The hours of the day in each month, local time: 12 rows of 24 cells. With a `threshold` the share of hours that reach it,
 * else the mean of the hours by `measure`. On the day of 25 hours both hours of the same name count.
 */
export function monthByHour(
  hours: Hours,
  measure: Measure,
  timeZone: string,
  threshold?: number,
): readonly (readonly CycleCell[])[] {
  const [sums, counts] = [new Float64Array(288), new Float64Array(288)];
  const values = hourValues(hours, measure);
  let [day, start, end] = [0, 0, Number.NEGATIVE_INFINITY];
  for (let row = 0; row < hours.at.length; row++) {
    const at = hours.at[row] as number;
    if (at >= end) {
      day = localDay(at, timeZone);
      [start, end] = [dayStart(day, timeZone), dayStart(day + 1, timeZone)];
    }
    // Only where the clock is changed must it be asked for its name of the hour.
    const since = end - start === DAY_MS ? at - start : localMs(at, timeZone) - day * DAY_MS;
    const cell = (monthOf(day) - 1) * 24 + Math.floor(since / HOUR_MS);
    const value = values[row] as number;
    (counts[cell] as number) += 1;
    sums[cell] = (sums[cell] as number) + (threshold === undefined ? value : value >= threshold ? 1 : 0);
  }
  return Array.from({ length: 12 }, (_, month) =>
    Array.from({ length: 24 }, (_, hour) => {
      const n = counts[month * 24 + hour] as number;
      return { n, value: n === 0 ? null : (sums[month * 24 + hour] as number) / n };
    }),
  );
}

export interface YearDay {
  /** Of the other years: least, tenth, median, ninetieth percentile, greatest; null without any. */
  readonly others: readonly [number, number, number, number, number] | null;
  /** Of the year itself; null where it has no such day (yet). */
  readonly value: number | null;
}

export interface YearCourse {
  /** The other years that are measured to four fifths. */
  readonly years: readonly number[];
  /** By day of the year as in a leap year: 29 February is the 60th, in all years. */
  readonly days: readonly YearDay[];
}

/**
 * The course of one local year beside that of all others: amounts added up from 1 January, all else day by day. A day that
 * is measured to less than four fifths has no value, and adds nothing.
 */
export function yearCourse(hours: Hours, measure: Measure, timeZone: string, year: number): YearCourse {
  const full = new Set(
    periodsOf(hours, measure, 'year', timeZone)
      .filter((one) => one.coverage >= LEAST_COVERAGE && yearOf(one.day) !== year)
      .map((one) => yearOf(one.day)),
  );
  const courses = new Map<number, (number | null)[]>();
  for (const { day, value, coverage } of periodsOf(hours, measure, 'day', timeZone)) {
    const of = yearOf(day);
    if (coverage < LEAST_COVERAGE || (of !== year && !full.has(of))) continue;
    const course = courses.get(of) ?? new Array<number | null>(366).fill(null);
    course[dayOfYear((day + 1) * DAY_MS, 'UTC') - 1] = value;
    courses.set(of, course);
  }
  if (measure === 'sum') for (const course of courses.values()) addUp(course);
  const others = [...courses].filter(([of]) => of !== year).map(([, course]) => course);
  const own = courses.get(year);
  const days = Array.from({ length: 366 }, (_, i) => ({
    others: spread(others.flatMap((course) => course[i] ?? [])),
    value: own?.[i] ?? null,
  }));
  return { years: [...full], days };
}

/** Sums from the first to the last day with a value; a day without one in between stands where it stood. */
function addUp(course: (number | null)[]): void {
  const isMeasured = (value: number | null): boolean => value !== null;
  const last = course.findLastIndex(isMeasured);
  let sum = 0;
  for (let i = Math.max(0, course.findIndex(isMeasured)); i <= last; i++) {
    sum += course[i] ?? 0;
    course[i] = sum;
  }
}

function spread(values: readonly number[]): YearDay['others'] {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => quantile(sorted, share) as number;
  return sorted.length === 0 ? null : [at(0), at(0.1), at(0.5), at(0.9), at(1)];
}

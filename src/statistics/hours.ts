import { dayStart, localDay } from '../model/local-day.ts';
import { quantities } from '../model/quantity.ts';
import { DAY_MS, HOUR_MS } from '../model/time.ts';

/** Hours of one quantity at one station, oldest first, as the archive keeps them; canonical units. */
export interface Hours {
  /** Start of each hour, epoch ms; hours without a usable reading are not there. */
  readonly at: Float64Array;
  readonly sum: Float64Array;
  readonly min: Float64Array;
  readonly max: Float64Array;
  readonly count: Float64Array;
  readonly coveredMs: Float64Array;
}

/** What is made of the readings of a span. */
export type Measure = 'sum' | 'mean' | 'min' | 'max';

/** Amounts add up, a gust or an extreme is the greatest, all else has a mean. */
export function naturalMeasure(quantity: string): Measure {
  const known = quantities.get(quantity);
  if (known?.kind !== 'interval') return 'mean';
  return known.range.perHour ? 'sum' : 'max';
}

/** The readings of each hour by a measure. */
export function hourValues(hours: Hours, measure: Measure): Float64Array {
  if (measure === 'mean') return hours.sum.map((sum, i) => sum / (hours.count[i] as number));
  return hours[measure];
}

/** Time that lies between two rows as a rule, ms, from an hour to a day: the middle one of the gaps. */
export function paceOf({ at }: Hours): number {
  const gaps = at.slice(1).map((start, i) => start - (at[i] as number));
  gaps.sort();
  const middle = gaps[Math.floor(gaps.length / 2)] ?? HOUR_MS;
  return Math.min(DAY_MS, Math.max(HOUR_MS, middle));
}

/** Time of each row that is measured: its readings' own, for instantaneous ones the pace. */
const coveredOf = ({ coveredMs }: Hours, pace: number, row: number): number =>
  Math.min(Math.max(pace, HOUR_MS), (coveredMs[row] as number) || pace);

/** One local day, month or year of a series. */
export interface Period {
  /** Days since 1970 of the first local day. */
  readonly day: number;
  readonly value: number;
  /** The value's own instant (the end of its hour) where it is a least or greatest one. */
  readonly at: number;
  /** Readings. */
  readonly n: number;
  /** Share of the period that is measured, 0..1. */
  readonly coverage: number;
}

/** Days since 1970 of the first day of the period that a local day lies in. */
type Calendar = (day: number) => number;

export const calendars = {
  day: (day) => day,
  month: (day) => {
    const date = new Date(day * DAY_MS);
    return Date.UTC(date.getUTCFullYear(), date.getUTCMonth()) / DAY_MS;
  },
  year: (day) => Date.UTC(new Date(day * DAY_MS).getUTCFullYear(), 0) / DAY_MS,
} as const satisfies Record<string, Calendar>;

const lengths = {
  day: () => 1,
  month: (day: number) => calendars.month(day + 31) - day,
  year: (day: number) => calendars.year(day + 366) - day,
};

export const yearOf = (day: number): number => new Date(day * DAY_MS).getUTCFullYear();
export const monthOf = (day: number): number => new Date(day * DAY_MS).getUTCMonth() + 1;

/**
 * The periods of local time that have readings, oldest first: each with the measure over its hours and its coverage. An
 * hour belongs to the local day in which it begins; a reading of a longer interval, to the one in which it ends.
 */
export function periodsOf(
  hours: Hours,
  measure: Measure,
  by: keyof typeof calendars,
  timeZone: string,
): readonly Period[] {
  const pace = paceOf(hours);
  const periods: Period[] = [];
  let from = 0;
  const first = (row: number): number => calendars[by](localDay(hours.at[row] as number, timeZone));
  for (let row = 1; row <= hours.at.length; row++) {
    const day = first(from);
    if (row < hours.at.length && (hours.at[row] as number) < dayStart(day + lengths[by](day), timeZone))
      continue;
    periods.push(periodOf(hours, measure, { from, to: row, day, days: lengths[by](day), pace }));
    from = row;
  }
  return periods;
}

function periodOf(
  hours: Hours,
  measure: Measure,
  rows: {
    readonly from: number;
    readonly to: number;
    readonly day: number;
    readonly days: number;
    readonly pace: number;
  },
): Period {
  let n = 0;
  let sum = 0;
  let covered = 0;
  let extreme = rows.from;
  const sign = measure === 'min' ? -1 : 1;
  const column = measure === 'min' ? hours.min : measure === 'max' ? hours.max : hours.sum;
  for (let row = rows.from; row < rows.to; row++) {
    n += hours.count[row] as number;
    sum += hours.sum[row] as number;
    covered += coveredOf(hours, rows.pace, row);
    if (sign * (column[row] as number) > sign * (column[extreme] as number)) extreme = row;
  }
  const values = { sum, mean: sum / n, min: hours.min[extreme], max: hours.max[extreme] } as Record<
    Measure,
    number
  >;
  return {
    day: rows.day,
    value: values[measure],
    at: (hours.at[extreme] as number) + HOUR_MS,
    n,
    coverage: Math.min(1, covered / (rows.days * DAY_MS)),
  };
}

/** What is known of a series as a whole. */
export interface Basis {
  /** Readings. */
  readonly n: number;
  /** Start of the first hour and end of the last; null without readings. */
  readonly from: number | null;
  readonly to: number | null;
  /** Share of the time between, 0..1, that is not measured. */
  readonly missing: number | null;
}

export function basisOf(hours: Hours): Basis {
  const rows = hours.at.length;
  if (rows === 0) return { n: 0, from: null, to: null, missing: null };
  const pace = paceOf(hours);
  const from = hours.at[0] as number;
  const to = (hours.at[rows - 1] as number) + HOUR_MS;
  let n = 0;
  let covered = 0;
  for (let row = 0; row < rows; row++) {
    n += hours.count[row] as number;
    covered += coveredOf(hours, pace, row);
  }
  return { n, from, to, missing: Math.max(0, 1 - covered / Math.max(to - from, pace)) };
}

export interface AnnualMaximum {
  readonly year: number;
  readonly value: number;
  /** End of the span that has it, epoch ms. */
  readonly at: number;
  readonly coverage: number;
}

/** Least share of a year that must be measured for its maximum to count. */
export const LEAST_COVERAGE = 0.8;

/**
 * The greatest value of each local year of an aggregate over `spanMs`, whole hours, that moves by the hour: a sum, a mean
 * of readings or a maximum. A span belongs to the year in which its last hour begins. A sum over a gap is a lower bound
 * and counts as such; a mean counts where half of its span has hours. Years measured to less than four fifths are given
 * too: see `coverage`.
 */
export function annualMaxima(
  hours: Hours,
  aggregate: 'sum' | 'max' | 'avg',
  spanMs: number,
  timeZone: string,
): readonly AnnualMaximum[] {
  const coverages = periodsOf(hours, 'max', 'year', timeZone);
  const pace = paceOf(hours);
  const best = new Map<number, { value: number; at: number }>();
  let tail = 0;
  let sum = 0;
  let count = 0;
  let year = -1;
  let yearEnd = Number.NEGATIVE_INFINITY;
  for (let row = 0; row < hours.at.length; row++) {
    const at = hours.at[row] as number;
    if (at >= yearEnd) {
      const day = calendars.year(localDay(at, timeZone));
      year = yearOf(day);
      yearEnd = dayStart(day + lengths.year(day), timeZone);
    }
    sum += hours.sum[row] as number;
    count += hours.count[row] as number;
    for (; (hours.at[tail] as number) <= at - spanMs; tail++) {
      sum -= hours.sum[tail] as number;
      count -= hours.count[tail] as number;
    }
    // A reading over more than the span says nothing of the span.
    if ((hours.coveredMs[row] as number) > spanMs * (hours.count[row] as number)) continue;
    if (aggregate === 'avg' && (row - tail + 1) * pace < spanMs / 2) continue;
    const value = aggregate === 'sum' ? sum : aggregate === 'avg' ? sum / count : (hours.max[row] as number);
    const held = best.get(year);
    if (!held || value > held.value) best.set(year, { value, at: at + HOUR_MS });
  }
  return coverages.flatMap(({ day, coverage }) => {
    const found = best.get(yearOf(day));
    // Sums that come and go leave the last digits of doubles behind.
    return found
      ? [{ year: yearOf(day), value: Math.round(found.value * 1e6) / 1e6, at: found.at, coverage }]
      : [];
  });
}

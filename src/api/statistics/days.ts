import { z } from 'zod';
import { dayOfYear } from '../../model/local-day.ts';
import { DAY_MS } from '../../model/time.ts';
import { percentilesByDay } from '../../statistics/day-of-year.ts';
import {
  type Hours,
  LEAST_COVERAGE,
  type Measure,
  monthOf,
  naturalMeasure,
  periodsOf,
  yearOf,
} from '../../statistics/hours.ts';
import { type Spell, spellsOf, wavesOf } from '../../statistics/spells.ts';
import {
  standardizedPrecipitationEvapotranspirationIndex,
  standardizedPrecipitationIndex,
  thornthwaite,
} from '../../statistics/spi.ts';
import { basis, dayText, monthText, quantity, shown, spanFields, whole } from './input.ts';
import type { Statistic } from './statistic.ts';

/** Values of all local days or months between the first and the last: undefined where too little is measured. */
function regular(
  hours: Hours,
  measure: Measure,
  by: 'day' | 'month',
  timeZone: string,
): { readonly days: readonly number[]; readonly values: readonly (number | undefined)[] } {
  const periods = periodsOf(hours, measure, by, timeZone);
  const known = new Map(periods.map((period) => [period.day, period]));
  const days: number[] = [];
  const last = periods.at(-1)?.day ?? Number.NEGATIVE_INFINITY;
  for (let day = periods[0]?.day ?? 0; day <= last; day = by === 'day' ? day + 1 : nextMonth(day))
    days.push(day);
  const values = days.map((day) => {
    const period = known.get(day);
    return period && period.coverage >= LEAST_COVERAGE ? period.value : undefined;
  });
  return { days, values };
}

const nextMonth = (day: number): number => {
  const date = new Date(day * DAY_MS);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1) / DAY_MS;
};

const spellQuery = z.strictObject({
  ...spanFields,
  quantity: quantity.default('rainfall'),
  threshold: z.coerce.number().default(1).meta({ default: 1 }),
  side: z.enum(['below', 'above']).default('below'),
  limit: whole(1, 1000, 20),
});

export const spells: Statistic<typeof spellQuery> = {
  path: 'spells',
  summary:
    'Dry and wet spells: runs of days below a threshold (dry), or at it and above (wet); 1 mm of rain unless told.',
  query: spellQuery,
  quantities: (query) => [query.quantity],
  async answer({ hours, station }, query) {
    const rows = hours(query.quantity);
    const { days, values } = regular(rows, naturalMeasure(query.quantity), 'day', station.timeZone);
    const found = spellsOf(values, (value) =>
      query.side === 'below' ? value < query.threshold : value >= query.threshold,
    );
    const known = values.filter((value) => value !== undefined).length;
    return {
      basis: basis(query.quantity, rows),
      threshold: query.threshold,
      side: query.side,
      days: { known, missing: values.length - known },
      spells: found.length,
      meanDays: shown(found.reduce((sum, spell) => sum + spell.days, 0) / found.length),
      longest: longest(found, query.limit).map((spell) => describe(spell, days)),
    };
  },
};

const longest = <T extends Spell>(found: readonly T[], limit: number): readonly T[] =>
  found.toSorted((a, b) => b.days - a.days || a.from - b.from).slice(0, limit);

const describe = ({ from, days, open }: Spell, dates: readonly number[]): object => ({
  from: dayText(dates[from] as number),
  to: dayText(dates[from + days - 1] as number),
  days,
  open,
});

const waveQuery = z.strictObject({
  ...spanFields,
  kind: z.enum(['heat', 'cold']).default('heat'),
  percent: z.coerce.number().min(1).max(99).optional(),
  days: whole(2, 30, 3),
  years: whole(2, 100, 10),
  limit: whole(1, 1000, 100),
});

export const waves: Statistic<typeof waveQuery> = {
  path: 'waves',
  summary:
    'Heat and cold waves: days beyond the percentile of their day of the year, 90 or 10 unless told, five-day window.',
  query: waveQuery,
  quantities: () => ['airTemperature'],
  async answer({ hours, station }, query) {
    const rows = hours('airTemperature');
    const isHeat = query.kind === 'heat';
    const percent = query.percent ?? (isHeat ? 90 : 10);
    const { days, values } = regular(rows, isHeat ? 'max' : 'min', 'day', station.timeZone);
    // Noon UTC of the calendar day, so that no zone moves it.
    const numbers = days.map((day) => dayOfYear(day * DAY_MS + DAY_MS / 2, 'UTC'));
    const known = values.flatMap((value, i) =>
      value === undefined ? [] : [{ value, day: numbers[i] as number }],
    );
    const [byDay = []] = percentilesByDay(
      { days: known.map(({ day }) => day), values: known.map(({ value }) => value) },
      [percent],
      { halfWindow: 2, fewest: Math.floor(query.years * 5 * 0.8) },
    );
    const thresholds = numbers.map((day) => byDay[day - 1] ?? null);
    const found = wavesOf(values, thresholds, isHeat ? 'above' : 'below', query.days);
    const years = Map.groupBy(found, ({ from }) => yearOf(days[from] as number));
    return {
      basis: basis('airTemperature', rows),
      kind: query.kind,
      percent,
      leastDays: query.days,
      days: { known: known.length, missing: values.length - known.length },
      waves: found.length,
      years: [...years].map(([year, own]) => ({
        year,
        waves: own.length,
        days: own.reduce((sum, wave) => sum + wave.days, 0),
      })),
      longest: longest(found, query.limit).map((wave) => ({
        ...describe(wave, days),
        excess: shown(wave.excess),
        peak: shown(wave.peak),
      })),
    };
  },
};

const droughtQuery = z.strictObject({ ...spanFields, months: whole(1, 48, 3) });

export const drought: Statistic<typeof droughtQuery> = {
  path: 'drought',
  summary: 'SPI of the months and, where there is air temperature (Thornthwaite), SPEI, over 1 to 48 months.',
  query: droughtQuery,
  quantities: () => ['rainfall', 'airTemperature'],
  async answer({ hours, station }, query) {
    const rain = regular(hours('rainfall'), 'sum', 'month', station.timeZone);
    const warmth = regular(hours('airTemperature'), 'mean', 'month', station.timeZone);
    const temperatures = new Map(warmth.days.map((day, i) => [day, warmth.values[i]]));
    const first = monthOf(rain.days[0] ?? 0);
    const spi = standardizedPrecipitationIndex(rain.values, query.months, first);
    const evaporation = evapotranspiration(rain.days, temperatures, station.latitude);
    const balance = rain.values.map((value, i) =>
      value === undefined || evaporation[i] === undefined ? undefined : value - evaporation[i],
    );
    const spei = standardizedPrecipitationEvapotranspirationIndex(balance, query.months, first);
    return {
      basis: [basis('rainfall', hours('rainfall')), basis('airTemperature', hours('airTemperature'))],
      over: query.months,
      years: Math.floor(rain.values.filter((value) => value !== undefined).length / 12),
      months: rain.days.map((day, i) => ({
        month: monthText(day),
        rainfall: shown(rain.values[i]),
        evapotranspiration: shown(evaporation[i]),
        spi: shown(spi[i]),
        spei: shown(spei[i]),
      })),
    };
  },
};

/**
 * Thornthwaite's evapotranspiration of months; undefined where the temperature is missing. His heat index is that of the
 * mean year, so a gap is filled by the mean of its month for the index alone.
 */
function evapotranspiration(
  months: readonly number[],
  temperatures: ReadonlyMap<number, number | undefined>,
  latitude: number,
): readonly (number | undefined)[] {
  const means = Array.from({ length: 12 }, (_, i) => {
    const own = months.flatMap((day) => (monthOf(day) === i + 1 ? (temperatures.get(day) ?? []) : []));
    return own.length === 0 ? undefined : own.reduce((sum, value) => sum + value, 0) / own.length;
  });
  if (means.includes(undefined) || months[0] === undefined) return months.map(() => undefined);
  const before = monthOf(months[0]) - 1;
  const whole = [
    ...means.slice(0, before),
    ...months.map((day) => temperatures.get(day) ?? means[monthOf(day) - 1]),
  ];
  const all = thornthwaite(whole as number[], latitude).slice(before);
  return months.map((day, i) => (temperatures.get(day) === undefined ? undefined : all[i]));
}

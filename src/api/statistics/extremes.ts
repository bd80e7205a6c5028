import { z } from 'zod';
import { seededRandom } from '../../lib/random.ts';
import { formatInstant, formatSpan, HOUR_MS } from '../../model/time.ts';
import {
  type Gev,
  gevByLikelihood,
  gevByLMoments,
  gevReturnLevel,
  gumbelByLikelihood,
  gumbelByLMoments,
} from '../../statistics/gev.ts';
import { gpdByLikelihood, gpdByLMoments, gpdReturnLevel } from '../../statistics/gpd.ts';
import {
  type AnnualMaximum,
  annualMaxima,
  LEAST_COVERAGE,
  naturalMeasure,
  periodsOf,
} from '../../statistics/hours.ts';
import { durationCurves, idfEquation } from '../../statistics/idf.ts';
import { bootstrapIntervals, gevDraw, profileInterval } from '../../statistics/intervals.ts';
import { span } from '../input.ts';
import { basis, numbers, quantity, shown, spanFields } from './input.ts';
import type { Statistic } from './statistic.ts';
import { pause } from './work.ts';

const SAMPLES = 400;
/** The same question gets the same interval. */
const SEED = 1;
const PERIODS = '2,5,10,20,50,100';

const wholeHours = span.refine(
  (ms) => ms % HOUR_MS === 0 && ms <= 744 * HOUR_MS,
  'is not of whole hours up to 31 days',
);

const extremesQuery = z.strictObject({
  ...spanFields,
  quantity,
  span: wholeHours.optional(),
  aggregate: z.enum(['sum', 'max', 'avg']).optional(),
  returnPeriods: numbers(1.1, 10_000, PERIODS),
  threshold: z.coerce.number().optional(),
});

/** Annual maxima, fits and return levels of one station. */
export const extremes: Statistic<typeof extremesQuery> = {
  path: 'extremes',
  summary:
    'Annual maxima, GEV and Gumbel fits by L-moments and likelihood, return levels with 95 % intervals; with `threshold` the GPD of daily values.',
  query: extremesQuery,
  quantities: (query) => [query.quantity],
  async answer({ hours, station }, query) {
    const rows = hours(query.quantity);
    const natural = naturalMeasure(query.quantity);
    const aggregate = query.aggregate ?? (natural === 'sum' ? 'sum' : 'max');
    const spanMs = query.span ?? (natural === 'sum' ? 24 * HOUR_MS : HOUR_MS);
    const maxima = annualMaxima(rows, aggregate, spanMs, station.timeZone);
    const values = maxima.filter(({ coverage }) => coverage >= LEAST_COVERAGE).map(({ value }) => value);
    return {
      basis: basis(query.quantity, rows),
      aggregate,
      span: formatSpan(spanMs),
      years: values.length,
      leastCoverage: LEAST_COVERAGE,
      maxima: maxima.map(describe),
      fits: await fitsOf(values, query.returnPeriods),
      ...(query.threshold === undefined
        ? {}
        : { overThreshold: overThreshold(rows, query.threshold, query, station.timeZone) }),
    };
  },
};

const describe = ({ year, value, at, coverage }: AnnualMaximum): object => ({
  year,
  value: shown(value),
  at: formatInstant(at),
  coverage: shown(coverage),
  used: coverage >= LEAST_COVERAGE,
});

/** Four fits: two distributions by two methods; null where the years are too few. */
async function fitsOf(values: readonly number[], periods: readonly number[]): Promise<object> {
  const fits = {
    gevByLMoments: await withBootstrap(values, periods, gevByLMoments),
    gevByLikelihood: await withProfile(values, periods),
    gumbelByLMoments: await withBootstrap(values, periods, gumbelByLMoments),
    gumbelByLikelihood: await withBootstrap(values, periods, gumbelByLikelihood),
  };
  return fits;
}

async function withBootstrap(
  values: readonly number[],
  periods: readonly number[],
  method: (values: readonly number[]) => Gev | undefined,
): Promise<object | null> {
  await pause();
  const fit = method(values);
  if (!fit) return null;
  const intervals = bootstrapIntervals({
    draw: gevDraw(fit, seededRandom(SEED)),
    size: values.length,
    samples: SAMPLES,
    figures: (sample) => {
      const again = method(sample);
      return again && periods.map((years) => gevReturnLevel(again, years));
    },
  });
  return withLevels(fit, 'parametric bootstrap', periods, (i) => intervals?.[i] ?? null);
}

async function withProfile(values: readonly number[], periods: readonly number[]): Promise<object | null> {
  const fit = gevByLikelihood(values);
  if (!fit) return null;
  const intervals: (readonly [number | null, number | null] | undefined)[] = [];
  for (const years of periods) {
    await pause();
    intervals.push(profileInterval(values, years));
  }
  return withLevels(fit, 'profile likelihood', periods, (i) => intervals[i] ?? null);
}

const withLevels = (
  { mu, sigma, xi }: Gev,
  intervals: string,
  periods: readonly number[],
  intervalOf: (index: number) => readonly (number | null)[] | null,
): object => ({
  mu: shown(mu),
  sigma: shown(sigma),
  xi: shown(xi),
  intervals,
  returnLevels: periods.map((years, i) => ({
    years,
    level: shown(gevReturnLevel({ mu, sigma, xi }, years)),
    interval: intervalOf(i)?.map(shown) ?? null,
  })),
});

/** Daily values over a threshold, as they come: not declustered. */
function overThreshold(
  rows: Parameters<typeof periodsOf>[0],
  threshold: number,
  { quantity: name, returnPeriods }: { readonly quantity: string; readonly returnPeriods: readonly number[] },
  timeZone: string,
): object {
  const natural = naturalMeasure(name);
  const days = periodsOf(rows, natural === 'mean' ? 'max' : natural, 'day', timeZone).filter(
    ({ coverage }) => coverage >= LEAST_COVERAGE,
  );
  const values = days.map(({ value }) => value);
  const years = values.length / 365.25;
  const fits = { byLikelihood: gpdByLikelihood, byLMoments: gpdByLMoments };
  return {
    threshold,
    days: values.length,
    excesses: values.filter((value) => value > threshold).length,
    ...Object.fromEntries(
      Object.entries(fits).map(([label, method]) => {
        const fit = method(values, threshold, years);
        const levels =
          fit &&
          returnPeriods
            .filter((period) => period * fit.perYear > 1)
            .map((period) => ({ years: period, level: shown(gpdReturnLevel(fit, period)) }));
        return [
          label,
          fit
            ? {
                sigma: shown(fit.sigma),
                xi: shown(fit.xi),
                perYear: shown(fit.perYear),
                returnLevels: levels,
              }
            : null,
        ];
      }),
    ),
  };
}

const idfQuery = z.strictObject({
  ...spanFields,
  hours: numbers(1, 168, '1,2,3,6,12,24,48,72', 12),
  returnPeriods: numbers(1.1, 1000, '2,5,10,25,50,100'),
  distribution: z.enum(['gumbel', 'gev']).default('gumbel'),
});

/** Intensity, duration and frequency of rain at one station. */
export const idf: Statistic<typeof idfQuery> = {
  path: 'idf',
  summary:
    'Intensity, duration and frequency of rain, mm/h, and the equation i = k T^a / (t + b)^c nearest to them.',
  query: idfQuery,
  quantities: () => ['rainfall'],
  async answer({ hours, station }, query) {
    const rows = hours('rainfall');
    const maxima = [];
    for (const duration of query.hours.map(Math.round)) {
      await pause();
      const values = annualMaxima(rows, 'sum', duration * HOUR_MS, station.timeZone)
        .filter(({ coverage }) => coverage >= LEAST_COVERAGE)
        .map(({ value }) => value);
      maxima.push({ hours: duration, values });
    }
    const curves = durationCurves(maxima, query.returnPeriods, query.distribution);
    const equation = idfEquation(curves, query.returnPeriods);
    return {
      basis: basis('rainfall', rows),
      distribution: query.distribution,
      returnPeriods: query.returnPeriods,
      // Clock hours hide what falls across them: an hour's true maximum is about an eighth more (Weiss 1964).
      curves: curves.map(({ hours: duration, years, intensities }) => ({
        hours: duration,
        years,
        intensities: intensities.map(shown),
      })),
      equation: equation
        ? {
            k: shown(equation.k),
            a: shown(equation.a),
            b: shown(equation.b),
            c: shown(equation.c),
            logError: shown(equation.logError),
          }
        : null,
    };
  },
};

import { z } from 'zod';
import { AtalaiaError } from '../../lib/errors.ts';
import { seededRandom } from '../../lib/random.ts';
import type { Station } from '../../model/station.ts';
import { formatInstant, formatSpan, HOUR_MS } from '../../model/time.ts';
import { gevFromLMoments, gevReturnLevel } from '../../statistics/gev.ts';
import { annualMaxima, LEAST_COVERAGE, naturalMeasure } from '../../statistics/hours.ts';
import { lMoments } from '../../statistics/l-moments.ts';
import {
  criticalDiscordancy,
  discordancies,
  regionalMoments,
  type SiteMoments,
  siteMoments,
  testRegion,
} from '../../statistics/regional.ts';
import { rowsOf } from '../../store/archive/aggregates.ts';
import type { ApiDeps } from '../deps.ts';
import { readQuery, span } from '../input.ts';
import { part, type Route } from '../route.ts';
import { numbers, quantity, shown, spanFields, spanOf, unitOf } from './input.ts';
import { answerRoute } from './reply.ts';
import { pause, type StatisticsDesk, tagOf } from './work.ts';

/** Stations of a region at most: each may bring years. */
const MAX_STATIONS = 500;
const MAX_SITES = 60;
const FEWEST_YEARS = 10;
const SIMULATIONS = 200;

function stationsIn(deps: ApiDeps, id: string): readonly Station[] {
  const stations = deps
    .stations()
    .filter(({ region }) => region === id)
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  if (stations.length === 0)
    throw new AtalaiaError(
      'ATL_NOT_FOUND',
      `No station is in region ${id}. GET /api/v1/stations says the regions.`,
    );
  if (stations.length > MAX_STATIONS)
    throw new AtalaiaError(
      'ATL_USAGE',
      `Region ${id} has more than ${MAX_STATIONS} stations. Ask by station.`,
    );
  return stations;
}

const totalsQuery = z.strictObject({ ...spanFields, quantity });

/** Accumulations and extremes of the stations of a region over one span. */
export const areaTotals = (desk: StatisticsDesk): Route =>
  answerRoute(desk, {
    path: '/api/v1/statistics/areas/{id}/totals',
    operationId: 'getAreaTotals',
    summary:
      'Accumulation, mean, least and greatest of each station of a region over a span, and of the region.',
    query: totalsQuery,
    async find(request, deps) {
      const query = readQuery(totalsQuery, request.query);
      const id = part(request, 'id');
      const stations = stationsIn(deps, id);
      const { from, to } = spanOf(query, request, deps);
      const found = await desk.turn(() =>
        deps.archive.aggregates({
          stations: stations.map((station) => station.id),
          quantity: query.quantity,
          from,
          to,
          by: 'span',
          limit: stations.length,
        }),
      );
      const tag = tagOf(
        ['totals', id, stations.map((station) => station.id), query, from, to],
        Object.values(found),
      );
      return {
        tag,
        make: async () => {
          const rows = stations.map((station, place) => {
            const { at, sum, min, max, count, coveredMs } = rowsOf(found, place);
            const n = count[0] ?? 0;
            return {
              station: station.id,
              n,
              from: at[0] === undefined ? null : formatInstant(at[0]),
              sum: naturalMeasure(query.quantity) === 'sum' ? shown(sum[0]) : null,
              mean: shown(n === 0 ? null : (sum[0] as number) / n),
              least: shown(min[0]),
              greatest: shown(max[0]),
              // Of instantaneous readings the archive knows how many, not how long.
              missing: coveredMs[0] ? shown(Math.max(0, 1 - coveredMs[0] / (to - from))) : null,
            };
          });
          const known = rows.filter(({ n }) => n > 0);
          const of = (pick: (row: (typeof rows)[number]) => number | null): number[] =>
            known.flatMap((row) => pick(row) ?? []);
          const sums = of(({ sum }) => sum);
          return {
            area: id,
            quantity: query.quantity,
            unit: unitOf(query.quantity),
            from: formatInstant(from),
            to: formatInstant(to),
            stations: { asked: stations.length, known: known.length },
            n: known.reduce((total, { n }) => total + n, 0),
            meanSum: shown(sums.reduce((total, sum) => total + sum, 0) / sums.length),
            greatestSum: shown(Math.max(...sums)),
            least: shown(Math.min(...of(({ least }) => least))),
            greatest: shown(Math.max(...of(({ greatest }) => greatest))),
            items: rows,
          };
        },
      };
    },
  });

const regionalQuery = z.strictObject({
  ...spanFields,
  quantity,
  span: span
    .refine((ms) => ms % HOUR_MS === 0 && ms <= 744 * HOUR_MS, 'is not of whole hours up to 31 days')
    .optional(),
  returnPeriods: numbers(1.1, 10_000, '2,5,10,20,50,100'),
});

/** Regional frequency analysis of annual maxima: Hosking & Wallis 1997. */
export const areaExtremes = (desk: StatisticsDesk): Route =>
  answerRoute(desk, {
    path: '/api/v1/statistics/areas/{id}/extremes',
    operationId: 'getAreaExtremes',
    summary:
      'Regional L-moments of annual maxima: discordancy, heterogeneity H, fit Z, and the regional GEV at each station.',
    query: regionalQuery,
    async find(request, deps) {
      const query = readQuery(regionalQuery, request.query);
      const id = part(request, 'id');
      const stations = stationsIn(deps, id);
      if (stations.length > MAX_SITES)
        throw new AtalaiaError(
          'ATL_USAGE',
          `Region ${id} has more than ${MAX_SITES} stations. Ask by station.`,
        );
      const natural = naturalMeasure(query.quantity);
      const spanMs = query.span ?? (natural === 'sum' ? 24 : 1) * HOUR_MS;
      const bounds = spanOf(query, request, deps);
      const maxima = await desk.turn(async () => {
        const all: { readonly station: string; readonly values: Float64Array }[] = [];
        for (const station of stations) {
          const hours = await deps.archive.aggregates({
            stations: [station.id],
            quantity: query.quantity,
            ...bounds,
            by: 'hour',
            limit: 1_000_000,
          });
          const values = annualMaxima(hours, natural === 'sum' ? 'sum' : 'max', spanMs, station.timeZone)
            .filter(({ coverage }) => coverage >= LEAST_COVERAGE)
            .map(({ value }) => value);
          all.push({ station: station.id, values: Float64Array.from(values) });
          await pause();
        }
        return all;
      });
      const tag = tagOf(
        ['regional', id, query, maxima.map(({ station, values }) => [station, values.length])],
        maxima.map(({ values }) => values),
      );
      return {
        tag,
        make: () =>
          desk.turn(async () => ({
            area: id,
            quantity: query.quantity,
            unit: unitOf(query.quantity),
            span: formatSpan(spanMs),
            from: query.from === undefined ? null : formatInstant(bounds.from),
            to: query.to === undefined ? null : formatInstant(bounds.to),
            ...regional(maxima, query.returnPeriods),
          })),
      };
    },
  });

function regional(
  maxima: readonly { readonly station: string; readonly values: Float64Array }[],
  periods: readonly number[],
): object {
  const sites = maxima.flatMap(({ station, values }): SiteMoments[] => {
    const moments = values.length < FEWEST_YEARS ? undefined : lMoments([...values]);
    return moments && moments.mean > 0 && moments.scale > 0 ? [siteMoments(station, moments)] : [];
  });
  const stations = { asked: maxima.length, used: sites.length, leastYears: FEWEST_YEARS };
  if (sites.length === 0) return { stations, n: 0, region: null, test: null, growth: null, sites: [] };
  const region = regionalMoments(sites);
  const found = discordancies(sites);
  const test = sites.length < 2 ? undefined : testRegion(sites, seededRandom(1), SIMULATIONS);
  const growth = gevFromLMoments(1, region.t, region.t3);
  return {
    stations,
    n: sites.reduce((sum, { n }) => sum + n, 0),
    region: { t: shown(region.t), t3: shown(region.t3), t4: shown(region.t4) },
    test: test
      ? {
          h: test.h.map(shown),
          z: Object.fromEntries(Object.entries(test.z).map(([family, z]) => [family, shown(z)])),
          simulations: test.simulations,
        }
      : null,
    growth: {
      ...{ mu: shown(growth.mu), sigma: shown(growth.sigma), xi: shown(growth.xi) },
      factors: periods.map((years) => ({ years, factor: shown(gevReturnLevel(growth, years)) })),
    },
    sites: sites.map((site, i) => ({
      station: site.site,
      years: site.n,
      mean: shown(site.mean),
      t: shown(site.t),
      t3: shown(site.t3),
      t4: shown(site.t4),
      discordancy: shown(found?.[i]),
      isDiscordant: found === undefined ? null : (found[i] as number) > criticalDiscordancy(sites.length),
      returnLevels: periods.map((years) => ({
        years,
        level: shown(site.mean * gevReturnLevel(growth, years)),
      })),
    })),
  };
}

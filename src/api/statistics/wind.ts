import { z } from 'zod';
import { DAY_MS, formatInstant, HOUR_MS } from '../../model/time.ts';
import { CALM, SPEED_CLASSES, windRose } from '../../statistics/wind-rose.ts';
import { readQuery } from '../input.ts';
import { part, type Route } from '../route.ts';
import { findStation } from '../stations.ts';
import { shown, spanFields, spanOf } from './input.ts';
import { answerRoute } from './reply.ts';
import { pause, type StatisticsDesk, tagOf } from './work.ts';

const YEAR_MS = 365 * DAY_MS;
/** A year of hours at a time; so many years at most. */
const MAX_YEARS = 20;
const PRESET_YEARS = 5;

const roseQuery = z.strictObject({
  ...spanFields,
  sectors: z.enum(['8', '16', '36']).default('16'),
});

/** From hourly means: of directions on the circle, of speeds plain. */
export const windRoseRoute = (desk: StatisticsDesk): Route =>
  answerRoute(desk, {
    path: '/api/v1/statistics/stations/{id}/wind-rose',
    operationId: 'getWindRose',
    summary: `Hours by sector and class of wind speed; the last ${PRESET_YEARS} years unless told, ${MAX_YEARS} at most.`,
    query: roseQuery,
    async find(request, deps) {
      const query = readQuery(roseQuery, request.query);
      const station = findStation(deps, part(request, 'id'));
      const whole = spanOf(query, request, deps);
      const from = Math.max(
        query.from === undefined ? whole.to - PRESET_YEARS * YEAR_MS : whole.from,
        whole.to - MAX_YEARS * YEAR_MS,
      );
      let first: number | undefined;
      const winds = await desk.turn(async () => {
        const found: number[] = [];
        for (let start = from; start < whole.to; start += YEAR_MS) {
          const points = await deps.archive.series({
            station: station.id,
            from: start,
            to: Math.min(whole.to, start + YEAR_MS),
            everyMs: HOUR_MS,
            quantities: ['windDirection', 'windSpeed'],
            limit: 10_000,
          });
          for (const { at, values } of points) {
            if (!values.windDirection || !values.windSpeed) continue;
            first ??= at;
            found.push(values.windDirection.value, values.windSpeed.value);
          }
          await pause();
        }
        return Float64Array.from(found);
      });
      // Unless told, the span begins where the station does: what was before it is not missing.
      const since = query.from === undefined ? (first ?? from) : from;
      const tag = tagOf(['wind-rose', station, query.sectors, since, whole.to], [winds]);
      return {
        tag,
        make: async () => {
          const pairs = Array.from({ length: winds.length / 2 }, (_, i) => ({
            direction: winds[2 * i] as number,
            speed: winds[2 * i + 1] as number,
          }));
          const rose = windRose(pairs, Number(query.sectors));
          return {
            basis: {
              quantities: ['windDirection', 'windSpeed'],
              unit: 'm/s',
              n: rose.n,
              from: formatInstant(since),
              to: formatInstant(whole.to),
              missing: shown(Math.max(0, 1 - rose.n / ((whole.to - since) / HOUR_MS))),
            },
            calmBelow: CALM,
            calm: rose.calm,
            speedClasses: SPEED_CLASSES,
            sectors: rose.sectors.map((counts, i) => ({
              direction: (i * 360) / rose.sectors.length,
              counts,
            })),
          };
        },
      };
    },
  });

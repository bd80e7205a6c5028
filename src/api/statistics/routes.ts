import type { z } from 'zod';
import type { Hours } from '../../statistics/hours.ts';
import type { Aggregates } from '../../store/archive/archive.ts';
import { readQuery } from '../input.ts';
import { part, type Route } from '../route.ts';
import { findStation } from '../stations.ts';
import { areaExtremes, areaTotals } from './areas.ts';
import { anomalies, climatology, completeness, summary, trend } from './climate.ts';
import { course, cycle } from './cycle.ts';
import { drought, spells, waves } from './days.ts';
import { extremes, idf } from './extremes.ts';
import { spanOf } from './input.ts';
import { answerRoute } from './reply.ts';
import type { Statistic } from './statistic.ts';
import { windRoseRoute } from './wind.ts';
import { StatisticsDesk, tagOf } from './work.ts';

/** A century of hours. */
const MAX_HOURS = 1_000_000;

/**
 * The statistics of a station are made of the archive's hours of one or two quantities. What they are made of names the
 * answer: as long as no hour changes the same question is answered from memory, or with 304.
 */
function ofStation<Query extends z.ZodObject>(desk: StatisticsDesk, statistic: Statistic<Query>): Route {
  const { path, summary: text, query: schema } = statistic;
  return answerRoute(desk, {
    path: `/api/v1/statistics/stations/{id}/${path}`,
    operationId: `getStation${path.charAt(0).toUpperCase()}${path.slice(1)}`,
    summary: text,
    query: schema,
    async find(request, deps) {
      const query = readQuery(schema, request.query);
      const station = findStation(deps, part(request, 'id'));
      const bounds = spanOf(query as { from?: number; to?: number }, request, deps);
      const names = statistic.quantities(query);
      const found = await desk.turn(async () => {
        const all = new Map<string, Aggregates>();
        for (const quantity of names) {
          const asked = { stations: [station.id], quantity, ...bounds };
          all.set(quantity, await deps.archive.aggregates({ ...asked, by: 'hour', limit: MAX_HOURS }));
        }
        return all;
      });
      const columns = [...found.values()].flatMap(({ at, sum, min, max, count, coveredMs }) => [
        ...[at, sum, min, max, count, coveredMs],
      ]);
      const tag = tagOf(
        [path, station, query, [...found].map(([name, { at }]) => [name, at.length])],
        columns,
      );
      const given = { station, hours: (name: string): Hours => found.get(name) as Aggregates };
      return { tag, make: () => desk.turn(() => statistic.answer(given, query)) };
    },
  });
}

/** Every route of `/api/v1/statistics`. */
export function statisticsRoutes(): readonly Route[] {
  const desk = new StatisticsDesk();
  return [
    ofStation(desk, summary),
    ofStation(desk, climatology),
    ofStation(desk, extremes),
    ofStation(desk, idf),
    ofStation(desk, trend),
    ofStation(desk, anomalies),
    ofStation(desk, spells),
    ofStation(desk, waves),
    ofStation(desk, drought),
    ofStation(desk, completeness),
    ofStation(desk, cycle),
    ofStation(desk, course),
    windRoseRoute(desk),
    areaTotals(desk),
    areaExtremes(desk),
  ];
}

import { z } from 'zod';
import { AtalaiaError } from '../lib/errors.ts';
import { quantities } from '../model/quantity.ts';
import type { Station } from '../model/station.ts';
import { DAY_MS, formatInstant } from '../model/time.ts';
import type { NeighbourMark, SeriesPoint } from '../store/archive/archive.ts';
import type { ApiDeps } from './deps.ts';
import { formatIsoSpan, instant, name, pageSize, readBody, readQuery, span } from './input.ts';
import { listOf, part, type Route, ref } from './route.ts';

const MAX_POINTS = 20_000;

const listQuery = z.strictObject({ limit: pageSize(10_000, 1000), cursor: name.optional() });
const seriesQuery = z.strictObject({
  from: instant.optional(),
  to: instant.optional(),
  every: span.optional(),
  cursor: instant.optional(),
});

const isZone = (zone: string): boolean => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).format(0) !== '';
  } catch {
    return false;
  }
};

/** The body of `PUT /stations/{id}`. */
export const stationBody = z.strictObject({
  id: name.optional(),
  name,
  latitude: z.number().min(-90).max(90),
  longitude: z.number().min(-180).max(180),
  altitude: z.number().min(-500).max(9000).nullable().default(null),
  region: name,
  timeZone: z.string().max(60).refine(isZone, 'is no IANA time zone, such as America/Sao_Paulo'),
  interval: span.nullable().default(null),
});

/** A station as JSON, with its latest values and health where they are known. */
export const stationView = (deps: ApiDeps, { intervalMs, ...station }: Station): object => ({
  ...station,
  interval: intervalMs === null ? null : formatIsoSpan(intervalMs),
  ...deps.stationView?.(station.id),
});

/** Throws ATL_NOT_FOUND. */
export function findStation(deps: ApiDeps, id: string): Station {
  const station = deps.stations().find((entry) => entry.id === id);
  if (station) return station;
  throw new AtalaiaError('ATL_NOT_FOUND', `There is no station ${id}. PUT /api/v1/stations/{id} adopts one.`);
}

const list: Route = {
  method: 'GET',
  path: '/api/v1/stations',
  operationId: 'listStations',
  summary: 'The stations, by id.',
  query: listQuery,
  responses: { 200: { description: 'A page of stations', schema: listOf('Station') } },
  problems: [400],
  handler(request, _reply, deps) {
    const { limit, cursor } = readQuery(listQuery, request.query);
    const sorted = deps
      .stations()
      .filter((station) => cursor === undefined || station.id > cursor)
      .sort((a, b) => (a.id < b.id ? -1 : 1));
    const page = sorted.slice(0, limit);
    return {
      items: page.map((station) => stationView(deps, station)),
      next: sorted.length > limit ? page.at(-1)?.id : null,
    };
  },
};

const one: Route = {
  method: 'GET',
  path: '/api/v1/stations/{id}',
  operationId: 'getStation',
  summary: 'One station.',
  responses: { 200: { description: 'The station', schema: ref('Station') } },
  problems: [404],
  handler: (request, _reply, deps) => stationView(deps, findStation(deps, part(request, 'id'))),
};

const put: Route = {
  method: 'PUT',
  path: '/api/v1/stations/{id}',
  operationId: 'putStation',
  summary: 'Adopts a station, or changes it; its region cannot change.',
  body: { types: ['application/json'], schema: ref('StationInput') },
  responses: {
    200: { description: 'Changed', schema: ref('Station') },
    201: { description: 'Adopted', schema: ref('Station') },
  },
  problems: [409, 415, 422],
  async handler(request, reply, deps) {
    const id = part(request, 'id');
    const { interval, ...body } = readBody(stationBody, request.body);
    if (id.length > 64 || /[\p{Cc}\s]/u.test(id)) {
      throw new AtalaiaError(
        'ATL_INPUT',
        'The station id is longer than 64 characters or holds white space. Choose another.',
      );
    }
    if (body.id !== undefined && body.id !== id) {
      throw new AtalaiaError(
        'ATL_INPUT',
        `Body \`id\` is ${body.id}, the address says ${id}. Make them equal.`,
      );
    }
    const known = deps.stations().find((entry) => entry.id === id);
    if (known && known.region !== body.region) {
      const message = `Station ${id} is in region ${known.region}, which cannot change. Adopt it under a new id.`;
      throw new AtalaiaError('ATL_CONFLICT', message);
    }
    const station: Station = { ...body, id, intervalMs: interval };
    await deps.putStation(station);
    return reply.code(known ? 200 : 201).send(stationView(deps, station));
  },
};

const series: Route = {
  method: 'GET',
  path: '/api/v1/stations/{id}/observations',
  operationId: 'listObservations',
  summary:
    'Observations of a station in canonical units, as observed or by `every`; the last day unless told. `count` and `completeness` say how much a span holds, `marks` what neighbouring stations say of its hours.',
  query: seriesQuery,
  responses: { 200: { description: 'Points in order of time', schema: listOf('SeriesPoint') } },
  problems: [400, 404],
  async handler(request, _reply, deps) {
    const query = readQuery(seriesQuery, request.query);
    const { id: station, intervalMs } = findStation(deps, part(request, 'id'));
    const to = query.to ?? deps.now();
    const from = query.cursor ?? query.from ?? to - DAY_MS;
    if (from >= to)
      throw new AtalaiaError('ATL_USAGE', 'Query `from` is not before `to`. Swap or widen them.');
    const everyMs = query.every ?? null;
    const points = await deps.archive.series({ station, from, to, everyMs, limit: MAX_POINTS + 1 });
    const shown = points.slice(0, MAX_POINTS);
    const marksOf = await readMarks(deps, station, shown, everyMs);
    const expected = everyMs === null || intervalMs === null ? null : everyMs / intervalMs;
    return {
      items: shown.map((point) => ({
        at: formatInstant(point.at),
        values: withUnits(point.values, expected, marksOf(point.at)),
      })),
      next: nextOf(points, everyMs),
    };
  },
};

/** From where the rest is asked: of spans the beginning, for a span is named by its end. */
function nextOf(points: readonly SeriesPoint[], everyMs: number | null): string | null {
  const rest = points[MAX_POINTS];
  return rest === undefined ? null : formatInstant(rest.at - (everyMs ?? 0));
}

/** With `expected` readings a span, how much of it is there. */
const withUnits = (
  values: SeriesPoint['values'],
  expected: number | null,
  marks: readonly NeighbourMark[],
): object =>
  Object.fromEntries(
    Object.entries(values).map(([quantity, value]) => [
      quantity,
      {
        ...value,
        unit: quantities.get(quantity)?.unit ?? '',
        ...(expected === null || expected < 1
          ? {}
          : { completeness: Math.min(1, Number((value.count / expected).toFixed(3))) }),
        ...marksBeside(marks.filter((mark) => mark.quantity === quantity)),
      },
    ]),
  );

const marksBeside = (marks: readonly NeighbourMark[]): object =>
  marks.length === 0
    ? {}
    : {
        marks: marks.map(({ check, from, to, value }) => ({
          check,
          from: formatInstant(from),
          to: formatInstant(to),
          value,
        })),
      };

/** What neighbours said of the hours of these points, ascending: of the hour a reading lies in, or of those a span holds. */
async function readMarks(
  deps: ApiDeps,
  station: string,
  points: readonly SeriesPoint[],
  everyMs: number | null,
): Promise<(at: number) => readonly NeighbourMark[]> {
  const spanMs = everyMs ?? 1;
  const from = (points[0]?.at ?? 0) - spanMs + 1;
  const to = (points.at(-1)?.at ?? 0) + 1;
  const marks = points.length === 0 ? [] : await deps.archive.marks({ station, from, to });
  let first = 0;
  return (at) => {
    while ((marks[first]?.to ?? Number.POSITIVE_INFINITY) <= at - spanMs) first++;
    let end = first;
    while ((marks[end]?.from ?? at) < at) end++;
    return marks.slice(first, end);
  };
}

export const stationRoutes: readonly Route[] = [list, one, put, series];

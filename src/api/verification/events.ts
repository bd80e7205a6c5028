import { z } from 'zod';
import { AtalaiaError } from '../../lib/errors.ts';
import { eventKinds, feedbackAnswers, type ObservedEvent } from '../../model/observed-event.ts';
import { levelNames } from '../../model/rule.ts';
import { DAY_MS, formatInstant } from '../../model/time.ts';
import { observedId } from '../../store/ledger/verification.ts';
import { operatorOf } from '../acts.ts';
import { feedbackView, unknownAlert } from '../alerts.ts';
import type { ApiDeps } from '../deps.ts';
import { instant, name, pageSize, readBody, readQuery } from '../input.ts';
import { listOf, part, type Route, ref } from '../route.ts';

const MAX_LENGTH_MS = 366 * DAY_MS;
const kinds = [...eventKinds.keys()];
const text = (max: number) => z.string().trim().max(max);

/** The body of `POST /events-observed`, and a row of a file of events. */
export const observedBody = z
  .strictObject({
    hazard: z.enum(kinds),
    /** A region's code or the id of a named area; else a point. */
    area: name.optional(),
    latitude: z.number().min(-90).max(90).optional(),
    longitude: z.number().min(-180).max(180).optional(),
    /** Round the point. */
    km: z.number().min(0).max(200).optional(),
    /** How grave it was; without it, it counts at every level. */
    level: z.enum(levelNames).optional(),
    from: instant,
    to: instant,
    note: text(2000).default(''),
    source: text(200).min(1),
  })
  .refine(({ from, to }) => to >= from, 'ends before it begins: exchange `from` and `to`')
  .refine(({ from, to }) => to - from <= MAX_LENGTH_MS, 'lasts longer than a year: enter its parts')
  .refine(
    ({ area, latitude, longitude }) =>
      (area !== undefined) !== (latitude !== undefined) &&
      (latitude === undefined) === (longitude === undefined),
    'needs one place: `area`, or `latitude` and `longitude`',
  )
  .refine(
    ({ area, km }) => area === undefined || km === undefined,
    '`km` belongs to a point, not to an area',
  );

/** An event as the ledger keeps it. */
export function observedOf(given: z.output<typeof observedBody>, createdAt: number): ObservedEvent {
  const { hazard, area, latitude = 0, longitude = 0, km = 0, level, from, to, note, source } = given;
  const event = {
    hazard,
    place: area === undefined ? { latitude, longitude, km } : { area },
    ...(level && { level }),
    ...{ from, to, note, source, createdAt },
  };
  return { id: observedId(event), ...event };
}

export const observedView = ({ place, from, to, createdAt, ...event }: ObservedEvent): object => ({
  ...event,
  ...place,
  from: formatInstant(from),
  to: formatInstant(to),
  createdAt: formatInstant(createdAt),
});

/** Throws ATL_INPUT for an area that is not here: such an event could only be missed. */
export function refuseUnknownArea({ place }: ObservedEvent, deps: Pick<ApiDeps, 'stations' | 'areas'>): void {
  if (!('area' in place)) return;
  const { area } = place;
  if (deps.stations().some(({ region }) => region === area) || deps.areas?.().some(({ id }) => id === area))
    return;
  throw new AtalaiaError(
    'ATL_INPUT',
    `\`area\`: no station is in a region or named area ${area}. Give latitude and longitude instead.`,
  );
}

const filter = z.strictObject({
  from: instant.optional(),
  to: instant.optional(),
  hazard: name.optional(),
  limit: pageSize(1000, 100),
  cursor: name.optional(),
});

const list: Route = {
  method: 'GET',
  path: '/api/v1/events-observed',
  operationId: 'listObserved',
  summary: 'Events that happened, as people reported them, the newest first.',
  query: filter,
  responses: { 200: { description: 'A page of events', schema: listOf('Observed') } },
  problems: [400],
  async handler(request, _reply, { ledger }) {
    const { from, to, hazard, limit, cursor } = readQuery(filter, request.query);
    const found = await ledger.observed({
      limit: limit + 1,
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
      ...(hazard === undefined ? {} : { hazard }),
      ...(cursor === undefined ? {} : { before: cursor }),
    });
    const page = found.slice(0, limit);
    return { items: page.map(observedView), next: found.length > limit ? (page.at(-1)?.id ?? null) : null };
  },
};

const post: Route = {
  method: 'POST',
  path: '/api/v1/events-observed',
  operationId: 'postObserved',
  summary: 'Enters an event that happened, to be matched with the alerts that were sent.',
  body: { types: ['application/json'], schema: ref('ObservedInput') },
  responses: {
    200: { description: 'The same event was there already', schema: ref('Observed') },
    201: { description: 'Entered', schema: ref('Observed') },
  },
  problems: [415, 422],
  async handler(request, reply, deps) {
    const event = observedOf(readBody(observedBody, request.body), deps.now());
    refuseUnknownArea(event, deps);
    const added = await deps.ledger.putObserved([event]);
    return reply.code(added === 1 ? 201 : 200).send(observedView(event));
  },
};

/** An area that no alert can be about: what happened there can only be missed. */
const isUnknown = (event: ObservedEvent, deps: ApiDeps): string | undefined => {
  try {
    refuseUnknownArea(event, deps);
  } catch {
    return 'area' in event.place ? event.place.area : undefined;
  }
  return undefined;
};

const importFile: Route = {
  method: 'POST',
  path: '/api/v1/events-observed/import',
  operationId: 'importObserved',
  summary: 'Enters the events of a CSV file; with one bad row nothing of it is taken.',
  body: { types: ['text/csv'], schema: { type: 'string' }, raw: true },
  responses: {
    200: {
      description: 'How many the file has, how many of them are new, and areas in it without a station',
      schema: {
        type: 'object',
        properties: {
          events: { type: 'integer' },
          added: { type: 'integer' },
          unknownAreas: { type: 'array', items: { type: 'string' } },
        },
      },
    },
  },
  problems: [413, 415, 422],
  async handler(request, _reply, deps) {
    if (!deps.readObserved) throw new AtalaiaError('ATL_NOT_FOUND', 'This server reads no files of events.');
    const csv = Buffer.isBuffer(request.body) ? request.body.toString('utf8') : '';
    const events = deps.readObserved(csv, deps.now());
    const added = await deps.ledger.putObserved(events);
    const unknownAreas = [...new Set(events.flatMap((event) => isUnknown(event, deps) ?? []))].slice(0, 20);
    return { events: events.length, added, unknownAreas };
  },
};

const remove: Route = {
  method: 'DELETE',
  path: '/api/v1/events-observed/{id}',
  operationId: 'deleteObserved',
  summary: 'Takes an event out that was entered by mistake.',
  responses: { 204: { description: 'It is gone' } },
  problems: [404],
  async handler(request, reply, { ledger }) {
    const id = part(request, 'id');
    if (await ledger.dropObserved(id)) return reply.code(204).send();
    throw new AtalaiaError(
      'ATL_NOT_FOUND',
      `There is no observed event ${id}. GET /api/v1/events-observed lists them.`,
    );
  },
};

const feedbackBody = z.strictObject({ wasReal: z.enum(feedbackAnswers), note: text(1000).default('') });

const feedback: Route = {
  method: 'POST',
  path: '/api/v1/alerts/{id}/feedback',
  operationId: 'postFeedback',
  summary: 'Was it real? What somebody in the field says of an alert; the newest answer counts.',
  body: { types: ['application/json'], schema: z.toJSONSchema(feedbackBody, { io: 'input' }) },
  responses: { 201: { description: 'Kept', schema: { type: 'object' } } },
  problems: [404, 415, 422],
  async handler(request, reply, deps) {
    const alert = part(request, 'id');
    const given = readBody(feedbackBody, request.body);
    if ((await deps.ledger.history(alert)).length === 0) throw unknownAlert(alert);
    const at = (deps.deliveryNow ?? deps.now)();
    const said = { alert, ...given, by: operatorOf(request), at };
    await deps.ledger.putFeedback(said);
    return reply.code(201).send(feedbackView(said));
  },
};

export const observedRoutes: readonly Route[] = [list, post, importFile, remove, feedback];

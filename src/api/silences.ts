import { randomBytes } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { AtalaiaError } from '../lib/errors.ts';
import { levelNames } from '../model/rule.ts';
import type { Silence } from '../model/silence.ts';
import { DAY_MS, formatInstant } from '../model/time.ts';
import { authorOf } from './access/caller.ts';
import type { ApiDeps } from './deps.ts';
import { instant, name, readBody, readQuery } from './input.ts';
import { listOf, part, type Route, ref } from './route.ts';

const MAX_MS = 31 * DAY_MS;
const MAX_SILENCES = 1000;
const names = z.array(name).min(1).max(1000).optional();
const words = (max: number) => z.string().trim().min(1).max(max);

/** The body of `POST` and `PUT /silences`. */
export const silenceBody = z.strictObject({
  matchers: z
    .strictObject({
      rule: names,
      hazard: names,
      area: names,
      station: names,
      /** The highest level that is silenced; red only where this says so. */
      level: z.enum(levelNames).default('orange'),
    })
    .refine(
      ({ rule, hazard, area, station }) => (rule ?? hazard ?? area ?? station) !== undefined,
      'names no rule, hazard, area or station. To hold everything, POST /api/v1/deliveries/hold',
    ),
  /** On a server with users it is the one who is signed in. */
  author: words(200).optional(),
  reason: words(1000),
  from: instant.optional(),
  until: instant,
});

const filter = z.strictObject({ state: z.enum(['open', 'all']).default('open') });

const view = (silence: Silence, at: number): object => ({
  ...silence,
  state: at < silence.from ? 'pending' : at < silence.until ? 'active' : 'ended',
  from: formatInstant(silence.from),
  until: formatInstant(silence.until),
  createdAt: formatInstant(silence.createdAt),
});

/** Silences follow the clock that deliveries follow, which in an exercise is not that of the recording. */
const clockOf = (deps: ApiDeps): number => (deps.deliveryNow ?? deps.now)();

/** Reads a silence from a body. Throws ATL_INPUT when its times make no sense. */
function readSilence(request: FastifyRequest, id: string, createdAt: number, now: number): Silence {
  const { from = now, until, matchers, author: given, reason } = readBody(silenceBody, request.body);
  const author = authorOf(request, given);
  const refuse = (text: string): never => {
    throw new AtalaiaError('ATL_INPUT', `Body \`until\`: ${text}. See /api/openapi.json.`);
  };
  if (until <= from || until <= now) refuse('is not after `from` and after now');
  if (until - Math.max(from, now) > MAX_MS) refuse('is more than 31 days away; renew the silence then');
  const named: unknown = JSON.parse(JSON.stringify(matchers));
  return { id, matchers: named as Silence['matchers'], author, reason, from, until, createdAt };
}

async function found({ ledger }: ApiDeps, id: string): Promise<Silence> {
  const silence = await ledger.silence(id);
  if (silence) return silence;
  throw new AtalaiaError('ATL_NOT_FOUND', `There is no silence ${id}. GET /api/v1/silences lists them.`);
}

const list: Route = {
  method: 'GET',
  path: '/api/v1/silences',
  operationId: 'listSilences',
  summary: 'Silences in force and to come; with state=all those that ended, too. At most 1000.',
  query: filter,
  responses: { 200: { description: 'The silences', schema: listOf('Silence') } },
  problems: [400],
  async handler(request, _reply, deps) {
    const { state } = readQuery(filter, request.query);
    const now = clockOf(deps);
    const silences = await deps.ledger.silences(state === 'all' ? -1 : now);
    return { items: silences.map((one) => view(one, now)), next: null };
  },
};

const post: Route = {
  method: 'POST',
  path: '/api/v1/silences',
  operationId: 'postSilence',
  summary: 'Holds back what matches, until a time; what still stands then is told then.',
  body: { types: ['application/json'], schema: ref('SilenceInput') },
  responses: { 201: { description: 'In force from its `from`', schema: ref('Silence') } },
  problems: [415, 422],
  async handler(request, reply, deps) {
    const now = clockOf(deps);
    const id = randomBytes(12).toString('hex');
    const silence = readSilence(request, id, now, now);
    if ((await deps.ledger.silences(now)).length >= MAX_SILENCES)
      throw new AtalaiaError('ATL_INPUT', `There are ${MAX_SILENCES} silences already. End some first.`);
    await deps.ledger.putSilence(silence, now);
    return reply.code(201).header('Location', `/api/v1/silences/${id}`).send(view(silence, now));
  },
};

const one: Route = {
  method: 'GET',
  path: '/api/v1/silences/{id}',
  operationId: 'getSilence',
  summary: 'One silence.',
  responses: { 200: { description: 'The silence', schema: ref('Silence') } },
  problems: [404],
  handler: async (request, _reply, deps) => view(await found(deps, part(request, 'id')), clockOf(deps)),
};

const put: Route = {
  method: 'PUT',
  path: '/api/v1/silences/{id}',
  operationId: 'putSilence',
  summary: 'Replaces a silence that has not ended.',
  body: { types: ['application/json'], schema: ref('SilenceInput') },
  responses: { 200: { description: 'As it is now', schema: ref('Silence') } },
  problems: [404, 409, 415, 422],
  async handler(request, _reply, deps) {
    const now = clockOf(deps);
    const { id, createdAt, until } = await found(deps, part(request, 'id'));
    if (until <= now)
      throw new AtalaiaError(
        'ATL_CONFLICT',
        `Silence ${id} has ended. Make a new one: POST /api/v1/silences.`,
      );
    const silence = readSilence(request, id, createdAt, now);
    await deps.ledger.putSilence(silence, now);
    return view(silence, now);
  },
};

const end: Route = {
  method: 'DELETE',
  path: '/api/v1/silences/{id}',
  operationId: 'endSilence',
  summary: 'Ends a silence now; it stays on record.',
  responses: { 204: { description: 'Ended' } },
  problems: [404],
  async handler(request, reply, deps) {
    const now = clockOf(deps);
    const silence = await found(deps, part(request, 'id'));
    if (silence.until > now)
      await deps.ledger.putSilence({ ...silence, from: Math.min(silence.from, now), until: now }, now);
    return reply.code(204).send();
  },
};

export const silenceRoutes: readonly Route[] = [list, post, one, put, end];

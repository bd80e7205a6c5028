import { z } from 'zod';
import type { StationKey } from '../../model/access.ts';
import { DAY_MS, formatInstant } from '../../model/time.ts';
import { instant, name, readBody } from '../input.ts';
import { listOf, part, type Route, ref } from '../route.ts';
import { actorOf } from './caller.ts';
import { addKey, rotateKey, unknownKey } from './create.ts';
import { accessOf } from './sessions.ts';

export const DEFAULT_PER_SECOND = 10;
/** How long the old key of a rotation lives on unless told. */
export const OVERLAP_MS = DAY_MS;

const names = z.array(name).max(1000).default([]);
const scope = z.union([
  z.literal('all'),
  z
    .strictObject({ stations: names, regions: names })
    .refine(
      ({ stations, regions }) => stations.length + regions.length > 0,
      'names neither station nor region',
    ),
]);
/** The body of `POST /keys`. */
export const keyBody = z.strictObject({
  name,
  scope,
  perSecond: z.number().min(0.001).max(1000).default(DEFAULT_PER_SECOND),
  endsAt: instant.optional(),
});
/** The body of `POST /keys/{id}/rotate`. */
export const rotationBody = z.strictObject({ oldEndsAt: instant.optional() });

/** A key as it is shown, without its hash. */
export const keyView = ({ hash: _, createdAt, endsAt, lastUsedAt, ...key }: StationKey): object => ({
  ...key,
  createdAt: formatInstant(createdAt),
  endsAt: endsAt === null ? null : formatInstant(endsAt),
  lastUsedAt: lastUsedAt === null ? null : formatInstant(lastUsedAt),
});

const list: Route = {
  method: 'GET',
  path: '/api/v1/keys',
  operationId: 'listKeys',
  summary: 'The station keys; their secrets are not kept.',
  responses: { 200: { description: 'All keys, the oldest first', schema: listOf('StationKey') } },
  async handler(_request, _reply, deps) {
    return { items: (await accessOf(deps).store.keys()).map(keyView), next: null };
  },
};

const add: Route = {
  method: 'POST',
  path: '/api/v1/keys',
  operationId: 'postKey',
  summary: 'Makes a station key; it is shown once.',
  body: { types: ['application/json'], schema: ref('StationKeyInput') },
  responses: { 201: { description: 'Made; `key` is the secret', schema: ref('StationKey') } },
  problems: [415, 422],
  async handler(request, reply, deps) {
    const access = accessOf(deps);
    const given = readBody(keyBody, request.body);
    const createdBy = actorOf(request) ?? '';
    const key = { ...given, endsAt: given.endsAt ?? null, createdBy };
    const made = await addKey(access.store, key, access.now());
    await access.refresh();
    return reply
      .code(201)
      .header('Cache-Control', 'no-store')
      .send({ ...keyView(made.kept), key: made.secret });
  },
};

const rotate: Route = {
  method: 'POST',
  path: '/api/v1/keys/{id}/rotate',
  operationId: 'rotateKey',
  summary: 'Makes the key that follows another one, which ends at `oldEndsAt` (a day from now unless told).',
  body: { types: ['application/json'], schema: ref('KeyRotation') },
  responses: { 201: { description: 'Made; `key` is the secret', schema: ref('StationKey') } },
  problems: [404, 415, 422],
  async handler(request, reply, deps) {
    const access = accessOf(deps);
    const now = access.now();
    const { oldEndsAt = now + OVERLAP_MS } = readBody(rotationBody, request.body ?? {});
    const rotation = { id: part(request, 'id'), oldEndsAt, by: actorOf(request) ?? '' };
    const made = await rotateKey(access.store, rotation, now);
    await access.refresh();
    return reply
      .code(201)
      .header('Cache-Control', 'no-store')
      .send({ ...keyView(made.kept), key: made.secret });
  },
};

const remove: Route = {
  method: 'DELETE',
  path: '/api/v1/keys/{id}',
  operationId: 'deleteKey',
  summary: 'Removes a key; other processes hear of it within seconds.',
  responses: { 204: { description: 'Gone' } },
  problems: [404],
  async handler(request, reply, deps) {
    const access = accessOf(deps);
    const id = part(request, 'id');
    if (!(await access.store.removeKey(id))) throw unknownKey(id);
    await access.refresh();
    return reply.code(204).send();
  },
};

export const keyRoutes: readonly Route[] = [list, add, rotate, remove];

import { z } from 'zod';
import { AtalaiaError } from '../../lib/errors.ts';
import { checkPassword, hashPassword } from '../../lib/password.ts';
import { roles, type User, userKey } from '../../model/access.ts';
import { languages } from '../../model/language.ts';
import { formatInstant } from '../../model/time.ts';
import type { UserChange } from '../../store/ledger/access.ts';
import { name, readBody } from '../input.ts';
import { listOf, part, type Route, ref } from '../route.ts';
import { callerOf } from './caller.ts';
import { checkAreas, newUser } from './create.ts';
import { accessOf, personOf, userView } from './sessions.ts';

const role = z.enum(roles);
const areas = z.union([z.literal('all'), z.array(name).min(1).max(1000)]);
const spoken = z.array(z.enum(languages)).min(1).max(languages.length);
const password = z.string().min(1).max(1000);

/** The body of `POST /users`. */
export const userBody = z.strictObject({
  name,
  password,
  role,
  areas: areas.default('all'),
  languages: spoken.default([...languages]),
});
/** The body of `PATCH /users/{name}`. */
export const userChangeBody = z
  .strictObject({
    role: role.optional(),
    areas: areas.optional(),
    languages: spoken.optional(),
    /** A new one ends sessions and tokens. */
    password: password.optional(),
  })
  .refine((change) => Object.values(change).some((value) => value !== undefined), 'says nothing to change');

/** A user as admins see it, without the hash of the password. */
const adminView = (user: User): object => ({ ...userView(user), createdAt: formatInstant(user.createdAt) });

const unknown = (given: string): AtalaiaError =>
  new AtalaiaError('ATL_NOT_FOUND', `There is no user ${given}. GET /api/v1/users lists them.`);

const list: Route = {
  method: 'GET',
  path: '/api/v1/users',
  operationId: 'listUsers',
  summary: 'The people who may use the server.',
  responses: { 200: { description: 'All users, by name', schema: listOf('User') } },
  async handler(_request, _reply, deps) {
    return { items: (await accessOf(deps).store.users()).map(adminView), next: null };
  },
};

const add: Route = {
  method: 'POST',
  path: '/api/v1/users',
  operationId: 'postUser',
  summary: 'Makes a user, in a session of an admin.',
  body: { types: ['application/json'], schema: ref('UserInput') },
  responses: { 201: { description: 'Made', schema: ref('User') } },
  problems: [409, 415, 422],
  async handler(request, reply, deps) {
    const by = personOf(callerOf(request)).user.name;
    const access = accessOf(deps);
    const user = await newUser(readBody(userBody, request.body), access.now());
    if (!(await access.store.addUser(user)))
      throw new AtalaiaError('ATL_CONFLICT', `There is a user ${user.name} already. Choose another name.`);
    deps.log.info({ by, ...userView(user) }, 'user added');
    return reply
      .code(201)
      .header('Location', `/api/v1/users/${encodeURIComponent(user.name)}`)
      .send(adminView(user));
  },
};

const change: Route = {
  method: 'PATCH',
  path: '/api/v1/users/{name}',
  operationId: 'patchUser',
  summary: 'Gives a user another role, areas or languages, in force at once, or a new password.',
  body: { types: ['application/json'], schema: ref('UserChange') },
  responses: { 200: { description: 'As it is now', schema: ref('User') } },
  problems: [404, 409, 415, 422],
  async handler(request, _reply, deps) {
    const by = personOf(callerOf(request)).user.name;
    const { store } = accessOf(deps);
    const given = part(request, 'name');
    const key = userKey(given);
    const { password: secret, ...rest } = readBody(userChangeBody, request.body);
    const before = await store.user(key);
    if (!before) throw unknown(given);
    checkAreas({ role: rest.role ?? before.role, areas: rest.areas ?? before.areas });
    if (secret !== undefined) checkPassword(secret, before.name);
    const changes = Object.entries(rest).filter(([, value]) => value !== undefined);
    const after =
      changes.length > 0 ? await store.changeUser(key, Object.fromEntries(changes) as UserChange) : before;
    if (!after || (secret !== undefined && !(await store.putPassword(key, await hashPassword(secret)))))
      throw unknown(given);
    deps.log.info({ by, ...userView(after), password: secret !== undefined }, 'user changed');
    return adminView(after);
  },
};

const remove: Route = {
  method: 'DELETE',
  path: '/api/v1/users/{name}',
  operationId: 'deleteUser',
  summary: 'Removes a user with sessions and tokens; the last admin stays.',
  responses: { 204: { description: 'Gone' } },
  problems: [404, 409],
  async handler(request, reply, deps) {
    const by = personOf(callerOf(request)).user.name;
    const given = part(request, 'name');
    if (!(await accessOf(deps).store.removeUser(userKey(given), true))) throw unknown(given);
    deps.log.info({ by, name: given }, 'user removed');
    return reply.code(204).send();
  },
};

export const userRoutes: readonly Route[] = [list, add, change, remove];

import { z } from 'zod';
import { AtalaiaError } from '../../lib/errors.ts';
import { hashSecret } from '../../lib/secret.ts';
import { type Session, type User, userKey } from '../../model/access.ts';
import { formatInstant } from '../../model/time.ts';
import type { ApiDeps } from '../deps.ts';
import { instant, name, readBody } from '../input.ts';
import { HttpProblem } from '../problem.ts';
import { listOf, part, type Route, ref } from '../route.ts';
import { callerOf, cookieOf, identify, sendCookie } from './caller.ts';
import { checkName, newSession, TOKEN_LIFE_MS } from './create.ts';
import type { AccessKeeper, Caller } from './keeper.ts';

const MAX_TOKENS = 20;

/** The body of `POST /session`. */
export const signInBody = z.strictObject({ name, password: z.string().min(1).max(1000) });
/** The body of `POST /tokens`. */
export const tokenBody = z.strictObject({ name, endsAt: instant.optional() });

export const userView = ({ name, role, areas, languages }: User): object => ({
  name,
  role,
  areas,
  languages,
});

/** Who asks: `required` tells whether this server asks anybody. */
const sessionView = (deps: ApiDeps, caller: { user: User; session: Session } | undefined): object => ({
  required: deps.access?.isRequired === true,
  user: caller ? userView(caller.user) : null,
  ...(caller ? { endsAt: formatInstant(caller.session.endsAt) } : {}),
});

/** The part that knows users. Throws ATL_NOT_FOUND on a server without. */
export function accessOf({ access }: ApiDeps): AccessKeeper {
  if (access) return access;
  throw new AtalaiaError('ATL_NOT_FOUND', 'This server has no users and keys.');
}

const signIn: Route = {
  method: 'POST',
  path: '/api/v1/session',
  operationId: 'postSession',
  summary: 'Signs in: the session is in a cookie that scripts of a page cannot read.',
  body: { types: ['application/json'], schema: ref('SignIn') },
  responses: { 200: { description: 'Signed in', schema: ref('Session') } },
  problems: [401, 403, 404, 415, 422, 429, 503],
  async handler(request, reply, deps) {
    const access = accessOf(deps);
    const given = readBody(signInBody, request.body);
    const seconds = access.signInWait(given.name, request.ip);
    if (seconds > 0) {
      reply.header('Retry-After', String(seconds));
      throw new HttpProblem('ATL_TOO_MANY', `Too many attempts to sign in. Try again in ${seconds} s.`);
    }
    const user = await access.check(given.name, given.password);
    if (!user) {
      deps.log.warn({ address: request.ip }, 'sign-in refused');
      throw new AtalaiaError('ATL_UNAUTHORIZED', 'Name or password is wrong. Try again, or ask an admin.');
    }
    // A session that was there before is not gone on with.
    const before = cookieOf(request, deps);
    if (before !== undefined) await access.store.endSession(hashSecret(before));
    const { secret, session } = await access.begin(user);
    deps.log.info({ by: user.name, address: request.ip }, 'signed in');
    sendCookie(request, reply, deps, secret);
    return reply.header('Cache-Control', 'no-store').send(sessionView(deps, { user, session }));
  },
};

const whoAmI: Route = {
  method: 'GET',
  path: '/api/v1/session',
  operationId: 'getSession',
  summary: 'Who asks, and whether this server asks anybody who they are; asking is no use of the session.',
  responses: { 200: { description: 'The user, or null', schema: ref('Session') } },
  async handler(request, reply, deps) {
    return reply
      .header('Cache-Control', 'no-store')
      .send(sessionView(deps, await identify(request, deps, false)));
  },
};

const leave: Route = {
  method: 'DELETE',
  path: '/api/v1/session',
  operationId: 'deleteSession',
  summary: 'Leaves: the session is over, here and on the server.',
  responses: { 204: { description: 'Left' } },
  problems: [403],
  async handler(request, reply, deps) {
    const secret = cookieOf(request, deps);
    if (secret !== undefined) await deps.access?.store.endSession(hashSecret(secret));
    sendCookie(request, reply, deps, null);
    return reply.code(204).send();
  },
};

const tokenView = ({ id, name, createdAt, seenAt, endsAt }: Session): object => ({
  ...{ id, name, createdAt: formatInstant(createdAt), seenAt: formatInstant(seenAt) },
  endsAt: formatInstant(endsAt),
});

/** Tokens and users are made and removed by a person, so that a stolen token cannot live on in others. Throws ATL_FORBIDDEN. */
export function personOf(caller: Caller | undefined): Caller {
  if (caller?.session.kind === 'session') return caller;
  throw new HttpProblem(
    'ATL_FORBIDDEN',
    'A token makes, changes and removes no tokens and users. Sign in and do it again.',
  );
}

const listTokens: Route = {
  method: 'GET',
  path: '/api/v1/tokens',
  operationId: 'listTokens',
  summary: 'The tokens of whoever asks; their secrets are not kept.',
  responses: { 200: { description: 'The tokens', schema: listOf('Token') } },
  async handler(request, _reply, deps) {
    const { user } = callerOf(request) as Caller;
    const tokens = await accessOf(deps).store.sessions(userKey(user.name), 'token');
    return { items: tokens.map(tokenView), next: null };
  },
};

const addToken: Route = {
  method: 'POST',
  path: '/api/v1/tokens',
  operationId: 'postToken',
  summary: 'Makes a token for a script, with role and areas of whoever asks; it is shown once.',
  body: { types: ['application/json'], schema: ref('TokenInput') },
  responses: { 201: { description: 'Made; `token` goes into Authorization: Bearer', schema: ref('Token') } },
  problems: [409, 415, 422],
  async handler(request, reply, deps) {
    const { user } = personOf(callerOf(request));
    const { store } = accessOf(deps);
    const given = readBody(tokenBody, request.body);
    const now = accessOf(deps).now();
    const key = userKey(user.name);
    const endsAt = given.endsAt ?? now + TOKEN_LIFE_MS;
    if (endsAt <= now || endsAt > now + TOKEN_LIFE_MS)
      throw new AtalaiaError('ATL_INPUT', 'Body `endsAt`: must lie within a year from now.');
    if ((await store.sessions(key, 'token')).length >= MAX_TOKENS)
      throw new AtalaiaError('ATL_INPUT', `There are ${MAX_TOKENS} tokens already. Delete some first.`);
    const fields = { kind: 'token', user: key, name: checkName(given.name), idleMs: null, endsAt } as const;
    const { secret, kept } = newSession(fields, now);
    await store.putSession(kept, MAX_TOKENS);
    return reply
      .code(201)
      .header('Cache-Control', 'no-store')
      .send({ ...tokenView(kept), token: secret });
  },
};

const removeToken: Route = {
  method: 'DELETE',
  path: '/api/v1/tokens/{id}',
  operationId: 'deleteToken',
  summary: 'Ends a token of whoever asks.',
  responses: { 204: { description: 'Gone' } },
  problems: [404],
  async handler(request, reply, deps) {
    const { user } = personOf(callerOf(request));
    const { store } = accessOf(deps);
    const id = part(request, 'id');
    const found = (await store.sessions(userKey(user.name), 'token')).find((token) => token.id === id);
    if (!found || !(await store.endSession(found.hash)))
      throw new AtalaiaError(
        'ATL_NOT_FOUND',
        `There is no token ${id} of yours. GET /api/v1/tokens lists them.`,
      );
    return reply.code(204).send();
  },
};

export const sessionRoutes: readonly Route[] = [signIn, whoAmI, leave, listTokens, addToken, removeToken];

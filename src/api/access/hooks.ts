import type { FastifyReply, FastifyRequest } from 'fastify';
import { AtalaiaError } from '../../lib/errors.ts';
import { coversArea, hasRole, type Role, type TypedCode } from '../../model/access.ts';
import type { ApiDeps } from '../deps.ts';
import { HttpProblem } from '../problem.ts';
import { part, type Route } from '../route.ts';
import { isKnownCode } from './areas.ts';
import { bearerOf, callerOf, identify, setKey } from './caller.ts';
import type { AccessKeeper } from './keeper.ts';
import { policyOf } from './policy.ts';

type Hook = (request: FastifyRequest, reply: FastifyReply) => Promise<void>;
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

/** What a route asks of whoever calls it: by the headers, before a byte of the body is read; areas after. */
export function accessHooks(
  route: Route,
  deps: ApiDeps,
): { readonly onRequest?: Hook; readonly preHandler?: Hook[] } {
  const policy = policyOf(route);
  if (policy === 'public') return {};
  if (policy === 'known')
    return { onRequest: async (request) => void (await identify(request, deps, false)) };
  if (policy === 'producer')
    return {
      onRequest: async (request, reply) => {
        if (deps.access) admitProducer(request, reply, deps, deps.access);
      },
    };
  const { role, always = false, areas } = typeof policy === 'string' ? { role: policy } : policy;
  const onRequest: Hook = async (request, reply) => {
    if (always || deps.access?.isRequired) await admitUser(request, reply, deps, role);
    const by = callerOf(request)?.user.name;
    if (by !== undefined && !SAFE.has(request.method))
      deps.log.info({ by, operation: route.operationId, path: request.url.split('?', 1)[0] }, 'asked for');
  };
  if (!areas) return { onRequest };
  const preHandler: Hook = async (request) => {
    const user = callerOf(request)?.user;
    if (!user || user.areas === 'all') return;
    const changed = await areas(request, deps);
    const isKnown = ({ kind, code }: TypedCode): boolean => isKnownCode(kind, code, deps);
    if (changed.every((codes) => coversArea(user, codes, isKnown))) return;
    const own = user.areas.slice(0, 20).join(', ');
    throw new HttpProblem(
      'ATL_FORBIDDEN',
      `This lies, or could lie, outside of the areas of ${user.name} (${own}). Ask a user whose areas cover it.`,
    );
  };
  return { onRequest, preHandler: [preHandler] };
}

/** A page that asks by itself, without a person at it, keeps no session alive; it says so of itself. */
const isBackground = ({ headers }: FastifyRequest): boolean => headers['atalaia-background'] === '1';

async function admitUser(
  request: FastifyRequest,
  reply: FastifyReply,
  deps: ApiDeps,
  role: Role,
): Promise<void> {
  reply.header('Cache-Control', 'private, no-store');
  const caller = await identify(request, deps, !isBackground(request));
  if (!caller)
    throw unauthorized(
      reply,
      'Sign in (POST /api/v1/session), or send a token as Authorization: Bearer. `atalaia user add` makes the first user.',
    );
  // Browsers say where a request that changes something comes from; security.ts refuses foreign origins.
  const isFromPage = request.headers.origin ?? request.headers['sec-fetch-site'];
  if (caller.session.kind === 'session' && !SAFE.has(request.method) && isFromPage === undefined)
    throw new HttpProblem(
      'ATL_FOREIGN_ORIGIN',
      'A session belongs to a browser, and this request has no Origin. Scripts use a token (POST /api/v1/tokens).',
    );
  if (hasRole(caller.user.role, role)) return;
  throw new HttpProblem(
    'ATL_FORBIDDEN',
    `This needs the role ${role}; ${caller.user.name} is ${caller.user.role}. Ask a user who has it.`,
  );
}

/** Station keys count wherever they are shown; where they are asked for, none or a wrong one is refused. */
function admitProducer(
  request: FastifyRequest,
  reply: FastifyReply,
  deps: ApiDeps,
  access: AccessKeeper,
): void {
  const secrets = secretsOf(request);
  for (const secret of secrets) {
    const key = access.key(secret);
    if (!key) continue;
    const seconds = access.useKey(key);
    if (seconds > 0) {
      reply.header('Retry-After', String(seconds));
      const limit = `More than ${key.perSecond} requests a second came with the key ${key.name}.`;
      throw new HttpProblem(
        'ATL_TOO_MANY',
        `${limit} Send again in ${seconds} s, several reports in one request.`,
      );
    }
    setKey(request, key);
    return;
  }
  const door = part(request, 'name');
  if (!access.isRequired || secrets.some((secret) => deps.doorKey?.(door, secret))) return;
  throw unauthorized(
    reply,
    secrets.length > 0
      ? 'This station key is not valid: wrong, ended or removed. `atalaia key add` makes another one.'
      : 'Reports need a station key: Authorization: Bearer KEY, or X-Api-Key. `atalaia key add` makes one.',
  );
}

/** Where producers can say a key: the headers; at a door `key`, and the password of Wunderground's protocol, in the query. */
function secretsOf(request: FastifyRequest): string[] {
  const given = request.headers['x-api-key'];
  const found: (string | null | undefined)[] = [bearerOf(request), Array.isArray(given) ? null : given];
  if (part(request, 'name') !== '') {
    const query = new URLSearchParams(request.url.slice(request.url.indexOf('?') + 1));
    found.push(query.get('key'), query.get('PASSWORD'));
  }
  return found.filter((secret): secret is string => typeof secret === 'string' && secret.length > 0);
}

function unauthorized(reply: FastifyReply, message: string): AtalaiaError {
  reply.header('WWW-Authenticate', 'Bearer realm="atalaia"');
  return new AtalaiaError('ATL_UNAUTHORIZED', message);
}

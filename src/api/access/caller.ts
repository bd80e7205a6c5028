import type { FastifyReply, FastifyRequest } from 'fastify';
import { AtalaiaError } from '../../lib/errors.ts';
import { isInScope, type StationKey } from '../../model/access.ts';
import type { ApiDeps } from '../deps.ts';
import type { Caller } from './keeper.ts';

/** The name that browsers keep for this origin alone, over TLS alone; and the one on the machine itself. */
const SECURE_COOKIE = '__Host-atalaia';
const PLAIN_COOKIE = 'atalaia';
const MAX_SECRET_LENGTH = 200;

const callers = new WeakMap<FastifyRequest, Caller>();
const keys = new WeakMap<FastifyRequest, StationKey>();

export const setCaller = (request: FastifyRequest, caller: Caller): void => void callers.set(request, caller);
/** The person behind a request that was asked for one; undefined on a server that asks nobody. */
export const callerOf = (request: FastifyRequest): Caller | undefined => callers.get(request);
/** The name that acts of the request are written under; undefined on a server that asks nobody. */
export const actorOf = (request: FastifyRequest): string | undefined => callers.get(request)?.user.name;

/** Who wrote it: the user, else the name that the body gives. Throws ATL_INPUT on neither. */
export function authorOf(request: FastifyRequest, given: string | undefined): string {
  const author = actorOf(request) ?? given;
  if (author !== undefined) return author;
  throw new AtalaiaError('ATL_INPUT', 'Body `author` is missing: say who does this.');
}

export const setKey = (request: FastifyRequest, key: StationKey): void => void keys.set(request, key);

/** Which stations a request with a key may report for; undefined without a key: all. */
export function mayReportOf(
  request: FastifyRequest,
): ((station: string, region: string | undefined) => boolean) | undefined {
  const key = keys.get(request);
  return key && ((station, region) => isInScope(key.scope, station, region));
}

/** The secret of `Authorization: Bearer`. */
export function bearerOf({ headers }: FastifyRequest): string | undefined {
  const [, secret] = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '') ?? [];
  return secret !== undefined && secret.length <= MAX_SECRET_LENGTH ? secret : undefined;
}

/** Is the way to the browser safe from listeners, or must be? Behind a front that ends TLS, it says so. */
const isSecure = (request: FastifyRequest, deps: ApiDeps): boolean =>
  deps.access?.isOpen === true || request.headers['x-forwarded-proto'] === 'https';

/** The secret of the session's cookie (RFC 6265, section 5.4). */
export function cookieOf(request: FastifyRequest, deps: ApiDeps): string | undefined {
  const name = isSecure(request, deps) ? SECURE_COOKIE : PLAIN_COOKIE;
  for (const pair of (request.headers.cookie ?? '').split(';')) {
    const [key, value = ''] = pair.split('=', 2);
    if (key?.trim() === name && value.length > 0 && value.length <= MAX_SECRET_LENGTH) return value.trim();
  }
  return undefined;
}

/** Gives the browser the session's cookie, or takes it away (null). It ends with the browser: the server knows when it is over. */
export function sendCookie(
  request: FastifyRequest,
  reply: FastifyReply,
  deps: ApiDeps,
  secret: string | null,
): void {
  const secure = isSecure(request, deps);
  const age = secret === null ? '; Max-Age=0' : '';
  reply.header(
    'Set-Cookie',
    `${secure ? SECURE_COOKIE : PLAIN_COOKIE}=${secret ?? ''}; Path=/; HttpOnly; SameSite=Strict${secure ? '; Secure' : ''}${age}`,
  );
}

/** Who the headers show by a right secret, found without a look into the ledger; undefined for all others. */
export function knownCaller(request: FastifyRequest, deps: ApiDeps): string | undefined {
  const { access } = deps;
  if (!access) return undefined;
  const shown = request.headers['x-api-key'];
  for (const secret of [bearerOf(request), typeof shown === 'string' ? shown : undefined]) {
    const key = secret === undefined ? undefined : access.key(secret);
    if (key) return `key ${key.id}`;
  }
  const secret = bearerOf(request) ?? cookieOf(request, deps);
  const user = secret === undefined ? undefined : access.recentUser(secret);
  return user === undefined ? undefined : `user ${user}`;
}

/** The person of the request's token or cookie, kept for the rest of the request; undefined when there is none. */
export async function identify(
  request: FastifyRequest,
  deps: ApiDeps,
  isUse: boolean,
): Promise<Caller | undefined> {
  const known = callers.get(request);
  const { access } = deps;
  if (known || !access) return known;
  const token = bearerOf(request);
  const secret = token ?? cookieOf(request, deps);
  if (secret === undefined) return undefined;
  const caller = await access.identify(secret, token === undefined ? 'session' : 'token', isUse);
  if (caller) setCaller(request, caller);
  return caller;
}

import type { FastifyInstance, FastifyRequest } from 'fastify';
import { HttpProblem } from './problem.ts';

export interface RateLimit {
  /** Requests a second that a client may make for ever. */
  readonly perSecond: number;
  /** Requests that it may make at once. */
  readonly burst: number;
  /** Clients that are remembered; the one that asked least recently is forgotten first. */
  readonly clients: number;
  /** Ms of the machine; not the time of a recording, which can stand. */
  readonly now?: () => number;
}

/** Far above what people, dashboards and stations ask; a client out of control is slowed, the others are not. */
const generous: RateLimit = { perSecond: 1000, burst: 10_000, clients: 10_000 };

/** What a monitor on the machine itself asks must be told however busy the rest is. */
const PROBES: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/metrics']);
const LOOPBACK = /^(?:::ffff:)?127\.|^::1$/;

interface Bucket {
  tokens: number;
  at: number;
}

/** Token buckets by client, in order of their last request. */
export class RateLimiter {
  readonly #limit: RateLimit;
  readonly #now: () => number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(limit: RateLimit) {
    this.#limit = limit;
    this.#now = limit.now ?? (() => performance.now());
  }

  get size(): number {
    return this.#buckets.size;
  }

  /** 0: the request may pass; else the whole seconds after which one may. */
  take(client: string): number {
    const { perSecond, burst, clients } = this.#limit;
    const at = this.#now();
    const known = this.#buckets.get(client);
    // A clock that is set back gives nothing and takes nothing.
    const passedMs = known ? Math.max(0, at - known.at) : 0;
    const tokens = known ? Math.min(burst, known.tokens + (passedMs * perSecond) / 1000) : burst;
    this.#buckets.delete(client);
    if (this.#buckets.size >= clients) this.#buckets.delete(this.#buckets.keys().next().value as string);
    const passes = tokens >= 1;
    this.#buckets.set(client, { tokens: passes ? tokens - 1 : tokens, at });
    return passes ? 0 : Math.max(1, Math.ceil((1 - tokens) / perSecond));
  }
}

/**
 * Refuses with 429 what a client asks beyond the limit. A client is whoever `callerOf` knows at once, by a secret that is
 * right; all else of an address is one: a header that anybody can make up gives no limit of its own.
 */
export function limitRate(
  app: FastifyInstance,
  limit: RateLimit = generous,
  callerOf: (request: FastifyRequest) => string | undefined = () => undefined,
): void {
  const limiter = new RateLimiter(limit);
  app.addHook('onRequest', async (request, reply) => {
    const path = request.url.split('?', 1)[0] as string;
    if (PROBES.has(path) && LOOPBACK.test(request.ip)) return;
    const seconds = limiter.take(callerOf(request) ?? request.ip);
    if (seconds === 0) return;
    reply.header('Retry-After', String(seconds));
    throw new HttpProblem(
      'ATL_TOO_MANY',
      `More than ${limit.perSecond} requests a second came from ${request.ip}. Send again in ${seconds} s, several reports in one request.`,
    );
  });
}

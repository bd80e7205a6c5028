import type { FastifyInstance, FastifyRequest } from 'fastify';
import { HttpProblem } from './problem.ts';

/** OWASP Secure Headers; the dashboard sets styles from code, and nothing else comes from outside. */
const headers = {
  'Content-Security-Policy':
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' blob:; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'X-Frame-Options': 'DENY',
  'Cross-Origin-Opener-Policy': 'same-origin',
} as const;

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);
const LOOPBACK = /^(localhost|.+\.localhost|127(?:\.\d{1,3}){3}|::1)$/;

export interface Bound {
  /** Address listened on; undefined before that. */
  host?: string;
}

/**
 * Puts the security headers on every answer and refuses unsafe requests that a page of another origin makes (its Origin
 * or Sec-Fetch-Site tells), and on a loopback address those under a foreign host name (DNS rebinding).
 */
export function guard(app: FastifyInstance, bound: Bound, hosts: readonly string[]): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(headers);
    if (SAFE.has(request.method)) return;
    refuseForeignOrigin(request);
    const name = hostName(request.headers.host);
    const loopback = bound.host !== undefined && LOOPBACK.test(bound.host);
    if (loopback && !LOOPBACK.test(name) && !hosts.includes(name)) {
      throw new HttpProblem(
        'ATL_FOREIGN_ORIGIN',
        `The host name ${name} is none of this server's. Ask it under localhost.`,
      );
    }
  });
}

function refuseForeignOrigin(request: FastifyRequest): void {
  const { origin, host } = request.headers;
  const site = request.headers['sec-fetch-site'];
  const foreign = origin !== undefined && originHost(origin) !== host?.toLowerCase();
  if (!foreign && (site === undefined || site === 'same-origin' || site === 'none')) return;
  throw new HttpProblem(
    'ATL_FOREIGN_ORIGIN',
    'A page of another origin may not change anything here. Use the dashboard.',
  );
}

/** Host and port of an origin; `null` and what cannot be read match no host. */
const originHost = (origin: string): string | null => (URL.canParse(origin) ? new URL(origin).host : null);

/** The name in a Host header, without port and brackets. */
const hostName = (host = ''): string =>
  host
    .toLowerCase()
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1');

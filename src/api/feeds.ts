import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { z } from 'zod';
import { name, readQuery } from './input.ts';
import type { Route } from './route.ts';

const LEAST_ZIPPED_BYTES = 1000;
const zip = promisify(gzip);

const feedQuery = z.strictObject({
  hazard: name.optional(),
  area: name.optional(),
  lang: z.enum(['pt-BR', 'en']).optional(),
  before: z.string().max(40).optional(),
});

const feed = (format: 'atom' | 'rss'): Route => ({
  method: 'GET',
  path: `/cap/feed.${format}`,
  operationId: `${format}Feed`,
  summary: `The CAP messages that left, newest first, as ${format === 'atom' ? 'Atom 1.0' : 'RSS 2.0'}: all, or of a hazard or an area.`,
  query: feedQuery,
  responses: {
    200: {
      description: 'The feed; what has no room follows by its link `next`',
      type: `application/${format}+xml`,
    },
    304: { description: 'Not changed since If-None-Match' },
  },
  problems: [400],
  async handler(request, reply, { capFeed, now, readiness }) {
    const { lang, ...query } = readQuery(feedQuery, request.query);
    const given = Object.entries({ ...query, language: lang }).filter(([, value]) => value !== undefined);
    const { body, etag, updatedAt } = await capFeed({ format, ...Object.fromEntries(given) });
    const quoted = /^(W\/)?".*"$/.test(etag) ? etag : `"${etag}"`;
    reply.header('ETag', quoted).header('Cache-Control', 'no-cache').header('Vary', 'Accept-Encoding');
    if (updatedAt > 0) reply.header('Last-Modified', new Date(updatedAt).toUTCString());
    // A quiet feed and a dead one look alike: these tell that somebody watches, also on a 304.
    reply.header('Atalaia-Checked-At', new Date(now()).toISOString());
    reply.header('Atalaia-Ready', String(readiness().ready));
    if (matches(request.headers['if-none-match'], quoted)) return reply.code(304).send();
    reply.type(`application/${format}+xml; charset=utf-8`);
    if (body.length < LEAST_ZIPPED_BYTES || !takesGzip(request.headers['accept-encoding']))
      return reply.send(body);
    // The zipped bytes are others: their tag is weak (RFC 9110, 8.8.3.1).
    return reply
      .header('ETag', `W/${quoted.replace(/^W\//, '')}`)
      .header('Content-Encoding', 'gzip')
      .send(await zip(body));
  },
});

/** Whether `Accept-Encoding` names gzip, or all, with a weight above 0 (RFC 9110, 12.5.3). */
function takesGzip(header: string | undefined): boolean {
  const weights = new Map(
    (header ?? '').split(',').map((part) => {
      const [coding = '', ...parameters] = part
        .trim()
        .toLowerCase()
        .split(/\s*;\s*/);
      const weight = parameters.find((one) => one.startsWith('q='));
      return [coding, weight === undefined ? 1 : Number(weight.slice(2))];
    }),
  );
  return (weights.get('gzip') ?? weights.get('*') ?? 0) > 0;
}

/** Weak comparison of RFC 9110, section 13.1.2. */
export function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  const strong = (tag: string): string => tag.trim().replace(/^W\//, '');
  return header.trim() === '*' || header.split(',').some((tag) => strong(tag) === strong(etag));
}

export const feedRoutes: readonly Route[] = [feed('atom'), feed('rss')];

import { listOf, type Route, ref } from './route.ts';

const feed = (format: 'atom' | 'rss'): Route => ({
  method: 'GET',
  path: `/cap/feed.${format}`,
  operationId: `${format}Feed`,
  summary: `The CAP messages that left, newest first, as ${format === 'atom' ? 'Atom 1.0' : 'RSS 2.0'}.`,
  responses: {
    200: { description: 'The feed', type: `application/${format}+xml` },
    304: { description: 'Not changed since If-None-Match' },
  },
  async handler(request, reply, { capFeed }) {
    const { body, etag } = await capFeed(format);
    const quoted = /^(W\/)?".*"$/.test(etag) ? etag : `"${etag}"`;
    reply.header('ETag', quoted).header('Cache-Control', 'no-cache');
    if (matches(request.headers['if-none-match'], quoted)) return reply.code(304).send();
    return reply.type(`application/${format}+xml; charset=utf-8`).send(body);
  },
});

/** Weak comparison of RFC 9110, section 13.1.2. */
export function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  const strong = (tag: string): string => tag.trim().replace(/^W\//, '');
  return header.trim() === '*' || header.split(',').some((tag) => strong(tag) === strong(etag));
}

export const systemRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/api/v1/rules',
    operationId: 'listRules',
    summary: 'The rules in force.',
    responses: { 200: { description: 'All rules', schema: listOf('Rule') } },
    handler: (_request, _reply, { rules }) => ({ items: rules(), next: null }),
  },
  {
    method: 'GET',
    path: '/api/v1/status',
    operationId: 'getStatus',
    summary: 'What the server is doing.',
    responses: { 200: { description: 'Status', schema: { type: 'object' } } },
    handler: (_request, reply, { environment, language, status }) =>
      reply.header('Cache-Control', 'no-store').send({ environment, language, ...status() }),
  },
  {
    method: 'GET',
    path: '/healthz',
    operationId: 'healthz',
    summary: 'The process answers.',
    responses: { 200: { description: 'Alive', schema: { type: 'object' } } },
    handler: (_request, reply) => reply.header('Cache-Control', 'no-store').send({ status: 'ok' }),
  },
  {
    method: 'GET',
    path: '/readyz',
    operationId: 'readyz',
    summary: 'Whether alerts flow: clock, outbox, disk, archive.',
    responses: {
      200: { description: 'Ready', schema: ref('Readiness') },
      503: { description: 'Not ready; `checks` says why', schema: ref('Readiness') },
    },
    handler(_request, reply, { readiness }) {
      const answer = readiness();
      if (!answer.ready) reply.header('Retry-After', '5');
      return reply
        .code(answer.ready ? 200 : 503)
        .header('Cache-Control', 'no-store')
        .send(answer);
    },
  },
  {
    method: 'GET',
    path: '/metrics',
    operationId: 'metrics',
    summary: 'Metrics in the Prometheus text format.',
    responses: { 200: { description: 'Metrics', type: 'text/plain' } },
    async handler(_request, reply, { metrics }) {
      const text = await metrics();
      return reply.type('text/plain; version=0.0.4; charset=utf-8').send(text);
    },
  },
  feed('atom'),
  feed('rss'),
];

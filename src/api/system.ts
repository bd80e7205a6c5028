import { type Route, ref } from './route.ts';

export const systemRoutes: readonly Route[] = [
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
];

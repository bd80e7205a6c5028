import { mayReportOf } from './access/caller.ts';
import { HttpProblem } from './problem.ts';
import { part, type Route } from './route.ts';

const types = [
  'application/x-www-form-urlencoded',
  'application/json',
  'application/x-ndjson',
  'application/octet-stream',
  'application/xml',
  'text/xml',
  'text/csv',
  'text/plain',
];

/** What producers that cannot send our reports send: by query, form or body, in the format that the configuration names. */
const door = (method: 'GET' | 'POST'): Route => ({
  method,
  path: '/in/{name}',
  operationId: method === 'GET' ? 'getDoor' : 'postDoor',
  summary: `Takes a message of a producer by the source of kind http of that name${method === 'GET' ? ', as fields of the query' : ''}.`,
  ...(method === 'POST' ? { body: { types, schema: { type: 'string' }, raw: true as const } } : {}),
  headers: [
    {
      name: 'Authorization',
      required: false,
      description: 'Bearer and the key of the source, or a station key',
    },
    { name: 'Content-Encoding', required: false, description: 'identity or gzip' },
  ],
  responses: { 200: { description: 'Durable; the text is what the protocols expect', type: 'text/plain' } },
  problems: [400, 401, 404, 413, 415, 422, 503],
  async handler(request, reply, deps) {
    if (!deps.door) throw new HttpProblem('ATL_NOT_FOUND', 'This server has no source of kind http.');
    const query = request.url.indexOf('?');
    const [, bearer] = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
    await deps.door({
      name: part(request, 'name'),
      fields: new URLSearchParams(query < 0 ? '' : request.url.slice(query + 1)),
      body: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
      encoding: request.headers['content-encoding'],
      bearer,
      mayReport: mayReportOf(request),
    });
    return reply.type('text/plain; charset=utf-8').send('success\n');
  },
});

export const doorRoutes: readonly Route[] = [door('GET'), door('POST')];

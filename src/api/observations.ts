import type { FastifyReply, FastifyRequest } from 'fastify';
import { mayReportOf } from './access/caller.ts';
import type { ApiDeps } from './deps.ts';
import { HttpProblem, sendProblem } from './problem.ts';
import { type Route, ref } from './route.ts';

const types = ['application/json', 'application/x-ndjson', 'application/ndjson', 'text/csv'];

const lineTypes = ['application/x-ndjson', 'application/ndjson'];
const headers = [
  { name: 'Content-Encoding', required: false, description: 'identity or gzip' },
  { name: 'X-Api-Key', required: false, description: 'The station key, unless it is the bearer token' },
];

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Takes reports in; what is in them is decided behind `deps.ingest`, with the bytes as they came. */
export const observationRoutes: readonly Route[] = [
  {
    method: 'POST',
    path: '/api/v1/observations',
    operationId: 'postObservations',
    summary: 'Takes a report, an array, NDJSON or CSV (gzip too); answers after the log has them durably.',
    body: { types, schema: { oneOf: [ref('Report'), { type: 'array', items: ref('Report') }] }, raw: true },
    headers,
    responses: { 202: { description: 'Durable', schema: ref('IngestResult') } },
    problems: [400, 413, 415, 422, 429, 503],
    handler: (request, reply, { ingest }) => take(request, reply, types, ingest),
  },
  {
    method: 'POST',
    path: '/api/v1/forecasts',
    operationId: 'postForecasts',
    summary:
      'Takes forecasts for rules to read, a line of JSON each (gzip too); answers after the log has them durably.',
    body: { types: lineTypes, schema: { type: 'string' }, raw: true },
    headers,
    responses: { 202: { description: 'Durable', schema: ref('IngestResult') } },
    problems: [400, 413, 415, 422, 429, 503],
    async handler(request, reply, { ingestForecasts }) {
      if (!ingestForecasts) throw new HttpProblem('ATL_NOT_FOUND', 'This server takes no forecasts.');
      return take(request, reply, lineTypes, ingestForecasts);
    },
  },
];

/** Hands the bytes on as they came, and answers what is said of them. */
async function take(
  request: FastifyRequest,
  reply: FastifyReply,
  known: readonly string[],
  ingest: ApiDeps['ingest'],
): Promise<unknown> {
  const header = request.headers['content-type'];
  if (header === undefined)
    throw new HttpProblem(
      'ATL_UNSUPPORTED_MEDIA',
      `Content-Type is missing. Send one of ${known.join(', ')}.`,
    );
  const contentType = header.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const encoding = request.headers['content-encoding']?.trim().toLowerCase() || 'identity';
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  const result = await ingest({ contentType, encoding, body, mayReport: mayReportOf(request) });
  if (result.status < 400) return reply.code(result.status).send(result.body);
  const more = isObject(result.body) ? result.body : {};
  const code = typeof more.code === 'string' ? more.code : codeOf(result.status);
  const detail = typeof more.detail === 'string' ? more.detail : detailOf(result.status);
  return sendProblem(request, reply, { status: result.status, code, detail, more });
}

const codeOf = (status: number): string =>
  ({
    400: 'ATL_UNREADABLE',
    413: 'ATL_TOO_LARGE',
    415: 'ATL_UNSUPPORTED_MEDIA',
    422: 'ATL_INPUT',
    429: 'ATL_TOO_MANY',
    503: 'ATL_BUSY',
  })[status] ?? 'ATL_BUG';

const detailOf = (status: number): string =>
  status === 422 ? 'Every report was rejected; `rejected` says why.' : 'The reports were not taken.';

import type { FastifyReply, FastifyRequest } from 'fastify';
import { AtalaiaError, type ErrorCode, errorCodes } from '../lib/errors.ts';
import type { Journal } from '../lib/journal.ts';

/** Problems that only HTTP knows. */
const httpCodes = {
  ATL_METHOD: 405,
  ATL_FOREIGN_ORIGIN: 403,
  ATL_FORBIDDEN: 403,
  ATL_PRECONDITION_REQUIRED: 428,
  ATL_TOO_MANY: 429,
} as const;

type ProblemCode = ErrorCode | keyof typeof httpCodes;

const RETRY_AFTER_S = 5;

/** An error of HTTP alone; `message` says what to do. */
export class HttpProblem extends Error {
  readonly code: ProblemCode;
  constructor(code: ProblemCode, message: string) {
    super(message);
    this.name = 'HttpProblem';
    this.code = code;
  }
}

const statusOf = (code: ProblemCode): number =>
  code in httpCodes ? httpCodes[code as keyof typeof httpCodes] : errorCodes[code as ErrorCode].http;

const slugOf = (code: string): string => code.replace(/^ATL_/, '').toLowerCase().replaceAll('_', '-');

const titleOf = (code: string): string => {
  const words = slugOf(code).replaceAll('-', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
};

interface ProblemFields {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  /** Extension members (RFC 9457, section 3.2). */
  readonly more?: object;
}

/** Sends problem details (RFC 9457) of any status; 429 and 503 say when to come again. */
export function sendProblem(
  request: FastifyRequest,
  reply: FastifyReply,
  fields: ProblemFields,
): FastifyReply {
  const { status, code, detail, more } = fields;
  if ((status === 429 || status === 503) && !reply.hasHeader('retry-after')) {
    reply.header('Retry-After', String(RETRY_AFTER_S));
  }
  const problem = {
    type: `urn:atalaia:problem:${slugOf(code)}`,
    title: titleOf(code),
    status,
    detail,
    code,
    instance: request.url.split('?', 1)[0],
  };
  return reply
    .code(status)
    .header('Cache-Control', 'no-store')
    .type('application/problem+json; charset=utf-8')
    .send(JSON.stringify({ ...more, ...problem }));
}

/** Turns whatever was thrown into problem details. A fault of ours is logged and told without its inner words. */
export function sendError(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  log: Journal,
): FastifyReply {
  const { status, code, detail } = describe(error);
  if (status < 500 || error instanceof HttpProblem)
    return sendProblem(request, reply, { status, code, detail });
  log.error(
    { err: error, request: request.id, method: request.method, path: request.url.split('?', 1)[0] },
    'request failed',
  );
  const hidden = `The server could not answer; its log names the cause under request ${request.id}. Try again later.`;
  return sendProblem(request, reply, { status, code, detail: code === 'ATL_BUSY' ? detail : hidden });
}

function describe(error: unknown): ProblemFields {
  if (error instanceof AtalaiaError || error instanceof HttpProblem) {
    return { status: statusOf(error.code), code: error.code, detail: error.message };
  }
  const { statusCode = 500, message = '' } = error as { statusCode?: number; message?: string };
  const known: Record<number, ProblemFields> = {
    404: { status: 404, code: 'ATL_NOT_FOUND', detail: message },
    413: { status: 413, code: 'ATL_TOO_LARGE', detail: 'The body is over 8 MiB. Send it in parts.' },
    415: {
      status: 415,
      code: 'ATL_UNSUPPORTED_MEDIA',
      detail: 'This media type is not read here. The types that are stand in /api/openapi.json.',
    },
  };
  const found = known[statusCode];
  if (found) return found;
  if (statusCode >= 400 && statusCode < 500) {
    return { status: statusCode, code: 'ATL_UNREADABLE', detail: `The request cannot be read: ${message}.` };
  }
  return { status: 500, code: 'ATL_BUG', detail: message };
}

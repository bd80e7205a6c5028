import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ApiDeps } from '../deps.ts';
import { matches } from '../feeds.ts';
import { type Route, sendJson } from '../route.ts';
import { isAnonymous } from './gate.ts';
import type { StatisticsDesk } from './work.ts';

/** What a statistic is made of, by name, and how it is made. */
export interface Tagged {
  readonly tag: string;
  make(): Promise<object>;
}

interface Answered {
  readonly tag: string;
  /** Undefined: the asker has it. */
  readonly text: string | undefined;
}

/**
 * A route of statistics: read alone, with a tag of what it is made of. Who says no name waits in line by address, and is
 * given what was found a moment ago.
 */
export const answerRoute = (
  desk: StatisticsDesk,
  {
    find,
    ...route
  }: Pick<Route, 'path' | 'operationId' | 'summary'> & {
    readonly query: NonNullable<Route['query']>;
    find(request: FastifyRequest, deps: ApiDeps): Promise<Tagged>;
  },
): Route => ({
  method: 'GET',
  responses: {
    200: {
      description: 'The statistic; figures say n, period and missing share',
      schema: { type: 'object' },
    },
    304: { description: 'Not changed since If-None-Match' },
  },
  headers: [{ name: 'If-None-Match', required: false, description: 'The ETag of an earlier answer' }],
  problems: [400, 404, 429, 503],
  ...route,
  async handler(request, reply, deps) {
    const answer = async (): Promise<Answered> => {
      const { tag, make } = await find(request, deps);
      return { tag, text: isKnown(request, tag) ? undefined : await desk.answer(tag, make) };
    };
    // The turn ends before the answer is sent: who reads it slowly keeps nobody waiting.
    const found = isAnonymous(request, deps)
      ? await forAnybody(desk, request, reply, answer)
      : await answer();
    reply.header('ETag', `"${found.tag}"`).header('Cache-Control', 'no-cache');
    reply.header('Vary', 'Authorization, Cookie');
    return found.text === undefined ? reply.code(304).send() : sendJson(reply, found.text);
  },
});

const isKnown = (request: FastifyRequest, tag: string): boolean =>
  matches(request.headers['if-none-match'], `"${tag}"`);

async function forAnybody(
  desk: StatisticsDesk,
  request: FastifyRequest,
  reply: FastifyReply,
  answer: () => Promise<Answered>,
): Promise<Answered> {
  const { gate } = desk;
  const tag = gate.recent(request.url);
  const text = tag === undefined ? undefined : desk.kept(tag);
  if (tag !== undefined && text !== undefined) return { tag, text: isKnown(request, tag) ? undefined : text };
  const found = await gate.turn(request, reply, answer);
  gate.remember(request.url, found.tag);
  return found;
}

import { commandId, operatorOf } from './acts.ts';
import { HttpProblem } from './problem.ts';
import type { Route } from './route.ts';

const none = (): HttpProblem =>
  new HttpProblem(
    'ATL_NOT_FOUND',
    'This server does not test itself. Give selfTest in its configuration, on a live server.',
  );
const schema = { type: 'object', required: ['state', 'ok', 'channels'] };

/** The daily test of the way from the log to every channel. */
export const selfTestRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/api/v1/self-test',
    operationId: 'getSelfTest',
    summary: 'The newest test of the way from the log to every channel: what each channel did, and why not.',
    responses: { 200: { description: 'State, and each channel with its reason', schema } },
    problems: [404],
    handler(_request, reply, { selfTest }) {
      if (!selfTest) throw none();
      return reply.header('Cache-Control', 'no-store').send(selfTest.status());
    },
  },
  {
    method: 'POST',
    path: '/api/v1/self-test',
    operationId: 'postSelfTest',
    summary: 'Begins such a test now, beside the daily one.',
    headers: [{ name: 'Idempotency-Key', required: false, description: 'The same key again: the same test' }],
    responses: {
      202: { description: 'It has begun; GET says what becomes of it', schema: { type: 'object' } },
    },
    problems: [404],
    async handler(request, reply, { selfTest }) {
      if (!selfTest) throw none();
      const by = operatorOf(request);
      return reply.code(202).send(await selfTest.now(commandId(request, by), by));
    },
  },
];

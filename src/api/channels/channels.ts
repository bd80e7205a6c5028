import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { AtalaiaError } from '../../lib/errors.ts';
import { formatInstant } from '../../model/time.ts';
import { readHold } from '../../store/ledger/hold.ts';
import { actorOf } from '../access/caller.ts';
import { operatorOf } from '../acts.ts';
import type { ApiDeps } from '../deps.ts';
import { name, readBody } from '../input.ts';
import { HttpProblem } from '../problem.ts';
import { RateLimiter } from '../rate-limit.ts';
import { listOf, part, type Route, ref } from '../route.ts';
import type { ChannelState, DeliveryDesk } from './desk.ts';

/** The body of `POST /channels/{name}/test`. */
export const channelTestBody = z
  .strictObject({
    /** Where to; without it and without `subscription` the channel's own receiver. */
    address: z.string().min(1).max(2000).optional(),
    /** Id of a subscription of this channel: to its address, in its language. */
    subscription: name.optional(),
  })
  .refine(
    ({ address, subscription }) => address === undefined || subscription === undefined,
    'names an address and a subscription: one of them',
  );

/** Tests of one channel: a person tries again a few times; nobody sends messages by this door. */
const TESTS = { perSecond: 0.1, burst: 5, clients: 1000 };
const limiters = new WeakMap<DeliveryDesk, RateLimiter>();

const clockOf = (deps: ApiDeps): number => (deps.deliveryNow ?? deps.now)();

function deskOf({ desk }: ApiDeps): DeliveryDesk {
  if (desk) return desk;
  throw new AtalaiaError('ATL_BUSY', 'This server sends nothing. Ask the one that does.');
}

const view = ({ lastSuccessAt, lastFailure, ...state }: ChannelState): object => ({
  ...state,
  lastSuccessAt: lastSuccessAt === undefined ? null : formatInstant(lastSuccessAt),
  lastFailure: lastFailure ? { ...lastFailure, at: formatInstant(lastFailure.at) } : null,
});

const list: Route = {
  method: 'GET',
  path: '/api/v1/channels',
  operationId: 'listChannels',
  summary: 'How the channels fare: circuit, last success and failure, counts of the last 24 hours.',
  responses: { 200: { description: 'All channels', schema: listOf('Channel') } },
  async handler(_request, reply, deps) {
    const hold = await readHold(deps.ledger, clockOf(deps));
    reply.header('Cache-Control', 'no-store');
    // A hold is one for all channels; reds pass unless it says so.
    const paused = hold === null ? 'no' : hold.red ? 'all' : 'below-red';
    const states = (await deps.desk?.channels()) ?? [];
    return { items: states.map((state) => ({ ...view(state), paused })), next: null };
  },
};

/** Where the test goes. Throws ATL_INPUT when there is no such subscription of the channel. */
async function receiverOf(channel: string, body: z.output<typeof channelTestBody>, { ledger }: ApiDeps) {
  if (body.subscription === undefined) return body.address === undefined ? {} : { address: body.address };
  const found = (await ledger.subscriptions()).find(({ id }) => id === body.subscription);
  if (found?.channel !== channel)
    throw new AtalaiaError(
      'ATL_INPUT',
      `Body \`subscription\`: channel ${channel} has no subscription ${body.subscription}. GET /api/v1/subscriptions lists them.`,
    );
  const [language] = found.languages ?? [];
  return {
    ...(found.address === undefined ? {} : { address: found.address }),
    ...(language === undefined ? {} : { language }),
  };
}

const test: Route = {
  method: 'POST',
  path: '/api/v1/channels/{name}/test',
  operationId: 'testChannel',
  summary: 'Sends one message that is marked as a test, whatever the server is, and tells the outcome.',
  headers: [
    {
      name: 'Idempotency-Key',
      required: false,
      description: 'The same key again: the message bears the same',
    },
  ],
  body: { types: ['application/json'], schema: ref('ChannelTestInput') },
  responses: { 200: { description: 'What came of it', schema: ref('ChannelTest') } },
  problems: [404, 415, 422, 429, 503],
  async handler(request, reply, deps) {
    const desk = deskOf(deps);
    const channel = part(request, 'name');
    const to = await receiverOf(channel, readBody(channelTestBody, request.body ?? {}), deps);
    const limiter = limiters.get(desk) ?? new RateLimiter(TESTS);
    limiters.set(desk, limiter);
    const seconds = limiter.take(channel);
    if (seconds > 0) {
      reply.header('Retry-After', String(seconds));
      throw new HttpProblem(
        'ATL_TOO_MANY',
        `Channel ${channel} was tested often just now. Try again in ${seconds} s.`,
      );
    }
    const given = request.headers['idempotency-key'];
    const id =
      typeof given === 'string'
        ? createHash('sha256')
            .update(JSON.stringify([channel, to, given]))
            .digest('hex')
            .slice(0, 24)
        : randomBytes(12).toString('hex');
    const result = await desk.test(channel, id, to);
    await deps.ledger.record([
      {
        at: clockOf(deps),
        by: actorOf(request) ?? operatorOf(request),
        action: 'testChannel',
        subject: channel.slice(0, 300),
        detail: { outcome: result.outcome, key: result.key },
      },
    ]);
    return result;
  },
};

export const channelRoutes: readonly Route[] = [list, test];

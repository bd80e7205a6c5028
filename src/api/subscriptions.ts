import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { AtalaiaError } from '../lib/errors.ts';
import { levelNames } from '../model/rule.ts';
import type { Ledger, Subscription } from '../store/ledger/ledger.ts';
import { name, readBody } from './input.ts';
import { listOf, part, type Route, ref } from './route.ts';

/** Ids that this interface gives; those of the configuration have others. */
const PREFIX = 'api-';
const MAX_SUBSCRIPTIONS = 10_000;

/** The body of `POST /subscriptions`. */
export const subscriptionBody = z.strictObject({
  name,
  channel: name,
  level: z.enum(levelNames).default('yellow'),
  areas: z.union([z.literal('all'), z.array(name).min(1).max(1000)]).default('all'),
  address: z.string().min(1).max(2000).optional(),
});

/** Addresses of people stay inside. */
const view = ({ address: _address, ...subscription }: Subscription): object => ({
  ...subscription,
  origin: subscription.id.startsWith(PREFIX) ? 'api' : 'config',
});

/** One change after the other: each reads the list and writes it whole. */
const queues = new WeakMap<Ledger, Promise<unknown>>();
function inTurn<T>(ledger: Ledger, work: () => Promise<T>): Promise<T> {
  const turn = (queues.get(ledger) ?? Promise.resolve()).then(work, work);
  queues.set(
    ledger,
    turn.catch(() => undefined),
  );
  return turn;
}

const list: Route = {
  method: 'GET',
  path: '/api/v1/subscriptions',
  operationId: 'listSubscriptions',
  summary: 'Who is told what; addresses are not shown.',
  responses: { 200: { description: 'All subscriptions', schema: listOf('Subscription') } },
  async handler(_request, _reply, { ledger }) {
    return { items: (await ledger.subscriptions()).map(view), next: null };
  },
};

const post: Route = {
  method: 'POST',
  path: '/api/v1/subscriptions',
  operationId: 'postSubscription',
  summary: 'Adds a subscription.',
  body: { types: ['application/json'], schema: ref('SubscriptionInput') },
  responses: { 201: { description: 'Added', schema: ref('Subscription') } },
  problems: [415, 422],
  handler(request, reply, deps) {
    const { address, ...body } = readBody(subscriptionBody, request.body);
    const known = deps.channels?.();
    if (known && !known.includes(body.channel)) {
      const message = `There is no channel ${body.channel}. Configured are: ${known.join(', ') || 'none'}.`;
      throw new AtalaiaError('ATL_INPUT', message);
    }
    const id = `${PREFIX}${randomBytes(12).toString('hex')}`;
    const added: Subscription = { id, ...body, ...(address === undefined ? {} : { address }) };
    return inTurn(deps.ledger, async () => {
      const all = await deps.ledger.subscriptions();
      if (all.length >= MAX_SUBSCRIPTIONS) {
        throw new AtalaiaError(
          'ATL_INPUT',
          `There are ${MAX_SUBSCRIPTIONS} subscriptions already. Delete some first.`,
        );
      }
      const own = all.filter((entry) => entry.id.startsWith(PREFIX));
      await deps.ledger.putSubscriptions('api', [...own, added]);
      return reply.code(201).header('Location', `/api/v1/subscriptions/${id}`).send(view(added));
    });
  },
};

const remove: Route = {
  method: 'DELETE',
  path: '/api/v1/subscriptions/{id}',
  operationId: 'deleteSubscription',
  summary: 'Takes a subscription out; what is on its way is still delivered.',
  responses: { 204: { description: 'Gone' } },
  problems: [404, 409],
  handler(request, reply, { ledger }) {
    const id = part(request, 'id');
    return inTurn(ledger, async () => {
      const all = await ledger.subscriptions();
      if (!all.some((entry) => entry.id === id)) {
        throw new AtalaiaError(
          'ATL_NOT_FOUND',
          `There is no subscription ${id}. GET /api/v1/subscriptions lists them.`,
        );
      }
      if (!id.startsWith(PREFIX)) {
        throw new AtalaiaError(
          'ATL_CONFLICT',
          `Subscription ${id} is in the configuration. Take it out there.`,
        );
      }
      const kept = all.filter((entry) => entry.id.startsWith(PREFIX) && entry.id !== id);
      await ledger.putSubscriptions('api', kept);
      return reply.code(204).send();
    });
  },
};

export const subscriptionRoutes: readonly Route[] = [list, post, remove];

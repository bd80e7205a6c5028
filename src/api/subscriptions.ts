import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { AtalaiaError } from '../lib/errors.ts';
import { emptyDirectory, type Target } from '../model/roster.ts';
import { levelNames } from '../model/rule.ts';
import type { Ledger } from '../store/ledger/ledger.ts';
import { isSelf } from '../store/ledger/subscribers.ts';
import { PEOPLE, type Subscription } from '../store/ledger/subscription.ts';
import type { ApiDeps } from './deps.ts';
import { name, readBody } from './input.ts';
import { listOf, part, type Route, ref } from './route.ts';
import { missingOf, peopleTarget, subscriptionRules, targetsOf } from './subscription-rules.ts';

/** Ids that this interface gives; those of the configuration have others. */
const PREFIX = 'api-';
const MAX_SUBSCRIPTIONS = 10_000;

/** The body of `POST /subscriptions`. */
export const subscriptionBody = z.strictObject({
  name,
  channel: name.optional(),
  /** In place of a channel: people, found when they are told. */
  to: peopleTarget.optional(),
  /** Yellow unless told; orange for a step of an escalation. */
  level: z.enum(levelNames).optional(),
  areas: z.union([z.literal('all'), z.array(name).min(1).max(1000)]).optional(),
  address: z.string().min(1).max(2000).optional(),
  ...subscriptionRules,
});

const named = (to: Target): Target => ('channel' in to ? { channel: to.channel } : to);

/** Addresses of people stay inside. */
export const subscriptionView = ({ address: _address, ladder, ...subscription }: Subscription): object => ({
  ...subscription,
  ...(ladder && {
    escalation: {
      ...ladder,
      steps: ladder.steps.map(({ to, afterMs }) => ({ to: named(to), afterMs })),
      last: named(ladder.last),
    },
  }),
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

/** Takes out the subscriptions by API that go to an address which has ended; those of the configuration stay. */
export function endAddress(ledger: Ledger, channel: string, address: string): Promise<void> {
  return inTurn(ledger, async () => {
    const all = await ledger.subscriptions();
    const own = all.filter((entry) => entry.id.startsWith(PREFIX));
    const kept = own.filter((entry) => entry.channel !== channel || entry.address !== address);
    if (kept.length < own.length) await ledger.putSubscriptions('api', kept);
  });
}

/** Whoever is told must be there: the channel, and the people that the configuration has. */
function refuseUnknown(body: Omit<Subscription, 'id' | 'address'>, deps: ApiDeps): void {
  const known = deps.channels?.();
  const targets = targetsOf(body);
  const channels = [
    ...(targets.length === 0 ? [body.channel] : []),
    ...targets.flatMap((to) => ('channel' in to ? [to.channel] : [])),
  ];
  for (const channel of channels) {
    if (!known || known.includes(channel)) continue;
    const message = `There is no channel ${channel}. Configured are: ${known.join(', ') || 'none'}.`;
    throw new AtalaiaError('ATL_INPUT', message);
  }
  for (const to of targets) {
    const missing = missingOf(deps.directory ?? emptyDirectory, to);
    if (missing !== undefined) throw new AtalaiaError('ATL_INPUT', `Body: ${missing}.`);
  }
}

const list: Route = {
  method: 'GET',
  path: '/api/v1/subscriptions',
  operationId: 'listSubscriptions',
  summary: 'Who is told what; addresses are not shown, nor people who subscribed themselves.',
  responses: { 200: { description: 'All subscriptions', schema: listOf('Subscription') } },
  async handler(_request, _reply, { ledger }) {
    // Where somebody lives is theirs alone.
    const all = (await ledger.subscriptions()).filter(({ id }) => !isSelf(id));
    return { items: all.map(subscriptionView), next: null };
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
    const { address, escalation, ...rest } = readBody(subscriptionBody, request.body);
    // Who names places wants these, not everything.
    const given = {
      ...rest,
      ...escalation,
      channel: rest.channel ?? PEOPLE,
      level: rest.level ?? (escalation ? 'orange' : 'yellow'),
      areas: rest.areas ?? (rest.places ? [] : 'all'),
    };
    const ways = [rest.channel, rest.to, escalation?.ladder].filter((one) => one !== undefined);
    if (ways.length !== 1 || (address !== undefined && rest.channel === undefined)) {
      const message =
        'Body: who is told is said by one of `channel` (with an `address` where it takes one), `to` and `escalation.steps`.';
      throw new AtalaiaError('ATL_INPUT', message);
    }
    // Absent keys stay absent.
    const body = JSON.parse(JSON.stringify(given)) as Omit<Subscription, 'id' | 'address'>;
    refuseUnknown(body, deps);
    if (escalation && (body.group || body.drafts)) {
      const message =
        'Body `escalation`: a step is told by itself, and of public alerts alone. Leave `group` and `drafts` out, or make two subscriptions.';
      throw new AtalaiaError('ATL_INPUT', message);
    }
    if (body.group && deps.canGroup?.(body.channel, address) === false) {
      const message = `Body \`group\`: the channel ${body.channel} sends each alert to a place of its own, where one message of several would miss all others. Give the subscription an \`address\`, or leave \`group\` out.`;
      throw new AtalaiaError('ATL_INPUT', message);
    }
    const id = `${PREFIX}${randomBytes(12).toString('hex')}`;
    const added: Subscription = { id, ...body, ...(address === undefined ? {} : { address }) };
    return inTurn(deps.ledger, async () => {
      const all = (await deps.ledger.subscriptions()).filter(({ id: one }) => !isSelf(one));
      if (all.length >= MAX_SUBSCRIPTIONS) {
        throw new AtalaiaError(
          'ATL_INPUT',
          `There are ${MAX_SUBSCRIPTIONS} subscriptions already. Delete some first.`,
        );
      }
      const own = all.filter((entry) => entry.id.startsWith(PREFIX));
      await deps.ledger.putSubscriptions('api', [...own, added]);
      return reply.code(201).header('Location', `/api/v1/subscriptions/${id}`).send(subscriptionView(added));
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
      const all = (await ledger.subscriptions()).filter((entry) => !isSelf(entry.id));
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

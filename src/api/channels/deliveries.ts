import { z } from 'zod';
import { AtalaiaError } from '../../lib/errors.ts';
import { withoutAddresses } from '../../lib/redact.ts';
import { formatInstant } from '../../model/time.ts';
import type { Delivery } from '../../store/ledger/delivery.ts';
import type { ApiDeps } from '../deps.ts';
import { name, pageSize, readBody, readQuery } from '../input.ts';
import { listOf, part, type Route, ref } from '../route.ts';

const states = ['waiting', 'sending', 'delivered', 'dead', 'dropped'] as const;
const query = z.strictObject({
  state: z.enum(states).default('dead'),
  channel: name.optional(),
  /** Id of a subscription. */
  subscription: name.optional(),
  alert: name.optional(),
  limit: pageSize(1000, 100),
  cursor: z.string().max(600).optional(),
});

/** The body of both replays. */
export const replayBody = z.strictObject({
  /** Also what does not stand any more: for a machine that wants every revision, never for people. */
  past: z.boolean().default(false),
});

const KEY = /^([^.]+)\.\d+\.(.+)$/s;
/** Far more than an alert has. */
const MAX_REVISIONS = 10_000;
/** Dead letters of a channel that one request looks at. */
const MAX_REPLAY = 1000;

const clockOf = (deps: ApiDeps): number => (deps.deliveryNow ?? deps.now)();

/** Why a delivery was not made; what a receiver says may name people, what we say ourselves (`dropped`) does not. */
export const errorOf = ({ lastError = '', state, subscription }: Delivery): string =>
  state === 'dropped' ? lastError : withoutAddresses(lastError, subscription.address);

/** A delivery as JSON tells it: addresses of people stay inside. */
export const deliveryView = (delivery: Delivery): object => ({
  key: delivery.key,
  revision: delivery.revision,
  subscription: {
    id: delivery.subscription.id,
    name: delivery.subscription.name,
    channel: delivery.subscription.channel,
  },
  channel: delivery.subscription.channel,
  at: formatInstant(delivery.deliveredAt ?? delivery.nextAttemptAt),
  state: delivery.state,
  attempts: delivery.attempts,
  ...(delivery.state === 'waiting' ? { nextAttemptAt: formatInstant(delivery.nextAttemptAt) } : {}),
  ...(delivery.lastError === undefined ? {} : { lastError: errorOf(delivery) }),
  ...(delivery.deliveredAt === undefined ? {} : { deliveredAt: formatInstant(delivery.deliveredAt) }),
});

const CURSOR = /^(\d{1,16}) (.+)$/s;
function placeOf(cursor: string): Pick<Delivery, 'seq' | 'key'> {
  const [, seq, key] = CURSOR.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (seq === undefined || key === undefined)
    throw new AtalaiaError('ATL_USAGE', 'Query `cursor` is not one that this list gave. Begin without it.');
  return { seq: Number(seq), key };
}

const list: Route = {
  method: 'GET',
  path: '/api/v1/deliveries',
  operationId: 'listDeliveries',
  summary: 'Deliveries of one state (dead ones unless told), the newest revision first; without addresses.',
  query,
  responses: { 200: { description: 'A page', schema: listOf('Delivery') } },
  problems: [400],
  async handler(request, reply, { ledger }) {
    const { cursor, limit, state, channel, subscription, alert } = readQuery(query, request.query);
    const rows = await ledger.deliveries({
      ...{ state, limit },
      ...(channel === undefined ? {} : { channel }),
      ...(subscription === undefined ? {} : { subscription }),
      ...(alert === undefined ? {} : { alert }),
      ...(cursor === undefined ? {} : { after: placeOf(cursor) }),
    });
    const last = rows.length === limit ? rows.at(-1) : undefined;
    reply.header('Cache-Control', 'no-store');
    return {
      items: rows.map((row) => ({ alert: row.alert, ...deliveryView(row) })),
      next: last ? Buffer.from(`${last.seq} ${last.key}`).toString('base64url') : null,
    };
  },
};

/**
 * Why each of these dead letters is not sent again; undefined: it may be. What has been said anew since, or has ended,
 * would be a false alarm now; who has gone is not told any more.
 */
async function whyNot(
  { ledger }: ApiDeps,
  dead: readonly Delivery[],
  past: boolean,
): Promise<readonly (string | undefined)[]> {
  const known = new Set((await ledger.subscriptions()).map(({ id }) => id));
  const newest = new Map<string, number>();
  const alerts = past ? [] : [...new Set(dead.map(({ alert }) => alert))];
  // What nobody approved was told to nobody else: it takes nothing back.
  for (const { revision } of alerts.length > 0 ? await ledger.histories(alerts) : [])
    if (!revision.draft) newest.set(revision.event.alert, revision.event.revision);
  return dead.map(({ alert, revision, subscription }) => {
    if (!known.has(subscription.id)) return 'the subscription is gone';
    return (newest.get(alert) ?? 0) > revision ? 'the alert has a newer revision' : undefined;
  });
}

const replayOne: Route = {
  method: 'POST',
  path: '/api/v1/deliveries/{id}/replay',
  operationId: 'replayDelivery',
  summary: 'Sends a dead letter again under the same key, with the whole message that it was part of.',
  body: { types: ['application/json'], schema: ref('ReplayInput') },
  responses: { 200: { description: 'What is due again', schema: ref('Replay') } },
  problems: [404, 409, 415, 422],
  async handler(request, _reply, deps) {
    const { past } = readBody(replayBody, request.body ?? {});
    const key = part(request, 'id');
    const one = await find(deps, key);
    if (!one)
      throw new AtalaiaError(
        'ATL_NOT_FOUND',
        `There is no delivery ${key}. GET /api/v1/deliveries lists them.`,
      );
    const why = one.state === 'dead' ? (await whyNot(deps, [one], past))[0] : `it is ${one.state}, not dead`;
    if (why !== undefined)
      throw new AtalaiaError('ATL_CONFLICT', `Delivery ${key} is not sent again: ${why}.`);
    return { replayed: await deps.ledger.replay([key], clockOf(deps)), skipped: [] };
  },
};

/** The delivery of a key, `alert.revision.subscription`. */
async function find({ ledger }: ApiDeps, key: string): Promise<Delivery | undefined> {
  const [, alert, subscription] = KEY.exec(key) ?? [];
  if (alert === undefined || subscription === undefined) return undefined;
  const all = await ledger.deliveries({ alert, subscription, limit: MAX_REVISIONS });
  return all.find((one) => one.key === key);
}

const replayChannel: Route = {
  method: 'POST',
  path: '/api/v1/channels/{name}/replay',
  operationId: 'replayChannel',
  summary:
    'Sends the dead letters of a channel again under their keys, at most 1000; the newest first are looked at.',
  body: { types: ['application/json'], schema: ref('ReplayInput') },
  responses: {
    200: { description: 'What is due again, and what is not, with the reason', schema: ref('Replay') },
  },
  problems: [404, 415, 422],
  async handler(request, _reply, deps) {
    const { past } = readBody(replayBody, request.body ?? {});
    const channel = part(request, 'name');
    const dead = await deps.ledger.deliveries({ state: 'dead', channel, limit: MAX_REPLAY });
    if (dead.length === 0 && !deps.channels?.().includes(channel))
      throw new AtalaiaError(
        'ATL_NOT_FOUND',
        `There is no channel ${channel}. GET /api/v1/channels lists them.`,
      );
    const reasons = await whyNot(deps, dead, past);
    const judged = dead.map(({ key }, index) => ({ key, why: reasons[index] }));
    const keys = judged.flatMap(({ key, why }) => (why === undefined ? [key] : []));
    const replayed = keys.length > 0 ? await deps.ledger.replay(keys, clockOf(deps)) : [];
    const skipped = judged.filter(({ key, why }) => why !== undefined && !replayed.includes(key));
    return { replayed, skipped: skipped.map(({ key, why }) => ({ key, reason: why })) };
  },
};

export const deliveryRoutes: readonly Route[] = [list, replayOne, replayChannel];

import { z } from 'zod';
import { AtalaiaError } from '../lib/errors.ts';
import { DAY_MS, formatInstant } from '../model/time.ts';
import { actOnHold, type Hold, type HoldAct, readHold, readHoldActs } from '../store/ledger/hold.ts';
import { actorOf, authorOf } from './access/caller.ts';
import type { ApiDeps } from './deps.ts';
import { instant, readBody } from './input.ts';
import { type Route, ref } from './route.ts';

const MAX_MS = 7 * DAY_MS;
const words = (max: number) => z.string().trim().min(1).max(max);

/** The body of `POST /deliveries/hold`. */
export const holdBody = z.strictObject({
  /** On a server with users it is the one who is signed in. */
  author: words(200).optional(),
  reason: words(1000),
  /** Reds are held, too. */
  red: z.boolean().default(false),
  /** Sending goes on by itself then; at most 7 days away. Without it, until the release. */
  until: instant.optional(),
});

const clockOf = (deps: ApiDeps): number => (deps.deliveryNow ?? deps.now)();

/** A hold as JSON tells it. */
export const holdView = ({ by, reason, at, red, until }: Hold): object => ({
  ...{ author: by, reason, at: formatInstant(at), red },
  until: until === undefined ? null : formatInstant(until),
});

const actView = (act: HoldAct): object =>
  act.act === 'hold'
    ? { act: act.act, ...holdView(act) }
    : { act: act.act, author: act.by, at: formatInstant(act.at) };

const view = (hold: Hold | null): object => (hold ? { held: true, ...holdView(hold) } : { held: false });

const responses = { 200: { description: 'What is in force', schema: ref('Hold') } };

const get: Route = {
  method: 'GET',
  path: '/api/v1/deliveries/hold',
  operationId: 'getHold',
  summary: 'Whether deliveries are held, and `acts`: the last 100 holds and releases, the newest first.',
  responses,
  async handler(_request, _reply, deps) {
    const hold = await readHold(deps.ledger, clockOf(deps));
    return { ...view(hold), acts: (await readHoldActs(deps.ledger)).map(actView) };
  },
};

const post: Route = {
  method: 'POST',
  path: '/api/v1/deliveries/hold',
  operationId: 'holdDeliveries',
  summary: 'Holds all deliveries until a time or the release; reds go on unless `red` says so.',
  body: { types: ['application/json'], schema: ref('HoldInput') },
  responses,
  problems: [415, 422],
  async handler(request, _reply, deps) {
    const { author, reason, red, until } = readBody(holdBody, request.body);
    const at = clockOf(deps);
    if (until !== undefined && (until <= at || until - at > MAX_MS))
      throw new AtalaiaError(
        'ATL_INPUT',
        `Body \`until\`: is not after now and within 7 days of it (now is ${formatInstant(at)}). Leave it out to hold until the release.`,
      );
    const end = until === undefined ? {} : { until };
    const hold: Hold = { by: authorOf(request, author), reason, red, at, ...end };
    await actOnHold(deps.ledger, { act: 'hold', ...hold });
    deps.log.warn(holdView(hold), 'deliveries are held');
    return view(hold);
  },
};

const release: Route = {
  method: 'POST',
  path: '/api/v1/deliveries/release',
  operationId: 'releaseDeliveries',
  summary: 'Sends what was held.',
  responses,
  async handler(request, _reply, deps) {
    const by = actorOf(request) ?? null;
    await actOnHold(deps.ledger, { act: 'release', by, at: clockOf(deps) });
    deps.log.warn({ author: by }, 'deliveries are released');
    return view(null);
  },
};

export const holdRoutes: readonly Route[] = [get, post, release];

import { z } from 'zod';
import { AtalaiaError } from '../../lib/errors.ts';
import type { AlertEvent } from '../../model/alert.ts';
import { levelNames } from '../../model/rule.ts';
import { formatInstant, HOUR_MS, SECOND_MS } from '../../model/time.ts';
import { hazards } from '../../rules/hazard.ts';
import type { StoredRevision } from '../../store/ledger/stored-revision.ts';
import { isSelf } from '../../store/ledger/subscribers.ts';
import type { ApiDeps } from '../deps.ts';
import { name, readBody } from '../input.ts';
import { drawnArea, raisedAt } from '../raise.ts';
import { type Route, ref } from '../route.ts';
import { subscriptionView } from '../subscriptions.ts';

/** The body of `POST /subscriptions/preview`: a place in one of three ways, and what happens there. */
export const previewBody = z
  .strictObject({
    station: name.optional(),
    /** A region's code or the id of a named area. */
    area: name.optional(),
    point: z
      .strictObject({
        latitude: z.number().min(-85).max(85),
        longitude: z.number().min(-180).max(180),
        km: z.number().min(0.2).max(500).default(0.2),
      })
      .optional(),
    hazard: z.enum([...hazards.keys()]),
    level: z.enum(levelNames),
  })
  .refine(
    ({ station, area, point }) => [station, area, point].filter((one) => one !== undefined).length === 1,
    'names one place: a station, an area or a point',
  );

const MAX_ITEMS = 1000;

/** An alert as it would begin, of which nothing is kept. */
function imagined(body: z.output<typeof previewBody>, deps: ApiDeps): StoredRevision {
  const { point, hazard, level } = body;
  const area = point ? drawnArea({ shape: { ...point, name: 'preview' } }) : undefined;
  const { subject } = raisedAt(
    {
      ...(body.station === undefined ? {} : { station: body.station }),
      ...(body.area === undefined ? {} : { area: body.area }),
    },
    area,
    deps,
  );
  const clock = (deps.deliveryNow ?? deps.now)();
  const at = Math.floor(clock / SECOND_MS) * SECOND_MS;
  const event: AlertEvent = {
    ...{ alert: 'preview', revision: 1, event: 'raised', rule: 'preview', hazard, subject, level },
    ...{ onsetAt: at, at, issuedAt: at, evidence: [] },
  };
  const rest = { ruleSet: 'preview', expiresAt: at + HOUR_MS, unverified: false, levelSinceAt: at };
  const revision = { event, ...rest, ...(area ? { area } : {}) };
  return { seq: 0, position: '0:0:0', state: 'active', revision };
}

const preview: Route = {
  method: 'POST',
  path: '/api/v1/subscriptions/preview',
  operationId: 'previewSubscriptions',
  summary: 'Who would be told of an alert now, and why the others would not; nothing is sent or kept.',
  body: { types: ['application/json'], schema: ref('PreviewInput') },
  responses: { 200: { description: 'Those told first', schema: ref('Preview') } },
  problems: [415, 422, 503],
  async handler(request, reply, deps) {
    const body = readBody(previewBody, request.body);
    if (!deps.desk) throw new AtalaiaError('ATL_BUSY', 'This server tells nobody. Ask the one that does.');
    const hearers = await deps.desk.audience(imagined(body, deps));
    const told = hearers.filter(({ notTold }) => notTold.length === 0);
    const others = hearers.filter(({ notTold }) => notTold.length > 0);
    // Where somebody lives is theirs alone: people who subscribed themselves are counted.
    const named = [...told, ...others].filter(({ subscription }) => !isSelf(subscription.id));
    const items = named.slice(0, MAX_ITEMS).map(({ subscription, notTold, notBefore }) => ({
      subscription: subscriptionView(subscription),
      told: notTold.length === 0,
      ...(notBefore === undefined ? {} : { notBefore: formatInstant(notBefore) }),
      reasons: notTold.map(({ cause, reason, until }) => ({
        cause,
        ...(reason === undefined ? {} : { reason }),
        ...(until === undefined ? {} : { until: formatInstant(until) }),
      })),
    }));
    reply.header('Cache-Control', 'no-store');
    return { told: told.length, notTold: others.length, items };
  },
};

export const previewRoutes: readonly Route[] = [preview];

import { z } from 'zod';
import { formatAlertEvent } from '../alerts/event-json.ts';
import { AtalaiaError } from '../lib/errors.ts';
import { levelNames } from '../model/rule.ts';
import { formatInstant, formatSpan } from '../model/time.ts';
import { printCondition } from '../rules/print.ts';
import type { AlertFilter, Delivery, StoredRevision } from '../store/ledger/ledger.ts';
import type { ApiDeps } from './deps.ts';
import { instant, name, pageSize, readQuery } from './input.ts';
import { HttpProblem } from './problem.ts';
import { listOf, part, type Route, ref, sendJson } from './route.ts';
import { stationView } from './stations.ts';

const filter = z.strictObject({
  state: z.enum(['open', 'active', 'unverified', 'ended']).optional(),
  level: z.enum(levelNames).optional(),
  rule: name.optional(),
  hazard: name.optional(),
  area: name.optional(),
  from: instant.optional(),
  to: instant.optional(),
  limit: pageSize(1000, 100),
  cursor: name.optional(),
});

const capQuery = z.strictObject({ revision: z.coerce.number().int().min(1).optional() });

const MAX_DELIVERIES = 1000;
const actions = ['approve', 'acknowledge', 'edit', 'extend', 'cancel'] as const;

/** The newest event's keys plus `state`; the event's `level` is the present one. */
const itemMembers = (stored: StoredRevision): string =>
  `${formatAlertEvent(stored.revision.event).slice(1, -1)},"state":${JSON.stringify(stored.state)}`;

const deliveryView = (delivery: Delivery): object => ({
  key: delivery.key,
  revision: delivery.revision,
  // Addresses of people stay inside.
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
  ...(delivery.lastError === undefined ? {} : { lastError: delivery.lastError }),
  ...(delivery.deliveredAt === undefined ? {} : { deliveredAt: formatInstant(delivery.deliveredAt) }),
});

/** The rule in force by that name, with its conditions as text; null when it is gone. */
function ruleDetail(deps: ApiDeps, name: string): object | null {
  const rule = deps.rules().find((entry) => entry.name === name);
  if (!rule) return null;
  const levels = rule.levels.map(({ level, condition, holdMs }) => ({
    level,
    text: `${printCondition(condition)}${holdMs > 0 ? ` for ${formatSpan(holdMs)}` : ''}`,
  }));
  const { title, hazard, instruction, version } = rule;
  return { name, title, hazard, levels, instruction, version };
}

function stationOf(deps: ApiDeps, id: string): object | null {
  const station = deps.stations().find((entry) => entry.id === id);
  return station ? stationView(deps, station) : null;
}

const unknownAlert = (id: string): AtalaiaError =>
  new AtalaiaError('ATL_NOT_FOUND', `There is no alert ${id}. GET /api/v1/alerts lists them.`);

const list: Route = {
  method: 'GET',
  path: '/api/v1/alerts',
  operationId: 'listAlerts',
  summary: 'Alerts, the newest first: the newest event of each and its present state.',
  query: filter,
  responses: { 200: { description: 'A page of alerts', schema: listOf('Alert') } },
  problems: [400],
  async handler(request, reply, { ledger }) {
    const query = readQuery(filter, request.query);
    const wanted = Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined));
    const page = await ledger.alerts(wanted as unknown as AlertFilter);
    const items = page.items.map((stored) => `{${itemMembers(stored)}}`).join(',');
    return sendJson(reply, `{"items":[${items}],"next":${JSON.stringify(page.next)}}`);
  },
};

const one: Route = {
  method: 'GET',
  path: '/api/v1/alerts/{id}',
  operationId: 'getAlert',
  summary: 'One alert with its evidence, history and deliveries; ETag is its newest revision.',
  responses: { 200: { description: 'The alert', schema: ref('AlertDetail') } },
  problems: [404],
  async handler(request, reply, deps) {
    const { ledger } = deps;
    const id = part(request, 'id');
    const history = await ledger.history(id);
    const newest = history.at(-1);
    if (!newest) throw unknownAlert(id);
    const deliveries = await ledger.deliveries({ alert: id, limit: MAX_DELIVERIES });
    const events = history.map((stored) => formatAlertEvent(stored.revision.event)).join(',');
    reply.header('ETag', `"${newest.revision.event.revision}"`).header('Cache-Control', 'no-cache');
    return sendJson(
      reply,
      `{${itemMembers(newest)},"expiresAt":"${formatInstant(newest.revision.expiresAt)}",` +
        `"levelSinceAt":"${formatInstant(newest.revision.levelSinceAt)}","ruleSet":${JSON.stringify(newest.revision.ruleSet)},` +
        `"ruleDetail":${JSON.stringify(ruleDetail(deps, newest.revision.event.rule))},` +
        `"station":${JSON.stringify(stationOf(deps, newest.revision.event.subject.id))},` +
        `"history":[${events}],"deliveries":${JSON.stringify(deliveries.map(deliveryView))}}`,
    );
  },
};

const cap: Route = {
  method: 'GET',
  path: '/api/v1/alerts/{id}/cap.xml',
  operationId: 'getAlertCap',
  summary: 'The CAP 1.2 message of an alert: the newest, or that of one revision, which never changes.',
  query: capQuery,
  responses: {
    200: { description: 'The message as it left', type: 'application/cap+xml' },
    304: { description: 'Not changed' },
  },
  problems: [400, 404],
  async handler(request, reply, { ledger }) {
    const { revision } = readQuery(capQuery, request.query);
    const id = part(request, 'id');
    const message = await ledger.cap(id, revision);
    if (!message) {
      const which = revision === undefined ? '' : ` for revision ${revision}`;
      throw new AtalaiaError(
        'ATL_NOT_FOUND',
        `Alert ${id} has no CAP message${which}. GET /cap/feed.atom lists them.`,
      );
    }
    const etag = `"${message.revision}"`;
    const fixed = revision !== undefined;
    reply
      .header('ETag', etag)
      .header('Cache-Control', fixed ? 'public, max-age=31536000, immutable' : 'no-cache');
    if (request.headers['if-none-match'] === etag) return reply.code(304).send();
    return reply.type('application/cap+xml; charset=utf-8').send(message.xml);
  },
};

/** Acts of people on an alert: they come with human review, and until then say so. */
const act = (action: (typeof actions)[number]): Route => ({
  method: 'POST',
  path: `/api/v1/alerts/{id}/${action}`,
  operationId: `${action}Alert`,
  summary: `Not available yet: ${action} comes with human review.`,
  headers: [{ name: 'If-Match', required: true, description: 'The revision seen, in quotes' }],
  body: { types: ['application/json'], schema: { type: 'object' } },
  responses: {},
  problems: [404, 428, 501],
  async handler(request, _reply, { ledger }) {
    if (request.headers['if-match'] === undefined) {
      const message = 'If-Match is missing. Send the revision that you saw: If-Match: "3".';
      throw new HttpProblem('ATL_PRECONDITION_REQUIRED', message);
    }
    const id = part(request, 'id');
    if ((await ledger.history(id)).length === 0) throw unknownAlert(id);
    const message = `\`${action}\` is not available yet: it comes with human review. Nothing was changed.`;
    throw new HttpProblem('ATL_NOT_AVAILABLE_YET', message);
  },
});

export const alertRoutes: readonly Route[] = [list, one, cap, ...actions.map(act)];

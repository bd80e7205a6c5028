import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { formatAlertEvent } from '../alerts/event-json.ts';
import { AtalaiaError } from '../lib/errors.ts';
import type { Draft } from '../model/alert.ts';
import type { Feedback } from '../model/observed-event.ts';
import { levelNames, type Rule } from '../model/rule.ts';
import { formatInstant } from '../model/time.ts';
import { printHeld } from '../rules/print.ts';
import type { AlertFilter } from '../store/ledger/ledger.ts';
import type { StoredRevision } from '../store/ledger/stored-revision.ts';
import { callerOf } from './access/caller.ts';
import { deliveryView } from './channels/deliveries.ts';
import type { ApiDeps } from './deps.ts';
import { instant, name, pageSize, readQuery } from './input.ts';
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
const MAX_DRAFTS = 1000;

/** The newest event's keys plus `state`; the event's `level` is the present one. */
const itemMembers = (stored: StoredRevision): string =>
  `${formatAlertEvent(stored.revision.event).slice(1, -1)},"state":${JSON.stringify(stored.state)}`;

/** The rule in force by that name, with its conditions as text; null when it is gone. */
function ruleDetail(deps: ApiDeps, name: string): object | null {
  const rule = deps.rules().find((entry) => entry.name === name);
  if (!rule) return null;
  const levels = rule.levels.map((one) => ({ level: one.level, text: printHeld(one) }));
  const { title, hazard, instruction, version } = rule;
  return { name, title, hazard, levels, instruction, version };
}

/** What stands in the place of a rule for an alert raised by hand. */
const manualDetail = ({ name, title, hazard, instruction, area }: Rule): object => ({
  ...{ name, title, hazard, instruction, area },
  levels: [],
  isByHand: true,
});

function stationOf(deps: ApiDeps, id: string): object | null {
  const station = deps.stations().find((entry) => entry.id === id);
  return station ? stationView(deps, station) : null;
}

export const unknownAlert = (id: string): AtalaiaError =>
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
    const isInside = deps.access?.isRequired !== true || callerOf(request) !== undefined;
    return sendAlert(part(request, 'id'), reply, deps, isInside);
  },
};

/**
 * Answers with an alert and its history; `isInside`: also with what people did to it and who was told. Throws
 * ATL_NOT_FOUND.
 */
export async function sendAlert(
  id: string,
  reply: FastifyReply,
  deps: ApiDeps,
  isInside = true,
): Promise<FastifyReply> {
  const { ledger } = deps;
  const all = await ledger.history(id);
  // What nobody has approved is not for everybody.
  const history = isInside ? all : all.filter(({ revision }) => !revision.draft);
  const newest = history.at(-1);
  if (!newest) throw unknownAlert(id);
  const deliveries = isInside ? await ledger.deliveries({ alert: id, limit: MAX_DELIVERIES }) : [];
  const acts = (isInside ? await ledger.acts(id) : []).map((one) => ({ ...one, at: formatInstant(one.at) }));
  const feedback = (isInside ? await ledger.feedback([id]) : []).map(feedbackView);
  const events = history.map(historyItem).join(',');
  const { event, expiresAt, levelSinceAt, ruleSet, rule: byHand, act, text, area, draft } = newest.revision;
  // What only some may see stays out of caches that others ask, too.
  const isShared = deps.access?.isRequired !== true || !isInside;
  reply
    .header('ETag', `"${event.revision}"`)
    .header('Cache-Control', isShared ? 'no-cache' : 'private, no-cache');
  return sendJson(
    reply,
    `{${itemMembers(newest)},"expiresAt":"${formatInstant(expiresAt)}",` +
      `"levelSinceAt":"${formatInstant(levelSinceAt)}","ruleSet":${JSON.stringify(ruleSet)},` +
      (text === undefined ? '' : `"text":${JSON.stringify(text)},`) +
      (area === undefined ? '' : `"area":${JSON.stringify(area)},`) +
      (act?.correction ? `"correction":${JSON.stringify(act.correction)},` : '') +
      (draft === undefined ? '' : `"draft":${JSON.stringify(draftView(draft))},`) +
      `"ruleDetail":${JSON.stringify(byHand ? manualDetail(byHand) : ruleDetail(deps, event.rule))},` +
      `"station":${JSON.stringify(stationOf(deps, event.subject.id))},` +
      `"history":[${events}],"acts":${JSON.stringify(acts)},"feedback":${JSON.stringify(feedback)},"deliveries":${JSON.stringify(deliveries.map(deliveryView))}}`,
  );
}

/** One revision of the history; what was not public, and what nobody approved, says so. */
function historyItem({ revision: { event, draft, publishedBy } }: StoredRevision): string {
  const more = {
    ...(draft ? { draft: draftView(draft) } : {}),
    ...(publishedBy ? { publishedBy } : {}),
  };
  const members = JSON.stringify(more).slice(1, -1);
  return `${formatAlertEvent(event).slice(0, -1)}${members && `,${members}`}}`;
}

/** What somebody in the field says of an alert. */
export const feedbackView = ({ wasReal, note, by, at }: Feedback): object => ({
  ...{ wasReal, note, by },
  at: formatInstant(at),
});

/** What waits for approval, with the instants as text. */
export const draftView = ({ sinceAt, dueAt, ...draft }: Draft): object => ({
  ...draft,
  ...(sinceAt === undefined ? {} : { sinceAt: formatInstant(sinceAt) }),
  ...(dueAt === undefined ? {} : { dueAt: formatInstant(dueAt) }),
});

const drafts: Route = {
  method: 'GET',
  path: '/api/v1/drafts',
  operationId: 'listDrafts',
  summary: 'Alerts that wait for approval, the oldest first: nobody else is told of them.',
  responses: { 200: { description: 'The newest event of each, with `draft`', schema: listOf('Alert') } },
  async handler(_request, reply, { ledger }) {
    const items = (await ledger.drafts(MAX_DRAFTS)).map(draftItem);
    reply.header('Cache-Control', 'no-store');
    return sendJson(reply, `{"items":[${items.join(',')}],"next":null}`);
  },
};

/** The newest event of an alert that waits, with what it waits for. */
export const draftItem = (stored: StoredRevision): string => {
  const { expiresAt, draft, act } = stored.revision;
  const by = act && { by: act.by, act: act.act, ...(act.reason === undefined ? {} : { reason: act.reason }) };
  return (
    `{${itemMembers(stored)},"expiresAt":"${formatInstant(expiresAt)}",` +
    `"draft":${JSON.stringify({ ...draftView(draft as Draft), ...(by ? { by } : {}) })}}`
  );
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

export const alertRoutes: readonly Route[] = [list, one, cap, drafts];

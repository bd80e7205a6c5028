import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { circlePolygon } from '../alerts/cap/area.ts';
import { alertId } from '../alerts/identity.ts';
import { AtalaiaError } from '../lib/errors.ts';
import type { EditedArea, RaiseCommand } from '../model/act.ts';
import type { Text } from '../model/language.ts';
import { manualRule } from '../model/manual-rule.ts';
import { levelNames, type Rule } from '../model/rule.ts';
import type { Station } from '../model/station.ts';
import type { Subject } from '../model/subject.ts';
import { DAY_MS, MINUTE_MS, SECOND_MS } from '../model/time.ts';
import { hazards, operatorHazards } from '../rules/hazard.ts';
import { commandId, commandSchema, operatorOf, outcomeOf, polygon, refuseRealClaim, words } from './acts.ts';
import { sendAlert } from './alerts.ts';
import type { ApiDeps } from './deps.ts';
import { name, readBody, span } from './input.ts';
import { listOf, type Route, ref } from './route.ts';

const MAX_EXPIRES_MS = 31 * DAY_MS;
const DEFAULT_EXPIRES_MS = 6 * 60 * MINUTE_MS;
const DEFAULT_RADIUS_KM = 15;
/** A drawn area without a place belongs to the region of the nearest station, if it is as near as this. */
const NEAREST_KM = 150;
const KM_PER_DEGREE = 111.2;

const text = z.strictObject({ 'pt-BR': words(2000), en: words(2000) });
const latitude = z.number().min(-85).max(85);
const longitude = z.number().min(-180).max(180);
const publicHazards = [...hazards.keys()].filter((key) => !operatorHazards.has(key));
const body = z.strictObject({
  /** The name of a template; what else is given stands in place of what it says. */
  template: name.optional(),
  hazard: z.enum(publicHazards).optional(),
  level: z.enum(levelNames).optional(),
  title: z.strictObject({ 'pt-BR': words(120), en: words(120) }).optional(),
  text: text.optional(),
  expires: span.refine((ms) => ms >= MINUTE_MS && ms <= MAX_EXPIRES_MS, 'is not from 1m to 31d').optional(),
  station: name.optional(),
  /** A region's code or the id of a named area. */
  area: name.optional(),
  radiusKm: z.number().min(0.2).max(500).optional(),
  shape: z
    .union([
      z.strictObject({ polygon, name: words(200) }),
      z.strictObject({ latitude, longitude, km: z.number().min(0.2).max(500), name: words(200) }),
    ])
    .optional(),
  reason: words(1000),
});
type Body = z.output<typeof body>;

const wrong = (message: string): AtalaiaError => new AtalaiaError('ATL_INPUT', `Body ${message}`);

/** What stands in the place of a rule: the template, and what the person says instead. */
function ruleOf(given: Body, deps: ApiDeps, subject: Subject): { rule: Rule; level: RaiseCommand['level'] } {
  const template = (deps.templates?.() ?? []).find((one) => one.name === given.template);
  if (given.template !== undefined && !template)
    throw wrong(`\`template\`: there is no ${given.template}. GET /api/v1/templates lists them.`);
  const hazard = given.hazard ?? template?.hazard;
  const level = given.level ?? template?.level;
  const instruction = given.text ?? template?.instruction;
  if (!hazard || !level || !instruction)
    throw wrong('names no template: give hazard, level and text in both languages.');
  const title = given.title ?? template?.title ?? (hazards.get(hazard)?.event as Text);
  const rule = manualRule({
    name: `manual:${template?.name ?? hazard}`,
    title,
    hazard,
    instruction,
    expiresMs: given.expires ?? template?.expiresMs ?? DEFAULT_EXPIRES_MS,
    subject: subject.kind,
    ...(template ? { cap: template.cap } : {}),
    ...(subject.kind === 'station'
      ? { area: { kind: 'radius' as const, km: given.radiusKm ?? DEFAULT_RADIUS_KM } }
      : {}),
    ...(template?.publication ? { publication: template.publication } : {}),
  });
  return { rule: deps.reviewed?.(rule) ?? rule, level };
}

const pairs = (ring: string): [number, number][] =>
  ring
    .split(' ')
    .slice(0, -1)
    .map((pair) => pair.split(',').map(Number) as [number, number]);

/** The drawn area as CAP bears it; a circle becomes its ring. */
export function drawnArea({ shape }: Pick<Body, 'shape'>): EditedArea | undefined {
  if (!shape) return undefined;
  if ('polygon' in shape) return shape;
  const ring = circlePolygon(shape.latitude, shape.longitude, shape.km);
  if (ring === undefined)
    throw wrong('`shape`: this circle reaches across the date line or a pole. Draw a polygon on one side.');
  return { polygon: pairs(ring), name: shape.name };
}

function nearest(area: EditedArea & { polygon: unknown }, stations: readonly Station[]): Station | undefined {
  const corners = area.polygon as readonly (readonly [number, number])[];
  const mean = (which: 0 | 1): number =>
    corners.reduce((sum, corner) => sum + corner[which], 0) / corners.length;
  const [lat, lon] = [mean(0), mean(1)];
  const scale = Math.cos((lat * Math.PI) / 180);
  const far = (one: Station): number =>
    KM_PER_DEGREE * Math.hypot(one.latitude - lat, (one.longitude - lon) * scale);
  const [first] = stations.toSorted((a, b) => far(a) - far(b));
  return first && far(first) <= NEAREST_KM ? first : undefined;
}

/** What the alert is about, and the region that keeps it. Throws ATL_INPUT. */
export function raisedAt(
  given: Pick<Body, 'station' | 'area' | 'radiusKm'>,
  area: EditedArea | undefined,
  deps: ApiDeps,
): { subject: Subject; region: string } {
  const stations = deps.stations();
  if (given.station !== undefined && given.area !== undefined)
    throw wrong('names a station and an area: one of them.');
  if (given.station !== undefined) {
    const station = stations.find(({ id }) => id === given.station);
    if (!station) throw wrong(`\`station\`: there is no ${given.station}. GET /api/v1/stations lists them.`);
    return { subject: { kind: 'station', id: station.id }, region: station.region };
  }
  if (given.radiusKm !== undefined) throw wrong('`radiusKm`: a radius needs a station in its middle.');
  if (given.area !== undefined) {
    const named = deps.areas?.().find(({ id }) => id === given.area);
    const region = named?.region ?? stations.find((one) => one.region === given.area)?.region;
    if (region === undefined)
      throw wrong(
        `\`area\`: there is no region or named area ${given.area}. Give a station, or draw a shape.`,
      );
    return { subject: { kind: 'area', id: given.area }, region };
  }
  if (!area || !('polygon' in area)) throw wrong('says no place: give a station, an area or a shape.');
  const near = nearest(area, stations);
  if (!near) throw wrong('`shape`: no station is near it. Name the region that it belongs to as area.');
  return { subject: { kind: 'area', id: near.region }, region: near.region };
}

/** Whom a raise concerns, for users who are limited to some areas; a shape can lie anywhere. */
export function raisedPlace(given: unknown): { readonly subject?: Subject; readonly isDrawn: boolean } {
  const { station, area, shape } = (given ?? {}) as Partial<Record<string, unknown>>;
  const isDrawn = shape !== undefined;
  if (typeof station === 'string') return { subject: { kind: 'station', id: station }, isDrawn };
  return typeof area === 'string' ? { subject: { kind: 'area', id: area }, isDrawn } : { isDrawn };
}

async function commandOf(request: FastifyRequest, deps: ApiDeps, id: string) {
  const given = readBody(body, request.body);
  for (const text of [...Object.values(given.text ?? {}), ...Object.values(given.title ?? {})])
    refuseRealClaim(deps, text);
  const area = drawnArea(given);
  const { subject, region } = raisedAt(given, area, deps);
  const { rule, level } = ruleOf(given, deps, subject);
  const by = operatorOf(request);
  const kept = await deps.ledger.command(id);
  const before = kept && (JSON.parse(kept.json) as { readonly act: RaiseCommand }).act;
  const at = before?.at ?? Math.floor(deps.now() / SECOND_MS) * SECOND_MS;
  const command: RaiseCommand = {
    type: 'raise',
    rule,
    subject,
    level,
    ...(area ? { area } : {}),
    at,
    by,
    reason: given.reason,
  };
  if (before && JSON.stringify(before) !== JSON.stringify(command))
    throw new AtalaiaError(
      'ATL_INPUT',
      'This Idempotency-Key stands for another request. Send a new key for a new alert.',
    );
  return { command, region, isRepeat: before !== undefined };
}

const raise: Route = {
  method: 'POST',
  path: '/api/v1/alerts',
  operationId: 'raiseAlert',
  summary: 'Raises an alert by hand, from a template or from fields; it lives as any other does.',
  headers: [
    { name: 'Idempotency-Key', required: false, description: 'The same key and body again: the same answer' },
    {
      name: 'Atalaia-Operator',
      required: false,
      description: 'Who acts (percent-encoded UTF-8), on a server without users; else operator',
    },
  ],
  body: {
    types: ['application/json'],
    schema: z.toJSONSchema(body, { io: 'input', unrepresentable: 'any' }),
  },
  responses: {
    201: { description: 'Raised: the alert as GET gives it', schema: ref('AlertDetail') },
    202: { description: 'Taken durably; not raised within 5 s', schema: commandSchema },
  },
  problems: [409, 415, 422, 503],
  async handler(request, reply, deps) {
    const id = commandId(request, operatorOf(request));
    const { command, region, isRepeat } = await commandOf(request, deps, id);
    const alert = alertId(command.rule.name, command.subject, command.at);
    if (!isRepeat && (await deps.ledger.history(alert)).length > 0)
      throw new AtalaiaError(
        'ATL_CONFLICT',
        `The same alert was raised there in this second: ${alert}. Look at it, or try again.`,
      );
    if (!deps.putRaise)
      throw new AtalaiaError('ATL_BUSY', 'This server raises no alerts. Ask the one that folds.');
    await deps.putRaise(id, region, command);
    reply.header('Location', `/api/v1/alerts/${alert}`);
    if (!(await outcomeOf(deps, id, alert))) return reply.code(202).send({ command: id, alert });
    return sendAlert(alert, reply.code(201), deps);
  },
};

const templates: Route = {
  method: 'GET',
  path: '/api/v1/templates',
  operationId: 'listTemplates',
  summary: 'Alerts prepared to be raised by hand.',
  responses: { 200: { description: 'All templates', schema: listOf('Template') } },
  handler: (_request, _reply, deps) => ({ items: deps.templates?.() ?? [], next: null }),
};

export const raiseRoutes: readonly Route[] = [raise, templates];

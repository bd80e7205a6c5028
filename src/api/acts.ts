import { createHash, randomUUID } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { crossesItself } from '../alerts/cap/read/geometry.ts';
import { AtalaiaError } from '../lib/errors.ts';
import { type ActCommand, type ActName, type ActOutcome, actNames, type Refusal } from '../model/act.ts';
import { falseAlarmText } from '../model/correction.ts';
import { claimsReal } from '../model/environment.ts';
import { languages, textIn } from '../model/language.ts';
import { levelNames } from '../model/rule.ts';
import { DAY_MS } from '../model/time.ts';
import type { StoredRevision } from '../store/ledger/stored-revision.ts';
import { actorOf } from './access/caller.ts';
import { sendAlert, unknownAlert } from './alerts.ts';
import type { ApiDeps } from './deps.ts';
import { instant, readBody } from './input.ts';
import { HttpProblem, sendProblem } from './problem.ts';
import { part, type Route, ref } from './route.ts';

const WAIT_MS = 5000;
const POLL_MS = 50;
const MAX_EXTENSION_MS = 31 * DAY_MS;

type Corners = readonly (readonly [number, number])[];

/** The corners as CAP will bear them, 4 decimals, make a ring whose sides do not cross. */
function isSimpleRing(corners: Corners): boolean {
  const fixed = corners.map(([lat, lon]) => [Number(lat.toFixed(4)), Number(lon.toFixed(4))] as const);
  const isDistinct = new Set(fixed.map(String)).size === fixed.length;
  return isDistinct && !crossesItself([...fixed, fixed[0] as Corners[number]], { left: 1_000_000 });
}

export const words = (max: number) => z.string().trim().min(1).max(max);
const latitude = z.number().min(-90).max(90);
const longitude = z.number().min(-180).max(180);
export const polygon = z
  .array(z.tuple([latitude, longitude]))
  .min(3)
  .max(500)
  .refine(isSimpleRing, 'is no ring of different corners whose sides do not cross');
const area = z.union([
  z.strictObject({ radiusKm: z.number().min(0.2).max(500) }),
  z.strictObject({ polygon, name: words(200) }),
]);
const bodies = {
  acknowledge: z.strictObject({}),
  edit: z
    .strictObject({
      text: z.union([words(2000), z.strictObject({ 'pt-BR': words(2000), en: words(2000) })]).optional(),
      area: area.optional(),
      level: z.enum(levelNames).optional(),
    })
    .refine((edit) => Object.values(edit).some((value) => value !== undefined), 'says nothing to change'),
  extend: z.strictObject({ until: instant, reason: words(1000) }),
  cancel: z.strictObject({
    reason: words(1000),
    /** True: with the prepared text; or what people are to read. */
    correction: z
      .union([z.literal(true), z.strictObject({ 'pt-BR': words(500), en: words(500) })])
      .transform((given) => (given === true ? falseAlarmText : given))
      .optional(),
  }),
  approve: z.strictObject({}),
  reject: z.strictObject({ reason: words(1000) }),
  publish: z.strictObject({ reason: words(1000) }),
} as const satisfies Record<ActName, z.ZodType>;

const headers = [
  { name: 'If-Match', required: true, description: 'The revision seen, in quotes' },
  { name: 'Idempotency-Key', required: false, description: 'The same key and body again: the same answer' },
  {
    name: 'Atalaia-Operator',
    required: false,
    description: 'Who acts (percent-encoded UTF-8), on a server without users; else operator',
  },
] as const;

/** The revision that `If-Match` names. Throws 428 without it, 400 when it is none. */
function revisionSeen(request: FastifyRequest): number {
  const given = request.headers['if-match'];
  if (given === undefined)
    throw new HttpProblem(
      'ATL_PRECONDITION_REQUIRED',
      'If-Match is missing. Send the revision that you saw: If-Match: "3".',
    );
  const seen = /^"([1-9]\d{0,8})"$/.exec(given)?.[1];
  if (seen) return Number(seen);
  throw new AtalaiaError('ATL_USAGE', 'If-Match is no revision in quotes. Send the ETag of the alert: "3".');
}

function headerText(request: FastifyRequest, name: string): string | undefined {
  const given = request.headers[name];
  const text = Array.isArray(given) ? given.join(',') : given;
  if (text === undefined || (text.length > 0 && text.length <= 200)) return text;
  throw new AtalaiaError('ATL_USAGE', `${name} must have 1 to 200 characters.`);
}

/** Who acts: the user; on a server that asks nobody, whoever the header names. */
export function operatorOf(request: FastifyRequest): string {
  const user = actorOf(request);
  if (user !== undefined) return user;
  const given = headerText(request, 'atalaia-operator') ?? 'operator';
  try {
    return decodeURIComponent(given);
  } catch {
    return given;
  }
}

/** Throws ATL_INPUT when a text of an exercise or test claims to be the real thing. */
export function refuseRealClaim({ environment }: ApiDeps, text: string): void {
  if (environment !== 'actual' && claimsReal(text))
    throw new AtalaiaError(
      'ATL_INPUT',
      `Body: this server is an ${environment}, and its text says that it is real: "${text.slice(0, 80)}". Take that out.`,
    );
}

function commandOf(request: FastifyRequest, act: ActName, newest: StoredRevision, deps: ApiDeps): ActCommand {
  const { event } = newest.revision;
  const body = readBody<z.ZodType>(bodies[act], request.body ?? {}) as Partial<ActCommand>;
  if (body.area && 'radiusKm' in body.area && event.subject.kind === 'area')
    throw new AtalaiaError('ATL_INPUT', 'Body `area`: an area has no centre. Give a polygon with a name.');
  const written = languages.flatMap((language) => [
    body.text === undefined ? [] : textIn(body.text, language),
    body.correction?.[language] ?? [],
  ]);
  for (const text of written.flat()) refuseRealClaim(deps, text);
  const given = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined));
  return {
    type: 'act',
    act,
    alert: event.alert,
    revision: revisionSeen(request),
    rule: event.rule,
    subject: event.subject,
    by: operatorOf(request),
    ...given,
  };
}

/** By the key a repeat finds its command; without one each request is its own. */
export function commandId(request: FastifyRequest, by: string): string {
  const key = headerText(request, 'idempotency-key');
  const made = key === undefined ? randomUUID() : createHash('sha256').update(`${by}\n${key}`).digest('hex');
  return `act-${made.slice(0, 36)}`;
}

const conflicts: Readonly<Record<Refusal, string>> = {
  revision: 'it has another revision by now. Look at it again and repeat the act with that one.',
  ended: 'it has ended. Nothing can be done to it any more.',
  unknown: 'its rule or its subject is not in force any more.',
  busy: 'another act on it is under way. Look at the alert again in a second.',
  'not-later': 'it expires no earlier than that anyway. Name a later instant.',
  'no-level': 'its rule has no such level. GET /api/v1/rules lists the levels.',
  'no-draft': 'nothing waits for approval.',
  author: 'who wrote it cannot approve it. Ask another approver; in need publish it alone, with a reason.',
};

function refuse(
  request: FastifyRequest,
  reply: FastifyReply,
  revision: number | null,
  refusal: Refusal,
): FastifyReply {
  const detail = `Alert ${part(request, 'id')} was not changed: ${conflicts[refusal]}`;
  if (revision !== null) reply.header('ETag', `"${revision}"`);
  if (refusal === 'author')
    return sendProblem(request, reply, { status: 403, code: 'ATL_FORBIDDEN', detail });
  return sendProblem(request, reply, { status: 409, code: 'ATL_CONFLICT', detail, more: { revision } });
}

/** What can be told before the command is written; the fold decides on the rest. Null: nothing stands against it. */
function refusalOf(command: ActCommand, newest: StoredRevision): Refusal | null {
  const { event, expiresAt, draft } = newest.revision;
  // A replica may not have the newest yet: a revision that it does not know is left to the fold.
  if (command.revision < event.revision) return 'revision';
  if (command.revision > event.revision) return null;
  if (newest.state === 'ended') return 'ended';
  if (command.act === 'approve' || command.act === 'reject' || command.act === 'publish') {
    if (!draft?.waits) return 'no-draft';
    return command.act === 'approve' && draft.authors.includes(command.by) ? 'author' : null;
  }
  return command.act === 'extend' && (command.until as number) <= expiresAt ? 'not-later' : null;
}

/** Writes the command unless it is there; throws ATL_INPUT (422) when its key was used for another one. */
async function put(
  deps: ApiDeps,
  id: string,
  command: ActCommand,
  newest: StoredRevision,
): Promise<Refusal | null> {
  const kept = await deps.ledger.command(id);
  if (kept) {
    const { act } = JSON.parse(kept.json) as { readonly act: ActCommand };
    if (JSON.stringify(act) !== JSON.stringify(command))
      throw new AtalaiaError(
        'ATL_INPUT',
        'This Idempotency-Key stands for another request. Send a new key for a new act.',
      );
  } else {
    const refusal = refusalOf(command, newest);
    if (refusal) return refusal;
    if (command.until !== undefined && command.until > deps.now() + MAX_EXTENSION_MS)
      throw new AtalaiaError('ATL_INPUT', 'Body `until`: is more than 31 days away. Extend by less.');
  }
  if (!deps.putAct) throw new AtalaiaError('ATL_BUSY', 'This server takes no acts. Ask the one that folds.');
  // The ledger tells in what partition the alert is at home.
  await deps.putAct(id, Number(newest.position.split(':', 1)[0]), command);
  return null;
}

/** What came of the command, and the revision readable; undefined when that takes longer than the answer may. */
export async function outcomeOf(deps: ApiDeps, id: string, alert: string): Promise<ActOutcome | undefined> {
  const polls = Math.ceil((deps.actWaitMs ?? WAIT_MS) / POLL_MS);
  for (let i = 0; ; i++) {
    const outcome = await deps.ledger.act(id);
    if (outcome?.refused) return outcome;
    if (outcome) {
      const newest = (await deps.ledger.history(alert)).at(-1)?.revision.event.revision ?? 0;
      if (newest >= (outcome.revision ?? 0)) return outcome;
    }
    if (i >= polls) return undefined;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

const actSummaries: Readonly<Record<ActName, string>> = {
  acknowledge: 'Records that a person has seen the alert; makes no revision.',
  edit: 'Changes text (in place of the instruction), area or level of an alert.',
  extend: 'Gives an alert a later expiry.',
  cancel: 'Ends an alert; its rule raises nothing there until all its conditions have been false.',
  approve: 'Publishes what waits for approval; not for who wrote it.',
  reject: 'Withdraws what waits for approval; what was public before stays so.',
  publish: 'One person alone publishes what waits for approval, in need, and says why.',
};

const act = (name: ActName): Route => ({
  method: 'POST',
  path: `/api/v1/alerts/{id}/${name}`,
  operationId: `${name}Alert`,
  summary: actSummaries[name],
  headers,
  body: { types: ['application/json'], schema: z.toJSONSchema(bodies[name], { io: 'input' }) },
  responses: {
    200: { description: 'Done: the alert as GET gives it', schema: ref('AlertDetail') },
    202: { description: 'Taken durably; not done within 5 s', schema: commandSchema },
  },
  problems: name === 'approve' ? [400, 403, 404, 409, 422, 428, 503] : [400, 404, 409, 422, 428, 503],
  async handler(request, reply, deps) {
    revisionSeen(request);
    const id = part(request, 'id');
    const newest = (await deps.ledger.history(id)).at(-1);
    if (!newest) throw unknownAlert(id);
    const command = commandOf(request, name, newest, deps);
    const commandKey = commandId(request, command.by);
    const { revision } = newest.revision.event;
    const refusal = await put(deps, commandKey, command, newest);
    if (refusal) return refuse(request, reply, revision, refusal);
    const outcome = await outcomeOf(deps, commandKey, id);
    if (!outcome) return reply.code(202).send({ command: commandKey });
    if (outcome.refused) return refuse(request, reply, outcome.revision, outcome.refused);
    return sendAlert(id, reply, deps);
  },
});

export const commandSchema = {
  type: 'object',
  required: ['command'],
  properties: { command: { type: 'string' } },
} as const;

export const actRoutes: readonly Route[] = actNames.map(act);

import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { formatInstant } from '../model/time.ts';
import type { AuditNote } from '../store/ledger/audit.ts';
import { callerOf } from './access/caller.ts';
import { operatorOf } from './acts.ts';
import type { ApiDeps } from './deps.ts';
import { pageSize, readQuery } from './input.ts';
import { listOf, type Route, sendJson } from './route.ts';

/** What reports and sign-ins say is kept elsewhere, a question changes nothing; acts on alerts are recorded by the commit of their outcome. */
const elsewhere = new Set([
  'postObservations',
  'postForecasts',
  'postDoor',
  'postSession',
  'deleteSession',
  // They record themselves, by the subscription: a public request must not fill the log.
  ...['postSubscriber', 'confirmSubscriber', 'manageSubscriber', 'exportSubscriber', 'eraseSubscriber'],
  ...['unsubscribe', 'exportPerson', 'erasePerson'],
  'raiseAlert',
  'previewSubscriptions',
  ...['acknowledge', 'edit', 'extend', 'cancel', 'approve', 'reject', 'publish'].map((act) => `${act}Alert`),
]);
/** Members of a body that say what is done. All else may name people: an entry can never be erased. */
const KEPT = [
  'level',
  'matchers',
  'from',
  'until',
  'red',
  'scope',
  'endsAt',
  'region',
  'hazard',
  'wasReal',
] as const;

type Hook = (request: FastifyRequest, reply: FastifyReply) => Promise<void>;

const clockOf = (deps: ApiDeps): number => (deps.deliveryNow ?? deps.now)();

function noteOf(request: FastifyRequest, operationId: string, deps: ApiDeps): AuditNote {
  const body = (request.body ?? {}) as Readonly<Record<string, unknown>>;
  const text = (key: string): string | undefined =>
    typeof body[key] === 'string' ? (body[key] as string).slice(0, 1000) : undefined;
  const reason = text('reason');
  const detail = Object.fromEntries(
    KEPT.flatMap((key) => (body[key] === undefined ? [] : [[key, body[key]]])),
  );
  return {
    at: clockOf(deps),
    by: callerOf(request)?.user.name ?? text('author') ?? operatorOf(request),
    action: operationId,
    subject: (request.url.split('?', 1)[0] ?? '').slice(0, 300),
    ...(reason === undefined ? {} : { reason }),
    ...(Object.keys(detail).length > 0 ? { detail } : {}),
  };
}

/**
 * Records what somebody asks to change before it is done: nothing is changed without an entry. One that was then refused
 * gets a second entry, which says so.
 */
export function auditHooks(
  { method, operationId }: Pick<Route, 'method' | 'operationId'>,
  deps: ApiDeps,
): { readonly preHandler: Hook[]; readonly onResponse?: Hook } {
  if (method === 'GET' || elsewhere.has(operationId)) return { preHandler: [] };
  const asked = new WeakMap<FastifyRequest, AuditNote>();
  return {
    preHandler: [
      async (request) => {
        const note = noteOf(request, operationId, deps);
        await deps.ledger.record([note]);
        asked.set(request, note);
      },
    ],
    onResponse: async (request, reply) => {
      const note = asked.get(request);
      if (!note || reply.statusCode < 400) return;
      await deps.ledger
        .record([{ ...note, at: clockOf(deps), refused: `HTTP ${reply.statusCode}` }])
        .catch((err: unknown) => deps.log.error({ err }, 'a refusal is not in the audit log'));
    },
  };
}

const query = z.strictObject({
  /** Older than this entry. */
  cursor: z.coerce.number().int().min(1).optional(),
  after: z.coerce.number().int().min(0).optional(),
  limit: pageSize(1000, 100),
});

const list: Route = {
  method: 'GET',
  path: '/api/v1/audit',
  operationId: 'listAudit',
  summary:
    'Who did what, when and why: the newest first, or from `after` on. Each entry bears the hash of its chain.',
  query,
  responses: { 200: { description: 'Entries', schema: listOf('AuditEntry') } },
  problems: [400],
  async handler(request, reply, { ledger }) {
    const { cursor: before, after, limit } = readQuery(query, request.query);
    const page = {
      limit,
      ...(before === undefined ? {} : { before }),
      ...(after === undefined ? {} : { after }),
    };
    const entries = await ledger.audit(page);
    const items = entries.map(({ json, hash }) => {
      const { at, ...note } = JSON.parse(json) as AuditNote & { readonly number: number };
      return { ...note, at: formatInstant(at), hash };
    });
    reply.header('Cache-Control', 'no-store');
    const last = entries.at(-1)?.number;
    const isMore = after === undefined && entries.length === limit && last !== undefined && last > 1;
    return sendJson(reply, JSON.stringify({ items, next: isMore ? String(last) : null }));
  },
};

export const auditRoutes: readonly Route[] = [list];

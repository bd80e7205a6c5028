import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { z } from 'zod';
import { formatAlertEvent } from '../alerts/event-json.ts';
import { AtalaiaError } from '../lib/errors.ts';
import { isSelfTest } from '../model/self-test.ts';
import type { StoredRevision } from '../store/ledger/stored-revision.ts';
import { callerOf } from './access/caller.ts';
import type { ApiDeps } from './deps.ts';
import { readQuery } from './input.ts';
import { HttpProblem } from './problem.ts';
import type { Route } from './route.ts';

export interface StreamLimits {
  readonly clients: number;
  /** A live client with more unsent bytes is cut off; it comes again with its Last-Event-ID. */
  readonly bufferBytes: number;
  readonly heartbeatMs: number;
  /** A client that reads nothing of its backlog for so long is cut off. */
  readonly drainMs: number;
}

export const streamLimits: StreamLimits = {
  clients: 1000,
  bufferBytes: 1_048_576,
  heartbeatMs: 10_000,
  drainMs: 30_000,
};

interface Client {
  readonly response: ServerResponse;
  /** It is told what waits for approval, too. */
  readonly drafts: boolean;
  /** Newest revision sent. */
  seq: number;
  live: boolean;
  /** A revision was committed while the backlog was read. */
  missed: boolean;
}

export interface StreamHub {
  /**
   * Serves one client until it goes; `lastEventId` is the position it has; `drafts`: with what is
   * not public. Throws when there are too many.
   */
  serve(response: ServerResponse, lastEventId: string | undefined, drafts?: boolean): Promise<void>;
  /** Throws the 503 that a full hub answers with. */
  refuseWhenFull(): void;
  close(): void;
}

const PAGE = 500;

/**
 * One SSE message: `event: alert`, the position as id, the alert event on one line. What waits for approval has another
 * name, so that no reader takes it for an alert.
 */
const formatMessage = (stored: StoredRevision): string =>
  `event: ${stored.revision.draft ? 'draft' : 'alert'}\nid: ${stored.position}\ndata: ${formatAlertEvent(stored.revision.event)}\n\n`;

/** Hands every committed revision to every client. A client reads its backlog first and is live from there on. */
export function createStreamHub(
  deps: Pick<ApiDeps, 'ledger' | 'onRevision' | 'log'>,
  limits = streamLimits,
): StreamHub {
  const clients = new Set<Client>();
  let newest: StoredRevision | undefined;
  const unsubscribe = deps.onRevision((stored) => {
    newest = stored;
    const message = clients.size > 0 ? formatMessage(stored) : '';
    for (const client of clients) {
      if (!client.live) client.missed = true;
      else if (stored.seq > client.seq && isFor(client, stored)) push(client, stored.seq, message, limits);
    }
  });
  const heartbeat = setInterval(() => {
    for (const client of clients) if (!client.response.writableNeedDrain) client.response.write(':\n\n');
  }, limits.heartbeatMs);
  heartbeat.unref();
  const refuseWhenFull = (): void => {
    if (clients.size < limits.clients) return;
    throw new HttpProblem(
      'ATL_BUSY',
      `All ${limits.clients} places of the stream are taken. Try again later.`,
    );
  };
  return {
    refuseWhenFull,
    async serve(response, lastEventId, drafts = false) {
      refuseWhenFull();
      const client: Client = { response, drafts, seq: 0, live: false, missed: false };
      clients.add(client);
      response.once('close', () => clients.delete(client));
      response.on('error', () => clients.delete(client));
      try {
        response.write('retry: 3000\n\n');
        await sendBacklog(client, lastEventId, deps, limits, () => newest);
      } catch (error) {
        if (!response.destroyed) deps.log.warn({ err: error }, 'stream client cut off');
        clients.delete(client);
        response.destroy();
      }
    },
    close() {
      unsubscribe();
      clearInterval(heartbeat);
      for (const client of clients) client.response.end();
      clients.clear();
    },
  };
}

const isFor = (client: Client, { revision }: StoredRevision): boolean =>
  revision.draft === undefined || (client.drafts && !isSelfTest(revision.event));

function push(client: Client, seq: number, message: string, limits: StreamLimits): void {
  client.seq = seq;
  client.response.write(message);
  if (client.response.writableLength > limits.bufferBytes) client.response.destroy();
}

async function sendBacklog(
  client: Client,
  lastEventId: string | undefined,
  { ledger }: Pick<ApiDeps, 'ledger'>,
  limits: StreamLimits,
  newest: () => StoredRevision | undefined,
): Promise<void> {
  const send = async (stored: StoredRevision): Promise<void> => {
    client.seq = stored.seq;
    if (!isFor(client, stored)) return;
    if (client.response.write(formatMessage(stored))) return;
    await once(client.response, 'drain', { signal: AbortSignal.timeout(limits.drainMs) });
  };
  const known = lastEventId !== undefined && (await ledger.since(lastEventId, 1)) !== undefined;
  let position = known ? lastEventId : undefined;
  while (!client.response.destroyed) {
    client.missed = false;
    if (position === undefined) {
      const { alerts, head } = await openAlerts(ledger, newest());
      for (const stored of alerts) await send(stored);
      client.seq = head?.seq ?? 0;
      position = head?.position;
    }
    const page: readonly StoredRevision[] =
      position === undefined ? [] : ((await ledger.since(position, PAGE)) ?? []);
    for (const stored of page) await send(stored);
    position = page.at(-1)?.position ?? position;
    // Nothing was left and nothing came while we looked: from this instant on the client is live.
    if (page.length === 0 && !client.missed) {
      client.live = true;
      return;
    }
  }
}

/**
 * The newest revision of every open alert in the order of commits, and the newest revision of all (`head`) that they
 * stand for. What is committed after the head was found is left to the resume from it. `known` is any committed one.
 */
async function openAlerts(
  ledger: ApiDeps['ledger'],
  known: StoredRevision | undefined,
): Promise<{ readonly alerts: readonly StoredRevision[]; readonly head: StoredRevision | undefined }> {
  let page = await ledger.alerts({ state: 'open', limit: PAGE });
  let head = known;
  for (const stored of page.items) if (stored.seq > (head?.seq ?? 0)) head = stored;
  if (head === undefined) return { alerts: [], head };
  for (let next: StoredRevision | undefined = head; next; ) {
    head = next;
    next = (await ledger.since(next.position, PAGE))?.at(-1);
  }
  const newest = head.seq;
  // Read again: what was open before the head may have ended at it.
  page = await ledger.alerts({ state: 'open', limit: PAGE });
  const found = [...page.items];
  while (page.next !== null) {
    page = await ledger.alerts({ state: 'open', limit: PAGE, cursor: page.next });
    found.push(...page.items);
  }
  return { alerts: found.filter((stored) => stored.seq <= newest).sort((a, b) => a.seq - b.seq), head };
}

const streamQuery = z.strictObject({ drafts: z.enum(['true', 'false']).optional() });

/** `GET /api/v1/stream`. */
export const streamRoute = (hub: StreamHub): Route => ({
  method: 'GET',
  path: '/api/v1/stream',
  operationId: 'streamAlerts',
  summary:
    'Alert events as they happen (server-sent events); without a known Last-Event-ID all open alerts first.',
  query: streamQuery,
  headers: [
    { name: 'Last-Event-ID', required: false, description: 'The position of the last event received' },
  ],
  responses: {
    200: {
      description: 'Messages `event: alert`; for users with `drafts=true` also `event: draft`',
      type: 'text/event-stream',
    },
  },
  problems: [400, 401, 503],
  handler(request, reply, deps) {
    const { drafts } = readQuery(streamQuery, request.query);
    if (drafts === 'true' && deps.access?.isRequired === true && callerOf(request) === undefined)
      throw new AtalaiaError(
        'ATL_UNAUTHORIZED',
        'What waits for approval is for users: sign in, or leave out drafts.',
      );
    hub.refuseWhenFull();
    const header = request.headers['last-event-id'];
    const lastEventId = typeof header === 'string' && header !== '' ? header.slice(0, 200) : undefined;
    reply.hijack();
    const headers = reply.getHeaders() as Record<string, string>;
    reply.raw.writeHead(200, {
      ...headers,
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store',
      'X-Accel-Buffering': 'no',
    });
    void hub.serve(reply.raw, lastEventId, drafts === 'true');
  },
});

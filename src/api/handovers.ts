import { z } from 'zod';
import { AtalaiaError } from '../lib/errors.ts';
import { formatInstant } from '../model/time.ts';
import type { Handover } from '../store/ledger/handover.ts';
import { authorOf } from './access/caller.ts';
import { commandId } from './acts.ts';
import { name, pageSize, readBody, readQuery } from './input.ts';
import { listOf, type Route, ref } from './route.ts';

/** The body of `POST /handovers`. */
export const handoverBody = z.strictObject({
  text: z.string().trim().min(1).max(2000),
  /** Alerts that it speaks of. */
  alerts: z.array(name).max(100).default([]),
  /** On a server with users it is the one who is signed in. */
  author: z.string().trim().min(1).max(200).optional(),
});

const query = z.strictObject({ limit: pageSize(100, 20), cursor: name.optional() });
const view = ({ by, at, ...note }: Handover): object => ({ ...note, author: by, at: formatInstant(at) });

const list: Route = {
  method: 'GET',
  path: '/api/v1/handovers',
  operationId: 'listHandovers',
  summary: 'Notes that one shift left to the next, the newest first.',
  query,
  responses: { 200: { description: 'A page of notes', schema: listOf('Handover') } },
  problems: [400],
  async handler(request, reply, { ledger }) {
    const { limit, cursor } = readQuery(query, request.query);
    const found = await ledger.handovers({
      limit: limit + 1,
      ...(cursor === undefined ? {} : { before: cursor }),
    });
    const page = found.slice(0, limit);
    const next = found.length > limit ? (page.at(-1)?.id ?? null) : null;
    return reply.header('Cache-Control', 'no-store').send({ items: page.map(view), next });
  },
};

const post: Route = {
  method: 'POST',
  path: '/api/v1/handovers',
  operationId: 'postHandover',
  summary: 'Leaves a note to the next shift. A note is never changed: who errs writes another.',
  headers: [
    { name: 'Idempotency-Key', required: false, description: 'The same key again: the note is kept once' },
  ],
  body: { types: ['application/json'], schema: ref('HandoverInput') },
  responses: { 201: { description: 'Kept', schema: ref('Handover') } },
  problems: [415, 422],
  async handler(request, reply, deps) {
    const { text, alerts, author } = readBody(handoverBody, request.body);
    const by = authorOf(request, author);
    for (const alert of alerts)
      if ((await deps.ledger.history(alert)).length === 0)
        throw new AtalaiaError('ATL_INPUT', `Body \`alerts\`: there is no alert ${alert}.`);
    const at = (deps.deliveryNow ?? deps.now)();
    const note: Handover = { id: commandId(request, by).replace('act-', 'note-'), by, at, text, alerts };
    await deps.ledger.putHandover(note);
    return reply.code(201).send(view(note));
  },
};

export const handoverRoutes: readonly Route[] = [list, post];

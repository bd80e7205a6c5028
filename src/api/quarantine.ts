import { z } from 'zod';
import { formatInstant } from '../model/time.ts';
import { pageSize, readQuery } from './input.ts';
import { listOf, type Route } from './route.ts';

/** Bytes of a message that are shown; the ledger keeps all. */
const SHOWN_BYTES = 4096;

const listQuery = z.strictObject({ limit: pageSize(200, 50) });

/** What no source could use, for people to look at. */
export const quarantineRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/api/v1/quarantine',
    operationId: 'listQuarantine',
    summary: 'Messages of sources that could not be read, oldest first, each with the reason.',
    query: listQuery,
    responses: { 200: { description: 'The oldest messages', schema: listOf('Quarantined') } },
    problems: [400],
    async handler(request, _reply, { ledger }) {
      const { limit } = readQuery(listQuery, request.query);
      const held = await ledger.held({ kind: 'quarantine', limit });
      return {
        items: held.map(({ id, at, reason, payload }) => ({
          id,
          at: formatInstant(at),
          reason,
          size: payload.byteLength,
          text: new TextDecoder().decode(payload.subarray(0, SHOWN_BYTES)),
        })),
        next: null,
      };
    },
  },
];

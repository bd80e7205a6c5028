import { emptyDirectory, shiftAt } from '../model/roster.ts';
import { formatInstant } from '../model/time.ts';
import { listOf, type Route } from './route.ts';

/** Who is on duty by each roster: names, and never addresses. */
export const onCallRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/api/v1/on-call',
    operationId: 'getOnCall',
    summary: 'Who is on duty by each roster now, since when and until when, and who is next.',
    responses: { 200: { description: 'One item for each roster', schema: listOf('OnCall') } },
    async handler(_request, reply, { directory = emptyDirectory, deliveryNow, now }) {
      const at = (deliveryNow ?? now)();
      const nameOf = (person: string): string => directory.people[person]?.name ?? person;
      const items = Object.entries(directory.rosters).map(([key, roster]) => {
        const { person, from, to } = shiftAt(roster, at);
        return {
          ...{ roster: key, person, name: nameOf(person), from: formatInstant(from), to: formatInstant(to) },
          next: nameOf(shiftAt(roster, to).person),
        };
      });
      reply.header('Cache-Control', 'no-store');
      return { items, next: null };
    },
  },
];

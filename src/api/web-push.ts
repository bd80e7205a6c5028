import type { Route } from './route.ts';

/** What a browser needs before it subscribes. */
export const webPushRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/api/v1/web-push',
    operationId: 'listWebPush',
    summary: 'The channels to which browsers can subscribe, with the public key of each (VAPID, base64url).',
    responses: {
      200: { description: 'All of them', schema: { type: 'object', required: ['items', 'next'] } },
    },
    async handler(_request, _reply, { webPush }) {
      return { items: webPush?.() ?? [], next: null };
    },
  },
];

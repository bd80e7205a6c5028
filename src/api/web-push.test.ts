import { afterEach, expect, test } from 'vitest';
import { pushKeys } from '../app/deliveries/deliveries.ts';
import { makeVapid } from '../lib/web-push.ts';
import { type Fixture, openFixture } from './fixture.ts';
import { buildServer } from './server.ts';

let fixture: Fixture | undefined;
afterEach(() => fixture?.remove());

test('tells browsers the public keys, and never a private one', async () => {
  const { publicKey, privateKey } = makeVapid();
  const push = { kind: 'web-push', subject: 'mailto:a@example.org', privateKey } as const;
  const ops = { kind: 'webhook', url: 'https://example.org' } as const;
  const config = { channels: { push, ops } } as unknown as Parameters<typeof pushKeys>[0];
  fixture = await openFixture();
  const { app } = await buildServer({ ...fixture.deps, webPush: () => pushKeys(config) });
  const answer = await app.inject({ url: '/api/v1/web-push' });
  expect(answer.json()).toEqual({ items: [{ channel: 'push', publicKey }], next: null });
  expect(answer.body).not.toContain(privateKey);
  await app.close();
});

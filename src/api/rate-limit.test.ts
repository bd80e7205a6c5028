import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addKey } from './access/create.ts';
import { openAccessFixture } from './access/fixture.ts';
import { openFixture } from './fixture.ts';
import { RateLimiter } from './rate-limit.ts';
import { buildServer } from './server.ts';

test('gives a burst, then so many a second, to each client for itself', () => {
  let now = 0;
  const limiter = new RateLimiter({ perSecond: 2, burst: 3, clients: 10, now: () => now });
  expect([1, 2, 3, 4].map(() => limiter.take('a'))).toEqual([0, 0, 0, 1]);
  expect(limiter.take('b')).toBe(0);
  now = 500;
  expect([limiter.take('a'), limiter.take('a')]).toEqual([0, 1]);
  now = 100;
  expect(limiter.take('a')).toBe(1);
});

test('lets no client have more than its share, and remembers so many clients only', () => {
  const asks = fc.array(fc.tuple(fc.nat(20), fc.nat(400)), { maxLength: 200 });
  fc.assert(
    fc.property(asks, (steps) => {
      let now = 0;
      const limiter = new RateLimiter({ perSecond: 5, burst: 4, clients: 8, now: () => now });
      let passed = 0;
      for (const [client, ms] of steps) {
        now += ms;
        // One client asks all the time, so that it is never the one forgotten.
        if (limiter.take('steady') === 0) passed++;
        limiter.take(`other ${client}`);
        expect(limiter.size).toBeLessThanOrEqual(8);
      }
      expect(passed).toBeLessThanOrEqual(4 + (now * 5) / 1000);
    }),
  );
});

test('answers 429 with Retry-After by address, whatever header is made up, and never to a probe on the machine', async () => {
  const fixture = await openFixture({
    rateLimit: { perSecond: 1, burst: 2, clients: 10, now: () => 0 },
  });
  const { app } = await buildServer(fixture.deps);
  const ask = async (
    url: string,
    rest: { remoteAddress?: string; headers?: Record<string, string> } = {},
  ) => {
    const { statusCode, headers } = await app.inject({ url, ...rest });
    return [statusCode, headers['retry-after']];
  };
  await ask('/api/v1/alerts');
  await ask('/api/v1/alerts');
  expect(await ask('/api/v1/alerts')).toEqual([429, '1']);
  expect(await ask('/healthz')).toEqual([200, undefined]);
  for (const headers of [{ authorization: 'Bearer k' }, { 'x-api-key': 'k' }, { cookie: 'atalaia=k' }])
    expect(await ask('/api/v1/alerts', { headers })).toEqual([429, '1']);
  const far = { remoteAddress: '192.0.2.7' };
  expect(await ask('/healthz', far)).toEqual([200, undefined]);
  expect(await ask('/healthz', far)).toEqual([200, undefined]);
  expect(await ask('/healthz', far)).toEqual([429, '1']);
  await app.close();
  await fixture.remove();
});

test('gives a station key and a user who were found right a limit of their own', async () => {
  const made = await openAccessFixture();
  const rateLimit = { perSecond: 1, burst: 2, clients: 10, now: () => 0 };
  const { app } = await buildServer({ ...made.deps, rateLimit });
  const key = { name: 'k', scope: 'all', perSecond: 10, endsAt: null, createdBy: 'ana' } as const;
  const { secret } = await addKey(made.access.store, key, made.clock.at);
  await made.add('ana', 'admin');
  const token = await made.token('ana');
  await made.access.refresh();
  const ask = async (headers: Record<string, string>) =>
    (await app.inject({ url: '/api/v1/keys', headers })).statusCode;
  // The first request of a token is one of its address: nobody knows it yet.
  expect(await ask({ authorization: `Bearer ${token}` })).toBe(200);
  expect([await ask({}), await ask({})]).toEqual([401, 429]);
  expect(await ask({ authorization: `Bearer ${token}` })).toBe(200);
  expect([await ask({ authorization: `Bearer ${secret}` }), await ask({ 'x-api-key': secret })]).toEqual([
    401, 401,
  ]);
  expect(await ask({ 'x-api-key': secret })).toBe(429);
  expect(await ask({ authorization: `Bearer ${token}x` })).toBe(429);
  made.clock.at += 60_000;
  expect(await ask({ authorization: `Bearer ${token}` })).toBe(429);
  await app.close();
  await made.fixture.remove();
});

import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { afterEach, expect, it } from 'vitest';
import { isPublicAddress } from '../../lib/address.ts';
import { systemClock } from '../../lib/clock.ts';
import type { AlertEvent } from '../../model/alert.ts';
import type { Outcome } from '../channel.ts';
import { retryAfterMs } from './http.ts';
import { channels } from './index.ts';
import { createWebhook, webhookConfig } from './webhook.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function receiver(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  closers.push(() => {
    server.closeAllConnections();
    return new Promise((done) => server.close(done));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
}

const event = { alert: 'a', revision: 1 } as AlertEvent;
const secret = `whsec_${Buffer.from('0123456789abcdef0123456789abcdef').toString('base64')}`;

async function post(url: string, more: object = {}, timeoutMs = 2000): Promise<Outcome> {
  const config = webhookConfig.parse({ kind: 'webhook', url, secret, allowPrivate: true, ...more });
  const channel = createWebhook(config, { clock: systemClock, timeoutMs });
  try {
    return await channel.deliver(
      { key: 'a.1.ops', event, body: '{"alert":"a","note":"á"}' },
      new AbortController().signal,
    );
  } finally {
    await channel.close();
  }
}

it('signs what it sends, and the receiver can verify it', async () => {
  let seen: { headers: IncomingHttpHeaders; body: string } | undefined;
  const url = await receiver((request, response) => {
    let body = '';
    request
      .setEncoding('utf8')
      .on('data', (chunk) => {
        body += chunk;
      })
      .on('end', () => {
        seen = { headers: request.headers, body };
        response.end('ok');
      });
  });
  expect(await post(url)).toEqual({ kind: 'delivered', receipt: 'HTTP 200' });
  expect(seen?.headers['webhook-id']).toBe('a.1.ops');
  expect(seen?.headers['idempotency-key']).toBe('a.1.ops');
  expect(new Webhook(secret).verify(seen?.body ?? '', seen?.headers as Record<string, string>)).toEqual({
    alert: 'a',
    note: 'á',
  });
});

it('answers decide: later, rejected, and how long to wait', async () => {
  const url = await receiver((request, response) => {
    const status = Number(new URL(request.url ?? '', 'http://x').searchParams.get('status'));
    response.writeHead(status, { 'retry-after': '7', location: 'http://127.0.0.1:1/' }).end();
  });
  expect(await post(`${url}?status=500`)).toEqual({ kind: 'retry-later', reason: 'HTTP 500' });
  expect(await post(`${url}?status=408`)).toEqual({ kind: 'retry-later', reason: 'HTTP 408' });
  expect(await post(`${url}?status=429`)).toEqual({ kind: 'retry-later', reason: 'HTTP 429', afterMs: 7000 });
  expect(await post(`${url}?status=410`)).toEqual({ kind: 'rejected', reason: 'HTTP 410' });
  expect(await post(`${url}?status=307`)).toMatchObject({ kind: 'rejected' });
});

it('a receiver that hangs, that talks without end, or that is not there', async () => {
  const hang = await receiver(() => {});
  expect(await post(hang, {}, 200)).toEqual({ kind: 'retry-later', reason: 'no answer within 200 ms' });
  let written = 0;
  const huge = await receiver((_, response) => {
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(16_384))) written += 16_384;
      written += 16_384;
    };
    response.on('drain', more);
    more();
  });
  expect(await post(huge)).toMatchObject({ kind: 'delivered' });
  expect(written).toBeLessThan(32_000_000);
  expect(await post('http://127.0.0.1:1/')).toMatchObject({ kind: 'retry-later' });
});

it('does not speak to our own network unless allowed', async () => {
  let hits = 0;
  const url = await receiver((_, response) => {
    hits += 1;
    response.end();
  });
  expect(await post(url, { allowPrivate: false })).toMatchObject({ kind: 'rejected' });
  const port = new URL(url).port;
  for (const host of [
    'localhost',
    '2130706433',
    '0x7f.1',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '169.254.169.254',
    '0.0.0.0',
  ]) {
    expect(await post(`http://${host}:${port}/`, { allowPrivate: false }), host).toMatchObject({
      kind: 'rejected',
    });
  }
  const config = webhookConfig.parse({ kind: 'webhook', url: `http://rebind.test:${port}/` });
  const answers = [
    [
      { address: '8.8.8.8', family: 4 },
      { address: '127.0.0.1', family: 4 },
    ],
  ];
  const channel = createWebhook(config, { clock: systemClock, resolve: async () => answers[0] ?? [] });
  expect(await channel.deliver({ key: 'k', event, body: '{}' }, new AbortController().signal)).toMatchObject({
    kind: 'rejected',
  });
  expect(
    await channel.deliver(
      { key: 'k', event, body: '{}', address: 'file:///etc/passwd' },
      new AbortController().signal,
    ),
  ).toMatchObject({ kind: 'rejected' });
  await channel.close();
  expect(hits).toBe(0);
});

it('knows addresses', () => {
  for (const bad of [
    '10.0.0.1',
    '172.16.0.1',
    '192.168.1.1',
    '127.0.0.1',
    '169.254.169.254',
    '224.0.0.1',
    '100.64.0.1',
    '0.0.0.0',
    '255.255.255.255',
    '::1',
    '::',
    'fe80::1',
    'fc00::1',
    'ff02::1',
    '::ffff:8.8.8.8',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    'text',
  ]) {
    expect(isPublicAddress(bad), bad).toBe(false);
  }
  for (const good of ['8.8.8.8', '2001:4860:4860::8888']) expect(isPublicAddress(good), good).toBe(true);
});

it('reads Retry-After and its own configuration', () => {
  expect(retryAfterMs('120', 0)).toBe(120_000);
  expect(retryAfterMs('999999999', 0)).toBe(3_600_000);
  expect(retryAfterMs('Thu, 01 Jan 1970 00:00:30 GMT', 10_000)).toBe(20_000);
  expect(retryAfterMs('soon', 0)).toBeUndefined();
  expect(channels.webhook.configSchema.safeParse({ kind: 'webhook', url: 'ftp://x' }).success).toBe(false);
  expect(
    channels.webhook.configSchema.safeParse({ kind: 'webhook', url: 'https://x.example', extra: 1 }).success,
  ).toBe(false);
});

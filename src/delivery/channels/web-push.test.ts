import {
  createDecipheriv,
  createECDH,
  createPublicKey,
  type ECDH,
  hkdfSync,
  randomBytes,
  verify,
} from 'node:crypto';
import { afterEach, expect, test } from 'vitest';
import { encryptPush, MAX_PUSH_BYTES, makeVapid, pushTopic, readVapid } from '../../lib/web-push.ts';
import { deliver, openReceiver, type Reply, sample, sampleDeps, sampleEvent } from './fixture.ts';
import { createWebPush, webPushConfig } from './web-push.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});
const read = (text: string): Buffer => Buffer.from(text, 'base64url');

test('encrypts the example of RFC 8291, appendix A, byte for byte', () => {
  const server = createECDH('prime256v1');
  server.setPrivateKey(read('yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw'));
  const receiver = {
    p256dh: read('BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4'),
    auth: read('BTBZMqHH6r4Tts7J_aSIgg'),
  };
  const plain = Buffer.from('When I grow up, I want to be a watermelon');
  const body = encryptPush(plain, receiver, read('DGv6ra1nlYgDCS1FRnbzlw'), server);
  expect(Buffer.from(body).toString('base64url')).toBe(
    'DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN',
  );
  expect(encryptPush(Buffer.alloc(MAX_PUSH_BYTES), receiver)).toHaveLength(4096);
});

/** What a browser does with a message (RFC 8188, section 2; RFC 8291, section 3). */
function opened(body: Buffer, browser: ECDH, auth: Buffer): string {
  const [salt, sender] = [body.subarray(0, 16), body.subarray(21, 86)];
  const info = Buffer.concat([Buffer.from('WebPush: info\0'), browser.getPublicKey(), sender]);
  const secret = Buffer.from(hkdfSync('sha256', browser.computeSecret(sender), auth, info, 32));
  const key = hkdfSync('sha256', secret, salt, 'Content-Encoding: aes128gcm\0', 16);
  const nonce = hkdfSync('sha256', secret, salt, 'Content-Encoding: nonce\0', 12);
  const decipher = createDecipheriv('aes-128-gcm', Buffer.from(key), Buffer.from(nonce)).setAuthTag(
    body.subarray(-16),
  );
  const plain = Buffer.concat([decipher.update(body.subarray(86, -16)), decipher.final()]);
  expect(plain.at(-1)).toBe(2);
  return plain.subarray(0, -1).toString();
}

const { privateKey, publicKey: ours } = makeVapid();

async function push(reply: Reply, more: object = {}) {
  const service = await openReceiver(() => reply);
  closers.push(service.close);
  const browser = createECDH('prime256v1');
  browser.generateKeys();
  const auth = randomBytes(16);
  const address = `${service.url}/push/abc#p256dh=${browser.getPublicKey('base64url')}&auth=${auth.toString('base64url')}`;
  const gone: string[] = [];
  const config = webPushConfig.parse({
    kind: 'web-push',
    subject: 'mailto:ops@example.org',
    privateKey,
    allowPrivate: true,
  });
  const clock = { ...sampleDeps().clock, now: () => sampleEvent.issuedAt };
  const deps = { ...sampleDeps(), clock, gone: async (one: string) => void gone.push(one) };
  const outcome = await deliver(createWebPush(config, deps), sample({ address, ...more }));
  return { outcome, gone, address, seen: service.seen[0], url: service.url, browser, auth };
}

test('a browser can read it, and the service knows who sent it', async () => {
  const { outcome, seen, url, browser, auth } = await push({
    status: 201,
    headers: { location: '/message/m1' },
  });
  expect(outcome).toEqual({ kind: 'delivered', receipt: 'Web Push m1' });
  // The keys stay here.
  expect(seen?.path).toBe('/push/abc');
  expect(seen?.headers).toMatchObject({
    ...{ 'content-encoding': 'aes128gcm', urgency: 'high', ttl: '3600', topic: sampleEvent.alert },
  });
  const { title, body, ...rest } = JSON.parse(opened(seen?.body as Buffer, browser, auth));
  expect(title).toMatch(/^EXERCÍCIO: Grande perigo: Chuvas intensas/);
  expect(body).toMatch(/^EXERCÍCIO: .*Até 02\/05 18:00\. Saia de áreas baixas\.$/);
  expect(rest).toMatchObject({ alert: sampleEvent.alert, level: 'red', environment: 'exercise' });
  const [, token = '', key = ''] = /^vapid t=(\S+), k=(\S+)$/.exec(seen?.headers.authorization ?? '') ?? [];
  const [head = '', claims = '', signature = ''] = token.split('.');
  expect([key, readVapid(privateKey)?.publicKey]).toEqual([ours, ours]);
  const point = read(key);
  const jwk = {
    kty: 'EC',
    crv: 'P-256',
    x: point.subarray(1, 33).toString('base64url'),
    y: point.subarray(33).toString('base64url'),
  };
  const publicKey = createPublicKey({ key: jwk, format: 'jwk' });
  const isRight = verify(
    'sha256',
    Buffer.from(`${head}.${claims}`),
    { key: publicKey, dsaEncoding: 'ieee-p1363' },
    read(signature),
  );
  expect(isRight).toBe(true);
  expect(JSON.parse(read(claims).toString())).toEqual({
    ...{ aud: url, sub: 'mailto:ops@example.org', exp: sampleEvent.issuedAt / 1000 + 43_200 },
  });
});

test('404 and 410 end the subscription; a rate is waited for; the level decides how long a message waits', async () => {
  for (const status of [404, 410]) {
    const { outcome, gone, address } = await push({ status });
    expect(outcome).toMatchObject({ kind: 'rejected' });
    expect(gone).toEqual([address]);
  }
  const rate = await push({ status: 429, headers: { 'retry-after': '60' } });
  expect([rate.outcome, rate.gone]).toMatchObject([{ kind: 'retry-later', afterMs: 60_000 }, []]);
  expect((await push({ status: 413 })).gone).toEqual([]);
  const facts = {
    ...sample().facts,
    expiresAt: sampleEvent.issuedAt + 864e5 * 3,
    instruction: { 'pt-BR': 'ç'.repeat(5000), en: '' },
  };
  const yellow = await push({ status: 201 }, { event: { ...sampleEvent, level: 'yellow' }, facts });
  expect(yellow.seen?.headers).toMatchObject({ urgency: 'normal', ttl: '3600' });
  expect((await push({ status: 201 }, { facts })).seen?.headers.ttl).toBe('86400');
});

test('what is no address and no key is refused', async () => {
  expect((await push({ status: 201 }, { address: 'https://x.example/push' })).outcome).toMatchObject({
    kind: 'rejected',
  });
  const bad = `http://127.0.0.1/#p256dh=${Buffer.alloc(65, 4).toString('base64url')}&auth=${Buffer.alloc(16).toString('base64url')}`;
  expect((await push({ status: 201 }, { address: bad })).outcome).toMatchObject({ kind: 'rejected' });
  const isGood = (key: string): boolean =>
    webPushConfig.safeParse({ kind: 'web-push', subject: 'https://x.example', privateKey: key }).success;
  expect([isGood(privateKey), isGood('short'), isGood(Buffer.alloc(32).toString('base64url'))]).toEqual([
    true,
    false,
    false,
  ]);
  expect(pushTopic('a'.repeat(33))).toMatch(/^[\w-]{32}$/);
});

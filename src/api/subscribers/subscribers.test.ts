import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { hashSecret } from '../../lib/secret.ts';
import type { Language } from '../../model/language.ts';
import { openFixture } from '../fixture.ts';
import { buildServer } from '../server.ts';
import type { PersonalNotice } from './desk.ts';
import { addressOf } from './input.ts';
import { leaveLink, leaveToken, leftBy } from './links.ts';
import { letterOf } from './texts.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function open(channels = [{ name: 'mail', kind: 'email' }]) {
  const letters: PersonalNotice[] = [];
  const subscribers = {
    ...{ channels, secret: 'secret', baseUrl: () => 'https://alertas.example.org' },
    notify: (notice: PersonalNotice) => letters.push(notice) <= 100,
  };
  const fixture = await openFixture({ subscribers, channels: () => ['mail', 'duty'] });
  closers.push(() => fixture.remove());
  const { app } = await buildServer(fixture.deps);
  closers.push(() => app.close());
  let client = 0;
  const post = async (path: string, payload: object, remoteAddress = `192.0.2.${++client}`) => {
    const url = `/api/v1/subscribers${path}`;
    const { statusCode, body, headers } = await app.inject({ method: 'POST', url, payload, remoteAddress });
    return { status: statusCode, body, headers };
  };
  return { ...fixture, app, letters, post };
}
const wish = { channel: 'mail', address: 'ana@example.org', level: 'red', areas: 'all', consent: true };
const tokenIn = ({ text }: PersonalNotice): string => /token=([\w-]{43})/.exec(text)?.[1] ?? '';

describe('asking', () => {
  test('is answered alike whatever is known of the address, and only five letters wait for one', async () => {
    const { letters, post, ledger } = await open();
    const answers = [];
    for (let i = 0; i < 6; i++) answers.push(await post('', wish));
    expect(new Set(answers.map(({ status, body }) => `${status} ${body}`))).toEqual(
      new Set(['202 {"accepted":true}']),
    );
    expect(letters).toHaveLength(5);
    expect(await post('/confirm', { token: tokenIn(letters[0] as PersonalNotice) })).toMatchObject({
      status: 200,
    });
    expect((await ledger.subscriptions()).map(({ level, areas }) => [level, areas])).toEqual([
      ['red', 'all'],
    ]);
    const known = await post('/manage', { channel: 'mail', address: 'Ana@Example.org' });
    const unknown = await post('/manage', { channel: 'mail', address: 'rui@example.org' });
    expect([known.status, known.body]).toEqual([unknown.status, unknown.body]);
    await expect.poll(() => letters.length).toBe(6);
    expect(letters[5]).toMatchObject({ address: 'ana@example.org' });
  });

  test('keeps no token, and no address in the audit log', async () => {
    const { letters, post, ledger } = await open();
    await post('', wish);
    const token = tokenIn(letters[0] as PersonalNotice);
    expect(await ledger.request(hashSecret(token), 'confirm', 0)).toBeDefined();
    expect(await ledger.request(token, 'confirm', 0)).toBeUndefined();
    await post('/confirm', { token });
    await post('/manage', { channel: 'mail', address: 'ana@example.org' });
    await expect.poll(() => letters.length).toBe(2);
    await post('/erase', { token: tokenIn(letters[1] as PersonalNotice) });
    const log = JSON.stringify(await ledger.audit({ limit: 100 }));
    // Only what changed something stands there: a crowd that asks fills no log.
    const actions = (await ledger.audit({ limit: 9 })).map(({ json }) => JSON.parse(json).action);
    expect(actions).toEqual(['subscriber.erase', 'subscriber.confirm']);
    expect(log).not.toContain('ana@');
    expect(log).not.toContain(token);
  });

  test('is refused by name: closed channels, foreign addresses, no place, no consent; then by rate', async () => {
    const { post } = await open();
    const refused = async (change: object) => {
      const { status, body } = await post('', { ...wish, ...change });
      return `${status} ${body}`;
    };
    expect(await refused({ channel: 'duty' })).toMatch(/^422 .*not open to the public/);
    expect(await refused({ address: 'ana' })).toMatch(/^422 .*such as ana@example.org/);
    expect(await refused({ areas: undefined })).toMatch(/^422 .*give areas or places/);
    expect(await refused({ places: [], areas: undefined })).toMatch(/^422 /);
    expect(await refused({ consent: false })).toMatch(/^422 .*consent/);
    expect(await refused({ drafts: true })).toMatch(/^422 .*drafts/);
    for (let i = 0; i < 10; i++)
      expect((await post('', { ...wish, level: 0 }, '198.51.100.7')).status).toBe(422);
    const last = await post('', wish, '198.51.100.7');
    expect([last.status, last.headers['retry-after']]).toEqual([429, expect.stringMatching(/^\d+$/)]);
  });

  test('finds nobody where no channel is public', async () => {
    const { post, app } = await open([]);
    expect((await post('', wish)).status).toBe(404);
    expect((await app.inject('/api/v1/subscribers/options')).json()).toMatchObject({ channels: [] });
  });
});

test('what a person asked is not among the subscriptions that operators see, and not theirs to end', async () => {
  const { letters, post, app, ledger } = await open();
  await post('', { ...wish, areas: undefined, places: [{ latitude: -30, longitude: -51, km: 2 }] });
  await post('/confirm', { token: tokenIn(letters[0] as PersonalNotice) });
  expect((await app.inject('/api/v1/subscriptions')).json()).toEqual({ items: [], next: null });
  const [{ id } = { id: '' }] = await ledger.subscriptions();
  const gone = await app.inject({ method: 'DELETE', url: `/api/v1/subscriptions/${id}` });
  expect(gone.statusCode).toBe(404);
  const left = leaveLink('', 'secret', id) ?? '';
  expect((await app.inject(left)).headers.location).toBe(
    `/#/subscribe/leave?token=${leaveToken('secret', id)}`,
  );
  expect(await ledger.subscriptions()).toHaveLength(1);
  expect((await app.inject({ method: 'POST', url: left })).statusCode).toBe(200);
  expect(await ledger.subscriptions()).toEqual([]);
});

test('an unsubscribe token ends its own subscription and no other one', () => {
  const id = fc.stringMatching(/^self-[0-9a-f]{12}$/);
  fc.assert(
    fc.property(id, id, fc.string({ minLength: 1 }), (one, other, secret) => {
      const token = leaveToken(secret, one);
      expect(leftBy(secret, token)).toBe(one);
      expect(leftBy(`${secret}x`, token)).toBeUndefined();
      if (one !== other) expect(leftBy(secret, token.replace(one.slice(5), other.slice(5)))).toBeUndefined();
    }),
  );
  expect(leftBy('secret', '')).toBeUndefined();
  expect(leaveLink('', 'secret', 'api-1')).toBeUndefined();
});

test('letters say what they are for in each language, with the mark of a drill in front', () => {
  const of = (language: Language, environment: 'actual' | 'exercise' | 'test') => {
    const { subject, text } = letterOf('confirm', 'https://x', language, environment);
    return [subject.slice(0, 12), text.slice(0, 12)];
  };
  expect(of('pt-BR', 'exercise')).toEqual(['EXERCÍCIO: C', 'EXERCÍCIO: A']);
  expect(of('en', 'test')).toEqual(['TEST: Confir', 'TEST: Somebo']);
  expect(of('en', 'actual')).toEqual(['Confirm your', 'Somebody ask']);
});

test('addresses are kept in one form, and a group is nobody’s own', () => {
  expect(addressOf('sms', '+55 (51) 99999-8888')).toBe('+5551999998888');
  expect(addressOf('email', ' Ana@Example.ORG ')).toBe('ana@example.org');
  expect(() => addressOf('telegram', '-100123')).toThrow(/number of your chat/);
  expect(() => addressOf('webhook', 'https://x')).toThrow();
});

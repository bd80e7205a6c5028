import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashPassword } from '../../lib/password.ts';
import { raise } from '../../store/ledger/sample.ts';
import { buildServer } from '../server.ts';
import { openAccessFixture } from './fixture.ts';

// What a request carries, and what of it counts: cookies, origins, areas, names.

type Server = Awaited<ReturnType<typeof buildServer>>;
type Headers = Record<string, string>;
let opened: Awaited<ReturnType<typeof openAccessFixture>>;
let server: Server;
const origin = 'http://localhost';
const password = 'uma chuva longa';
const acted: { by: string }[] = [];

beforeAll(async () => {
  opened = await openAccessFixture();
  const putAct: NonNullable<typeof opened.deps.putAct> = async (_id, _partition, act) => void acted.push(act);
  server = await buildServer({
    ...opened.deps,
    putAct,
    actWaitMs: 0,
    rules: () => [{ name: 'chuva-intensa', levels: [], area: { kind: 'radius', km: 10 } } as never],
    areas: () => [{ id: 'wide', name: 'Wide', region: '4314902', stations: ['A801', 'Z9'] }],
  });
  await opened.add('ana', 'admin');
  await opened.access.store.putPassword('ana', await hashPassword(password));
  await opened.add('poa', 'operator', ['4314902']);
  await opened.add('sul', 'operator', ['serra', 'sul']);
  await opened.fixture.commit(
    raise('here', { subject: { kind: 'station', id: 'A801' } }),
    raise('serra', { subject: { kind: 'area', id: 'serra' } }),
  );
  await opened.fixture.ledger.putSubscriptions('api', [
    { id: 'api-1', name: 'a', channel: 'ops', level: 'yellow', areas: ['A801'] },
    { id: 'api-2', name: 'b', channel: 'ops', level: 'yellow', areas: ['A801', 'serra'] },
  ]);
});
afterAll(async () => {
  await server.app.close();
  await opened.fixture.remove();
});

const ask = (
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  url: string,
  headers: Headers,
  payload?: object,
) =>
  server.app.inject({
    method,
    url: `/api/v1${url}`,
    headers: { host: 'localhost', ...headers },
    ...(payload ? { payload } : {}),
  });
const as = async (name: string): Promise<Headers> => ({
  authorization: `Bearer ${await opened.token(name)}`,
});
/** The cookie of a session, without an attempt to sign in. */
const sessionOf = async (name: string): Promise<string> => {
  const user = await opened.access.store.user(name);
  return `atalaia=${(await opened.access.begin(user as NonNullable<typeof user>)).secret}`;
};
const signIn = (headers: Headers = {}) => ask('POST', '/session', headers, { name: 'ana', password });

describe('a session', () => {
  it('is in a cookie that no script can read, and of TLS alone where the way is open', async () => {
    const answer = await signIn();
    expect(answer.headers['set-cookie']).toMatch(/^atalaia=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
    expect(answer.body).not.toContain('argon2');
    const behindFront = await signIn({ 'x-forwarded-proto': 'https' });
    expect(behindFront.headers['set-cookie']).toMatch(
      /^__Host-atalaia=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Secure$/,
    );
  });

  it('on an open address is never sent without TLS', async () => {
    const open = await openAccessFixture({ isOpen: true });
    await open.add('ana', 'admin');
    await open.access.store.putPassword('ana', await hashPassword(password));
    const { app } = await buildServer(open.deps);
    const payload = { name: 'ana', password };
    const answer = await app.inject({ method: 'POST', url: '/api/v1/session', payload });
    const cookie = String(answer.headers['set-cookie']);
    expect(cookie).toMatch(/^__Host-atalaia=.*; Secure$/);
    const plain = cookie.split(';')[0]?.replace('__Host-', '') as string;
    const who = await app.inject({ url: '/api/v1/session', headers: { cookie: plain } });
    expect(who.json()).toMatchObject({ user: null });
    await app.close();
    await open.fixture.remove();
  });

  it('that only a page keeps asking in ends, and one that a person uses goes on', async () => {
    const [left, used] = [await sessionOf('ana'), await sessionOf('ana')];
    const begun = opened.clock.at;
    const poll = async (secret: string, headers: Headers) =>
      (await ask('GET', '/duty', { cookie: secret, ...headers })).statusCode;
    for (let n = 0; n < 2; n++) {
      opened.clock.at += 29_000;
      expect([await poll(left, { 'atalaia-background': '1' }), await poll(used, {})]).toEqual([200, 200]);
    }
    opened.clock.at += 2000;
    expect([await poll(left, { 'atalaia-background': '1' }), await poll(used, {})]).toEqual([401, 200]);
    opened.clock.at = begun;
  });

  it('changes something for pages of this origin alone', async () => {
    const cookie = String((await signIn()).headers['set-cookie']).split(';')[0] as string;
    const put = (headers: Headers) =>
      ask('POST', '/keys', { cookie, ...headers }, { name: 'k', scope: 'all' });
    expect((await put({})).statusCode).toBe(403);
    expect((await put({ origin: 'http://evil.example' })).statusCode).toBe(403);
    expect((await put({ origin: 'null' })).statusCode).toBe(403);
    expect((await put({ origin, 'sec-fetch-site': 'cross-site' })).statusCode).toBe(403);
    expect((await put({ origin })).statusCode).toBe(201);
    expect((await ask('GET', '/keys', { cookie })).statusCode).toBe(200);
    expect(
      (await ask('POST', '/session', { origin: 'http://evil.example' }, { name: 'ana', password }))
        .statusCode,
    ).toBe(403);
  });

  it('is another one after each sign-in, and over after leaving', async () => {
    const first = String((await signIn()).headers['set-cookie']).split(';')[0] as string;
    const second = String((await signIn({ cookie: first })).headers['set-cookie']).split(';')[0] as string;
    expect(second).not.toBe(first);
    const user = async (cookie: string) => (await ask('GET', '/session', { cookie })).json().user;
    expect(await user(first)).toBeNull();
    expect(await user(second)).toMatchObject({ name: 'ana', role: 'admin' });
    const left = await ask('DELETE', '/session', { cookie: second, origin });
    expect([left.statusCode, left.headers['set-cookie']]).toEqual([
      204,
      expect.stringContaining('Max-Age=0'),
    ]);
    expect(await user(second)).toBeNull();
  });

  it('is nobody for whatever else a cookie or a header says', async () => {
    const text = fc.string({ unit: fc.constantFrom(...'atli=; "\\_-%Aé'.split('')), maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(text, text, async (cookie, authorization) => {
        const headers = { cookie: `atalaia=${cookie}`, authorization };
        const answer = await ask('GET', '/session', headers);
        expect([answer.statusCode, answer.json().user]).toEqual([200, null]);
      }),
    );
  });

  it('asks for a name and a password in JSON, and nothing beside', async () => {
    for (const payload of [
      {},
      { name: 'ana' },
      { name: ['ana'], password },
      { name: 'ana', password, role: 'admin' },
    ])
      expect((await ask('POST', '/session', {}, payload)).statusCode).toBe(422);
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const asForm = await server.app.inject({
      method: 'POST',
      url: '/api/v1/session',
      headers: form,
      payload: 'name=ana',
    });
    expect(asForm.statusCode).toBe(415);
  });
});

it('counts attempts by the address that a trusted front names, and by no other', async () => {
  const statuses = async (proxies: string[]) => {
    const made = await openAccessFixture();
    const { app } = await buildServer({ ...made.deps, proxies });
    const found: number[] = [];
    for (let n = 0; n < 7; n++) {
      const headers = { 'x-forwarded-for': `192.0.2.${n}` };
      const payload = { name: 'ana', password: 'no' };
      found.push((await app.inject({ method: 'POST', url: '/api/v1/session', headers, payload })).statusCode);
    }
    await app.close();
    await made.fixture.remove();
    return found;
  };
  expect(await statuses([])).toEqual([401, 401, 401, 401, 401, 429, 429]);
  expect(await statuses(['127.0.0.0/8'])).toEqual(Array(7).fill(401));
});

describe('areas', () => {
  const cancel = async (name: string, alert: string) => {
    const headers = { ...(await as(name)), 'if-match': '"1"', 'atalaia-operator': 'somebody else' };
    return (await ask('POST', `/alerts/${alert}/cancel`, headers, { reason: 'r' })).statusCode;
  };
  const edit = async (name: string, area: object) => {
    const headers = { ...(await as(name)), 'if-match': '"1"' };
    return (await ask('POST', '/alerts/here/edit', headers, { area })).statusCode;
  };

  it('limit acts to alerts inside, and the act bears the name of its user', async () => {
    expect([await cancel('poa', 'here'), await cancel('poa', 'serra')]).toEqual([202, 403]);
    expect([await cancel('sul', 'here'), await cancel('sul', 'serra')]).toEqual([403, 202]);
    expect(acted.map(({ by }) => by)).toEqual(['poa', 'sul']);
    expect(await cancel('poa', 'gone')).toBe(404);
  });

  it('let nobody who is limited draw an area, which can lie anywhere', async () => {
    const polygon = [
      [-30, -51],
      [-30, -52],
      [-31, -52],
    ];
    expect(await edit('poa', { polygon, name: 'x' })).toBe(403);
    expect(await edit('poa', { radiusKm: 10 })).toBe(202);
    expect(await edit('poa', { radiusKm: 10.1 })).toBe(403);
    expect(await edit('ana', { radiusKm: 500 })).toBe(202);
    expect(await edit('ana', { polygon, name: 'x' })).toBe(202);
  });

  const silence = async (name: string, matchers: object) => {
    const until = new Date(opened.fixture.deps.now() + 3_600_000).toISOString();
    return (await ask('POST', '/silences', await as(name), { matchers, reason: 'r', until })).statusCode;
  };

  it('tell a station from a region of the same name', async () => {
    // The user of POA names a station of their own after the region of São Paulo, where others work.
    const named = { name: 'N', latitude: 0, longitude: 0, region: '4314902', timeZone: 'UTC' };
    opened.fixture.stations.push({ ...named, id: 'SP1', region: '3550308', altitude: null, intervalMs: 1 });
    expect((await ask('PUT', '/stations/3550308', await as('poa'), named)).statusCode).toBe(201);
    expect(await silence('poa', { station: ['3550308'] })).toBe(201);
    expect(await silence('poa', { area: ['3550308'] })).toBe(403);
    const subscribe = async (areas: string[]) =>
      (await ask('POST', '/subscriptions', await as('poa'), { name: 's', channel: 'ops', areas })).statusCode;
    expect([await subscribe(['3550308']), await subscribe(['A801'])]).toEqual([403, 201]);
  });

  it('hold a silence inside', async () => {
    expect(await silence('poa', { station: ['A801'] })).toBe(201);
    expect(await silence('poa', { station: ['A801'], area: ['3550308'] })).toBe(201);
    expect(await silence('poa', { station: ['A801', 'SP1'] })).toBe(403);
    expect(await silence('poa', { rule: ['chuva-intensa'] })).toBe(403);
    expect(await silence('poa', { hazard: ['rain'], level: 'red' })).toBe(403);
    expect(await silence('ana', { hazard: ['rain'] })).toBe(201);
    expect(await silence('sul', { area: ['serra'] })).toBe(201);
    // With the region goes an area that is at home in it and reaches beyond.
    expect(await silence('poa', { area: ['4314902'] })).toBe(403);
    await opened.add('both', 'operator', ['4314902', 'wide']);
    expect(await silence('both', { area: ['4314902'] })).toBe(201);
  });

  it('hold a subscription inside: no place on the ground, no address that others hear', async () => {
    const subscribe = async (name: string, more: object) => {
      const body = { name: 's', channel: 'ops', areas: ['A801'], ...more };
      return (await ask('POST', '/subscriptions', await as(name), body)).statusCode;
    };
    const wide = [
      { places: [{ latitude: -23, longitude: -46, km: 500 }] },
      { address: 'sirens/all' },
      { address: 'https://hooks.example.org/all' },
    ];
    for (const more of wide)
      expect([await subscribe('poa', more), await subscribe('ana', more)]).toEqual([403, 201]);
    expect(await subscribe('poa', { address: '+5551999998888' })).toBe(201);
    expect(await subscribe('poa', { address: 'maria@example.org' })).toBe(201);
  });

  it('keep everything from being held by a user of some', async () => {
    await opened.add('app', 'approver', ['4314902']);
    await opened.add('chief', 'approver');
    for (const [name, status] of [
      ['app', 403],
      ['chief', 200],
    ] as const)
      for (const route of ['hold', 'release'])
        expect((await ask('POST', `/deliveries/${route}`, await as(name), { reason: 'r' })).statusCode).toBe(
          status,
        );
  });

  it('limit stations and subscriptions', async () => {
    const station = (region: unknown) => ({ name: 'N', latitude: 0, longitude: 0, region, timeZone: 'UTC' });
    const put = async (name: string, id: string, region: unknown) =>
      (await ask('PUT', `/stations/${id}`, await as(name), station(region))).statusCode;
    expect([await put('poa', 'N1', '4314902'), await put('sul', 'N2', '4314902')]).toEqual([201, 403]);
    expect([await put('sul', 'A801', 'sul'), await put('poa', 'N3', ['4314902'])]).toEqual([403, 422]);
    const subscribe = async (name: string, areas: unknown) =>
      (await ask('POST', '/subscriptions', await as(name), { name: 's', channel: 'ops', areas })).statusCode;
    expect([await subscribe('poa', ['A801']), await subscribe('poa', ['4314902'])]).toEqual([201, 201]);
    expect([await subscribe('poa', ['A801', 'serra']), await subscribe('poa', 'all')]).toEqual([403, 403]);
    expect(await subscribe('poa', undefined)).toBe(403);
    const remove = async (name: string, id: string) =>
      (await ask('DELETE', `/subscriptions/${id}`, await as(name))).statusCode;
    expect([await remove('poa', 'api-2'), await remove('sul', 'api-1')]).toEqual([403, 403]);
    expect([await remove('poa', 'api-1'), await remove('poa', 'api-9')]).toEqual([204, 404]);
  });
});

describe('users over HTTP', () => {
  const bia = { name: 'Bia', password: 'sem nuvens por hoje', role: 'operator', areas: ['4314902'] };
  let admin: Headers = {};
  const asAdmin = (method: 'GET' | 'POST' | 'DELETE' | 'PATCH', url: string, payload?: object) =>
    ask(method, url, admin, payload);
  beforeAll(async () => {
    admin = { cookie: await sessionOf('ana'), origin };
  });

  it('are made, changed and removed by an admin; what changes is in force at once', async () => {
    const made = await asAdmin('POST', '/users', bia);
    expect([made.statusCode, made.headers.location]).toEqual([201, '/api/v1/users/Bia']);
    expect(made.json()).toMatchObject({ name: 'Bia', role: 'operator', areas: ['4314902'] });
    expect(made.body).not.toContain('argon2');
    expect((await asAdmin('POST', '/users', { ...bia, name: 'BIA' })).statusCode).toBe(409);
    const listed = await asAdmin('GET', '/users');
    expect(listed.body).not.toContain('argon2');
    expect(listed.json().items.map(({ name }: { name: string }) => name)).toContain('Bia');
    const token = await opened.token('bia');
    const hold = async () => {
      const headers = { authorization: `Bearer ${token}` };
      return (await ask('POST', '/deliveries/hold', headers, { reason: 'r' })).statusCode;
    };
    expect(await hold()).toBe(403);
    const changed = await asAdmin('PATCH', '/users/bia', { role: 'approver', areas: 'all' });
    expect([changed.statusCode, changed.json()]).toMatchObject([200, { role: 'approver', areas: 'all' }]);
    expect(await hold()).toBe(200);
    expect((await asAdmin('PATCH', '/users/bia', { password: 'outra frase bem longa' })).statusCode).toBe(
      200,
    );
    expect(await hold()).toBe(401);
    const signed = await ask('POST', '/session', {}, { name: 'bia', password: 'outra frase bem longa' });
    expect(signed.statusCode).toBe(200);
    expect((await asAdmin('DELETE', '/users/BIA')).statusCode).toBe(204);
    expect((await asAdmin('DELETE', '/users/bia')).statusCode).toBe(404);
    expect((await asAdmin('PATCH', '/users/bia', { role: 'viewer' })).statusCode).toBe(404);
  });

  it('refuse what `atalaia user` refuses, and a token', async () => {
    const wrong = [
      { password: 'short' },
      { role: 'chief' },
      { role: 'admin' },
      { areas: [] },
      { more: 1 },
      { name: '' },
    ];
    for (const change of wrong)
      expect((await asAdmin('POST', '/users', { ...bia, ...change })).statusCode).toBe(422);
    for (const change of [{}, { areas: ['RS'] }, { name: 'x' }, { password: 'short' }])
      expect((await asAdmin('PATCH', '/users/ana', change)).statusCode).toBe(422);
    expect((await asAdmin('PATCH', '/users/ana', { role: 'viewer' })).statusCode).toBe(409);
    expect((await asAdmin('DELETE', '/users/ana')).statusCode).toBe(409);
    const token = await as('ana');
    expect((await ask('POST', '/users', token, bia)).statusCode).toBe(403);
    expect((await ask('GET', '/users', token)).statusCode).toBe(200);
    expect((await ask('GET', '/users', await as('poa'))).statusCode).toBe(403);
  });
});

it('who is told, and what people did, is for those who are signed in', async () => {
  await opened.fixture.ledger.expand(
    [
      {
        seq: 1,
        deliveries: [
          {
            subscription: { id: 's', name: 'Maria', channel: 'ops', level: 'yellow', areas: 'all' },
            destination: 'd',
          },
        ],
      },
    ],
    0,
  );
  expect((await ask('GET', '/alerts/here', {})).json()).toMatchObject({ deliveries: [], acts: [] });
  const inside = await ask('GET', '/alerts/here', await as('poa'));
  expect(inside.body).toContain('Maria');
  expect(inside.headers['cache-control']).toBe('private, no-cache');
});

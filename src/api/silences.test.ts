import { afterEach, beforeEach, expect, test } from 'vitest';
import { sampleAt } from '../store/ledger/sample.ts';
import { type Fixture, openFixture } from './fixture.ts';
import { buildServer } from './server.ts';

let fixture: Fixture;
let app: Awaited<ReturnType<typeof buildServer>>['app'];
let now = sampleAt;

beforeEach(async () => {
  now = sampleAt;
  fixture = await openFixture({ deliveryNow: () => now });
  app = (await buildServer(fixture.deps)).app;
});
afterEach(async () => {
  await app.close();
  await fixture.remove();
});

const call = async (method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, payload?: object) => {
  const answer = await app.inject({ method, url: `/api/v1${path}`, ...(payload ? { payload } : {}) });
  return { status: answer.statusCode, body: answer.body === '' ? null : answer.json() };
};
const silence = {
  matchers: { station: ['A801'] },
  author: 'ana',
  reason: 'gauge under repair',
  until: '2024-04-30T08:00:00Z',
};

test('a silence is made, read, changed and ended, and stays on record', async () => {
  expect(await call('GET', '/silences')).toEqual({ status: 200, body: { items: [], next: null } });
  const made = await call('POST', '/silences', silence);
  expect(made).toMatchObject({
    status: 201,
    body: { ...silence, matchers: { station: ['A801'], level: 'orange' }, state: 'active' },
  });
  const path = `/silences/${made.body.id}`;
  const later = { ...silence, from: '2024-04-30T07:00:00Z', matchers: { hazard: ['rain'], level: 'red' } };
  expect(await call('PUT', path, later)).toMatchObject({ status: 200, body: { ...later, state: 'pending' } });
  expect(await call('GET', path)).toMatchObject({
    status: 200,
    body: { id: made.body.id, state: 'pending' },
  });
  expect((await call('DELETE', path)).status).toBe(204);
  expect((await call('GET', '/silences')).body.items).toEqual([]);
  expect((await call('GET', '/silences?state=all')).body.items).toMatchObject([{ state: 'ended' }]);
  expect((await call('PUT', path, silence)).status).toBe(409);
  expect((await call('GET', '/silences/none')).status).toBe(404);
});

test('a silence of everything, without an author or without an end in sight is refused', async () => {
  const refused = [
    { ...silence, matchers: {} },
    { ...silence, matchers: { level: 'red' } },
    { ...silence, author: ' ' },
    { ...silence, until: '2024-04-30T05:59:59Z' },
    { ...silence, until: '2024-07-01T00:00:00Z' },
  ];
  for (const body of refused) expect((await call('POST', '/silences', body)).status).toBe(422);
});

test('deliveries are held and released by name, with the reason, and it stays on record', async () => {
  expect((await call('GET', '/deliveries/hold')).body).toEqual({ held: false, acts: [] });
  const held = { author: 'ana', reason: 'a storm of faults' };
  const said = { ...held, red: false, at: '2024-04-30T06:00:00Z', until: null };
  const inForce = { held: true, ...said };
  expect(await call('POST', '/deliveries/hold', held)).toEqual({ status: 200, body: inForce });
  const acts = [{ act: 'hold', ...said }];
  expect((await call('GET', '/deliveries/hold')).body).toEqual({ ...inForce, acts });
  expect((await call('POST', '/deliveries/hold', { reason: 'none' })).status).toBe(422);
  now = sampleAt + 60_000;
  expect((await call('POST', '/deliveries/release')).body).toEqual({ held: false });
  expect((await call('GET', '/deliveries/hold')).body).toEqual({
    held: false,
    acts: [{ act: 'release', author: null, at: '2024-04-30T06:01:00Z' }, ...acts],
  });
});

test('a hold that says until when is over by itself, is at most a week long, and stands in the duty list', async () => {
  const held = { author: 'ana', reason: 'maintenance', red: true, until: '2024-04-30T07:00:00Z' };
  for (const until of ['2024-04-30T06:00:00Z', '2024-05-07T06:00:01Z', 'soon'])
    expect((await call('POST', '/deliveries/hold', { ...held, until })).status).toBe(422);
  expect((await call('GET', '/duty')).body.items).toEqual([]);
  expect((await call('POST', '/deliveries/hold', held)).body).toMatchObject({ held: true, ...held });
  expect((await call('GET', '/duty')).body.items).toEqual([
    { kind: 'hold', ...held, at: '2024-04-30T06:00:00Z' },
  ]);
  now = Date.parse(held.until) - 1;
  expect((await call('GET', '/deliveries/hold')).body).toMatchObject({ held: true, ...held });
  now = Date.parse(held.until);
  expect((await call('GET', '/deliveries/hold')).body).toMatchObject({ held: false, acts: [held] });
  expect((await call('GET', '/duty')).body.items).toEqual([]);
});

test('a group is refused where a channel sends each alert to a place of its own', async () => {
  const own = await openFixture({
    canGroup: (channel, address) => channel === 'ops' || address !== undefined,
  });
  const { app: server } = await buildServer(own.deps);
  const post = async (more: object) => {
    const payload = { name: 'ana', channel: 'signs', group: { wait: '5s' }, ...more };
    return server.inject({ method: 'POST', url: '/api/v1/subscriptions', payload });
  };
  const refused = await post({});
  expect(refused.statusCode).toBe(422);
  expect(refused.json().detail).toMatch(
    /`group`: the channel signs .* Give the subscription an `address`, or/,
  );
  for (const fine of [{ channel: 'ops' }, { address: 'signs/all' }, { group: undefined }])
    expect((await post(fine)).statusCode).toBe(201);
  await server.close();
  await own.remove();
});

test('a subscription says when, how often and where, and what makes no sense is refused', async () => {
  const rules = {
    hazards: ['rain'],
    languages: ['en'],
    quiet: { from: '22:00', to: '06:30', timeZone: 'America/Sao_Paulo' },
    perMinute: 6,
    places: [{ latitude: -30, longitude: -51, km: 20 }],
  };
  const own = { name: 'ana', channel: 'ops', ...rules, group: { wait: '5s', digest: '30m' } };
  expect(await call('POST', '/subscriptions', own)).toMatchObject({
    status: 201,
    body: { ...rules, areas: [], group: { by: 'hazard', waitMs: 5000, digestMs: 1_800_000 } },
  });
  expect((await call('POST', '/subscriptions', { name: 'all', channel: 'ops' })).body.areas).toBe('all');
  for (const wrong of [
    { hazards: ['rian'] },
    { quiet: { ...rules.quiet, timeZone: 'Mars/Olympus' } },
    { quiet: { ...rules.quiet, to: '24:00' } },
    { places: [{ latitude: 91, longitude: 0, km: 1 }] },
    { group: { wait: '2h' } },
  ])
    expect((await call('POST', '/subscriptions', { ...own, ...wrong })).status).toBe(422);
});

test('a step of an escalation begins at orange and is told by itself', async () => {
  const step = { name: 'chief', channel: 'ops', escalation: { after: '10m' } };
  expect(await call('POST', '/subscriptions', step)).toMatchObject({
    status: 201,
    body: { level: 'orange', escalation: { afterMs: 600_000 } },
  });
  const red = await call('POST', '/subscriptions', { ...step, level: 'red' });
  expect(red.body.level).toBe('red');
  for (const wrong of [
    { group: { wait: '5s' } },
    { drafts: true },
    { escalation: { after: '1s' } },
    { escalation: { after: '25h' } },
  ])
    expect((await call('POST', '/subscriptions', { ...step, ...wrong })).status).toBe(422);
});

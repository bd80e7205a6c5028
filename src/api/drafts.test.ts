import { afterEach, expect, it } from 'vitest';
import type { AlertRevision } from '../model/alert.ts';
import { raise, sampleAt } from '../store/ledger/sample.ts';
import { openAccessFixture } from './access/fixture.ts';
import { openFixture } from './fixture.ts';
import { buildServer } from './server.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const waits: Partial<AlertRevision> = {
  draft: {
    waits: true,
    sinceAt: sampleAt,
    dueAt: sampleAt + 600_000,
    onTimeout: 'publish',
    authors: ['Ana'],
  },
};

it('shows what waits to users alone: no list, detail, history or stream has it for others', async () => {
  const { fixture, deps, add, token } = await openAccessFixture();
  closing.push(fixture.remove);
  await add('bia', 'approver');
  const { app } = await buildServer(deps);
  closing.push(() => app.close());
  await fixture.commit(
    raise('a1', {}, waits),
    raise('a2', { level: 'orange' }),
    raise('a2', { revision: 2, event: 'escalated', level: 'red' }, waits),
  );
  const authorization = `Bearer ${await token('bia')}`;
  const ask = async (path: string, isUser: boolean) => {
    const answer = await app.inject({ url: `/api/v1/${path}`, headers: isUser ? { authorization } : {} });
    return { status: answer.statusCode, body: answer.json(), etag: answer.headers.etag };
  };
  expect((await ask('alerts/a1', false)).status).toBe(404);
  const outside = await ask('alerts/a2', false);
  expect([outside.etag, outside.body.level, outside.body.history.length, outside.body.draft]).toEqual([
    '"1"',
    'orange',
    1,
    undefined,
  ]);
  const inside = await ask('alerts/a2', true);
  expect([inside.etag, inside.body.draft]).toEqual([
    '"2"',
    {
      waits: true,
      sinceAt: '2024-04-30T06:00:00Z',
      dueAt: '2024-04-30T06:10:00Z',
      onTimeout: 'publish',
      authors: ['Ana'],
    },
  ]);
  expect(inside.body.history.map((one: { draft?: object }) => one.draft === undefined)).toEqual([
    true,
    false,
  ]);
  for (const isUser of [true, false]) {
    const { items } = (await ask('alerts', isUser)).body;
    expect(items.map(({ alert, level }: Record<string, string>) => [alert, level])).toEqual([
      ['a2', 'orange'],
    ]);
  }
  expect([(await ask('drafts', false)).status, (await ask('stream?drafts=true', false)).status]).toEqual([
    401, 401,
  ]);
  expect((await ask('drafts', true)).body.items.map(({ alert }: { alert: string }) => alert)).toEqual([
    'a1',
    'a2',
  ]);
});

it('asks for approval in place of the alert that it is to change', async () => {
  const fixture = await openFixture();
  closing.push(fixture.remove);
  const { app } = await buildServer(fixture.deps);
  closing.push(() => app.close());
  await fixture.commit(
    raise('a1', { level: 'orange' }),
    raise('a1', { revision: 2, event: 'escalated' }, waits),
  );
  const { items } = (await app.inject('/api/v1/duty')).json();
  expect(items.map(({ kind, alert, level }: Record<string, string>) => [kind, alert, level])).toEqual([
    ['draft', 'a1', 'red'],
  ]);
});

it('refuses an approval by the author with 403, and one of what does not wait with 409', async () => {
  const fixture = await openFixture({ putAct: () => Promise.reject(new Error('nothing is to be written')) });
  closing.push(fixture.remove);
  const { app } = await buildServer(fixture.deps);
  closing.push(() => app.close());
  await fixture.commit(raise('a1', {}, waits), raise('a2'));
  const act = async (alert: string, name: string, payload = {}) =>
    (
      await app.inject({
        method: 'POST',
        url: `/api/v1/alerts/${alert}/${name}`,
        headers: { 'if-match': '"1"', 'atalaia-operator': 'Ana' },
        payload,
      })
    ).statusCode;
  expect(await act('a1', 'approve')).toBe(403);
  expect(await act('a2', 'approve')).toBe(409);
  expect(await act('a2', 'reject', { reason: 'x' })).toBe(409);
  expect([await act('a1', 'publish'), await act('a1', 'reject')]).toEqual([422, 422]);
});

it('lets operators raise alerts by hand, within their areas, and nobody draw outside of them', async () => {
  const { fixture, deps, add, token } = await openAccessFixture();
  closing.push(fixture.remove);
  await add('leo', 'viewer');
  await add('poa', 'operator', ['4314902']);
  fixture.stations.push({
    ...{ id: 'A1', name: 'Um', latitude: -30, longitude: -51, altitude: 10, region: '4314902' },
    ...{ timeZone: 'America/Sao_Paulo', intervalMs: 3_600_000 },
  });
  const put: unknown[] = [];
  const putRaise = async (_id: string, region: string, raised: unknown) => void put.push([region, raised]);
  const { app } = await buildServer({ ...deps, putRaise, actWaitMs: 0 });
  closing.push(() => app.close());
  const post = async (user: string | undefined, where: object): Promise<number> => {
    const answer = await app.inject({
      method: 'POST',
      url: '/api/v1/alerts',
      headers: user === undefined ? {} : { authorization: `Bearer ${await token(user)}` },
      payload: { hazard: 'dam', level: 'red', text: { 'pt-BR': 'Saia.', en: 'Go.' }, reason: 'x', ...where },
    });
    return answer.statusCode;
  };
  const shape = { latitude: -30, longitude: -51, km: 5, name: 'Vale' };
  expect([await post(undefined, { station: 'A1' }), await post('leo', { station: 'A1' })]).toEqual([
    401, 403,
  ]);
  expect([await post('poa', { shape }), await post('poa', { area: '3550308' })]).toEqual([403, 403]);
  expect(put).toEqual([]);
  expect([await post('poa', { station: 'A1' }), await post('poa', { area: '4314902' })]).toEqual([202, 202]);
  expect(put).toMatchObject([
    [
      '4314902',
      { by: 'poa', subject: { kind: 'station', id: 'A1' }, rule: { area: { kind: 'radius', km: 15 } } },
    ],
    ['4314902', { by: 'poa', subject: { kind: 'area', id: '4314902' } }],
  ]);
});

import { afterEach, beforeEach, expect, test } from 'vitest';
import { sampleRevision } from '../store/ledger/sample.ts';
import { type Fixture, openFixture } from './fixture.ts';
import { buildServer } from './server.ts';

let fixture: Fixture;
let app: Awaited<ReturnType<typeof buildServer>>['app'];
beforeEach(async () => {
  fixture = await openFixture();
  app = (await buildServer(fixture.deps)).app;
});
afterEach(async () => {
  await app.close();
  await fixture.remove();
});

const post = (payload: object, key?: string) =>
  app.inject({
    ...{ method: 'POST', url: '/api/v1/handovers', payload },
    headers: key === undefined ? {} : { 'idempotency-key': key },
  });
const list = async (query = '') => (await app.inject({ url: `/api/v1/handovers${query}` })).json();

test('a note stays as it was written, the newest first, page by page; a repeat is kept once', async () => {
  await fixture.commit(sampleRevision({ alert: 'a1' }));
  const first = await post({ text: ' Ponte vigiada. ', alerts: ['a1'], author: 'Ana' }, 'k');
  expect([first.statusCode, first.json()]).toMatchObject([201, { text: 'Ponte vigiada.', author: 'Ana' }]);
  expect((await post({ text: 'Ponte vigiada.', alerts: ['a1'], author: 'Ana' }, 'k')).statusCode).toBe(201);
  await post({ text: 'Calmo.', author: 'Rui' });
  const page = await list('?limit=1');
  expect(page).toMatchObject({
    items: [{ text: 'Calmo.', author: 'Rui', alerts: [] }],
    next: expect.any(String),
  });
  expect(await list(`?cursor=${page.next}`)).toMatchObject({
    items: [{ text: 'Ponte vigiada.', alerts: ['a1'] }],
    next: null,
  });
});

test.each([
  [{ text: '   ', author: 'Ana' }, '`text`'],
  [{ text: 'x'.repeat(2001), author: 'Ana' }, '`text`'],
  [{ text: 'x' }, '`author`'],
  [{ text: 'x', author: 'Ana', alerts: ['zz'] }, 'no alert zz'],
])('refuses %j', async (body, said) => {
  const answer = await post(body);
  expect(answer.statusCode).toBe(422);
  expect(answer.json().detail).toContain(said);
  expect((await list()).items).toEqual([]);
});

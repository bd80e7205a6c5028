import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ForeignAlert, type ForeignEnd, keyOf } from '../alerts/foreign/facts.ts';
import { changeFeedState } from '../store/ledger/foreign-feed.ts';
import { type Fixture, openFixture } from './fixture.ts';
import { buildServer } from './server.ts';

const HOUR_MS = 3_600_000;
const at = Date.parse('2024-04-30T06:00:00Z');
let fixture: Fixture;
let app: Awaited<ReturnType<typeof buildServer>>['app'];
let now = at;

beforeEach(async () => {
  now = at;
  fixture = await openFixture({ deliveryNow: () => now, capFeeds: ['met', 'other'] });
  app = (await buildServer(fixture.deps)).app;
});
afterEach(async () => {
  await app.close();
  await fixture.remove();
});

const get = async (path: string) => {
  const answer = await app.inject({ method: 'GET', url: `/api/v1/foreign-alerts${path}` });
  return { status: answer.statusCode, body: answer.json() };
};
const namesOf = async (query: string): Promise<string[]> =>
  (await get(query)).body.items.map(({ identifier }: { identifier: string }) => identifier);

const block = (severity: string, expiresAt: number): ForeignAlert['info'][number] => ({
  ...{ language: 'pt-BR', event: 'Chuva', category: ['Met'], responseType: [], urgency: 'Expected' },
  ...{ severity, certainty: 'Likely', expiresAt, senderName: 'X', headline: 'h' },
  ...{ description: 'long', instruction: 'go' },
  area: [{ areaDesc: 'Vale', polygon: ['0,0 0,1 1,1 0,0'], circle: [], geocode: [] }],
});
function alert(identifier: string, more: Partial<ForeignAlert> = {}): ForeignAlert {
  const status = more.status ?? 'Actual';
  return {
    ...{ key: keyOf(status, 'x@example.org', identifier), status, sender: 'x@example.org', identifier },
    ...{ sentAt: at - HOUR_MS, expiresAt: at + HOUR_MS, info: [block('Severe', at + HOUR_MS)] },
    ...{ source: 'met', faulty: false, clipped: false, ...more },
  };
}
const put = (...alerts: ForeignAlert[]) =>
  fixture.ledger.putForeign(alerts.map((one) => ({ alert: one, ends: [] })));
const end = (identifier: string, sentAt: number): ForeignEnd => ({
  ...{ key: keyOf('Actual', 'x@example.org', identifier), kind: 'cancelled', sentAt, by: 'c' },
});

test('lists what is in force with the words of the sender and our level, and says which feeds are down', async () => {
  await put(alert('a'));
  await changeFeedState(fixture.ledger, 'met', (before) => ({ ...before, readAt: at, taken: 1 }));
  await changeFeedState(fixture.ledger, 'other', (before) => ({
    ...before,
    failedAt: at,
    failure: 'HTTP 500',
  }));
  const { status, body } = await get('');
  expect(status).toBe(200);
  expect(body).toMatchObject({
    ...{ next: null, active: 1 },
    feeds: [
      { name: 'met', isDown: false, readAt: '2024-04-30T06:00:00Z', failedAt: null, taken: 1 },
      { name: 'other', isDown: true, readAt: null, failure: 'HTTP 500' },
    ],
  });
  const [item] = body.items;
  expect(item).toMatchObject({
    state: 'active',
    level: 'orange',
    drill: false,
    sentAt: '2024-04-30T05:00:00Z',
  });
  expect(item.info).toMatchObject([{ severity: 'Severe', level: 'orange', areas: ['Vale'] }]);
  expect(JSON.stringify(item)).not.toMatch(/0,0 0,1|long/);
  const { body: detail } = await get(`/${item.id}`);
  expect(detail.info).toMatchObject([{ description: 'long', area: [{ polygon: ['0,0 0,1 1,1 0,0'] }] }]);
  expect((await get('/none')).status).toBe(404);
});

test('follows the clock: each block has its own end', async () => {
  await put(
    alert('a', {
      expiresAt: at + 2 * HOUR_MS,
      info: [block('Extreme', at + HOUR_MS), block('Moderate', at + 2 * HOUR_MS)],
    }),
  );
  const levelNow = async () => (await get('?state=all')).body.items[0].level;
  expect(await levelNow()).toBe('red');
  now = at + HOUR_MS;
  expect(await levelNow()).toBe('yellow');
  now = at + 2 * HOUR_MS;
  expect(await namesOf('')).toEqual([]);
  expect((await get('?state=all')).body).toMatchObject({
    active: 0,
    items: [{ state: 'expired', level: 'red' }],
  });
});

test('drills are never among real ones, and the other way round', async () => {
  await put(alert('a'), alert('b', { status: 'Exercise' }), alert('c', { status: 'Test' }));
  expect(await namesOf('?state=all')).toEqual(['a']);
  expect((await namesOf('?drills=true')).toSorted()).toEqual(['b', 'c']);
  expect((await get('?drills=true')).body).toMatchObject({
    active: 1,
    items: [{ drill: true }, { drill: true }],
  });
});

test('filters by level and source, and a walk over the pages has every one once', async () => {
  const many = Array.from({ length: 30 }, (_, i) =>
    alert(`m${i}`, {
      sentAt: at - HOUR_MS + 1000 * (i % 5),
      source: i % 2 ? 'met' : 'other',
      info: [block(i % 3 ? 'Severe' : 'Minor', at + HOUR_MS)],
    }),
  );
  await put(...many);
  await fixture.ledger.putForeign([{ ends: [end('m1', at), end('m4', at)] }]);
  const left = many.filter(({ identifier }) => identifier !== 'm1' && identifier !== 'm4');
  const got: string[] = [];
  let cursor = '';
  do {
    const { body } = await get(`?limit=7${cursor && `&cursor=${cursor}`}`);
    got.push(...body.items.map(({ identifier }: { identifier: string }) => identifier));
    cursor = body.next ?? '';
  } while (cursor !== '');
  expect(got.toSorted()).toEqual(left.map(({ identifier }) => identifier).toSorted());
  expect((await namesOf('?source=other')).length).toBe(14);
  expect((await namesOf('?level=orange')).length).toBe(18);
  expect(await namesOf('?level=red')).toEqual([]);
  for (const query of ['?state=over', '?level=black', '?drills=1', '?limit=0', '?limit=501', '?other=1'])
    expect((await get(query)).status, query).toBe(400);
});

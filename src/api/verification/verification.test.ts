import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AtalaiaError } from '../../lib/errors.ts';
import type { Observation } from '../../model/observation.ts';
import { toScaled } from '../../model/quantity.ts';
import { HOUR_MS } from '../../model/time.ts';
import { batch } from '../../store/archive/conformance.ts';
import { openDuckdbArchive } from '../../store/archive/duckdb/archive.ts';
import { sampleAt, sampleRevision } from '../../store/ledger/sample.ts';
import { type Fixture, openFixture } from '../fixture.ts';
import { buildServer } from '../server.ts';
import { observedOf } from './events.ts';

let fixture: Fixture;
let app: Awaited<ReturnType<typeof buildServer>>['app'];
let close: () => Promise<void>;
const now = sampleAt + 48 * HOUR_MS;

beforeEach(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'atalaia-verification-'));
  const archive = await openDuckdbArchive({ path: join(folder, 'archive.duckdb') });
  const rain = (hours: number, mm: number): Observation => ({
    ...{ station: 'A801', quantity: 'rainfall', observedAt: sampleAt + hours * HOUR_MS },
    ...{ intervalMs: HOUR_MS, receivedAt: sampleAt, value: toScaled(mm), flag: 'good', arrival: 'on-time' },
  });
  await archive.commit([batch(0, 1, [rain(19, 2), rain(20, 31.5), rain(21, 4)])]);
  fixture = await openFixture({ archive, now: () => now });
  app = (await buildServer(fixture.deps)).app;
  close = async () => {
    await app.close();
    await archive.close();
    await fixture.remove();
    await rm(folder, { recursive: true });
  };
});
afterEach(() => close());

const call = async (method: 'GET' | 'POST' | 'DELETE', path: string, payload?: object) => {
  const answer = await app.inject({ method, url: `/api/v1${path}`, ...(payload ? { payload } : {}) });
  return { status: answer.statusCode, body: answer.body === '' ? null : answer.json() };
};
const flood = {
  ...{ hazard: 'flood', area: '4314902', from: '2024-04-30T07:30:00Z', to: '2024-04-30T09:00:00Z' },
  ...{ note: 'Rua <b>alagada</b>', source: 'Defesa Civil' },
};
const slide = {
  ...{ hazard: 'landslide', latitude: -30.1, longitude: -51.2, level: 'red', source: 'jornal' },
  ...{ from: '2024-05-01T03:00:00Z', to: '2024-05-01T03:10:00Z' },
};
const raised = (alert: string, hours: number) => {
  const at = sampleAt + hours * HOUR_MS;
  const base = { alert, onsetAt: at, at, issuedAt: at };
  const over = { ...base, revision: 2, at: at + 3 * HOUR_MS, event: 'ended', endReason: 'cleared' } as const;
  return [sampleRevision(base), sampleRevision(over)];
};

test('an event is entered once, listed, and taken out', async () => {
  const made = await call('POST', '/events-observed', flood);
  expect(made).toMatchObject({ status: 201, body: { ...flood, createdAt: '2024-05-02T06:00:00Z' } });
  expect((await call('POST', '/events-observed', flood)).status).toBe(200);
  await call('POST', '/events-observed', slide);
  const first = await call('GET', '/events-observed?limit=1');
  expect(first.body.items).toMatchObject([{ hazard: 'landslide', km: 0, note: '' }]);
  const second = await call('GET', `/events-observed?limit=1&cursor=${first.body.next}`);
  expect(second.body).toMatchObject({ items: [{ hazard: 'flood' }], next: null });
  expect((await call('GET', '/events-observed?hazard=hail')).body.items).toEqual([]);
  expect((await call('DELETE', `/events-observed/${made.body.id}`)).status).toBe(204);
  expect((await call('DELETE', `/events-observed/${made.body.id}`)).status).toBe(404);
});

test('an event without place, with two places, backwards or of no kind is refused', async () => {
  const { area: _, ...nowhere } = flood;
  const bad = [
    nowhere,
    { ...flood, latitude: 1, longitude: 1 },
    { ...nowhere, latitude: 1 },
    { ...flood, km: 3 },
    { ...flood, to: '2024-04-30T07:00:00Z' },
    { ...flood, to: '2025-06-01T00:00:00Z' },
    { ...flood, hazard: 'plague' },
    { ...flood, area: 'nowhere' },
    { ...flood, source: ' ' },
    { ...flood, more: 1 },
  ];
  for (const body of bad) expect((await call('POST', '/events-observed', body)).status).toBe(422);
});

test('alerts stand against events: scores by rule, area and level, and what the stations saw of a miss', async () => {
  await fixture.commit(...raised('a1', 0), ...raised('a2', 12));
  await call('POST', '/events-observed', flood);
  await call('POST', '/events-observed', slide);
  const { status, body } = await call('GET', '/verification');
  expect(status).toBe(200);
  const own = {
    n: 3,
    hits: 1,
    misses: 1,
    falseAlarms: 1,
    unjudged: 0,
    pod: 0.5,
    far: 0.5,
    csi: 1 / 3,
    bias: 1,
  };
  expect(body).toMatchObject({ alerts: 2, events: 2, missedCount: 1 });
  expect(body.rows.map(({ level }: { level: string }) => level)).toEqual(['yellow', 'orange', 'red']);
  expect(body.rows[2]).toMatchObject({ rule: 'chuva-intensa', ...own, lead: { median: 1.5 } });
  expect(body.rows[2].rolling.at(-1)).toMatchObject({
    to: '2024-05-02T06:00:00Z',
    n: 3,
    pod: 0.5,
    lead: 1.5,
  });
  expect(body.missed).toMatchObject([
    {
      ...slide,
      seen: [
        {
          ...{ station: 'A801', name: 'Porto Alegre', km: 6.3 },
          values: [
            {
              ...{ quantity: 'rainfall', unit: 'mm', total: 37.5, worstHour: 31.5, hours: 3 },
              at: '2024-05-01T02:00:00Z',
            },
          ],
        },
      ],
    },
  ]);
  const byArea = await call('GET', '/verification?by=area');
  expect(byArea.body.rows).toMatchObject([{ area: '4314902', ...own }]);
  const byLevel = await call('GET', '/verification?by=level');
  expect(byLevel.body.rows[1]).toMatchObject({ level: 'orange', ...own });
  const early = await call('GET', '/verification?to=2024-04-30T12:00:00Z');
  expect(early.body.rows[0]).toMatchObject({ n: 1, hits: 1, far: 0 });
  expect((await call('GET', '/verification?from=2024-05-03T00:00:00Z')).status).toBe(400);
  expect((await call('GET', '/verification?by=colour')).status).toBe(400);
});

test('feedback is kept with the alert and counts before any match', async () => {
  await fixture.commit(...raised('a1', 0), ...raised('a2', 12));
  await call('POST', '/events-observed', flood);
  const said = await call('POST', '/alerts/a1/feedback', { wasReal: 'no', note: 'só garoa' });
  expect(said).toMatchObject({ status: 201, body: { wasReal: 'no', by: 'operator' } });
  await call('POST', '/alerts/a2/feedback', { wasReal: 'partly' });
  const [row] = (await call('GET', '/verification')).body.rows;
  expect(row).toMatchObject({ hits: 1, misses: 1, falseAlarms: 1, lead: { median: null } });
  const { feedback } = (await call('GET', '/alerts/a1')).body;
  expect(feedback).toMatchObject([{ wasReal: 'no', note: 'só garoa', by: 'operator' }]);
  expect((await call('POST', '/alerts/none/feedback', { wasReal: 'yes' })).status).toBe(404);
  expect((await call('POST', '/alerts/a1/feedback', { wasReal: 'maybe' })).status).toBe(422);
  const noted = (await call('GET', '/audit?limit=9')).body.items;
  expect(noted).toContainEqual(
    expect.objectContaining({ subject: '/api/v1/alerts/a2/feedback', detail: { wasReal: 'partly' } }),
  );
});

test('a file of events is taken whole or not at all, and areas that no station is in are named', async () => {
  const given: string[] = [];
  const areas = ['4314902', '9999999'];
  Object.assign(fixture.deps, {
    readObserved(csv: string, at: number) {
      given.push(csv);
      if (csv.includes('bad')) throw new AtalaiaError('ATL_INPUT', 'CSV, line 3: to is bad.');
      return areas.map((area) => observedOf({ ...flood, area, from: sampleAt, to: sampleAt }, at));
    },
  });
  const send = async (payload: string) => {
    const url = '/api/v1/events-observed/import';
    const headers = { 'content-type': 'text/csv' };
    const answer = await app.inject({ method: 'POST', url, payload, headers });
    return { status: answer.statusCode, body: answer.json() };
  };
  expect(await send('bad')).toMatchObject({ status: 422, body: { detail: 'CSV, line 3: to is bad.' } });
  expect((await call('GET', '/events-observed')).body.items).toEqual([]);
  const answer = { status: 200, body: { events: 2, added: 2, unknownAreas: ['9999999'] } };
  expect(await send('água')).toEqual(answer);
  expect((await send('água')).body.added).toBe(0);
  expect(given).toEqual(['bad', 'água', 'água']);
});

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance, InjectOptions } from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { AtalaiaError } from '../lib/errors.ts';
import { sampleRevision as revision, sampleAt, sampleSubscription } from '../store/ledger/sample.ts';
import type { ApiDeps } from './deps.ts';
import { type Fixture, openFixture } from './fixture.ts';
import { buildServer, createApi } from './server.ts';

describe('api', () => {
  const closing: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  const open = async (overrides: Partial<ApiDeps> = {}): Promise<Fixture & { app: FastifyInstance }> => {
    const fixture = await openFixture(overrides);
    closing.push(fixture.remove);
    const { app } = await buildServer(fixture.deps);
    closing.push(() => app.close());
    return { ...fixture, app };
  };
  const call = async (app: FastifyInstance, options: InjectOptions) => {
    const response = await app.inject(options);
    return { response, status: response.statusCode, body: response.body ? response.json() : undefined };
  };
  const get = (app: FastifyInstance, url: string, headers = {}) => call(app, { method: 'GET', url, headers });
  const problem = (code: string, status: number) => ({
    code,
    status,
    type: expect.stringMatching(/^urn:atalaia:problem:/),
    title: expect.any(String),
    detail: expect.any(String),
    instance: expect.stringMatching(/^\//),
  });

  describe('observations', () => {
    const url = '/api/v1/observations';

    it('hands the bytes, type and encoding on and answers what ingest says', async () => {
      const { app, ingested } = await open();
      const headers = { 'content-type': 'Text/CSV; charset=utf-8', 'content-encoding': 'GZIP' };
      const { status, body } = await call(app, {
        method: 'POST',
        url,
        headers,
        payload: Buffer.from([0x1f, 0x8b, 0]),
      });
      expect([status, body]).toEqual([202, { accepted: 1, duplicates: 0, rejected: [] }]);
      expect(ingested).toEqual([
        { contentType: 'text/csv', encoding: 'gzip', body: Buffer.from([0x1f, 0x8b, 0]) },
      ]);
    });

    it('does not parse JSON itself', async () => {
      const { app, ingested } = await open();
      const headers = { 'content-type': 'application/json' };
      expect((await call(app, { method: 'POST', url, headers, payload: '{"__proto__":1' })).status).toBe(202);
      expect(ingested[0]?.body.toString()).toBe('{"__proto__":1');
    });

    it.each(['application/xml', 'multipart/form-data; boundary=x'])('refuses %s with 415', async (type) => {
      const { app } = await open();
      const { status, body, response } = await call(app, {
        method: 'POST',
        url,
        headers: { 'content-type': type },
        payload: 'x',
      });
      expect([status, body]).toEqual([415, problem('ATL_UNSUPPORTED_MEDIA', 415)]);
      expect(response.headers['content-type']).toContain('application/problem+json');
    });

    it('refuses no type with 415 and 8 MiB and a byte with 413', async () => {
      const { app } = await open();
      expect((await call(app, { method: 'POST', url })).status).toBe(415);
      const headers = { 'content-type': 'application/json' };
      const exact = await call(app, {
        method: 'POST',
        url,
        headers,
        payload: Buffer.alloc(8 * 1024 * 1024, 32),
      });
      expect(exact.status).toBe(202);
      const over = await call(app, {
        method: 'POST',
        url,
        headers,
        payload: Buffer.alloc(8 * 1024 * 1024 + 1, 32),
      });
      expect([over.status, over.body]).toEqual([413, problem('ATL_TOO_LARGE', 413)]);
    });

    it('makes problem details of refusals, with the members of the answer', async () => {
      const rejected = [{ index: 0, code: 'future', message: 'm' }];
      const { app } = await open({
        ingest: async () => ({ status: 422, body: { accepted: 0, duplicates: 0, rejected } }),
      });
      const headers = { 'content-type': 'application/json' };
      const { status, body } = await call(app, { method: 'POST', url, headers, payload: '[]' });
      expect([status, body]).toEqual([
        422,
        { ...problem('ATL_INPUT', 422), accepted: 0, duplicates: 0, rejected },
      ]);
    });

    it('says when to come again', async () => {
      const { app } = await open({
        ingest: async () => {
          throw new AtalaiaError('ATL_BUSY', 'The queue is full. Try again.');
        },
      });
      const headers = { 'content-type': 'application/json' };
      const { response, body } = await call(app, { method: 'POST', url, headers, payload: '[]' });
      expect(body).toEqual({ ...problem('ATL_BUSY', 503), detail: 'The queue is full. Try again.' });
      expect(response.headers['retry-after']).toBe('5');
    });
  });

  describe('stations', () => {
    const input = {
      name: 'Canoas',
      latitude: -29.9,
      longitude: -51.1,
      region: '4304606',
      timeZone: 'America/Sao_Paulo',
    };
    const put = (app: FastifyInstance, id: string, payload: object | string) =>
      call(app, {
        method: 'PUT',
        url: `/api/v1/stations/${id}`,
        headers: { 'content-type': 'application/json' },
        payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
      });

    it('lists in pages, adopts and shows one', async () => {
      const { app, stations } = await open();
      const created = await put(app, 'A900', { ...input, interval: '1h' });
      expect(created.status).toBe(201);
      expect(created.body).toEqual({ ...input, id: 'A900', altitude: null, interval: 'PT1H' });
      expect(stations[1]?.intervalMs).toBe(3_600_000);
      const page = await get(app, '/api/v1/stations?limit=1');
      expect(page.body).toMatchObject({ items: [{ id: 'A801', interval: 'PT1H' }], next: 'A801' });
      expect((await get(app, '/api/v1/stations?cursor=A801')).body).toMatchObject({
        items: [{ id: 'A900' }],
        next: null,
      });
      expect((await get(app, '/api/v1/stations/A801')).body).toMatchObject({ name: 'Porto Alegre' });
      expect((await get(app, '/api/v1/stations/nope')).body).toEqual(problem('ATL_NOT_FOUND', 404));
    });

    it('refuses a new region, foreign keys, bad values and __proto__', async () => {
      const { app } = await open();
      expect((await put(app, 'A801', input)).body).toEqual(problem('ATL_CONFLICT', 409));
      expect((await put(app, 'B', { ...input, latitude: 91 })).body).toEqual(problem('ATL_INPUT', 422));
      expect((await put(app, 'B', { ...input, colour: 1 })).status).toBe(422);
      expect((await put(app, 'B', { ...input, timeZone: 'Mars/Base' })).status).toBe(422);
      expect((await put(app, 'B', { ...input, id: 'C' })).status).toBe(422);
      const poisoned = await put(app, 'B', `{"__proto__":{"a":1},${JSON.stringify(input).slice(1)}`);
      expect([poisoned.status, poisoned.body]).toEqual([400, problem('ATL_UNREADABLE', 400)]);
      expect((await put(app, 'B', '{')).status).toBe(400);
    });

    it('shows observations of a span, by default the last day', async () => {
      const asked: unknown[] = [];
      const { app, deps } = await open();
      const series = deps.archive.series;
      Object.assign(deps.archive, {
        series: (query: Parameters<typeof series>[0]) => {
          asked.push(query);
          return series(query);
        },
      });
      const base = '/api/v1/stations/A801/observations';
      expect((await get(app, base)).body).toMatchObject({
        items: [{ at: '2024-04-30T06:00:00Z', values: { rainfall: { value: 12.4 } } }],
        next: null,
      });
      await get(app, `${base}?from=2024-04-29T00:00:00Z&to=2024-04-29T03:00:00-03:00&every=PT1H`);
      expect(asked).toMatchObject([
        { station: 'A801', from: sampleAt - 86_400_000, to: sampleAt, everyMs: null },
        {
          from: Date.parse('2024-04-29T00:00:00Z'),
          to: Date.parse('2024-04-29T06:00:00Z'),
          everyMs: 3_600_000,
        },
      ]);
      for (const query of [
        'from=yesterday',
        'every=fast',
        'from=2025-01-01T00:00:00Z',
        'what=1',
        'every=1h&every=2h',
      ]) {
        expect((await get(app, `${base}?${query}`)).body).toEqual(problem('ATL_USAGE', 400));
      }
    });
  });

  describe('alerts', () => {
    it('lists the newest event with its state, filters and pages', async () => {
      const { app, commit } = await open();
      await commit(
        revision({ alert: 'a1', level: 'yellow' }),
        revision({ alert: 'a1', revision: 2, event: 'escalated', previousLevel: 'yellow' }),
        revision({ alert: 'a2', level: 'orange', subject: { kind: 'station', id: 'A802' } }),
      );
      const { body } = await get(app, '/api/v1/alerts');
      expect(body.next).toBeNull();
      expect(body.items.map((item: { alert: string }) => item.alert)).toEqual(['a2', 'a1']);
      expect(Object.keys(body.items[1])).toEqual([
        'alert',
        'revision',
        'event',
        'rule',
        'hazard',
        'subject',
        'level',
        'previousLevel',
        'onsetAt',
        'at',
        'issuedAt',
        'evidence',
        'state',
      ]);
      expect(body.items[1]).toMatchObject({
        revision: 2,
        level: 'red',
        state: 'active',
        at: '2024-04-30T06:00:00Z',
      });
      expect((await get(app, '/api/v1/alerts?level=orange&state=open')).body.items).toHaveLength(1);
      const first = (await get(app, '/api/v1/alerts?limit=1')).body;
      const second = (await get(app, `/api/v1/alerts?limit=1&cursor=${first.next}`)).body;
      expect([first.items[0].alert, second.items[0].alert, second.next]).toEqual(['a2', 'a1', null]);
      for (const query of ['level=pink', 'limit=0', 'limit=1001', 'cursor=xyz', 'colour=red', 'from=1']) {
        expect((await get(app, `/api/v1/alerts?${query}`)).body, query).toEqual(problem('ATL_USAGE', 400));
      }
    });

    it('shows one with history, evidence, expiry and deliveries without addresses', async () => {
      const { app, commit, ledger } = await open();
      await commit(
        revision({ alert: 'a1', level: 'yellow' }),
        revision({ alert: 'a1', revision: 2, event: 'escalated' }),
      );
      const [row] = await ledger.outbox(1);
      await ledger.expand(
        [
          {
            seq: row?.revision.seq ?? 0,
            deliveries: [
              {
                subscription: { ...sampleSubscription('s1'), address: 'someone@example.org' },
                destination: 'ops',
              },
            ],
          },
        ],
        0,
      );
      const { body, response } = await get(app, '/api/v1/alerts/a1');
      expect(body).toMatchObject({
        revision: 2,
        state: 'active',
        expiresAt: '2024-04-30T12:00:00Z',
        evidence: [{ value: 62.4 }],
        history: [{ revision: 1, level: 'yellow' }, { revision: 2 }],
        deliveries: [{ key: 'a1.1.s1', state: 'waiting', subscription: { id: 's1', channel: 'ops' } }],
      });
      expect(response.headers.etag).toBe('"2"');
      expect(response.body).not.toContain('someone@');
      expect((await get(app, '/api/v1/alerts/zz')).status).toBe(404);
    });

    it('gives the CAP message, and that of a revision for ever', async () => {
      const { app, ledger } = await open();
      const cap = { alert: 'a1', identifier: 'i', sentText: 's', createdAt: 1 };
      await ledger.putCap({ ...cap, revision: 1, xml: '<alert/>' });
      const newest = await app.inject('/api/v1/alerts/a1/cap.xml');
      expect([newest.body, newest.headers['content-type']]).toEqual([
        '<alert/>',
        'application/cap+xml; charset=utf-8',
      ]);
      expect(newest.headers['cache-control']).toBe('no-cache');
      const fixed = await app.inject('/api/v1/alerts/a1/cap.xml?revision=1');
      expect(fixed.headers['cache-control']).toContain('immutable');
      expect((await get(app, '/api/v1/alerts/a1/cap.xml?revision=2')).status).toBe(404);
      expect((await get(app, '/api/v1/alerts/a1/cap.xml?revision=x')).status).toBe(400);
    });
  });

  it('adds, lists and deletes subscriptions; those of the configuration stay', async () => {
    const { app, ledger } = await open({ channels: () => ['ops'] });
    await ledger.putSubscriptions('config', [sampleSubscription('fixed')]);
    const url = '/api/v1/subscriptions';
    const post = (payload: object) => call(app, { method: 'POST', url, payload });
    const added = await Promise.all(
      [1, 2, 3].map((n) => post({ name: `n${n}`, channel: 'ops', address: 'x@y.org' })),
    );
    expect(added.map((entry) => entry.status)).toEqual([201, 201, 201]);
    expect(added[0]?.body).toMatchObject({ name: 'n1', level: 'yellow', areas: 'all', origin: 'api' });
    const listed = await get(app, url);
    expect(listed.body.items).toHaveLength(4);
    expect(listed.response.body).not.toContain('x@y.org');
    expect((await ledger.subscriptions()).filter((entry) => entry.address === 'x@y.org')).toHaveLength(3);
    const remove = (id: string) => call(app, { method: 'DELETE', url: `${url}/${id}` });
    expect((await remove(added[0]?.body.id)).status).toBe(204);
    expect((await remove(added[0]?.body.id)).status).toBe(404);
    expect((await remove('fixed')).body).toEqual(problem('ATL_CONFLICT', 409));
    expect((await get(app, url)).body.items).toHaveLength(3);
    expect((await post({ name: 'n', channel: 'sirens' })).body).toEqual(problem('ATL_INPUT', 422));
    expect((await post({ name: 'n', channel: 'ops', areas: [] })).status).toBe(422);
  });

  describe('the rest', () => {
    it('tells status, rules, health, readiness and metrics', async () => {
      const checks = [{ name: 'outbox', ok: false, detail: '61 s' }];
      const { app } = await open({ readiness: () => ({ ready: false, checks }) });
      expect((await get(app, '/api/v1/status')).body).toEqual({
        environment: 'exercise',
        language: 'en',
        speed: 60,
      });
      expect((await get(app, '/api/v1/rules')).body).toEqual({ items: [], next: null });
      expect((await get(app, '/healthz')).body).toEqual({ status: 'ok' });
      expect(await get(app, '/readyz')).toMatchObject({ status: 503, body: { ready: false, checks } });
      const metrics = await app.inject('/metrics');
      expect([metrics.body, metrics.headers['content-type']]).toEqual([
        'atalaia_up 1\n',
        'text/plain; version=0.0.4; charset=utf-8',
      ]);
    });

    it('answers unknown places and methods with problem details, and hides its own faults', async () => {
      const { app } = await open({
        metrics: async () => {
          throw new Error('secret words');
        },
      });
      expect((await get(app, '/api/v1/none')).body).toEqual(problem('ATL_NOT_FOUND', 404));
      expect((await get(app, '/none', { accept: 'text/html' })).status).toBe(404);
      const wrong = await call(app, { method: 'DELETE', url: '/api/v1/alerts' });
      expect([wrong.body, wrong.response.headers.allow]).toEqual([problem('ATL_METHOD', 405), 'GET, POST']);
      const fault = await get(app, '/metrics');
      expect(fault.body).toEqual(problem('ATL_BUG', 500));
      expect(fault.response.body).not.toContain('secret');
      expect((await get(app, '/api/v1/stations/%zz')).status).toBe(400);
    });

    it('sends the security headers everywhere', async () => {
      const { app } = await open();
      for (const url of ['/healthz', '/none', '/api/v1/alerts?limit=0']) {
        const { headers } = await app.inject(url);
        expect(headers['content-security-policy']).toMatch(
          /default-src 'self'; style-src 'self' 'unsafe-inline'.*frame-ancestors 'none'/,
        );
        expect(headers).toMatchObject({
          'x-content-type-options': 'nosniff',
          'referrer-policy': 'no-referrer',
        });
      }
    });

    it('refuses what pages of other origins would change', async () => {
      const { app } = await open();
      const post = (headers: object) =>
        call(app, {
          method: 'POST',
          url: '/api/v1/observations',
          headers: { host: 'localhost:8080', 'content-type': 'application/json', ...headers },
          payload: '[]',
        });
      for (const headers of [
        { origin: 'https://evil.example' },
        { origin: 'null' },
        { 'sec-fetch-site': 'cross-site' },
        { origin: 'http://localhost:9999' },
      ]) {
        expect((await post(headers)).body).toEqual(problem('ATL_FOREIGN_ORIGIN', 403));
      }
      expect((await post({ origin: 'http://localhost:8080', 'sec-fetch-site': 'same-origin' })).status).toBe(
        202,
      );
      expect((await post({})).status).toBe(202);
      expect((await get(app, '/api/v1/alerts', { origin: 'https://evil.example' })).status).toBe(200);
    });

    it('describes every route in OpenAPI', async () => {
      const { app } = await open();
      const { body } = await get(app, '/api/openapi.json');
      expect(body.openapi).toBe('3.1.0');
      expect(Object.keys(body.paths)).toEqual(
        expect.arrayContaining([
          '/api/v1/observations',
          '/api/v1/alerts/{id}/cap.xml',
          '/api/v1/stream',
          '/cap/feed.rss',
          '/api/openapi.json',
        ]),
      );
      const references = [...JSON.stringify(body).matchAll(/#\/components\/schemas\/(\w+)/g)].map(
        (match) => match[1],
      );
      for (const name of references) expect(body.components.schemas).toHaveProperty(name ?? '');
      const names = body.paths['/api/v1/alerts'].get.parameters.map((entry: { name: string }) => entry.name);
      expect(names).toEqual(['state', 'level', 'rule', 'hazard', 'area', 'from', 'to', 'limit', 'cursor']);
      const operations = Object.values(body.paths).flatMap((path) => Object.values(path as object));
      const ids = operations.map((operation) => operation.operationId);
      expect(new Set(ids).size).toBe(ids.length);
    });

    it('serves the dashboard: hashed files for ever, the page for other addresses', async () => {
      const webRoot = await mkdtemp(join(tmpdir(), 'atalaia-web-'));
      closing.push(() => rm(webRoot, { recursive: true, force: true }));
      await mkdir(join(webRoot, 'assets'));
      await writeFile(join(webRoot, 'index.html'), '<!doctype html>');
      await writeFile(join(webRoot, 'assets', 'index-Ab12Cd34.js'), '1');
      const { app } = await open({ webRoot });
      const page = await app.inject({ url: '/alerts/a1', headers: { accept: 'text/html' } });
      expect([page.body, page.headers['cache-control']]).toEqual(['<!doctype html>', 'no-cache']);
      expect(
        (
          await app.inject({
            url: '/',
            headers: { 'if-none-match': String(page.headers.etag), accept: '*/*' },
          })
        ).statusCode,
      ).toBe(304);
      const asset = await app.inject('/assets/index-Ab12Cd34.js');
      expect(asset.headers).toMatchObject({
        'cache-control': 'public, max-age=31536000, immutable',
        'content-type': 'text/javascript; charset=utf-8',
      });
      for (const url of ['/assets/none.js', '/../package.json', '/%2e%2e/package.json', '/api/none']) {
        expect((await app.inject({ url, headers: { accept: 'text/html' } })).statusCode, url).toBe(404);
      }
    });

    it('listens, refuses a foreign host name on loopback, and names a taken address', async () => {
      const { deps } = await open();
      const api = await createApi(deps);
      closing.push(() => api.close());
      const { port } = await api.listen('127.0.0.1', 0);
      const url = `http://127.0.0.1:${port}`;
      expect((await fetch(`${url}/healthz`)).status).toBe(200);
      const post = (host: string): Promise<number | undefined> =>
        new Promise((resolve, reject) => {
          const headers = { host, 'content-type': 'application/json' };
          const options = {
            host: '127.0.0.1',
            port,
            path: '/api/v1/observations',
            method: 'POST',
            headers,
            agent: false,
          };
          const sent = httpRequest(options, (response) => resolve(response.resume().statusCode));
          sent.on('error', reject).end('[]');
        });
      expect(await post(`rebound.example:${port}`)).toBe(403);
      expect(await post(`localhost:${port}`)).toBe(202);
      const other = await createApi(deps);
      closing.push(() => other.close());
      await expect(other.listen('127.0.0.1', port)).rejects.toMatchObject({ code: 'ATL_ADDRESS_TAKEN' });
    });
  });
});

import { gunzipSync } from 'node:zlib';
import type { FastifyInstance } from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import type { ApiDeps } from './deps.ts';
import { type Fixture, openFixture } from './fixture.ts';
import { buildServer } from './server.ts';

describe('the CAP feeds', () => {
  let fixture: Fixture;
  let app: FastifyInstance;
  afterEach(async () => {
    await app.close();
    await fixture.remove();
  });
  const open = async (overrides: Partial<ApiDeps> = {}): Promise<{ app: FastifyInstance }> => {
    fixture = await openFixture(overrides);
    ({ app } = await buildServer(fixture.deps));
    return { app };
  };

  it('serves the feeds with ETag', async () => {
    const { app } = await open();
    for (const format of ['atom', 'rss']) {
      const url = `/cap/feed.${format}`;
      const first = await app.inject(url);
      expect([first.body, first.headers.etag]).toEqual([`<${format}/>`, '"v1"']);
      expect(first.headers['content-type']).toContain(`application/${format}+xml`);
      const again = await app.inject({ url, headers: { 'if-none-match': 'W/"v1"' } });
      expect([again.statusCode, again.body]).toEqual([304, '']);
      expect(again.headers['atalaia-ready']).toBe('true');
    }
  });

  it('serves the feed of a hazard, an area and a language, zipped when that is taken', async () => {
    const asked: unknown[] = [];
    const body = `<feed>${'x'.repeat(2000)}</feed>`;
    const { app } = await open({
      capFeed: async (request) => {
        asked.push(request);
        return { body, etag: '"v2"', updatedAt: 1714456800000 };
      },
    });
    const url = '/cap/feed.atom?hazard=rain&area=4314902&lang=en&before=5.2';
    const zipped = await app.inject({ url, headers: { 'accept-encoding': 'br, gzip;q=0.5' } });
    expect(asked).toEqual([
      { format: 'atom', hazard: 'rain', area: '4314902', language: 'en', before: '5.2' },
    ]);
    expect(gunzipSync(zipped.rawPayload).toString()).toBe(body);
    expect(zipped.headers).toMatchObject({
      'content-encoding': 'gzip',
      etag: 'W/"v2"',
      'last-modified': 'Tue, 30 Apr 2024 06:00:00 GMT',
      vary: 'Accept-Encoding',
    });
    for (const coding of ['identity', 'gzip;q=0', 'br'])
      expect((await app.inject({ url, headers: { 'accept-encoding': coding } })).body).toBe(body);
    expect((await app.inject('/cap/feed.rss?hazrad=rain')).statusCode).toBe(400);
    expect((await app.inject('/cap/feed.rss?lang=fr')).statusCode).toBe(400);
  });
});

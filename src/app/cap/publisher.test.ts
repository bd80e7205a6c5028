import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { commitAll, raise, sampleAt } from '../../store/ledger/sample.ts';
import { openSqliteLedger } from '../../store/ledger/sqlite/ledger.ts';
import { CapPublisher, type FeedRequest } from './publisher.ts';

const COUNT = 500;
const base = 'http://127.0.0.1:8080';

describe('the feeds', () => {
  let folder = '';
  let ledger: Ledger;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'atalaia-feed-'));
    ledger = await openSqliteLedger({ path: join(folder, 'ledger.sqlite') });
  });
  afterEach(async () => {
    await ledger.close();
    await rm(folder, { recursive: true, force: true });
  });

  const publisher = (): CapPublisher =>
    new CapPublisher({
      ledger,
      gate: { check: () => [] },
      environment: 'test',
      server: { id: 'x', sender: 'x', name: 'Defesa Civil' },
      baseUrl: () => base,
      rules: async () => [],
      place: () => undefined,
      onInvalid: () => undefined,
    });
  const keep = (alert: string, createdAt = sampleAt): Promise<void> =>
    ledger.putCap({
      alert,
      revision: 1,
      identifier: `id-${alert}`,
      sentText: '2024-04-30T03:00:00-03:00',
      xml: `<alert><status>Test</status><info><language>en</language><headline>Rain at ${alert}</headline><description>${'x'.repeat(400)}</description></info></alert>`,
      createdAt,
    });
  const name = (i: number): string => `a${String(i).padStart(3, '0')}`;

  it.each(['atom', 'rss'] as const)(
    '%s: what has no room in 100 kB follows by the link next, each once',
    async (format) => {
      const alerts = Array.from({ length: COUNT }, (_, i) => name(i));
      await commitAll(
        ledger,
        alerts.map((alert, i) => raise(alert, { hazard: i % 2 ? 'rain' : 'wind' })),
      );
      for (const alert of alerts) await keep(alert);
      const shown: string[] = [];
      let request: FeedRequest | undefined = { format, language: 'en', hazard: 'rain' };
      let pages = 0;
      while (request) {
        const { body } = await publisher().feed(request);
        expect(Buffer.byteLength(body)).toBeLessThanOrEqual(100_000);
        shown.push(...[...body.matchAll(/Rain at (a\d+)/g)].map(([, alert]) => alert as string));
        const next = /rel="next" href="([^"]*)"/.exec(body)?.[1]?.replaceAll('&amp;', '&');
        const query = next && new URL(next).searchParams;
        if (query) expect([query.get('hazard'), query.get('lang')]).toEqual(['rain', 'en']);
        request = query
          ? { format, language: 'en', hazard: 'rain', before: query.get('before') ?? '' }
          : undefined;
        pages++;
      }
      expect(pages).toBeGreaterThan(1);
      expect(shown).toEqual(alerts.filter((_, i) => i % 2).toReversed());
    },
  );

  it('tells what another process made, and stays the same bytes otherwise', async () => {
    const one = publisher();
    await commitAll(ledger, [raise('a1'), raise('a2')]);
    await keep('a1');
    const first = await one.feed({ format: 'atom' });
    expect(await one.feed({ format: 'atom' })).toBe(first);
    await keep('a2');
    const second = await one.feed({ format: 'atom' });
    expect(second.body).toContain('id-a2');
    expect(second.etag).not.toBe(first.etag);
  });

  it.each([{}, { hazard: 'rain' }, { area: 'A801' }])(
    'tells a message that is committed late, behind newer ones: %o',
    async (which) => {
      const one = publisher();
      await commitAll(ledger, [raise('a1'), raise('a2')]);
      await keep('a1');
      const first = await one.feed({ format: 'atom', ...which });
      await keep('a2', sampleAt - 60_000);
      const second = await one.feed({ format: 'atom', ...which });
      expect(second.body).toContain('id-a2');
      expect(second.etag).not.toBe(first.etag);
    },
  );
});

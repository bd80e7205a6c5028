import type { Page, Request } from 'playwright-core';

/** What was asked of the mock, beside reads. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}

const letter = (key: string, alert: string, lastError: string): object => ({
  ...{ key, alert, revision: 1, channel: 'sms', state: 'dead', attempts: 20, at: '2024-04-30T06:40:00Z' },
  ...{ subscription: { id: 'api-1', name: 'Ana', channel: 'sms' }, lastError },
});

const channels = [
  {
    ...{ name: 'sms', kind: 'sms', circuit: 'open', paused: 'no', waiting: 3, sent: 40, dead: 2 },
    lastSuccessAt: '2024-04-30T06:00:00Z',
    lastFailure: { at: '2024-04-30T06:40:00Z', reason: '<b>HTTP 503</b>' },
  },
  {
    ...{ name: 'ops', kind: 'webhook', circuit: 'closed', paused: 'below-red', waiting: 0, sent: 0, dead: 0 },
    ...{ lastSuccessAt: null, lastFailure: null },
  },
];
const ana = { id: 'api-1', name: 'Ana', channel: 'sms', level: 'orange', areas: ['4306932'], origin: 'api' };
const ops = {
  ...{ id: 'config:ops', name: 'Plantão', channel: 'ops', level: 'yellow', areas: 'all', origin: 'config' },
  ...{ hazards: ['rain'], quiet: { from: '22:00', to: '06:30', timeZone: 'America/Sao_Paulo' } },
};

/** Answers of channels, subscriptions and deliveries with a memory: what was sent again or removed is gone. */
export async function mockChannels(page: Page): Promise<readonly Asked[]> {
  const asked: Asked[] = [];
  const letters = new Map([
    ['a1.1.api-1', letter('a1.1.api-1', 'a1', 'HTTP 503')],
    ['a2.1.api-1', letter('a2.1.api-1', 'a2', 'HTTP 503')],
  ]);
  const subscriptions = new Map<string, object>([
    [ana.id, ana],
    [ops.id, ops],
  ]);
  const list = (items: Iterable<object>): object => ({ items: [...items], next: null });
  const replay = (keys: readonly string[]): object => {
    for (const key of keys) letters.delete(key);
    return { replayed: keys, skipped: [] };
  };
  const change = (request: Request, path: string): object | null => {
    const body = request.postDataJSON() as Record<string, unknown> | null;
    asked.push({ method: request.method(), path, body });
    if (path.endsWith('/sms/test'))
      return { outcome: 'later', reason: 'HTTP 503', key: 'test.1', tookMs: 31 };
    if (path.endsWith('/test')) return { outcome: 'delivered', key: 'test.2', tookMs: 12 };
    if (path === '/channels/sms/replay') return replay([...letters.keys()]);
    if (path.endsWith('/replay')) return replay([decodeURIComponent(path.split('/')[2] ?? '')]);
    if (path.endsWith('/preview'))
      return {
        ...{ told: 1, notTold: 1 },
        items: [
          { subscription: ops, told: true, reasons: [] },
          { subscription: ana, told: false, reasons: [{ cause: 'level' }, { cause: 'area' }] },
        ],
      };
    if (request.method() === 'DELETE') subscriptions.delete(path.split('/')[2] ?? '');
    else subscriptions.set('api-2', { id: 'api-2', origin: 'api', areas: 'all', ...body });
    return null;
  };
  await page.route(/\/api\/v1\/(channels|subscriptions|deliveries)/, (route) => {
    const request = route.request();
    const path = new URL(request.url()).pathname.replace('/api/v1', '');
    if (request.method() !== 'GET') {
      const json = change(request, path);
      return route.fulfill(request.method() === 'DELETE' ? { status: 204 } : { json: json ?? {} });
    }
    const items = { '/channels': channels, '/subscriptions': subscriptions.values() }[path];
    return route.fulfill({ json: list(items ?? letters.values()) });
  });
  return asked;
}

import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createDownloader, type DownloadLimits } from './download.ts';

let server: Server;
let url = '';
let asked: (string | undefined)[] = [];
const answers: Record<string, (response: ServerResponse) => void> = {
  '/': (response) => response.setHeader('etag', '"1"').end('whole'),
  '/packed': (response) => response.setHeader('content-encoding', 'gzip').end(gzipSync('packed')),
  '/broken': (response) => response.setHeader('content-encoding', 'gzip').end('no gzip'),
  '/same': (response) => response.writeHead(304).end(),
  '/down': (response) => response.writeHead(503, { 'retry-after': '9' }).end(),
  '/on': (response) => response.writeHead(302, { location: '/' }).end(),
  '/away': (response) => response.writeHead(302, { location: 'http://127.0.0.2:9/' }).end(),
};

beforeEach(async () => {
  asked = [];
  server = createServer((request, response) => {
    asked.push(request.headers['if-none-match']);
    answers[request.url ?? '']?.(response);
  }).listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => void server.close().closeAllConnections());

const open = (more: Partial<DownloadLimits> = {}) =>
  createDownloader({ maxBytes: 1000, timeoutMs: 5000, allowPrivate: true, ...more });

test('fetch answers with status, headers and body, whatever the status is', async () => {
  const downloader = open();
  const whole = await downloader.fetch(`${url}/`, { headers: { 'if-none-match': '"0"' } });
  expect([whole.status, whole.headers.get('etag'), await whole.text()]).toEqual([200, '"1"', 'whole']);
  expect(asked).toEqual(['"0"']);
  expect(await (await downloader.fetch(`${url}/packed`)).text()).toBe('packed');
  await expect((await downloader.fetch(`${url}/broken`)).text()).rejects.toThrow();
  expect((await downloader.fetch(`${url}/same`)).status).toBe(304);
  const down = await downloader.fetch(`${url}/down`);
  expect([down.status, down.headers.get('retry-after')]).toEqual([503, '9']);
  expect(await (await downloader.fetch(`${url}/on`)).text()).toBe('whole');
  await expect(downloader.fetch(`${url}/on`, { redirect: 'error' })).rejects.toThrow(/sends on/);
  downloader.close();
});

test('only hosts that may be asked are, redirects with them', async () => {
  const { host } = new URL(url);
  const downloader = open({ mayAsk: (place) => place.host === host });
  await expect(downloader.fetch(`${url}/away`)).rejects.toThrow(/may not be asked/);
  const { signal } = new AbortController();
  await expect(downloader.get(`${url}/away`, signal)).rejects.toThrow(/may not be asked/);
  expect(Buffer.from(await downloader.get(`${url}/on`, signal)).toString()).toBe('whole');
  downloader.close();
  const guarded = open({ allowPrivate: false });
  await expect(guarded.fetch(`${url}/`)).rejects.toThrow(/not a public address/);
  guarded.close();
});

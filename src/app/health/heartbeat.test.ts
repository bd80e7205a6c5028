import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { Heartbeat } from './heartbeat.ts';

let server: Server;
let heard: string[];
let status: number;
let url: string;

beforeEach(async () => {
  heard = [];
  status = 200;
  server = createServer((request, response) => {
    heard.push(`${request.method} ${request.url}`);
    response.writeHead(status).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/ping/abc`;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

test('beats while the server is ready, says once what is wrong, and once that it is well again', async () => {
  let ready = true;
  const told: (string | null)[] = [];
  const beats: string[] = [];
  const disk = { name: 'disk', detail: '3 % free' };
  const beat = new Heartbeat({
    ...{ url, everyMs: 5, clock: systemClock },
    ready: () => ({ ready, checks: [{ ...disk, ok: ready }] }),
    onChange: (why) => told.push(why),
    onBeat: (outcome) => beats.push(outcome),
  });
  const after = (outcome: string): Promise<unknown> => {
    const from = beats.length;
    return vi.waitUntil(() => beats.slice(from).filter((one) => one === outcome).length >= 3, {
      timeout: 10_000,
    });
  };
  beat.start();
  await after('sent');
  expect(heard[0]).toBe('POST /ping/abc');
  expect(told).toEqual([]);

  ready = false;
  await after('withheld');
  const count = heard.length;
  await after('withheld');
  expect(heard.length).toBe(count);
  expect(told).toEqual(['this server is not ready: disk (3 % free)']);

  ready = true;
  await after('sent');
  expect(told.at(-1)).toBeNull();
  status = 503;
  await after('failed');
  expect(told.at(-1)).toBe('the watcher answered 503');
  server.closeAllConnections();
  server.close();
  await after('failed');
  expect(told).toHaveLength(3);

  beat.stop();
  const ended = beats.length;
  await new Promise((done) => setTimeout(done, 60));
  expect(beats.length).toBeLessThanOrEqual(ended + 1);
});

test('a redirect is not followed: the address of the watcher is a secret of its own', async () => {
  const told: (string | null)[] = [];
  server.removeAllListeners('request');
  server.on('request', (_request, response) => response.writeHead(302, { location: '/other' }).end());
  const beat = new Heartbeat({
    ...{ url, everyMs: 60_000, clock: systemClock },
    ready: () => ({ ready: true, checks: [] }),
    onChange: (why) => told.push(why),
  });
  beat.start();
  await vi.waitUntil(() => told.length > 0, { timeout: 10_000 });
  beat.stop();
  expect(told[0]).toMatch(/does not answer: .*redirect/);
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { sendCommand } from './send.ts';

async function gather<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

let server: Server | undefined;
const folder = mkdtempSync(join(tmpdir(), 'atalaia-send-'));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => void server?.close());

const listen = async (
  answer: (
    body: string,
    count: number,
  ) => { status: number; headers?: Record<string, string>; body: unknown },
): Promise<{ url: string; bodies: string[]; keys: (string | undefined)[] }> => {
  const bodies: string[] = [];
  const keys: (string | undefined)[] = [];
  server = createServer(async (request, response) => {
    const body = (await gather(request)).join('');
    bodies.push(body);
    keys.push(request.headers.authorization);
    const { status, headers, body: reply } = answer(body, bodies.length);
    response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(reply));
  }).listen(0, '127.0.0.1');
  await new Promise((done) => server?.once('listening', done));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, bodies, keys };
};
const io = () => ({ stdout: new PassThrough(), stderr: new PassThrough() });
const told = (stream: PassThrough): string => String(stream.read() ?? '');

const path = join(folder, 'a.ndjson');
writeFileSync(
  path,
  [
    '{"station":"A","observedAt":"2024-04-30T01:00:00Z","values":{"rainfall":{"value":1,"unit":"cm"}}}',
    '{"station":"A","observedAt":"2024-04-30T00:00:00Z","interval":"PT10M","values":{"rainfall":1.25}}',
    '{bad',
  ].join('\n'),
);
const accept = (body: string) => ({
  status: 202,
  body: { accepted: body.trim().split('\n').length, duplicates: 0, rejected: [] },
});

describe('send', () => {
  it('posts NDJSON in the order of time and waits out 429 and 503', async () => {
    const { url, bodies, keys } = await listen((body, count) =>
      count === 1
        ? { status: 429, headers: { 'Retry-After': '0' }, body: {} }
        : count === 2
          ? { status: 503, headers: { 'Retry-After': '0' }, body: {} }
          : accept(body),
    );
    const streams = io();
    expect(await sendCommand.run([path, '--to', url, '--batch', '1', '--key', 'secret'], streams)).toBe(0);
    expect(bodies.slice(2).map((body) => JSON.parse(body))).toEqual([
      { station: 'A', observedAt: '2024-04-30T00:00:00Z', interval: 'PT10M', values: { rainfall: 1.25 } },
      { station: 'A', observedAt: '2024-04-30T01:00:00Z', interval: 'PT1H', values: { rainfall: 10 } },
    ]);
    expect(bodies[0]).toBe(bodies[2]);
    expect(new Set(keys)).toEqual(new Set(['Bearer secret']));
    expect(told(streams.stderr)).toContain(
      '2 reports sent: 2 accepted, 0 duplicates, 0 refusals by the server; 1 bad rows',
    );
  });

  it('ends with 1 under --strict when something was refused', async () => {
    const { url } = await listen(accept);
    expect(await sendCommand.run([path, '--to', url, '--strict'], io())).toBe(1);
  });

  it('stops with the status when the server refuses the request itself', async () => {
    const { url, bodies } = await listen(() => ({ status: 401, body: { title: 'no key' } }));
    await expect(sendCommand.run([path, '--to', url], io())).rejects.toThrow(/status 401/);
    expect(bodies).toHaveLength(1);
  });

  it.each([
    [['x']],
    [[path, '--to', 'ftp://x']],
    [['--to', 'http://x']],
    [[path, '--to', 'http://x', '--batch', '0']],
    [[path, '--nope']],
  ])('%s is wrong usage', async (argv) => {
    await expect(sendCommand.run(argv, io())).rejects.toMatchObject({ code: 'ATL_USAGE' });
  });

  it('shows its help', async () => {
    const streams = io();
    expect(await sendCommand.run(['--help'], streams)).toBe(0);
    expect(told(streams.stdout)).toContain('Examples');
  });
});

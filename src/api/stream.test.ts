import { request as httpRequest, type IncomingMessage } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { formatAlertEvent } from '../alerts/event-json.ts';
import { sampleRevision as revision } from '../store/ledger/sample.ts';
import { type Fixture, openFixture } from './fixture.ts';
import { buildServer } from './server.ts';
import { type StreamLimits, streamLimits } from './stream.ts';

describe('stream', () => {
  const closing: (() => Promise<unknown> | unknown)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  const open = async (limits: Partial<StreamLimits> = {}): Promise<Fixture & { port: number }> => {
    const fixture = await openFixture();
    closing.push(fixture.remove);
    const { app } = await buildServer(fixture.deps, { ...streamLimits, ...limits });
    closing.push(() => app.close());
    await app.listen({ host: '127.0.0.1', port: 0 });
    return { ...fixture, port: (app.server.address() as { port: number }).port };
  };

  const connect = async (port: number, headers: Record<string, string> = {}) => {
    const client = httpRequest({ host: '127.0.0.1', port, path: '/api/v1/stream', headers, agent: false });
    closing.push(() => client.destroy());
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      client.once('response', resolve).once('error', reject).end();
    });
    client.on('error', () => undefined);
    let text = '';
    let ended = false;
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      text += chunk;
    });
    response.on('error', () => undefined);
    response.on('close', () => {
      ended = true;
    });
    const until = async (done: () => boolean): Promise<void> => {
      for (let n = 0; n < 1000 && !done(); n++) await new Promise((resolve) => setTimeout(resolve, 5));
      expect(done(), text.slice(-500)).toBe(true);
    };
    const messages = () =>
      [...text.matchAll(/event: alert\nid: (.+)\ndata: (.+)\n\n/g)].map((match) => ({
        id: match[1],
        data: match[2] ?? '',
      }));
    return {
      response,
      client,
      text: () => text,
      ids: () => messages().map((entry) => entry.id),
      messages,
      until,
      count: (n: number) => until(() => messages().length >= n),
      gone: () => until(() => ended),
    };
  };
  const raise = (alert: string, more = {}) => revision({ alert, ...more });

  it('sends open alerts first, in order of commits, then each as it happens', async () => {
    const { port, commit } = await open();
    await commit(
      raise('a1'),
      raise('a2'),
      raise('a3'),
      raise('a2', { revision: 2, event: 'ended', endReason: 'cleared' }),
      raise('a1', { revision: 2, event: 'updated' }),
    );
    const stream = await connect(port);
    expect(stream.response.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    expect(stream.response.headers['x-content-type-options']).toBe('nosniff');
    await stream.count(2);
    expect(stream.ids()).toEqual(['0:2:0', '0:4:0']);
    const live = raise('a4');
    await commit(live);
    await stream.count(3);
    expect(stream.messages()[2]).toEqual({ id: '0:5:0', data: formatAlertEvent(live.event) });
  });

  it('resumes after a known position, and starts over after an unknown one', async () => {
    const { port, commit } = await open();
    await commit(
      raise('a1'),
      raise('a2'),
      raise('a1', { revision: 2, event: 'ended', endReason: 'cleared' }),
    );
    const known = await connect(port, { 'last-event-id': '0:0:0' });
    const unknown = await connect(port, { 'last-event-id': '7:7:7' });
    await Promise.all([known.count(2), unknown.count(1)]);
    expect(known.ids()).toEqual(['0:1:0', '0:2:0']);
    await commit(raise('a3'));
    await Promise.all([known.count(3), unknown.count(2)]);
    expect(known.ids()).toEqual(['0:1:0', '0:2:0', '0:3:0']);
    expect(unknown.ids()).toEqual(['0:1:0', '0:3:0']);
  });

  it('tells the public nothing of what waits for approval, live or from the backlog', async () => {
    const { port, commit } = await open();
    const draft = { draft: { waits: true, authors: [] } };
    await commit(raise('a1'), revision({ alert: 'a2' }, draft));
    const resumed = await connect(port, { 'last-event-id': '0:0:0' });
    const stream = await connect(port);
    await stream.count(1);
    await commit(revision({ alert: 'a3' }, draft), raise('a4'));
    await Promise.all([stream.count(2), resumed.count(1)]);
    expect([stream.ids(), resumed.ids()]).toEqual([['0:0:0', '0:3:0'], ['0:3:0']]);
    expect(stream.text() + resumed.text()).not.toMatch(/a2|a3/);
  });

  it('loses and repeats nothing while a long backlog is read', async () => {
    const { port, commit } = await open();
    await commit(...Array.from({ length: 1300 }, (_, index) => raise(`a${index}`)));
    const streams = await Promise.all([connect(port), connect(port, { 'last-event-id': '0:0:0' })]);
    for (let n = 0; n < 20; n++) await commit(raise(`b${n}`));
    await streams[0]?.count(1320);
    await streams[1]?.count(1319);
    const all = Array.from({ length: 1320 }, (_, index) => `0:${index}:0`);
    expect(streams[0]?.ids()).toEqual(all);
    expect(streams[1]?.ids()).toEqual(all.slice(1));
  });

  it('has nothing to send when every alert has ended, then sends what comes', async () => {
    const { port, commit } = await open();
    const early = await connect(port);
    await commit(raise('a1'), raise('a1', { revision: 2, event: 'ended', endReason: 'cleared' }));
    await early.count(2);
    const late = await connect(port);
    await commit(raise('a2'));
    await Promise.all([early.count(3), late.count(1)]);
    expect(late.ids()).toEqual(['0:2:0']);
    expect(early.ids()).toEqual(['0:0:0', '0:1:0', '0:2:0']);
  });

  it('beats while nothing happens', async () => {
    const { port } = await open({ heartbeatMs: 10 });
    const stream = await connect(port);
    await stream.until(() => stream.text().includes('\n:\n\n'));
  });

  it('cuts off a client that does not read', async () => {
    const { port, commit } = await open({ bufferBytes: 1 });
    const stream = await connect(port);
    await stream.until(() => stream.text().includes('retry'));
    stream.response.pause();
    const rule = 'x'.repeat(1_000_000);
    for (let n = 0; n < 30; n++) await commit(raise(`a${n}`, { rule }));
    stream.response.resume();
    await stream.gone();
    expect(stream.ids().length).toBeLessThan(30);
  });

  it('holds at most so many clients, and takes another when one has gone', async () => {
    const { port } = await open({ clients: 1 });
    const first = await connect(port);
    const second = await connect(port);
    expect(second.response.statusCode).toBe(503);
    expect(second.response.headers['retry-after']).toBe('5');
    first.client.destroy();
    for (let n = 0; n < 100; n++) {
      const next = await connect(port);
      if (next.response.statusCode === 200) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect.unreachable('the place was not given back');
  });
});

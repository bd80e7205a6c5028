import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { Clock } from '../../../lib/clock.ts';
import { openPollSource, type PollSourceEvent, type PollSourceOptions } from './source.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function server(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const listening = createServer(answer).listen(0, '127.0.0.1');
  await new Promise((done) => listening.once('listening', done));
  closing.push(() => listening.close());
  return `http://127.0.0.1:${(listening.address() as AddressInfo).port}/`;
}

/** Time that moves only when a pause is waited for; the pauses asked for are noted. */
class TestClock implements Clock {
  at = Date.parse('2024-05-01T00:00:00Z');
  readonly pauses: number[] = [];
  #waiting: (() => void) | null = null;
  now = (): number => this.at;
  monotonicMs = (): number => this.at;
  after(ms: number, callback: () => void): () => void {
    this.pauses.push(ms);
    this.#waiting = () => {
      this.at += ms;
      callback();
    };
    return () => {
      this.#waiting = null;
    };
  }
  /** Goes on when the present question is answered. */
  async next(): Promise<void> {
    for (let tries = 0; this.#waiting === null && tries < 1000; tries++)
      await new Promise((done) => setTimeout(done, 2));
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.();
  }
  async idle(): Promise<void> {
    for (let tries = 0; this.#waiting === null && tries < 1000; tries++)
      await new Promise((done) => setTimeout(done, 2));
  }
}

async function poll(url: string, more: Partial<PollSourceOptions> = {}) {
  const clock = new TestClock();
  const saved: number[] = [];
  const events: PollSourceEvent[] = [];
  const bodies: string[] = [];
  const source = await openPollSource({
    url,
    everyMs: 60_000,
    firstMs: 3_600_000,
    overlapMs: 600_000,
    maxBytes: 1000,
    clock,
    random: () => 0,
    load: async () => null,
    save: async (at) => void saved.push(at),
    onMessage: async ({ body }) => {
      bodies.push(Buffer.from(body).toString());
      return null;
    },
    onEvent: (event) => void events.push(event),
    ...more,
  });
  closing.unshift(() => source.close());
  return { clock, saved, events, bodies };
}

test('an answer that has not changed is not read again', async () => {
  const asked: (string | undefined)[] = [];
  const url = await server((request, response) => {
    asked.push(request.headers['if-none-match']);
    if (request.headers['if-none-match'] === '"1"') response.writeHead(304).end();
    else response.writeHead(200, { etag: '"1"' }).end('one');
  });
  const { clock, bodies } = await poll(url);
  await clock.next();
  await clock.next();
  await clock.idle();
  expect(asked).toEqual([undefined, '"1"', '"1"']);
  expect(bodies).toEqual(['one']);
  expect(clock.pauses).toEqual([60_000, 60_000, 60_000]);
});

test('the cursor moves with what is taken, and a gap is asked for', async () => {
  const asked: (string | undefined)[] = [];
  const url = await server((request, response) => {
    asked.push(request.url);
    response.end('x');
  });
  const at = Date.parse('2024-04-30T23:30:00Z');
  const { clock, saved } = await poll(`${url}?from={since}&day={nowDate}`, { onMessage: async () => at });
  await clock.next();
  await clock.idle();
  expect(saved).toEqual([at]);
  expect(asked).toEqual([
    '/?from=2024-04-30T23:00:00Z&day=2024-05-01',
    '/?from=2024-04-30T23:20:00Z&day=2024-05-01',
  ]);
});

test('an earlier run is gone on from', async () => {
  const asked: (string | undefined)[] = [];
  const url = await server((request, response) => {
    asked.push(request.url);
    response.end('x');
  });
  const { clock } = await poll(`${url}{sinceDate}`, { load: async () => Date.parse('2024-04-28T12:00:00Z') });
  await clock.idle();
  expect(asked).toEqual(['/2024-04-28']);
});

test('failures are tried again with growing pauses, and Retry-After is kept to', async () => {
  let answers = 0;
  const url = await server((_, response) => {
    answers++;
    if (answers === 3) response.writeHead(429, { 'retry-after': '900' }).end();
    else if (answers < 4) response.writeHead(500).end();
    else response.end('good');
  });
  const { clock, events, bodies, saved } = await poll(url);
  for (let i = 0; i < 3; i++) await clock.next();
  await clock.idle();
  expect(clock.pauses).toEqual([60_000, 120_000, 900_000, 60_000]);
  expect(events.map(({ kind }) => kind)).toEqual(['unreachable', 'failed', 'failed', 'failed', 'reachable']);
  expect(bodies).toEqual(['good']);
  expect(saved).toEqual([]);
});

test('an answer that cannot be taken is asked for again', async () => {
  const url = await server((_, response) => response.writeHead(200, { etag: '"1"' }).end('x'));
  let tries = 0;
  const { clock, saved } = await poll(url, {
    onMessage: async () => {
      if (++tries === 1) throw new Error('the log is full');
      return Date.parse('2024-04-30T23:00:00Z');
    },
  });
  await clock.next();
  await clock.idle();
  expect(tries).toBe(2);
  expect(saved).toHaveLength(1);
});

test('pages are followed, and the cursor moves when all are taken', async () => {
  const asked: (string | undefined)[] = [];
  let isBroken = true;
  const url = await server((request, response) => {
    asked.push(request.url);
    const page = Number(new URL(request.url ?? '', 'http://x').searchParams.get('page') ?? 0);
    if (page === 2 && isBroken) {
      isBroken = false;
      response.writeHead(503).end();
    } else response.end(page < 2 ? `?page=${page + 1}` : '');
  });
  const times = ['23:00', '23:30', '22:00'].map((time) => Date.parse(`2024-04-30T${time}:00Z`));
  const { clock, saved, bodies } = await poll(`${url}?from={since}`, {
    next: (body) => Buffer.from(body).toString() || undefined,
    onMessage: async ({ body }) => times[bodies.push(Buffer.from(body).toString()) % 3] as number,
  });
  await clock.next();
  expect(saved).toEqual([]);
  await clock.idle();
  expect(asked).toEqual(
    ['23:00', '23:01'].flatMap((time) => [...[`/?from=2024-04-30T${time}:00Z`, '/?page=1', '/?page=2']]),
  );
  expect(bodies).toHaveLength(5);
  expect(saved).toEqual([Date.parse('2024-04-30T23:30:00Z')]);
});

test('a page of another host is not asked for, and a redirect does not take keys along', async () => {
  const elsewhere: (string | undefined)[] = [];
  const other = await server((request, response) => {
    elsewhere.push(request.url);
    response.end('x');
  });
  const paged = await poll(await server((_, response) => response.end('x')), { next: () => other });
  await paged.clock.idle();
  expect(paged.events[1]).toMatchObject({ failure: expect.stringContaining('not on the host') });
  const moved = await server((_, response) => response.writeHead(302, { location: other }).end());
  const sent = await poll(moved, { headers: { token: 'secret' } });
  await sent.clock.idle();
  expect(elsewhere).toEqual([]);
});

test('days are those of the zone of the service', async () => {
  const asked: (string | undefined)[] = [];
  const url = await server((request, response) => {
    asked.push(request.url);
    response.end('x');
  });
  // Two hours after midnight UTC it is still the day before in Brasília.
  const { clock } = await poll(`${url}?from={sinceDay}&to={nowDate}`, {
    timeZone: 'America/Sao_Paulo',
    load: async () => Date.parse('2024-05-01T02:30:00Z'),
  });
  await clock.idle();
  expect(asked).toEqual(['/?from=30/04/2024&to=2024-04-30']);
});

test('an answer without end is given up', async () => {
  const url = await server((_, response) => response.end('x'.repeat(2000)));
  const { clock, events } = await poll(url);
  await clock.idle();
  expect(events[1]).toMatchObject({ kind: 'failed', failure: expect.stringContaining('over 1000 bytes') });
});

test.each(['nowhere', 'ftp://example.org/'])('%s is refused', async (url) => {
  await expect(poll(url)).rejects.toThrow(/https?/);
});

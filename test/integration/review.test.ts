import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { formatInstant } from '../../src/model/time.ts';
import { freePort, Program, temporaryFolder, until } from './server.ts';

// A whole process whose red alerts wait for a second person, and is killed while they do.

const folder = temporaryFolder();
const programs: Program[] = [];
const received = { public: [] as Told[], approvers: [] as Told[] };
let server: Server | undefined;

interface Told {
  readonly alert: string;
  readonly event: string;
  readonly revision: number;
  readonly level: string;
  readonly draft?: true;
}

afterAll(async () => {
  for (const program of programs) if (!program.hasEnded) await program.signal('SIGKILL');
  server?.closeAllConnections();
  server?.close();
  folder.remove();
});

async function writeSetting(): Promise<void> {
  server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      received[request.url === '/public' ? 'public' : 'approvers'].push(JSON.parse(body));
      response.writeHead(204).end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const write = (name: string, text: string): void => writeFileSync(join(folder.path, name), text);
  write(
    'gale.yaml',
    `rule: gale
title: { pt-BR: Ventania, en: Gale }
hazard: wind
subject: station
levels:
  yellow: last(windGust, 1h) >= 15 m/s
  red: last(windGust, 1h) >= 28 m/s
coverage: 1 %
area: { radius: 15 km }
instruction: { pt-BR: Abrigue-se., en: Take shelter. }
`,
  );
  write(
    'stations.csv',
    'id,name,latitude,longitude,altitude,region,timeZone,interval\nS1,Norte,-30,-51,10,r1,America/Sao_Paulo,PT1H\n',
  );
  const channel = (path: string): string =>
    `{ kind: webhook, url: "http://127.0.0.1:${port}/${path}", secret: a-secret-of-the-test-of-review, allowPrivate: true }`;
  write(
    'atalaia.yaml',
    `stations: { file: stations.csv }
rules: [gale.yaml]
pipeline: { partitions: 4 }
publication: { review: { levels: [red], within: 30m, onTimeout: escalate } }
channels: { public: ${channel('public')}, approvers: ${channel('approvers')} }
subscriptions:
  - { name: public, channel: public }
  - { name: approvers, channel: approvers, drafts: true }
`,
  );
}

async function start(): Promise<string> {
  const program = new Program(['start', '--port', String(await freePort())], {
    cwd: folder.path,
    env: { ATALAIA_LOG_LEVEL: 'warn' },
  });
  programs.push(program);
  return program.listening();
}

async function report(url: string, windGust: number): Promise<void> {
  const observedAt = formatInstant(Math.floor(Date.now() / 1000) * 1000);
  const answer = await fetch(`${url}/api/v1/observations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ station: 'S1', observedAt, interval: 'PT1S', values: { windGust } }),
  });
  expect(answer.status).toBe(202);
}

const items = async (url: string, path: string): Promise<Told[]> =>
  ((await (await fetch(`${url}/api/v1/${path}`)).json()) as { items: Told[] }).items;

const act = (url: string, { alert, revision }: Told, name: string, by: string, body: object = {}) =>
  fetch(`${url}/api/v1/alerts/${alert}/${name}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'if-match': `"${revision}"`, 'atalaia-operator': by },
    body: JSON.stringify(body),
  });

/** The events of the stream from its beginning until one of the name came. */
async function streamed(url: string, query: string, until: string): Promise<string[]> {
  const abort = AbortSignal.timeout(20_000);
  const answer = await fetch(`${url}/api/v1/stream${query}`, { signal: abort });
  const names: string[] = [];
  let text = '';
  for await (const chunk of (answer.body as ReadableStream<Uint8Array>).pipeThrough(
    new TextDecoderStream(),
  )) {
    text += chunk;
    names.push(...[...chunk.matchAll(/^event: (\w+)$/gm)].map((match) => match[1] as string));
    if (text.includes(until)) break;
  }
  return names;
}

test('a red alert leaves to the public only when a second person lets it, whatever crashes meanwhile', async () => {
  await writeSetting();
  let url = await start();
  await report(url, 30);
  await until(async () => (await items(url, 'drafts')).length === 1, 20_000, 'the draft');
  await until(() => received.approvers.length === 1, 10_000, 'the approvers to be told');
  expect(received.approvers[0]).toMatchObject({ event: 'raised', level: 'red', draft: true });
  const draft = (await items(url, 'drafts'))[0] as Told;

  const edited = await act(url, draft, 'edit', 'Ana', { text: 'Leave the pier.' });
  expect(await edited.json()).toMatchObject({ revision: 2, draft: { waits: true, authors: ['Ana'] } });
  const seen = { ...draft, revision: 2 };
  expect((await act(url, seen, 'approve', 'Ana')).status).toBe(403);

  await (programs.at(-1) as Program).signal('SIGKILL');
  url = await start();
  expect(await items(url, 'drafts')).toMatchObject([{ alert: draft.alert, revision: 2, state: 'active' }]);
  expect(await items(url, 'duty')).toMatchObject([{ kind: 'draft', alert: draft.alert }]);
  expect(await items(url, 'alerts')).toEqual([]);
  expect(await (await fetch(`${url}/cap/feed.atom`)).text()).not.toContain(draft.alert);
  expect((await fetch(`${url}/api/v1/alerts/${draft.alert}/cap.xml`)).status).toBe(404);
  expect(received.public).toEqual([]);

  const listening = ['', '?drafts=true'].map((query) => streamed(url, query, '"revision":3'));
  const answer = await act(url, seen, 'approve', 'Bia');
  expect([answer.status, answer.headers.get('etag')]).toEqual([200, '"3"']);
  const approved = (await answer.json()) as { event: string; history: { draft?: object }[] };
  expect(approved.event).toBe('raised');
  expect(approved.history.map((one) => one.draft !== undefined)).toEqual([true, true, false]);
  await until(() => received.public.length === 1, 10_000, 'the public to be told');
  expect(received.public[0]).toMatchObject({ event: 'raised', level: 'red', revision: 3 });
  expect(received.public[0]?.draft).toBeUndefined();
  expect(await items(url, 'drafts')).toEqual([]);
  expect(await items(url, 'alerts')).toMatchObject([{ alert: draft.alert, revision: 3 }]);
  const cap = await (await fetch(`${url}/api/v1/alerts/${draft.alert}/cap.xml`)).text();
  expect(cap).toContain('<msgType>Alert</msgType>');
  expect(cap).toContain('Leave the pier.');
  expect(await Promise.all(listening)).toEqual([['alert'], ['alert']]);

  // The end needs nobody.
  expect((await act(url, { ...seen, revision: 3 }, 'cancel', 'Ana', { reason: 'over' })).status).toBe(200);
  await until(() => received.public.length === 2, 10_000, 'the end');
  expect(received.public[1]).toMatchObject({ event: 'ended' });
}, 120_000);

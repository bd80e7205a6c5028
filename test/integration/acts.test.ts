import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { formatInstant } from '../../src/model/time.ts';
import { openSqliteLedger } from '../../src/store/ledger/sqlite/ledger.ts';
import { caughtUp, freePort, Program, temporaryFolder, until } from './server.ts';

// People act on alerts of a whole process, over HTTP; one act meets `kill -9` between its acceptance and the fold.

const folder = temporaryFolder();
const programs: Program[] = [];
const received: { event: string; endReason?: string; alert: string; revision: number }[] = [];
let server: Server | undefined;

afterAll(async () => {
  for (const program of programs) if (!program.hasEnded) await program.signal('SIGKILL');
  server?.closeAllConnections();
  server?.close();
  folder.remove();
});

const ruleOf = (name: string, rest: string): string => `rule: ${name}
title: { pt-BR: ${name}, en: ${name} }
hazard: wind
${rest}
expires: 6h
cap: { urgency: Immediate, certainty: Observed, responseType: Prepare }
instruction: { pt-BR: Abrigue-se., en: Take shelter. }
`;

async function writeSetting(): Promise<void> {
  server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      received.push(JSON.parse(body));
      response.writeHead(204).end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const write = (name: string, text: string): void => writeFileSync(join(folder.path, name), text);
  write(
    'gale.yaml',
    ruleOf(
      'gale',
      'subject: station\nlevels:\n  yellow: last(windGust, 1h) >= 15 m/s\n  red: last(windGust, 1h) >= 28 m/s\ncoverage: 1 %\narea: { radius: 15 km }',
    ),
  );
  write(
    'spread.yaml',
    ruleOf(
      'spread',
      'subject: area\nlevels:\n  yellow: count(stations where last(windGust, 1h) >= 15 m/s) >= 1\ncoverage: 1 %\narea: region',
    ),
  );
  write(
    'stations.csv',
    'id,name,latitude,longitude,altitude,region,timeZone,interval\nS1,Norte,-30,-51,10,r1,America/Sao_Paulo,PT1H\nS2,Sul,-31,-51,10,r2,America/Sao_Paulo,PT1H\n',
  );
  write(
    'atalaia.yaml',
    `environment: exercise
stations: { file: stations.csv }
rules: [gale.yaml, spread.yaml]
pipeline: { partitions: 8 }
channels: { ops: { kind: webhook, url: "http://127.0.0.1:${port}/", secret: a-secret-of-the-test-of-acts, allowPrivate: true } }
subscriptions: [ { name: ops, channel: ops, level: yellow, areas: all } ]
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

async function report(url: string, station: string, windGust: number): Promise<void> {
  const observedAt = formatInstant(Math.floor(Date.now() / 1000) * 1000);
  const answer = await fetch(`${url}/api/v1/observations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ station, observedAt, interval: 'PT1S', values: { windGust } }),
  });
  expect(answer.status).toBe(202);
}

interface Item {
  readonly alert: string;
  readonly revision: number;
  readonly rule: string;
  readonly state: string;
  readonly subject: { readonly id: string };
}

async function openAlerts(url: string): Promise<Item[]> {
  const answer = await fetch(`${url}/api/v1/alerts?state=open`);
  return ((await answer.json()) as { items: Item[] }).items;
}

const act = (url: string, item: Item, name: string, body: object, headers: Record<string, string> = {}) =>
  fetch(`${url}/api/v1/alerts/${item.alert}/${name}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'if-match': `"${item.revision}"`, ...headers },
    body: JSON.stringify(body),
  });

test('acts change alerts of stations and areas, and leave as any revision does; a crash loses and repeats none', async () => {
  await writeSetting();
  let url = await start();
  for (const station of ['S1', 'S2']) await report(url, station, 17);
  await until(async () => (await openAlerts(url)).length === 4, 20_000, 'four alerts');
  const alerts = await openAlerts(url);
  const of = (rule: string, subject: string): Item =>
    alerts.find((one) => one.rule === rule && one.subject.id === subject) as Item;

  const gale = of('gale', 'S1');
  const edited = await act(url, gale, 'edit', {
    text: { 'pt-BR': 'Saia do píer.', en: 'Leave the pier.' },
    level: 'red',
  });
  expect([edited.status, edited.headers.get('etag')]).toEqual([200, '"2"']);
  expect(await edited.json()).toMatchObject({
    revision: 2,
    event: 'escalated',
    level: 'red',
    previousLevel: 'yellow',
    text: { 'pt-BR': 'Saia do píer.', en: 'Leave the pier.' },
  });
  const stale = await act(url, gale, 'cancel', { reason: 'too late' });
  expect([stale.status, ((await stale.json()) as { revision: number }).revision]).toEqual([409, 2]);
  await until(
    async () => {
      const message = await (await fetch(`${url}/api/v1/alerts/${gale.alert}/cap.xml`)).text();
      return /<language>pt-BR<.*Saia do píer\..*<language>en.*Leave the pier\./s.test(message);
    },
    10_000,
    'the CAP message of the edit, each language with its own text',
  );

  const area = of('spread', 'r2');
  const cancelled = await act(url, area, 'cancel', { reason: 'gauge fault' }, { 'atalaia-operator': 'Ana' });
  expect(cancelled.status).toBe(200);
  expect(await cancelled.json()).toMatchObject({
    state: 'ended',
    endReason: 'cancelled',
    acts: [{ act: 'cancel', by: 'Ana', reason: 'gauge fault', revision: 2 }],
  });
  await until(
    () => received.some((one) => one.alert === area.alert && one.endReason === 'cancelled'),
    10_000,
    'the webhook of the cancel',
  );

  // What a crash leaves between the row of the command and its record in the log: the row alone.
  const kept = of('gale', 'S2');
  await (programs.at(-1) as Program).signal('SIGKILL');
  const ledger = await openSqliteLedger({ path: join(folder.path, 'data', 'ledger.sqlite') });
  const stored = (await ledger.history(kept.alert)).at(-1);
  const command = {
    type: 'act',
    act: 'cancel',
    alert: kept.alert,
    revision: kept.revision,
    rule: 'gale',
    subject: kept.subject,
    by: 'operator',
    reason: 'crash',
  };
  await ledger.putCommand({
    id: 'act-of-a-crash',
    json: JSON.stringify({ act: command, partition: Number(stored?.position.split(':')[0]) }),
    at: Date.now(),
  });
  await ledger.close();
  url = await start();
  await until(
    async () => (await ended(url, kept))?.endReason === 'cancelled',
    20_000,
    'the act after the crash',
  );

  // Killed while the answer is awaited: under the same key it is done once, whether the first had come there or not.
  const item = { ...gale, revision: 2 };
  const key = { 'idempotency-key': 'one-act' };
  const first = act(url, item, 'cancel', { reason: 'over' }, key).catch(() => null);
  await new Promise((resolve) => setTimeout(resolve, 5));
  await (programs.at(-1) as Program).signal('SIGKILL');
  await first;
  url = await start();
  const again = await act(url, item, 'cancel', { reason: 'over' }, key);
  expect(again.status).toBe(200);
  const after = (await again.json()) as { history: { event: string }[]; acts: unknown[] };
  expect(after.history.map(({ event }) => event)).toEqual(['raised', 'escalated', 'ended']);
  expect(after.acts).toHaveLength(2);

  // The wind still blows: what was cancelled stays so until it has been calm.
  await report(url, 'S1', 18);
  await report(url, 'S2', 18);
  await caughtUp(url);
  expect((await openAlerts(url)).filter(({ rule }) => rule === 'gale')).toEqual([]);
}, 180_000);

async function ended(url: string, item: Item): Promise<{ endReason?: string } | undefined> {
  const answer = await fetch(`${url}/api/v1/alerts/${item.alert}`);
  return (await answer.json()) as { endReason?: string };
}

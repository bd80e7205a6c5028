import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { formatInstant } from '../../src/model/time.ts';
import { freePort, Program, pause, run, temporaryFolder, until } from './server.ts';

// A ladder in a whole process: nobody answers, the process is killed between the steps, somebody answers, and it ends.

const folder = temporaryFolder();
const programs: Program[] = [];
const keys: string[] = [];
let server: Server | undefined;

afterAll(async () => {
  for (const program of programs) if (!program.hasEnded) await program.signal('SIGKILL');
  server?.closeAllConnections();
  server?.close();
  folder.remove();
});

async function writeSetting(): Promise<void> {
  server = createServer((request, response) => {
    request.resume().on('end', () => {
      keys.push(String(request.headers['idempotency-key']));
      response.writeHead(204).end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const write = (name: string, text: string): void => writeFileSync(join(folder.path, name), text);
  write(
    'gale.yaml',
    `rule: gale
title: { pt-BR: Vendaval, en: Gale }
hazard: wind
subject: station
levels:
  red: last(windGust, 1h) >= 28 m/s
coverage: 1 %
area: { radius: 15 km }
expires: 6h
cap: { urgency: Immediate, certainty: Observed, responseType: Prepare }
instruction: { pt-BR: Abrigue-se., en: Take shelter. }
`,
  );
  write(
    'stations.csv',
    'id,name,latitude,longitude,altitude,region,timeZone,interval\nS1,Norte,-30,-51,10,r1,America/Sao_Paulo,PT1H\nS2,Sul,-31,-51,10,r2,America/Sao_Paulo,PT1H\n',
  );
  write(
    'atalaia.yaml',
    `environment: exercise
stations: { file: stations.csv }
rules: [gale.yaml]
channels: { ops: { kind: webhook, url: "http://127.0.0.1:${port}/", secret: a-secret-of-the-test-of-ladders, allowPrivate: true } }
people:
  ana: { name: Ana Souza, contacts: [ { channel: ops } ] }
  bia: { name: Bia Lima, contacts: [ { channel: ops } ] }
  caio: { name: Caio Reis, contacts: [ { channel: ops } ] }
groups: { chefia: [bia] }
rosters:
  plantao: { timeZone: America/Sao_Paulo, rotation: { people: [ana], starts: "2026-01-05", every: 7d } }
subscriptions:
  - name: duty
    areas: [S1]
    escalation:
      steps: [ { to: { roster: plantao }, after: 8s }, { to: { group: chefia }, after: 8s }, { to: { person: caio }, after: 8s } ]
      last: { person: caio }
  - name: unheard
    areas: [S2]
    escalation: { steps: [ { to: { person: ana }, after: 5s } ], rounds: 2, last: { person: caio } }
`,
  );
}

async function start(): Promise<{ readonly program: Program; readonly url: string }> {
  const program = new Program(['start', '--port', String(await freePort())], {
    cwd: folder.path,
    env: { ATALAIA_LOG_LEVEL: 'warn' },
  });
  programs.push(program);
  return { program, url: await program.listening() };
}

async function report(url: string, station: string): Promise<void> {
  const observedAt = formatInstant(Math.floor(Date.now() / 1000) * 1000);
  const answer = await fetch(`${url}/api/v1/observations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ station, observedAt, interval: 'PT1S', values: { windGust: 40 } }),
  });
  expect(answer.status).toBe(202);
}

interface Item {
  readonly kind: string;
  readonly alert: string;
  readonly revision: number;
  readonly isUnanswered?: true;
}
const json = async <T>(url: string): Promise<T> => (await (await fetch(url)).json()) as T;
const told =
  (what: string): (() => boolean) =>
  () =>
    keys.some((key) => key.includes(what));

test('steps go on through kill -9 until somebody answers; where nobody does, the record says so', async () => {
  await writeSetting();
  const first = await start();
  await report(first.url, 'S1');
  await until(told('duty~01.ana.1'), 30_000, 'the first step');
  // What was told and not yet marked is told again under the same key; here it is marked.
  const [raised] = (await json<{ items: Item[] }>(`${first.url}/api/v1/duty`)).items;
  await until(
    async () => {
      const { deliveries } = await json<{ deliveries: { state: string }[] }>(
        `${first.url}/api/v1/alerts/${raised?.alert}`,
      );
      return deliveries.some(({ state }) => state === 'delivered');
    },
    10_000,
    'the mark of the first step',
  );
  await first.program.signal('SIGKILL');

  const { program, url } = await start();
  await until(told('duty~02~bia.bia.1'), 60_000, 'the second step');
  const [item] = (await json<{ items: Item[] }>(`${url}/api/v1/duty`)).items;
  const answer = await fetch(`${url}/api/v1/alerts/${item?.alert}/acknowledge`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'if-match': `"${item?.revision}"` },
    body: '{}',
  });
  expect(answer.status, await answer.text()).toBe(200);
  // The other ladder goes on beside it, well beyond the third step of the first.
  await report(url, 'S2');
  await until(told('unheard~03.caio.1'), 60_000, 'the last resort');
  await until(
    async () => (await json<{ items: Item[] }>(`${url}/api/v1/duty`)).items.some((one) => one.isUnanswered),
    10_000,
    'the duty page to say that nobody answered',
  );
  await pause(2000);
  expect(new Set(keys).size).toBe(keys.length);
  // Further revisions reach those who were told, each under a key of its own.
  expect([...new Set(keys.map((key) => key.slice(key.indexOf('config:'))))]).toEqual([
    'config:duty~01.ana.1',
    'config:duty~02~bia.bia.1',
    'config:unheard~01.ana.1',
    'config:unheard~02.ana.1',
    'config:unheard~03.caio.1',
  ]);
  const onCall = await json<{ items: object[] }>(`${url}/api/v1/on-call`);
  expect(onCall.items).toMatchObject([{ roster: 'plantao', person: 'ana', name: 'Ana Souza' }]);
  await program.signal('SIGTERM');
  const record = await run(['audit', 'list'], { cwd: folder.path });
  const unanswered = record.stdout.split('\n').filter((line) => line.includes('escalation.unanswered'));
  expect(unanswered).toHaveLength(1);
  const shown = await run(['rosters', 'show', '--at', '2026-01-06T00:00:00Z'], { cwd: folder.path });
  expect(shown.stdout).toBe('plantao\t2026-01-05 08:00\t2026-01-12 08:00\tAna Souza (ana)\n');
}, 240_000);

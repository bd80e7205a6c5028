import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { Program, root, temporaryFolder, until } from './server.ts';

// Services that are asked, as they answer: pages and filters, days in their own zone, ETags, limits of rate, an outage. Nothing
// that they measured is missed, and a restart goes on where it was.

const folder = temporaryFolder();
const programs: Program[] = [];
const closing: (() => unknown)[] = [];
afterAll(async () => {
  for (const program of programs) if (!program.hasEnded) await program.signal('SIGKILL');
  for (const close of closing) close();
  folder.remove();
});

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const start = Math.floor((Date.now() - 5 * HOUR_MS) / (10 * MINUTE_MS)) * 10 * MINUTE_MS;
/** What every service measures, each ten minutes since `start`; how much of it is there yet. */
let measured = 12;
const at = (step: number): number => start + step * 10 * MINUTE_MS;
const iso = (time: number): string => `${new Date(time).toISOString().slice(0, 19)}Z`;
const steps = (): number[] => Array.from({ length: measured }, (_, step) => step);
const value = (step: number): number => step / 5;

let isOut = false;
/** Requests by service, with the status that answered each. */
const asked: { readonly service: string; readonly url: URL; readonly status: number }[] = [];

function sensorThings(url: URL): string {
  const since = Date.parse(/phenomenonTime gt (\S+)/.exec(url.searchParams.get('$filter') ?? '')?.[1] ?? '');
  const skip = Number(url.searchParams.get('$skip') ?? 0);
  const all = steps().filter((step) => at(step) > since);
  const next = new URL(url);
  next.searchParams.set('$skip', String(skip + 4));
  return JSON.stringify({
    ...(skip + 4 < all.length ? { '@iot.nextLink': next.href } : {}),
    value: all.slice(skip, skip + 4).map((step) => ({
      phenomenonTime: iso(at(step)),
      result: value(step),
      Datastream: {
        unitOfMeasurement: { symbol: 'Cel' },
        ObservedProperty: { name: 'Air temperature' },
        Thing: { name: 'T1' },
      },
    })),
  });
}

/** Brasília: UTC-3, no summer time since 2019. */
const brasilia = (time: number): string =>
  iso(time - 3 * HOUR_MS)
    .slice(0, 19)
    .replace('T', ' ');

function ana(url: URL): string {
  const dayOf = (name: string): string => (url.searchParams.get(name) ?? '').split('/').reverse().join('-');
  const rows = steps()
    .filter((step) => brasilia(at(step)).slice(0, 10) >= dayOf('dataInicio'))
    .filter((step) => brasilia(at(step)).slice(0, 10) <= dayOf('dataFim'))
    .map(
      (step) =>
        `<DadosHidrometereologicos><CodEstacao>87450004</CodEstacao><DataHora>${brasilia(at(step))} </DataHora><Vazao/><Nivel>${value(step) * 100}</Nivel><Chuva/></DadosHidrometereologicos>`,
    );
  return `<?xml version="1.0" encoding="utf-8"?><DataTable xmlns="http://MRCS/"><diffgr:diffgram xmlns:diffgr="urn:d"><DocumentElement xmlns="">${rows.reverse().join('')}</DocumentElement></diffgr:diffgram></DataTable>`;
}

/** The data platform knows no filter: it gives what is recent, with a mark of its version, and asks for a token. */
function cemaden(): string {
  const records = steps().map((step) => ({
    ...{ codestacao: '261160614A', id_sensor: 10, valor: value(step) },
    datahora: iso(at(step)).replace('T', ' ').replace('Z', '.0'),
  }));
  return JSON.stringify(records);
}

let limited = 0;
interface Answer {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

function answerOf(service: string, url: URL, { headers }: IncomingMessage): Answer {
  if (isOut) return { status: 503 };
  if (service === 'frost') return { status: 200, body: sensorThings(url) };
  if (service === 'ana') return { status: 200, body: ana(url) };
  if (headers.token !== 'secret') return { status: 401 };
  if (limited < 2) {
    limited++;
    return { status: 429, headers: { 'retry-after': '1' } };
  }
  const etag = `"${measured}"`;
  if (headers['if-none-match'] === etag) return { status: 304 };
  return { status: 200, body: cemaden(), headers: { etag } };
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '', `http://${request.headers.host}`);
  const service = url.pathname.split('/')[1] ?? '';
  const { status, body = '', headers = {} } = answerOf(service, url, request);
  asked.push({ service, url, status });
  response.writeHead(status, headers).end(body);
}

async function services(): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await new Promise((listening) => server.once('listening', listening));
  closing.push(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Values of a station by time, as the archive has them. */
async function series(url: string, station: string, quantity: string): Promise<Map<string, number>> {
  const answer = await fetch(`${url}/api/v1/stations/${station}/observations`);
  if (!answer.ok) return new Map();
  const { items } = (await answer.json()) as {
    items: { at: string; values: Record<string, { value: number }> }[];
  };
  return new Map(items.map(({ at: time, values }) => [time, values[quantity]?.value as number]));
}

const stations = [
  ['sensorthings:T1', 'airTemperature'],
  ['GUAIBA', 'riverLevel'],
  ['RECIFE', 'rainfall'],
] as const;

async function hasAll(url: string, what: string): Promise<void> {
  const expected = new Map(steps().map((step) => [iso(at(step)), value(step)]));
  for (const [station, quantity] of stations)
    await until(
      async () => {
        const found = await series(url, station, quantity);
        return [...expected].every(([time, one]) => found.get(time) === one);
      },
      60_000,
      `${what} of ${station}`,
    );
}

test('pages, days, marks, limits and outages: all that was measured comes, and a restart goes on', async () => {
  const service = await services();
  writeFileSync(
    join(folder.path, 'atalaia.yaml'),
    `environment: exercise
rules: [${join(root, 'rules/inmet')}]
stations: { unknown: accept }
sources:
  - kind: poll
    name: frost
    format: sensorthings
    url: "${service}/frost/Observations?$filter=phenomenonTime gt {since}&$orderby=phenomenonTime asc&$expand=Datastream($expand=Thing,ObservedProperty)"
    every: 200ms
    overlap: 10m
  - kind: poll
    name: ana
    format: ana
    url: "${service}/ana?codEstacao=87450004&dataInicio={sinceDay}&dataFim={nowDay}"
    every: 200ms
    stations: { "87450004": GUAIBA }
  - kind: poll
    name: cemaden
    format: cemaden
    url: "${service}/cemaden?formato=JSON"
    headers: { token: secret }
    every: 200ms
    stations: { 261160614A: RECIFE }
`,
  );
  const begin = async (): Promise<{ program: Program; url: string }> => {
    const program = new Program(['start', '--port', '0'], { cwd: folder.path, env: {} });
    programs.push(program);
    return { program, url: await program.listening() };
  };
  const { program, url } = await begin();
  await hasAll(url, 'the first day');
  const of = (name: string) => asked.filter((one) => one.service === name);
  expect(
    of('cemaden')
      .slice(0, 3)
      .map(({ status }) => status),
  ).toEqual([429, 429, 200]);
  expect(of('frost').some(({ url: { searchParams } }) => searchParams.has('$skip'))).toBe(true);
  await until(() => of('cemaden').some(({ status }) => status === 304), 10_000, 'an unchanged answer');

  isOut = true;
  const questions = asked.length;
  await until(() => asked.length > questions + 6, 20_000, 'questions in the outage');
  measured = 20;
  isOut = false;
  await hasAll(url, 'what was measured in the outage');
  expect(await program.signal('SIGTERM'), program.stderr).toBe(0);

  measured = 24;
  asked.length = 0;
  const again = await begin();
  await hasAll(again.url, 'what was measured between two runs');
  const filter = of('frost')[0]?.url.searchParams.get('$filter') ?? '';
  // From the newest of the first run, less the overlap: not from a day before.
  expect(filter).toBe(`phenomenonTime gt ${iso(at(18))}`);
  expect(await again.program.signal('SIGTERM'), again.program.stderr).toBe(0);
}, 200_000);

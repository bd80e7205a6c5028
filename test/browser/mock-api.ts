import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { json } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { canela, type StationRow, stationRows } from './mock-data.ts';
import { answerStatistic } from './mock-statistics.ts';

/** The contract's HTTP interface with one frozen instant, and web/dist beside it under the real security policy. */
const hour = 3_600_000;
const now = Date.parse('2024-04-30T07:12:00Z');
const newest = Date.parse('2024-04-30T07:00:00Z');
const iso = (at: number): string => `${new Date(at).toISOString().slice(0, 19)}Z`;
const levels = ['yellow', 'orange', 'red'] as const;
const limits = { yellow: [20, 20], orange: [30, 50], red: [60, 100] } as const;
const dist = fileURLToPath(new URL('../../web/dist/', import.meta.url));
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
};

/** Who is signed in at a server that asks; null there, undefined at one that asks nobody. */
export const signedIn: { user: object | null | undefined } = { user: undefined };
const ana = { name: 'Ana Souza', role: 'operator', areas: 'all', languages: ['pt-BR'] };

/** Signs in `Ana Souza` with the password `chuva`, and lets her leave. */
async function session(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let body = '';
  for await (const part of request) body += part;
  const isRight = request.method === 'POST' && JSON.parse(body).password === 'chuva';
  if (isRight) signedIn.user = ana;
  if (request.method === 'DELETE') signedIn.user = null;
  const isRefused = request.method === 'POST' && !isRight;
  const { user } = signedIn;
  response.writeHead(user === undefined ? 404 : isRefused ? 401 : request.method === 'DELETE' ? 204 : 200, {
    'content-type': 'application/json',
  });
  response.end(request.method === 'DELETE' ? '' : JSON.stringify({ required: true, user }));
}

const alertId = (id: string): string => Buffer.from(id.padEnd(16, '.')).toString('hex');
const isSilent = (row: StationRow): boolean => row[6] === null;
const title = { 'pt-BR': 'Chuvas intensas', en: 'Heavy rain' };
export const instruction = {
  'pt-BR':
    'Saia de encostas, margens e áreas que alagam. Fique em local abrigado; desligue o quadro de energia se a água entrar.',
  en: 'Leave slopes, river banks and places that flood. Stay in shelter; switch the mains off if water comes in.',
};
const levelText = (level: (typeof levels)[number]): string =>
  `sum(rainfall, 1h) >= ${limits[level][0]} mm or sum(rainfall, 24h) > ${limits[level][1]} mm`;

function station(row: StationRow): object {
  const [id, name, latitude, longitude, altitude, rain] = row;
  const reading = (value: number, unit: string): object => ({
    value,
    unit,
    observedAt: iso(newest),
    flag: 'good',
  });
  const isPartial = id === 'A883';
  const state = isSilent(row) ? (id === 'A829' ? 'never-heard' : 'silent') : isPartial ? 'partial' : 'good';
  return {
    id,
    name,
    latitude,
    longitude,
    altitude,
    region: 'RS',
    timeZone: 'America/Sao_Paulo',
    interval: 'PT1H',
    ...(rain === null
      ? {}
      : { latest: { rainfall: reading(rain, 'mm'), airTemperature: reading(18.4, '°C') } }),
    health: {
      state,
      since: state === 'silent' ? iso(newest - 6 * hour) : null,
      missing: isPartial ? ['relativeHumidity'] : [],
    },
  };
}

function event(
  row: StationRow,
  level: number,
  revision: number,
  at: number,
  previous: number | null,
): object {
  const name = levels[level - 1] ?? 'yellow';
  const evidence = (expression: string, value: number, threshold: number, span: number): object => ({
    expression,
    value,
    unit: 'mm',
    threshold,
    from: iso(at - span * hour),
    to: iso(at),
    coverage: 1,
    observations: span,
  });
  const value = revision === 5 || row[0] !== 'A879' ? (row[6] ?? 0) : revision === 1 ? 32.2 : 63.8;
  return {
    alert: alertId(row[0]),
    revision,
    event: previous === null ? (revision === 1 ? 'raised' : 'updated') : 'escalated',
    rule: 'chuva-intensa',
    hazard: 'rain',
    subject: { kind: 'station', id: row[0] },
    level: name,
    ...(previous === null ? {} : { previousLevel: levels[previous - 1] }),
    onsetAt: iso(newest - 13 * hour),
    at: iso(at),
    issuedAt: iso(at + 131_000),
    evidence: [
      evidence(`sum(rainfall, 1h) >= ${limits[name][0]} mm`, row[5] ?? 0, limits[name][0], 1),
      evidence(`sum(rainfall, 24h) > ${limits[name][1]} mm`, value, limits[name][1], 24),
    ],
  };
}

const alertRows = stationRows.filter((row) => row[7] !== null && row[7] > 0);
const expiresAt = (): string => iso(newest + 6 * hour + 131_000);

const item = (row: StationRow): object => ({
  ...event(row, row[7] ?? 1, row[0] === 'A879' ? 5 : 1, newest, row[0] === 'A879' ? 2 : null),
  state: row[0] === 'A886' ? 'unverified' : 'active',
});

function detail(row: StationRow): object {
  const history =
    row[0] === 'A879'
      ? [
          event(row, 1, 1, newest - 13 * hour, null),
          event(row, 2, 2, newest - 12 * hour, 1),
          event(row, 2, 3, newest - 8 * hour, null),
          event(row, 2, 4, newest - 4 * hour, null),
          event(row, 3, 5, newest, 2),
        ]
      : [event(row, row[7] ?? 1, 1, newest, null)];
  return {
    ...item(row),
    station: station(row),
    history,
    expiresAt: expiresAt(),
    ruleDetail: {
      name: 'chuva-intensa',
      title,
      hazard: 'rain',
      levels: levels.map((level) => ({ level, text: levelText(level) })),
      instruction,
    },
    deliveries: [
      { channel: 'sirens', state: 'delivered', at: iso(newest + 141_000) },
      { channel: 'ops', state: 'delivered', at: iso(newest + 133_000) },
      { channel: 'sms', state: 'dead', at: iso(newest + 160_000) },
    ],
  };
}

/** Alerts that somebody has seen by `POST /alerts/{id}/acknowledge`. */
const seen = new Set<string>();

/** What was adopted by `PUT /stations/{id}`. */
const adopted = new Map<string, unknown>();

/** What was let out or withdrawn, by `POST /alerts/{id}/{approve|reject|publish}`. */
const decided = new Set<string>();
const draftRow = stationRows.find((row) => row[0] === 'A880') as StationRow;
const draft = {
  waits: true,
  sinceAt: iso(now),
  dueAt: iso(now + 600_000),
  onTimeout: 'publish',
  overdue: 0,
  authors: ['ana'],
};

const duty = (): object => ({
  items: [
    {
      kind: 'hold',
      author: 'M. Duarte',
      reason: 'troca do provedor de SMS',
      at: iso(now - hour),
      red: false,
      until: iso(now + hour),
    },
    ...(decided.size > 0
      ? []
      : [
          {
            kind: 'draft',
            ...event(draftRow, 3, 1, newest, null),
            state: 'active',
            expiresAt: expiresAt(),
            draft,
          },
        ]),
    ...alertRows.map((row) => ({
      kind: 'alert',
      ...item(row),
      expiresAt: expiresAt(),
      levelSinceAt: iso(newest),
      isWaiting: row[7] === 3 && !seen.has(alertId(row[0])),
      acknowledged: row[7] === 3 && !seen.has(alertId(row[0])) ? null : { by: 'M. Duarte', at: iso(now) },
    })),
    {
      kind: 'delivery',
      key: 'k',
      alert: alertId('A879'),
      subscription: 'rádio comunitária',
      channel: 'radio',
      attempts: 3,
      lastError: 'HTTP 500',
    },
    ...(adopted.size > 0
      ? []
      : [
          {
            kind: 'station',
            station: 'NOVA-1',
            reports: 12,
            since: iso(now - 2 * hour),
            at: iso(now),
            last: { observedAt: iso(now), values: { rainfall: { value: 3.2, unit: 'mm' } } },
          },
        ]),
  ],
  next: null,
  total: {
    alerts: { yellow: alertRows.length, orange: 0, red: 0 },
    deliveries: 1,
    stations: 1 - adopted.size,
  },
});

function rainAt(row: StationRow, at: number): number | null {
  const index = Math.round((at - Date.parse('2024-04-28T08:00:00Z')) / hour);
  if (isSilent(row) && at > newest - (row[0] === 'A829' ? 1e12 : 6 * hour)) return null;
  if (row[0] === 'A884' && index >= 12 && index <= 13) return null;
  if (row[0] === 'A879') return canela[index] ?? 0;
  const weight = Math.max(0, Math.sin(index * 1.7 + row[2] * 9)) ** 6;
  return Math.round((row[6] ?? 20) * 0.2 * weight * 10) / 10;
}

function observations(row: StationRow, from: number, to: number): object {
  const items: object[] = [];
  for (let at = Math.floor(from / hour + 1) * hour; at <= Math.min(to, newest); at += hour) {
    const rain = rainAt(row, at);
    if (rain === null) continue;
    const phase = Math.cos(((at / hour - 18) / 24) * 2 * Math.PI);
    const good = (value: number, unit: string): object => ({
      value: Math.round(value * 10) / 10,
      unit,
      flag: 'good',
    });
    items.push({
      at: iso(at),
      values: {
        rainfall: { value: rain, unit: 'mm', flag: 'good' },
        airTemperature: good(19 + 5 * phase, '°C'),
        ...(row[0] === 'A883' && at > newest - 30 * hour
          ? {}
          : { relativeHumidity: good(82 - 14 * phase, '%') }),
        windGust: good(7 + 3 * Math.sin(at / hour / 5) + 2 * phase, 'm/s'),
        stationPressure: good(960 - 3 * Math.sin(at / hour / 30), 'hPa'),
      },
    });
  }
  return { items, next: null };
}

const status = (): object => ({
  environment: 'exercise',
  serverNow: iso(now),
  expiresAt: Object.fromEntries(alertRows.map((row) => [alertId(row[0]), expiresAt()])),
  newestObservedAt: iso(newest),
  version: '0.1.0',
  recording: {
    name: 'rs-2024',
    startAt: '2024-04-26T00:00:00Z',
    endAt: '2024-05-07T00:00:00Z',
    at: iso(now),
    speed: 1,
    state: 'playing',
  },
  stations: {
    total: stationRows.length,
    silent: [
      ...stationRows.filter(isSilent).map((row) => ({
        id: row[0],
        name: row[1],
        since: row[0] === 'A829' ? null : iso(newest - 6 * hour),
      })),
      { id: 'A883', name: 'Ibirubá', since: iso(newest - 30 * hour), quantity: 'relativeHumidity' },
    ],
  },
  counts: { red: 5, orange: 10, yellow: 11 },
  senderName: 'Defesa Civil RS',
  title: 'Rio Grande do Sul, abril e maio de 2024',
});

const rule = {
  name: 'chuva-intensa',
  title,
  hazard: 'rain',
  subject: 'station',
  levels: levels.map((level) => ({ level })),
  clear: null,
  coverage: 0.8,
  expiresMs: 6 * hour,
  area: { kind: 'radius', km: 15 },
  cap: { urgency: 'Immediate', certainty: 'Observed', responseType: 'Prepare' },
  instruction,
  readable: {
    levels: levels.map((level) => ({
      level,
      condition: levelText(level),
      thresholds: limits[level].map((value) => ({ value, unit: 'mm' })),
    })),
    clear: 'sum(rainfall, 1h) < 10 mm',
    words: { 'pt-BR': 'Regra chuva-intensa: chuva.', en: 'Rule chuva-intensa: rain.' },
  },
};
const cap = `<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
  <identifier>atalaia-rs-exercise-5</identifier>
  <status>Exercise</status>
  <msgType>Update</msgType>
</alert>
`;

/** A backtest that is half done when it is asked for the first time, and done the second. */
let asked = 0;
function backtest(id: string): object {
  const scores = (threshold: number) => ({
    ...{ judged: true, hits: 9 - threshold / 20, misses: threshold / 20, falseAlarms: 12 - threshold / 10 },
    ...{ pod: 0.9 - threshold / 200, far: 0.5 - threshold / 400, csi: 0.45 - Math.abs(threshold - 80) / 400 },
    ...{ alerts: 20, alertsPerYear: 20.5, lead: { median: 2.5 } },
    byDay: { pod: 0.9 - threshold / 200, pofd: 0.3 - threshold / 500 },
  });
  const job = { id, from: iso(now - 400 * hour), to: iso(now), foldedTo: iso(now - 200 * hour) };
  if (asked++ === 0) return { ...job, state: 'running' };
  const points = [60, 80, 100, 120].map((value) => ({ value, ...scores(value) }));
  const sweep = {
    level: 'red',
    condition: levelText('red'),
    unit: 'mm',
    current: 100,
    best: 80,
    rocArea: 0.83,
    points,
  };
  const rows = levels.map((level) => ({ rule: 'chuva-intensa', level, ...scores(limits[level][1]) }));
  return { ...job, state: 'done', report: { rows, sweeps: [sweep] } };
}

function api(url: URL): object | string | null {
  const [, , , kind = '', id = '', part = ''] = url.pathname.split('/').map(decodeURIComponent);
  if (kind === 'status') return status();
  if (kind === 'duty') return duty();
  if (kind === 'on-call')
    return { items: [{ roster: 'plantao', name: 'Ana Souza', to: '2024-05-06T11:00:00Z' }], next: null };
  if (kind === 'backtests') return backtest(id);
  if (kind === 'silences') {
    const matchers = { hazard: ['rain'], area: ['RS'], level: 'red' };
    const one = { id: 's1', matchers, author: 'M. Duarte', reason: 'sirenes em manutenção' };
    const times = { from: iso(now - hour), until: iso(now + hour), createdAt: iso(now - hour) };
    return { items: [{ ...one, ...times, state: 'active' }], next: null };
  }
  if (kind === 'templates')
    return {
      items: [
        {
          name: 'rompimento-barragem',
          title: { 'pt-BR': 'Rompimento de barragem', en: 'Dam breach' },
          hazard: 'dam',
          level: 'red',
          expiresMs: 12 * hour,
          instruction: { 'pt-BR': 'Saia do vale.', en: 'Leave the valley.' },
        },
      ],
      next: null,
    };
  if (kind === 'rules') return { items: [rule], next: null };
  if (kind === 'stations' && !id) return { items: stationRows.map(station), next: null };
  if (kind === 'alerts' && !id) return { items: alertRows.map(item), next: null };
  const row = stationRows.find((entry) => entry[0] === id || alertId(entry[0]) === id);
  if (!row) return null;
  if (kind === 'alerts') return part === 'cap.xml' ? cap : detail(row);
  const at = (name: string): number => Date.parse(url.searchParams.get(name) ?? '');
  return part === 'observations' ? observations(row, at('from'), at('to')) : station(row);
}

async function file(pathname: string, response: ServerResponse): Promise<void> {
  const path = join(dist, normalize(pathname === '/' ? 'index.html' : pathname));
  const body = path.startsWith(dist) ? await readFile(path).catch(() => null) : null;
  const policy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' blob:";
  response.writeHead(body ? 200 : 404, {
    'content-type': types[extname(path)] ?? 'text/plain',
    'content-security-policy': policy,
  });
  response.end(body ?? 'not found');
}

/** Acts need the revision seen; `cancel` finds that another person was faster. */
function answerAct(request: IncomingMessage, response: ServerResponse, id: string, name: string): void {
  if (name === 'approve' || name === 'reject') {
    decided.add(name);
    return void response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  }
  void json(request).then((body) => acts.push({ name, body }));
  const isSeen = name === 'acknowledge' && request.headers['if-match'] !== undefined;
  if (isSeen) seen.add(id);
  response.writeHead(isSeen ? 200 : 409, { 'content-type': 'application/json' }).end('{}');
}

async function answerPut(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const id = request.url?.split('/').at(-1) ?? '';
  adopted.set(id, await json(request));
  response.writeHead(201, { 'content-type': 'application/json' }).end('{}');
}

/** What was asked for. */
export const backtests: unknown[] = [];
const raised: unknown[] = [];
const acts: { readonly name: string; readonly body: unknown }[] = [];

export interface MockApi {
  /** Bodies of alerts raised by hand. */
  readonly raised: readonly unknown[];
  /** What was done to alerts. */
  readonly acts: readonly { readonly name: string; readonly body: unknown }[];
  readonly adopted: ReadonlyMap<string, unknown>;
  readonly url: string;
  /** Ends every connection and refuses new ones: the server is gone. */
  stop(): Promise<void>;
}

export async function startMockApi(): Promise<MockApi> {
  const server: Server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    if (url.pathname === '/api/v1/stream') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(': open\n\n');
      return;
    }
    if (url.pathname === '/api/v1/session') return void session(request, response);
    if (!url.pathname.startsWith('/api/v1/')) return void file(url.pathname, response);
    if (request.method === 'POST' && url.pathname === '/api/v1/alerts') {
      return void json(request).then((body) => {
        raised.push(body);
        response.writeHead(201, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ alert: canelaAlert }));
      });
    }
    const act = /^\/api\/v1\/alerts\/(\w+)\/(acknowledge|edit|cancel|approve|reject)$/.exec(url.pathname);
    if (request.method === 'POST' && act)
      return void answerAct(request, response, act[1] ?? '', act[2] ?? '');
    if (request.method === 'PUT') return void answerPut(request, response);
    if (request.method === 'POST' && url.pathname === '/api/v1/backtests')
      return void json(request).then((body) => {
        backtests.push(body);
        response.writeHead(202, { 'content-type': 'application/json' });
        response.end(
          JSON.stringify({ id: 'b1', state: 'waiting', from: iso(now), to: iso(now), foldedTo: null }),
        );
      });
    if (url.pathname.startsWith('/api/v1/statistics/'))
      return void answerStatistic(url.pathname.split('/')[6] ?? '', url.searchParams).then((found) => {
        response.writeHead(found ? 200 : 404, { 'content-type': 'application/json' });
        response.end(JSON.stringify(found));
      });
    const answer = api(url);
    const isText = typeof answer === 'string';
    response.writeHead(answer === null ? 404 : 200, {
      'content-type': isText ? 'application/cap+xml' : 'application/json',
    });
    response.end(isText ? answer : JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    adopted,
    raised,
    acts,
    url: `http://127.0.0.1:${port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export const canelaAlert = alertId('A879');

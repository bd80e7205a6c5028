import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { systemClock } from '../src/lib/clock.ts';
import { nodeDisk } from '../src/lib/disk.ts';
import { AtalaiaError } from '../src/lib/errors.ts';
import { openEmbeddedLog } from '../src/log/embedded/embedded-log.ts';
import { formatInstant, MINUTE_MS } from '../src/model/time.ts';
import { quantile, round3 } from './figures.ts';
import { sendReports, startServer } from './server.ts';

export interface LatencyOptions {
  readonly stations: number;
  readonly seconds: number;
  /** Reports a second of the load beside the probes: half of what the durable path takes. */
  readonly reportsPerSecond: number;
}

export interface LatencyResult {
  /** p99 from accepted report to delivered webhook, over the p99 of a bare append, commit and loopback request in a row. */
  readonly ratio: number;
  readonly p50Ratio: number;
  readonly probes: number;
  readonly pathMs: { readonly p50: number; readonly p99: number };
  readonly bareMs: { readonly p50: number; readonly p99: number };
  readonly reportsPerSecond: number;
}

const PROBE_EVERY_MS = 100;
const BATCH = 100;
const STEP_MS = 10 * MINUTE_MS;
/** The load's reports begin so long ago: none is too late. */
const SPAN_MS = 20 * 60 * MINUTE_MS;

/**
 * From the acknowledgement of a report that raises an alert to the arrival of its webhook, under a steady load, beside
 * the same three durable steps with nothing around them, measured under the same load.
 */
export async function benchLatency(options: LatencyOptions): Promise<LatencyResult> {
  const most = Math.floor((SPAN_MS / STEP_MS) * (options.stations / 2));
  if (options.reportsPerSecond * options.seconds > most)
    throw new AtalaiaError(
      'ATL_USAGE',
      `${options.stations} stations have ${most} reports to send at most. Give a lower --rate or fewer --seconds.`,
    );
  const folder = mkdtempSync(join(tmpdir(), 'atalaia-bench-'));
  const receiver = await openReceiver();
  const server = await startServer(folder, {
    stations: options.stations,
    partitions: 4,
    more: `channels: { ops: { kind: webhook, url: "${receiver.url}", secret: a-secret-of-the-benchmark-only, allowPrivate: true } }
subscriptions: [ { name: ops, channel: ops, level: yellow, areas: all } ]
`,
  });
  try {
    const load = steadyLoad(server.url, options);
    const path: number[] = [];
    const bare = await openBare(folder, receiver.url);
    const bareMs: number[] = [];
    const probes = Math.floor((options.seconds * 1000) / PROBE_EVERY_MS);
    for (let i = 0; i < probes; i++) {
      // The last stations are the probes': each raises its alert once.
      const station = `S${options.stations - 1 - i}`;
      const arrived = receiver.next(station);
      await sendReports(server.url, line(station, Date.now(), 35));
      const acceptedAt = performance.now();
      path.push((await arrived) - acceptedAt);
      bareMs.push(await bare.step(i));
      await new Promise((next) => setTimeout(next, PROBE_EVERY_MS));
    }
    load.stop();
    await bare.close();
    const of = (values: readonly number[]): { p50: number; p99: number } => ({
      p50: round3(quantile(values, 0.5)),
      p99: round3(quantile(values, 0.99)),
    });
    const [pathFigures, bareFigures] = [of(path), of(bareMs)];
    return {
      ratio: round3(pathFigures.p99 / bareFigures.p99),
      p50Ratio: round3(pathFigures.p50 / bareFigures.p50),
      probes,
      pathMs: pathFigures,
      bareMs: bareFigures,
      reportsPerSecond: Math.round(load.rate()),
    };
  } finally {
    await server.stop();
    receiver.server.closeAllConnections();
    receiver.server.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

const line = (station: string, at: number, windGust: number): string =>
  `${JSON.stringify({ station, observedAt: formatInstant(at), interval: 'PT10M', values: { windGust, rainfall: 0, airTemperature: 21.5 } })}\n`;

interface Receiver {
  readonly server: Server;
  readonly url: string;
  /** When the webhook of the station arrives, by `performance.now()`. */
  next(station: string): Promise<number>;
}

async function openReceiver(): Promise<Receiver> {
  const waiting = new Map<string, (at: number) => void>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const at = performance.now();
      response.writeHead(204).end();
      const { subject } = JSON.parse(Buffer.concat(chunks).toString('utf8') || '{}') as {
        subject?: { id: string };
      };
      if (subject) waiting.get(subject.id)?.(at);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return {
    server,
    url: `http://127.0.0.1:${port}/alerts`,
    next: (station) => new Promise((done) => void waiting.set(station, done)),
  };
}

/** Sends calm reports at a rate, batch by batch, until stopped. */
function steadyLoad(
  url: string,
  { reportsPerSecond, stations }: LatencyOptions,
): { stop: () => void; rate: () => number } {
  const beganAt = performance.now();
  let sent = 0;
  let at = Date.now() - SPAN_MS;
  let station = 0;
  let isStopped = false;
  const run = async (): Promise<void> => {
    while (!isStopped) {
      const dueMs = (sent / reportsPerSecond) * 1000 - (performance.now() - beganAt);
      if (dueMs > 0) await new Promise((next) => setTimeout(next, dueMs));
      let body = '';
      for (let i = 0; i < BATCH; i++) {
        body += line(`S${station++}`, at, 4);
        if (station < stations / 2) continue;
        station = 0;
        at += STEP_MS;
      }
      await sendReports(url, body);
      sent += BATCH;
    }
  };
  const running = run();
  running.catch(() => {});
  return {
    stop: () => {
      isStopped = true;
    },
    rate: () => (sent / (performance.now() - beganAt)) * 1000,
  };
}

/** Append to a log of one partition, a row in SQLite, a request over loopback: each waits for the one before. */
async function openBare(
  folder: string,
  url: string,
): Promise<{ step: (i: number) => Promise<number>; close: () => Promise<void> }> {
  const log = await openEmbeddedLog({
    directory: join(folder, 'bare-log'),
    partitions: 1,
    disk: nodeDisk,
    clock: systemClock,
  });
  const db = new DatabaseSync(join(folder, 'bare.sqlite'));
  db.exec(
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE rows (id INTEGER PRIMARY KEY, json TEXT)',
  );
  const insert = db.prepare('INSERT INTO rows VALUES (?, ?)');
  const payload = Buffer.from(line('bare', Date.now(), 35));
  return {
    async step(i) {
      const from = performance.now();
      await log.append([{ partition: 0, key: 'bare', payload }]);
      insert.run(i, payload.toString('utf8'));
      await (await fetch(url, { method: 'POST', body: '{}' })).arrayBuffer();
      return performance.now() - from;
    },
    async close() {
      await log.close();
      db.close();
    },
  };
}

import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { afterAll, expect, test } from 'vitest';
import { formatAlertEvent } from '../../src/alerts/event-json.ts';
import { Replay } from '../../src/app/replay.ts';
import { findRuleFiles } from '../../src/app/rule-files.ts';
import { parseStations } from '../../src/ingest/stations.ts';
import { decodeRecord } from '../../src/log/record-codec.ts';
import type { Report } from '../../src/model/report.ts';
import { formatInstant } from '../../src/model/time.ts';
import { loadRules } from '../../src/rules/rule-set.ts';
import { openSqliteLedger } from '../../src/store/ledger/sqlite/ledger.ts';
import {
  archivedRows,
  freePort,
  logEntries,
  Program,
  pause,
  recordedEvents,
  run,
  temporaryFolder,
  until,
} from './server.ts';

// The whole process under `kill -9` at seeded moments: while it starts, while it takes a batch, and between.

/** ATALAIA_TEST_KILLS=50 takes a quarter of an hour; test:all has to end with everything else inside forty minutes. */
const KILLS = Number(process.env.ATALAIA_TEST_KILLS ?? (process.env.ATALAIA_TEST === 'all' ? 16 : 6));
const isLong = KILLS > 6;
const STATIONS = isLong ? 1000 : 200;
const PARTITIONS = 8;
const SECRET = 'a-secret-of-the-test-of-kills';
const seed = Number(process.env.ATALAIA_TEST_SEED ?? Date.now() % 1_000_000);

/** Mulberry32. */
function seeded(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const rule = (name: string, hazard: string, levels: string, clear: string): string => `rule: ${name}
title: { pt-BR: ${name}, en: ${name} }
hazard: ${hazard}
subject: station
levels:
${levels}
clear: ${clear}
coverage: 15 %
expires: 6h
area: { radius: 15 km }
cap: { urgency: Immediate, certainty: Observed, responseType: Prepare }
instruction: { pt-BR: Abrigue-se., en: Take shelter. }
`;

function writeSetting(cwd: string, receiver: string): void {
  writeFileSync(
    join(cwd, 'vento.yaml'),
    rule(
      'vento',
      'wind',
      '  yellow: max(windGust, 3s) >= 15 m/s\n  orange: max(windGust, 3s) >= 20 m/s\n  red: max(windGust, 3s) >= 28 m/s',
      'max(windGust, 3s) < 10 m/s for 2s',
    ),
  );
  writeFileSync(
    join(cwd, 'chuva.yaml'),
    rule(
      'chuva',
      'rain',
      '  yellow: sum(rainfall, 5s) >= 0.15 mm for 2s\n  red: sum(rainfall, 5s) >= 0.3 mm',
      'sum(rainfall, 5s) < 0.1 mm',
    ),
  );
  const rows = Array.from(
    { length: STATIONS },
    (_, i) =>
      `S${i},Estação ${i},${(-30 + (i % 50) / 10).toFixed(1)},${(-52 + Math.floor(i / 50) / 10).toFixed(1)},10,r${i % 23},America/Sao_Paulo,PT1M`,
  );
  writeFileSync(
    join(cwd, 'stations.csv'),
    `id,name,latitude,longitude,altitude,region,timeZone,interval\n${rows.join('\n')}\n`,
  );
  writeFileSync(
    join(cwd, 'atalaia.yaml'),
    `environment: exercise
stations: { file: stations.csv }
rules: [vento.yaml, chuva.yaml]
pipeline: { partitions: ${PARTITIONS} }
channels: { ops: { kind: webhook, url: "${receiver}", secret: ${SECRET}, allowPrivate: true } }
subscriptions: [ { name: ops, channel: ops, level: yellow, areas: all } ]
`,
  );
}

interface Received {
  readonly id: string;
  readonly body: string;
}

/** Takes webhooks; what is not signed as it should be is counted. One in twenty is refused for now. */
async function receive(
  random: () => number,
): Promise<{ server: Server; url: string; received: Received[]; badSignatures: () => number }> {
  const received: Received[] = [];
  const verifier = new Webhook(SECRET, { format: 'raw' });
  let bad = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8');
      try {
        verifier.verify(body, request.headers as Record<string, string>);
      } catch {
        bad++;
      }
      if (random() < 0.05) return void response.writeHead(503).end();
      received.push({ id: String(request.headers['webhook-id']), body });
      response.writeHead(204).end();
    });
    request.on('error', () => {});
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return { server, url: `http://127.0.0.1:${port}/alerts`, received, badSignatures: () => bad };
}

/** Half a minute of weather per station, each shifted: calm, gale, hurricane, calm; with rain in every other round. */
function weather(station: number, second: number, isCalm: boolean): { windGust: number; rainfall: number } {
  const phase = (second + station * 7) % 30;
  if (isCalm) return { windGust: 3, rainfall: 0 };
  const windGust = phase < 10 ? 4 : phase < 17 ? 17 + (station % 3) : phase < 23 ? 30 : 5;
  return { windGust, rainfall: phase >= 12 && phase < 20 ? (station % 2 ? 0.05 : 0.09) : 0 };
}

function batchAt(second: number, isCalm: boolean): string {
  const observedAt = formatInstant(second * 1000);
  return Array.from({ length: STATIONS }, (_, i) =>
    JSON.stringify({ station: `S${i}`, observedAt, interval: 'PT1S', values: weather(i, second, isCalm) }),
  ).join('\n');
}

/** Sends one batch a second, again and again until it is acknowledged. */
class Feeder {
  readonly acknowledged: number[] = [];
  isCalm = false;
  repeats = 0;
  #url: string;
  #isStopped = false;
  #running: Promise<void> | null = null;
  /** Called when a batch leaves. */
  onSend: () => void = () => {};

  constructor(url: string) {
    this.#url = url;
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    let before = 0;
    while (!this.#isStopped) {
      const second = Math.floor(Date.now() / 1000);
      if (second <= before) {
        await pause(50);
        continue;
      }
      before = second;
      const body = batchAt(second, this.isCalm);
      let attempts = 0;
      while (!(await this.#send(body))) {
        attempts++;
        this.repeats++;
        await pause(100);
      }
      this.acknowledged.push(second);
      // After a repeat the partition clock moves on before the next batch: what is compared then depends on no tick.
      await pause(attempts > 0 ? 2500 : 200);
    }
  }

  async #send(body: string): Promise<boolean> {
    try {
      const sent = fetch(`${this.#url}/api/v1/observations`, {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/x-ndjson' },
        signal: AbortSignal.timeout(30_000),
      });
      this.onSend();
      const answer = await sent;
      const { accepted } = (await answer.json()) as { accepted?: number };
      if (answer.status === 202) expect(accepted).toBe(STATIONS);
      return answer.status === 202;
    } catch (error) {
      if (error instanceof Error && error.name === 'AssertionError') throw error;
      return false;
    }
  }
}

const folder = temporaryFolder();
const programs: Program[] = [];
let receiver: Awaited<ReturnType<typeof receive>> | undefined;

afterAll(async () => {
  for (const program of programs) if (!program.hasEnded) await program.signal('SIGKILL');
  receiver?.server.closeAllConnections();
  receiver?.server.close();
  if (!process.env.ATALAIA_TEST_KEEP) folder.remove();
});

function start(port: number): Program {
  const program = new Program(['start', '--port', String(port)], {
    cwd: folder.path,
    env: { ATALAIA_LOG_LEVEL: 'warn' },
  });
  programs.push(program);
  return program;
}

/** Starts and kills; a third of the kills strike during the start, the others most often while a batch is taken. */
async function killAgainAndAgain(port: number, feeder: Feeder, random: () => number): Promise<void> {
  for (let kill = 0; kill < KILLS; kill++) {
    const program = start(port);
    if (random() < 0.33) await pause(200 + random() * 1500);
    else {
      await program.listening();
      // What waited is taken first, however busy the machine is; its alerts are being told when the next moment comes.
      const before = feeder.acknowledged.length;
      await until(
        () => feeder.acknowledged.length > before || program.hasEnded,
        60_000,
        `a batch to be taken: ${program.stderr}`,
      );
      await pause(random() * 1000);
      if (random() < 0.7) {
        const sending = Promise.withResolvers<void>();
        feeder.onSend = sending.resolve;
        await Promise.race([sending.promise, pause(4000)]);
        await pause(random() * 60);
      }
    }
    expect(program.hasEnded, `ended by itself: ${program.stdout}${program.stderr}`).toBe(false);
    await program.signal('SIGKILL');
  }
}

/** Runs until nothing waits to be delivered: what was under way at a kill is due again when its lease has ended. */
async function settle(port: number, first: Program): Promise<void> {
  let program = first;
  const end = performance.now() + (isLong ? 1_200_000 : 120_000);
  for (;;) {
    let before = -1;
    await until(
      async () => {
        const isQuiet = receiver?.received.length === before;
        before = receiver?.received.length ?? 0;
        await pause(3000);
        return isQuiet;
      },
      // Tens of thousands of them, on a machine that may be busy with other work.
      isLong ? 900_000 : 120_000,
      'the webhooks to end',
    );
    expect(await program.signal('SIGTERM'), program.stderr).toBe(0);
    const ledger = await openSqliteLedger({ path: join(folder.path, 'data/ledger.sqlite') });
    const waiting = [
      ...(await ledger.deliveries({ state: 'waiting', limit: 10 })),
      ...(await ledger.deliveries({ state: 'sending', limit: 10 })),
    ];
    const outbox = await ledger.oldestOutboxAt();
    const dead = await ledger.deliveries({ state: 'dead', limit: 10 });
    await ledger.close();
    expect(dead).toEqual([]);
    if (waiting.length === 0 && outbox === null) return;
    if (performance.now() > end) throw new Error(`Not delivered: ${JSON.stringify(waiting.slice(0, 2))}`);
    program = start(port);
    await program.listening();
    await pause(10_000);
  }
}

/**
 * The same reports in one process that nothing interrupts. Compared is all but `issuedAt`, which tells the partition
 * clock: the ticks differ, but no alert here expires (6 h), no station is late (two minutes), and an alert's revisions
 * are seconds apart, so that nothing else depends on ticks.
 */
function uninterrupted(reports: readonly Report[]): string[] {
  const { rules } = loadRules(
    findRuleFiles([join(folder.path, 'vento.yaml'), join(folder.path, 'chuva.yaml')], 'rules'),
  );
  const { stations } = parseStations(readFileSync(join(folder.path, 'stations.csv'), 'utf8'), 'stations.csv');
  const replay = new Replay({ rules, stations, partitions: PARTITIONS });
  for (const report of [...reports].sort((a, b) => a.receivedAt - b.receivedAt)) replay.feed(report);
  return replay.finish().map(formatAlertEvent);
}

const withoutIssue = (line: string): string => line.replace(/"issuedAt":"[^"]*",/, '');

test(`${KILLS} kills with ${STATIONS} stations lose nothing and do nothing twice`, {
  timeout: isLong ? 2_400_000 : 300_000,
}, async () => {
  console.log(`seed ${seed}: ATALAIA_TEST_SEED=${seed} repeats the moments of the kills`);
  const random = seeded(seed);
  receiver = await receive(seeded(seed + 1));
  writeSetting(folder.path, receiver.url);
  const port = await freePort();
  const feeder = new Feeder(`http://127.0.0.1:${port}`);
  feeder.start();
  await killAgainAndAgain(port, feeder, random);
  const last = start(port);
  await last.listening();
  await pause(6000);
  feeder.isCalm = true;
  await pause(9000);
  await feeder.stop();
  await settle(port, last);
  const data = join(folder.path, 'data');

  // Everything acknowledged is in the log.
  const entries = await logEntries(data, PARTITIONS);
  const reports = new Map<string, Report>();
  let copies = 0;
  for (const { payload } of entries) {
    const record = decodeRecord(payload);
    if (record.kind !== 'report') continue;
    copies++;
    const key = `${record.report.station} ${record.report.observedAt}`;
    if (!reports.has(key)) reports.set(key, record.report);
  }
  const lost = feeder.acknowledged.flatMap((second) =>
    Array.from({ length: STATIONS }, (_, i) => `S${i} ${second * 1000}`).filter((key) => !reports.has(key)),
  );
  expect(lost).toEqual([]);
  expect(reports.size).toBe(feeder.acknowledged.length * STATIONS);

  // Replay over the log that is left gives what was recorded.
  const recorded = await recordedEvents(data);
  const replayed = await run(['replay', '--log', 'data', '--out', 'replayed.ndjson'], { cwd: folder.path });
  expect(replayed.status, replayed.stderr).toBe(0);
  const text = readFileSync(join(folder.path, 'replayed.ndjson'), 'utf8');
  expect(text).toBe(recorded.map((line) => `${line}\n`).join(''));

  // So does a run without interruption.
  expect(recorded.map(withoutIssue)).toEqual(uninterrupted([...reports.values()]).map(withoutIssue));
  const names = new Set(recorded.map((line) => (JSON.parse(line) as { event: string }).event));
  for (const name of ['raised', 'escalated', 'ended']) expect(names).toContain(name);

  // Every revision was delivered; a repeat has the same key and the same body.
  const byId = new Map<string, Set<string>>();
  for (const { id, body } of receiver.received) byId.set(id, (byId.get(id) ?? new Set()).add(body));
  expect([...byId.values()].every((bodies) => bodies.size === 1)).toBe(true);
  const delivered = [...byId.values()].flatMap((bodies) => [...bodies]);
  expect(delivered.sort()).toEqual([...recorded].sort());
  expect(receiver.badSignatures()).toBe(0);

  // The archive holds each observation once.
  expect(await archivedRows(data)).toEqual({ rows: reports.size * 2, keys: reports.size * 2 });
  console.log(
    `${reports.size} reports acknowledged (${feeder.repeats} batches repeated, ${copies - reports.size} copies in the log), ${recorded.length} revisions, ${receiver.received.length - byId.size} webhooks repeated under their key`,
  );
});

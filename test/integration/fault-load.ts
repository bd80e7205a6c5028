import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { expect } from 'vitest';
import { formatAlertEvent } from '../../src/alerts/event-json.ts';
import { decodeRecord } from '../../src/log/record-codec.ts';
import { formatInstant } from '../../src/model/time.ts';
import { openPostgresLedger } from '../../src/store/ledger/postgresql/ledger.ts';
import {
  archivedRows,
  caughtUp,
  freePort,
  logEntries,
  Program,
  pause,
  recordedEvents,
  run,
  until,
} from './server.ts';

// One whole process under load while its servers fail: what was acknowledged is fed to `replay`, and the alerts of both
// are compared.

const PARTITIONS = 8;
const STATIONS = 200;

/** Mulberry32. */
export function seeded(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The seed of this run, told so that its moments can be had again. */
export function tellSeed(what: string): number {
  const seed = Number(process.env.ATALAIA_TEST_SEED ?? Date.now() % 1_000_000);
  console.log(`${what}: seed ${seed}; ATALAIA_TEST_SEED=${seed} repeats its choices`);
  return seed;
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

const WIND = `  yellow: max(windGust, 3s) >= 15 m/s
  orange: max(windGust, 3s) >= 20 m/s
  red: max(windGust, 3s) >= 28 m/s`;
const RAIN = `  yellow: sum(rainfall, 5s) >= 0.15 mm for 2s
  red: sum(rainfall, 5s) >= 0.3 mm`;

/** Half a minute of weather per station, each shifted: calm, gale, hurricane, calm; with rain in every other round. */
function weather(station: number, second: number, isCalm: boolean): { windGust: number; rainfall: number } {
  if (isCalm) return { windGust: 3, rainfall: 0 };
  const phase = (second + station * 7) % 30;
  const windGust = phase < 10 ? 4 : phase < 17 ? 17 + (station % 3) : phase < 23 ? 30 : 5;
  return { windGust, rainfall: phase >= 12 && phase < 20 ? (station % 2 ? 0.05 : 0.09) : 0 };
}

const reportAt = (station: number, second: number, isCalm: boolean): object => ({
  station: `S${station}`,
  observedAt: formatInstant(second * 1000),
  interval: 'PT1S',
  values: weather(station, second, isCalm),
});

/** Hands a batch over; true when it was acknowledged. */
export type Send = (batch: readonly object[]) => Promise<boolean>;

/** By HTTP to a process that may not answer. */
export const byHttp =
  (url: string): Send =>
  async (batch) => {
    const answer = await fetch(`${url}/api/v1/observations`, {
      method: 'POST',
      body: batch.map((report) => JSON.stringify(report)).join('\n'),
      headers: { 'content-type': 'application/x-ndjson' },
      signal: AbortSignal.timeout(60_000),
    }).catch(() => undefined);
    if (answer?.status !== 202) return false;
    expect(((await answer.json()) as { accepted: number }).accepted).toBe(STATIONS);
    return true;
  };

/** Sends one batch a second, again and again until it is acknowledged. */
export class Feeder {
  readonly acknowledged: { readonly second: number; readonly sentAt: number; readonly at: number }[] = [];
  readonly lines: string[] = [];
  isCalm = false;
  repeats = 0;
  readonly #send: Send;
  #onSend: () => void = () => undefined;
  #isStopped = false;
  readonly #running: Promise<void>;

  constructor(send: Send) {
    this.#send = send;
    this.#running = this.#run();
  }

  /** Resolves when the next batch leaves: a fault then strikes while it is under way. */
  sending(): Promise<void> {
    return new Promise((done) => {
      this.#onSend = done;
    });
  }

  /** Resolves when so many more batches were acknowledged. */
  async more(count: number): Promise<void> {
    const wanted = this.acknowledged.length + count;
    await until(() => this.acknowledged.length >= wanted, 120_000, `${count} more acknowledged batches`);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  #sendNow(batch: readonly object[]): Promise<boolean> {
    const sent = this.#send(batch);
    this.#onSend();
    return sent;
  }

  async #run(): Promise<void> {
    let before = 0;
    while (!this.#isStopped) {
      const second = Math.floor(Date.now() / 1000);
      if (second <= before) {
        await pause(20);
        continue;
      }
      before = second;
      const batch = Array.from({ length: STATIONS }, (_, i) => reportAt(i, second, this.isCalm));
      const sentAt = performance.now();
      while (!(await this.#sendNow(batch))) {
        if (this.#isStopped && performance.now() - sentAt > 60_000) return;
        this.repeats++;
        await pause(100);
      }
      const at = performance.now();
      this.acknowledged.push({ second, sentAt, at });
      for (const report of batch) this.lines.push(JSON.stringify(report));
      // After an outage the partition clock moves on before the next batch: what is compared then depends on no tick.
      await pause(at - sentAt > 700 ? 2500 : 200);
    }
  }
}

/** Alert events as `GET /stream` tells them, with the time when they came. */
export class AlertStream {
  readonly events: { readonly observedAt: number; readonly at: number }[] = [];
  readonly #abort = new AbortController();

  constructor(url: string) {
    this.#listen(url).catch(() => undefined);
  }

  async #listen(url: string): Promise<void> {
    const { body } = await fetch(`${url}/api/v1/stream`, { signal: this.#abort.signal });
    let text = '';
    for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
      text += Buffer.from(chunk).toString('utf8');
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) {
        const at = /^data: .*"at":"([^"]+)"/.exec(line)?.[1];
        if (at) this.events.push({ observedAt: Date.parse(at), at: performance.now() });
      }
    }
  }

  close(): void {
    this.#abort.abort();
  }
}

/** One configured process in a folder of its own, with a feeder. */
export class LoadedSystem {
  readonly #cwd: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #programs: Program[] = [];
  #stream: AlertStream | undefined;
  url = '';

  constructor(
    folder: string,
    name: string,
    configuration: string,
    env: Readonly<Record<string, string>> = {},
  ) {
    this.#cwd = join(folder, name);
    this.#env = env;
    mkdirSync(join(this.#cwd, 'rules'), { recursive: true });
    const write = (file: string, text: string): void => writeFileSync(join(this.#cwd, file), text);
    write('rules/vento.yaml', rule('vento', 'wind', WIND, 'max(windGust, 3s) < 10 m/s for 2s'));
    write('rules/chuva.yaml', rule('chuva', 'rain', RAIN, 'sum(rainfall, 5s) < 0.1 mm'));
    const rows = Array.from(
      { length: STATIONS },
      (_, i) =>
        `S${i},Estação ${i},${(-30 + (i % 50) / 10).toFixed(1)},${(-52 + Math.floor(i / 50) / 10).toFixed(1)},10,r${i % 23},America/Sao_Paulo,PT1M`,
    );
    write(
      'stations.csv',
      `id,name,latitude,longitude,altitude,region,timeZone,interval\n${rows.join('\n')}\n`,
    );
    write(
      'atalaia.yaml',
      `environment: exercise
stations: { file: stations.csv }
rules: [rules]
pipeline: { partitions: ${PARTITIONS} }
${configuration}`,
    );
  }

  get data(): string {
    return join(this.#cwd, 'data');
  }

  async start(): Promise<void> {
    const program = new Program(['start', '--port', String(await freePort())], {
      cwd: this.#cwd,
      env: { ATALAIA_LOG_LEVEL: 'warn', ...this.#env },
    });
    this.#programs.push(program);
    this.url = await program.listening();
    this.#stream = new AlertStream(this.url);
  }

  get program(): Program {
    return this.#programs.at(-1) as Program;
  }

  /**
   * Time from a fault, ms: until a batch that it held up or that came later was acknowledged, by all partitions that is,
   * and until an alert was told that such a batch decided.
   */
  async recovered(feeder: Feeder, faultAt: number): Promise<{ acknowledgedMs: number; alertMs: number }> {
    const first = () => feeder.acknowledged.find(({ at, sentAt }) => at > faultAt && sentAt > faultAt - 1000);
    await until(
      () => first() !== undefined,
      120_000,
      `an acknowledgement after the fault: ${this.program.stderr}`,
    );
    const sent = first() as { second: number; at: number };
    const told = () =>
      this.#stream?.events.find(({ observedAt, at }) => at >= sent.at && observedAt >= sent.second * 1000);
    await until(() => told() !== undefined, 120_000, `an alert after the fault: ${this.program.stderr}`);
    expect(this.program.hasEnded, this.program.stderr).toBe(false);
    return { acknowledgedMs: sent.at - faultAt, alertMs: (told()?.at ?? 0) - faultAt };
  }

  /** Lets the weather calm down, waits until everything is told, and stops in order. */
  async end(feeder: Feeder): Promise<void> {
    feeder.isCalm = true;
    await feeder.more(8);
    await feeder.stop();
    await caughtUp(this.url);
    this.#stream?.close();
    expect(await this.program.signal('SIGTERM'), this.program.stderr).toBe(0);
  }

  async kill(): Promise<void> {
    this.#stream?.close();
    for (const program of this.#programs) if (!program.hasEnded) await program.signal('SIGKILL');
  }

  /**
   * For reports that come by another way than in the order of their time: all that was acknowledged lies in our log, and
   * `replay` over it gives what is stored, byte for byte.
   */
  async verifyLog(feeder: Feeder): Promise<void> {
    const kept = new Set<string>();
    for (const { payload } of await logEntries(this.data, PARTITIONS)) {
      const record = decodeRecord(payload);
      if (record.kind === 'report') kept.add(`${record.report.station} ${record.report.observedAt}`);
    }
    const keys = feeder.acknowledged.flatMap(({ second }) =>
      Array.from({ length: STATIONS }, (_, i) => `S${i} ${second * 1000}`),
    );
    expect(keys.filter((key) => !kept.has(key))).toEqual([]);
    const { events, rows, keys: archived } = await storedInFiles(this.data);
    const args = ['--log', 'data', '--out', 'replayed.ndjson'];
    const replayed = await run(['replay', ...args], { cwd: this.#cwd });
    expect(replayed.status, replayed.stderr).toBe(0);
    expect(readFileSync(join(this.#cwd, 'replayed.ndjson'), 'utf8')).toBe(
      events.map((line) => `${line}\n`).join(''),
    );
    expect(events.length).toBeGreaterThan(100);
    expect({ rows, archived }).toEqual({ rows: kept.size * 2, archived: kept.size * 2 });
    console.log(
      `${feeder.lines.length} reports acknowledged (${feeder.repeats} batches repeated), ${events.length} revisions: as in replay, none twice`,
    );
  }

  /**
   * What is stored against `replay` over what was acknowledged. Compared is all but `issuedAt`, which tells the partition
   * clock: no alert here expires (6 h), no station is late (two minutes), and an alert's revisions are seconds apart, so
   * nothing else depends on ticks.
   */
  async verify(feeder: Feeder, stored: Stored): Promise<void> {
    writeFileSync(join(this.#cwd, 'acknowledged.ndjson'), `${feeder.lines.join('\n')}\n`);
    const args = [
      'acknowledged.ndjson',
      '--stations',
      'stations.csv',
      '--rules',
      'rules',
      '--out',
      'replayed.ndjson',
    ];
    const replayed = await run(['replay', ...args], { cwd: this.#cwd });
    expect(replayed.status, replayed.stderr).toBe(0);
    const expected = readFileSync(join(this.#cwd, 'replayed.ndjson'), 'utf8').trimEnd().split('\n');
    const withoutIssue = (line: string): string => line.replace(/"issuedAt":"[^"]*",/, '');
    expect(stored.events.map(withoutIssue)).toEqual(expected.map(withoutIssue));
    const names = new Set(expected.map((line) => (JSON.parse(line) as { event: string }).event));
    for (const name of ['raised', 'escalated', 'ended']) expect(names).toContain(name);
    // Two readings of each report, each once.
    expect({ rows: stored.rows, keys: stored.keys }).toEqual({
      rows: feeder.lines.length * 2,
      keys: feeder.lines.length * 2,
    });
    console.log(
      `${feeder.lines.length} reports acknowledged (${feeder.repeats} batches repeated), ${expected.length} revisions: as in replay, none twice`,
    );
  }
}

/** What the stores hold of a stopped process. */
export interface Stored {
  readonly events: readonly string[];
  readonly rows: number;
  readonly keys: number;
}

export const storedInFiles = async (data: string): Promise<Stored> => ({
  events: await recordedEvents(data),
  ...(await archivedRows(data)),
});

/** The archive may lie in other databases than the ledger. */
export async function storedInPostgresql(
  url: string,
  schema: string,
  archives: readonly string[] = [url],
): Promise<Stored> {
  const ledger = await openPostgresLedger({ url, schema: `${schema}_ledger` });
  const events: string[] = [];
  for await (const event of ledger.events()) events.push(formatAlertEvent(event));
  await ledger.close();
  let rows = 0;
  const keys = new Set<string>();
  for (const archive of archives) {
    const client = new pg.Client({ connectionString: archive });
    await client.connect();
    const found = await client.query(
      `SELECT concat_ws(' ', station, quantity, observed_at, interval_ms) AS key FROM ${schema}_archive.observations`,
    );
    rows += found.rows.length;
    for (const { key } of found.rows as { key: string }[]) keys.add(key);
    await client.end();
  }
  return { events, rows, keys: keys.size };
}

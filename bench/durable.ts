import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { BIGINT, DuckDBDataChunk, DuckDBInstance, VARCHAR } from '@duckdb/node-api';
import { formatInstant, MINUTE_MS } from '../src/model/time.ts';
import { median, round3 } from './figures.ts';
import { sendReports, startServer } from './server.ts';

export interface DurableOptions {
  readonly stations: number;
  /** Reports of each station, ten minutes apart. */
  readonly steps: number;
  readonly runs: number;
  readonly onProgress?: (text: string) => void;
}

export interface DurableResult {
  readonly stations: number;
  readonly reports: number;
  readonly observations: number;
  /** Rows per second from the first request to the last committed alert, over those of `COPY` of the same rows. */
  readonly ratioToCopy: number;
  /** The same over DuckDB's appender, which is given numbers and text and parses nothing. */
  readonly ratioToAppender: number;
  /** The same until the archive has every row too, beside `COPY`. */
  readonly archivedToCopy: number;
  readonly runs: readonly Run[];
}

interface Run {
  /** From the first request to the last committed alert, and on to the last archived row. */
  readonly pathMs: number;
  readonly archivedMs: number;
  /** CPU time of the server from its start to the last archived row, all threads. */
  readonly serverCpuMs: number;
  readonly copyMs: number;
  readonly appenderMs: number;
}

const QUANTITIES = ['rainfall', 'airTemperature', 'relativeHumidity', 'windSpeed', 'windGust'];
const STEP_MS = 10 * MINUTE_MS;
const BATCH = 2000;
/** Requests under way at a time. */
const SENDERS = 4;
const PARTITIONS = 4;

/**
 * The durable path: reports over HTTP, acknowledged when the log is synced, to alerts committed in the ledger and rows in
 * the archive, beside a bulk load of the same rows into the same DuckDB table. By turns, each into new files.
 */
export async function benchDurable(options: DurableOptions): Promise<DurableResult> {
  const rows = makeRows(options);
  const runs: Run[] = [];
  for (let run = 0; run < options.runs; run++) {
    const folder = mkdtempSync(join(tmpdir(), 'atalaia-bench-'));
    try {
      options.onProgress?.(`run ${run + 1} of ${options.runs}`);
      const path = await throughTheProduct(folder, options.stations, rows);
      const copyMs = await byCopy(folder, rows);
      const appenderMs = await byAppender(folder, rows);
      runs.push({
        ...path,
        copyMs: Math.round(copyMs),
        appenderMs: Math.round(appenderMs),
      });
    } finally {
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    }
  }
  return {
    stations: options.stations,
    reports: rows.length,
    observations: rows.length * QUANTITIES.length,
    ratioToCopy: round3(median(runs.map(({ pathMs, copyMs }) => copyMs / pathMs))),
    archivedToCopy: round3(median(runs.map(({ archivedMs, copyMs }) => copyMs / archivedMs))),
    ratioToAppender: round3(median(runs.map(({ pathMs, appenderMs }) => appenderMs / pathMs))),
    runs,
  };
}

interface Row {
  readonly station: string;
  readonly observedAt: number;
  readonly values: readonly number[];
}

/** Calm weather of the last hours; in the last step a gust at every station of the first hundred raises an alert. */
function makeRows({ stations, steps }: DurableOptions): readonly Row[] {
  const end = Math.floor(Date.now() / STEP_MS) * STEP_MS;
  const rows: Row[] = [];
  for (let step = 0; step < steps; step++) {
    for (let i = 0; i < stations; i++) {
      const wave = Math.round(Math.sin((step + i) / 50) * 50) / 10;
      const gust = step === steps - 1 && i < ALARMED ? 35 : 6 + wave / 2;
      rows.push({
        station: `S${i}`,
        observedAt: end - (steps - 1 - step) * STEP_MS,
        values: [i % 9 === 0 ? 0.2 : 0, 22 + wave, 70 + wave, 3, gust],
      });
    }
  }
  return rows;
}
const ALARMED = 100;

async function throughTheProduct(
  folder: string,
  stations: number,
  rows: readonly Row[],
): Promise<Pick<Run, 'pathMs' | 'archivedMs' | 'serverCpuMs'>> {
  const bodies: string[] = [];
  for (let at = 0; at < rows.length; at += BATCH)
    bodies.push(
      rows
        .slice(at, at + BATCH)
        .map(lineOf)
        .join(''),
    );
  const server = await startServer(folder, { stations, partitions: PARTITIONS });
  try {
    const from = performance.now();
    let next = 0;
    const sendAll = async (): Promise<void> => {
      while (next < bodies.length) await sendReports(server.url, bodies[next++] as string);
    };
    await Promise.all(Array.from({ length: SENDERS }, sendAll));
    await alarmed(join(folder, 'data/ledger.sqlite'));
    const pathMs = Math.round(performance.now() - from);
    const serverCpuMs = await archived(server.url);
    return { pathMs, archivedMs: Math.round(performance.now() - from), serverCpuMs };
  } finally {
    await server.stop();
  }
}

const lineOf = ({ station, observedAt, values }: Row): string =>
  `${JSON.stringify({
    station,
    observedAt: formatInstant(observedAt),
    interval: 'PT10M',
    values: Object.fromEntries(QUANTITIES.map((name, i) => [name, values[i]])),
  })}\n`;

/** Resolves when the alert of every alarmed station is committed. */
async function alarmed(path: string): Promise<void> {
  const ledger = new DatabaseSync(path, { readOnly: true });
  const count = ledger.prepare("SELECT count(DISTINCT subject_id) AS n FROM alerts WHERE hazard = 'wind'");
  const end = performance.now() + 300_000;
  while (Number(count.get()?.n) < ALARMED) {
    if (performance.now() > end) throw new Error('The alerts were not committed within five minutes');
    await new Promise((next) => setTimeout(next, 20));
  }
  ledger.close();
}

/** Resolves when no row waits for the archive, with the CPU time that the server has taken, ms. */
async function archived(url: string): Promise<number> {
  const end = performance.now() + 300_000;
  while (performance.now() < end) {
    const text = await (await fetch(`${url}/metrics`)).text();
    const value = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
    if (value('atalaia_archive_lag_seconds') === 0)
      return Math.round(value('process_cpu_seconds_total') * 1000);
    await new Promise((next) => setTimeout(next, 20));
  }
  throw new Error('The rows were not archived within five minutes');
}

/** Rows of one DuckDB vector. */
const CHUNK_ROWS = 2048;
const columnTypes = [BIGINT, VARCHAR, VARCHAR, BIGINT, BIGINT, BIGINT, BIGINT, VARCHAR, VARCHAR];

const TABLE = `CREATE TABLE observations (seq BIGINT NOT NULL, station VARCHAR NOT NULL, quantity VARCHAR NOT NULL,
  observed_at BIGINT NOT NULL, interval_ms BIGINT NOT NULL, received_at BIGINT NOT NULL, value BIGINT NOT NULL,
  flag VARCHAR NOT NULL, arrival VARCHAR NOT NULL)`;

async function intoDuckdb(
  path: string,
  load: (connection: Awaited<ReturnType<DuckDBInstance['connect']>>) => Promise<void>,
): Promise<number> {
  const instance = await DuckDBInstance.create(path);
  const connection = await instance.connect();
  await connection.run(TABLE);
  const from = performance.now();
  await load(connection);
  await connection.run('CHECKPOINT');
  const tookMs = performance.now() - from;
  connection.closeSync();
  instance.closeSync();
  return tookMs;
}

function byCopy(folder: string, rows: readonly Row[]): Promise<number> {
  const file = join(folder, 'rows.csv');
  let seq = 0;
  const lines = rows.flatMap(({ station, observedAt, values }) =>
    values.map(
      (value, i) =>
        `${seq++},${station},${QUANTITIES[i]},${observedAt},${STEP_MS},${observedAt},${Math.round(value * 1000)},good,on-time`,
    ),
  );
  writeFileSync(file, `${lines.join('\n')}\n`);
  return intoDuckdb(join(folder, 'copy.duckdb'), async (connection) => {
    await connection.run(`COPY observations FROM '${file}' (FORMAT csv, HEADER false)`);
  });
}

function byAppender(folder: string, rows: readonly Row[]): Promise<number> {
  return intoDuckdb(join(folder, 'appender.duckdb'), async (connection) => {
    const appender = await connection.createAppender('observations');
    const cells = rows.flatMap(({ station, observedAt, values }) =>
      values.map((value, i) => ({ station, observedAt, value, quantity: QUANTITIES[i] as string })),
    );
    for (let start = 0; start < cells.length; start += CHUNK_ROWS) {
      const part = cells.slice(start, start + CHUNK_ROWS);
      const chunk = DuckDBDataChunk.create(columnTypes, part.length);
      chunk.setColumns([
        part.map((_, i) => BigInt(start + i)),
        part.map(({ station }) => station),
        part.map(({ quantity }) => quantity),
        part.map(({ observedAt }) => BigInt(observedAt)),
        part.map(() => BigInt(STEP_MS)),
        part.map(({ observedAt }) => BigInt(observedAt)),
        part.map(({ value }) => BigInt(Math.round(value * 1000))),
        part.map(() => 'good'),
        part.map(() => 'on-time'),
      ]);
      appender.appendDataChunk(chunk);
    }
    appender.closeSync();
  });
}

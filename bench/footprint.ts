import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type Random, seededRandom } from '../src/lib/random.ts';
import type { Append } from '../src/log/log.ts';
import type { Report } from '../src/model/report.ts';
import type { Station } from '../src/model/station.ts';
import { MINUTE_MS } from '../src/model/time.ts';
import type { Archive } from '../src/store/archive/archive.ts';
import { openPostgresArchive } from '../src/store/archive/postgresql/archive.ts';
import type { Ledger } from '../src/store/ledger/ledger.ts';
import { openPostgresLedger } from '../src/store/ledger/postgresql/ledger.ts';
import { PostgresqlServer } from '../test/servers/postgresql.ts';
import { START_AT } from './engine-input.ts';
import { engineRules } from './engine-rules.ts';
import { Pipeline, rounded } from './pipeline.ts';

// node bench/footprint.ts > bench/results/footprint.json: what a unit of work leaves on the disk, for docs/scaling.md.

const STATIONS = 1000;
const STEPS = 60;
const EVERY_MS = 10 * MINUTE_MS;
const PARTITIONS = 16;
/** Of the stations, so many report a storm in turn: alerts are raised, escalated and cleared. */
const STORMY = 0.02;
const quantities = ['rainfall', 'airTemperature', 'relativeHumidity', 'windGust', 'windSpeed', 'pressure'];

const stations = Array.from(
  { length: STATIONS },
  (_, i): Station => ({
    id: `S${i}`,
    name: `Station ${i}`,
    latitude: -30 + i / 1000,
    longitude: -51,
    altitude: null,
    region: `r${i % PARTITIONS}`,
    timeZone: 'UTC',
    intervalMs: EVERY_MS,
  }),
);
const partitionOf = ({ region }: Station): number => Number(region.slice(1));

function reportsOf(step: number, random: Random): Report[] {
  const at = START_AT + step * EVERY_MS;
  return stations.map(({ id }) => ({
    station: id,
    observedAt: at,
    intervalMs: EVERY_MS,
    receivedAt: at,
    quantities,
    values: [
      random() < STORMY
        ? Math.round(5_000 + random() * 25_000)
        : random() < 0.8
          ? 0
          : Math.round(random() * 2_000),
      Math.round(20_000 + random() * 8000),
      Math.round(60_000 + random() * 30_000),
      Math.round(random() * (random() < STORMY ? 45_000 : 15_000)),
      Math.round(random() * 10_000),
      Math.round(100_000 + random() * 3_000),
    ],
  }));
}

const sizeOf = (path: string): number =>
  statSync(path).isDirectory()
    ? readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0)
    : statSync(path).size;

interface Filled {
  readonly folder: string;
  readonly revisions: number;
  readonly payloadBytes: number;
  readonly gzipBytes: number;
  readonly records: number;
}

async function fill(
  folder: string,
  stores?: { readonly ledger: Ledger; readonly archive: Archive },
): Promise<Filled> {
  const random = seededRandom(1);
  const pipeline = await Pipeline.open({
    folder,
    partitions: PARTITIONS,
    rules: engineRules(),
    stations,
    partitionOf,
    everyMs: 0,
    checkpointEveryMs: Number.POSITIVE_INFINITY,
    ...(stores && { stores }),
  });
  await pipeline.log.append(pipeline.beginning(START_AT));
  await pipeline.processor.start();
  const sent: Append[] = [];
  for (let step = 0; step < STEPS; step++) {
    const appends = pipeline.step(START_AT + step * EVERY_MS, reportsOf(step, random));
    sent.push(...appends.filter(({ key }) => key !== 'x'));
    await pipeline.log.append(appends);
  }
  await pipeline.caughtUp();
  let revisions = 0;
  for await (const _ of pipeline.ledger.events()) revisions++;
  await pipeline.close();
  const payloads = sent.map(({ payload }) => payload);
  return {
    folder,
    revisions,
    records: sent.length,
    payloadBytes: payloads.reduce((sum, { length }) => sum + length, 0),
    gzipBytes: gzipSync(Buffer.concat(payloads)).length,
  };
}

/** Bytes of all relations of a schema, with their indexes and what lies beside them. */
async function bytesOfSchema(server: PostgresqlServer, schema: string): Promise<number> {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  try {
    const { rows } = await client.query(
      `SELECT sum(pg_total_relation_size(c.oid))::float8 AS bytes FROM pg_class c
       JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind IN ('r', 'm')`,
      [schema],
    );
    return Number(rows[0]?.bytes ?? 0);
  } finally {
    await client.end();
  }
}

const base = mkdtempSync(join(tmpdir(), 'atalaia-footprint-'));
const server = await PostgresqlServer.start();
try {
  const files = await fill(join(base, 'files'));
  const readings = STATIONS * STEPS * quantities.length;
  const { url } = server;
  // What an empty schema takes is no cost of an observation.
  const open = async (name: string) => ({
    ledger: await openPostgresLedger({ url, schema: `${name}_ledger` }),
    archive: await openPostgresArchive({ url, schema: `${name}_archive` }),
  });
  const empty = await open('empty');
  const before = {
    ledger: await bytesOfSchema(server, 'empty_ledger'),
    archive: await bytesOfSchema(server, 'empty_archive'),
  };
  await Promise.all([empty.ledger.close(), empty.archive.close()]);
  const rows = await fill(join(base, 'rows'), await open('full'));
  const per = (bytes: number, count: number): number => rounded(bytes / count, 1);
  const result = {
    stations: STATIONS,
    reportsOfEach: STEPS,
    readings,
    revisions: files.revisions,
    log: {
      bytesPerReport: per(sizeOf(join(files.folder, 'log')), files.records),
      payloadBytesPerReport: per(files.payloadBytes, files.records),
      gzipBytesPerReport: per(files.gzipBytes, files.records),
    },
    checkpoint: { bytesPerReadingKept: per(sizeOf(join(files.folder, 'checkpoints')), readings) },
    duckdb: { bytesPerObservation: per(sizeOf(join(files.folder, 'archive.duckdb')), readings) },
    sqlite: { bytesPerRevision: per(sizeOf(join(files.folder, 'ledger.sqlite')), files.revisions) },
    postgresql: {
      bytesPerObservation: per((await bytesOfSchema(server, 'full_archive')) - before.archive, readings),
      bytesPerRevision: per((await bytesOfSchema(server, 'full_ledger')) - before.ledger, rows.revisions),
    },
  };
  console.log(JSON.stringify(result, null, 2));
} finally {
  await server.stop();
  rmSync(base, { recursive: true, force: true });
}

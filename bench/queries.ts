import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { openDuckdbArchive } from '../src/app/stores/archive-file.ts';
import { invariant } from '../src/lib/errors.ts';
import { seededRandom } from '../src/lib/random.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../src/model/time.ts';
import type { Archive } from '../src/store/archive/archive.ts';
import { RowPacker } from '../src/store/archive/packed.ts';
import { openPostgresArchive } from '../src/store/archive/postgresql/archive.ts';
import { median, round3 } from './figures.ts';

export interface QueriesBenchOptions {
  readonly stations: number;
  readonly days: number;
  readonly runs: number;
  readonly seed: number;
  /** PostgreSQL is started for it, as the tests do. */
  readonly store: 'duckdb' | 'postgresql';
  readonly onProgress?: (text: string) => void;
}

interface QueryResult {
  readonly rows: number;
  /** Time of the bare table over ours, the median of the runs: above 1 the archive is faster. */
  readonly ratioToBareTable: number;
  readonly runsRatioToBareTable: readonly number[];
}

export interface QueriesBenchResult extends Omit<QueriesBenchOptions, 'onProgress'> {
  readonly rows: number;
  readonly queries: Readonly<Record<string, QueryResult>>;
}

const START = Date.UTC(2024, 0, 1);
const STEP = 10 * MINUTE_MS;
const HOURS_A_COMMIT = 6;

/** One question: asked of the archive through its port, and as SQL of a plain table of the same rows in the same order. */
interface Question {
  ask(archive: Archive): Promise<number>;
  readonly bare: string;
}

/** An archive, and a plain table of its rows in a database of the same kind. */
interface Place {
  readonly archive: Archive;
  fillBare(): Promise<void>;
  /** Rows that a statement finds in the plain table. */
  askBare(sql: string): Promise<number>;
  close(): Promise<void>;
}

/**
 * What people ask of the archive while rows of ten minutes stand in it, beside the same on a bare table: of DuckDB without
 * an index, of PostgreSQL with one over station and time. By turns in one run, and both must find as many rows. 2,000
 * stations and 90 days are 26 million rows.
 */
export async function benchQueries(options: QueriesBenchOptions): Promise<QueriesBenchResult> {
  const { stations, days, runs, seed, store, onProgress } = options;
  const folder = await mkdtemp(join(tmpdir(), 'atalaia-bench-queries-'));
  try {
    const place = await (store === 'duckdb' ? openDuckdbPlace(folder) : openPostgresqlPlace());
    try {
      const rows = await fill(place.archive, options);
      onProgress?.(`${rows} rows are in the archive`);
      await place.fillBare();
      const queries: Record<string, QueryResult> = {};
      for (const [name, question] of Object.entries(questions(options))) {
        queries[name] = await compare(runs, {
          ours: () => question.ask(place.archive),
          theirs: () => place.askBare(question.bare),
        });
        onProgress?.(`${name}: ${queries[name].ratioToBareTable} of the bare table`);
      }
      return { store, stations, days, runs, seed, rows, queries };
    } finally {
      await place.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function openDuckdbPlace(folder: string): Promise<Place> {
  const archive = await openDuckdbArchive({ path: join(folder, 'archive.duckdb') });
  const instance = await DuckDBInstance.create(join(folder, 'bare.duckdb'));
  const connection = await instance.connect();
  return {
    archive,
    async fillBare() {
      const path = join(folder, 'rows.parquet');
      await archive.export({ path, format: 'parquet' });
      await connection.run(`CREATE TABLE bare AS SELECT station, quantity, epoch_ms("observedAt") AS observed_at,
        "intervalMs" AS interval_ms, (value * 1000)::BIGINT AS value, flag
        FROM read_parquet('${path}') ORDER BY observed_at, station`);
    },
    askBare: async (sql) => (await connection.runAndReadAll(sql)).getRows().length,
    async close() {
      connection.closeSync();
      instance.closeSync();
      await archive.close();
    },
  };
}

async function openPostgresqlPlace(): Promise<Place> {
  // Loaded here: a start of the server loads this file too, and needs neither.
  const [{ default: pg }, { PostgresqlServer }] = await Promise.all([
    import('pg'),
    import('../test/servers/postgresql.ts'),
  ]);
  const server = await PostgresqlServer.start();
  const client = new pg.Client({ connectionString: server.url });
  try {
    const archive = await openPostgresArchive({ url: server.url, schema: 'queries', connections: 4 });
    await client.connect();
    return {
      archive,
      async fillBare() {
        await client.query(`CREATE TABLE bare AS SELECT station, quantity, observed_at, interval_ms, value, flag
          FROM queries.observations ORDER BY observed_at, station`);
        await client.query('CREATE INDEX ON bare (station, observed_at)');
        await client.query('VACUUM ANALYZE');
      },
      askBare: async (sql) => (await client.query(sql)).rows.length,
      async close() {
        await archive.close();
        await client.end();
        await server.stop();
      },
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function compare(
  runs: number,
  { ours, theirs }: { readonly ours: () => Promise<number>; readonly theirs: () => Promise<number> },
): Promise<QueryResult> {
  const rows = await ours();
  const others = await theirs();
  invariant(rows === others, `the archive finds ${rows} rows and the bare table ${others}`);
  const ratios: number[] = [];
  for (let run = 0; run < runs; run++) {
    const bareMs = await timed(theirs);
    ratios.push(round3(bareMs / (await timed(ours))));
  }
  return { rows, ratioToBareTable: round3(median(ratios)), runsRatioToBareTable: ratios };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

const stationName = (index: number): string => `S${String(index).padStart(5, '0')}`;

/** Rain of every station every ten minutes, in order of time, as it would have come. */
async function fill(archive: Archive, { stations, days, seed }: QueriesBenchOptions): Promise<number> {
  const random = seededRandom(seed);
  const end = START + days * DAY_MS;
  let rows = 0;
  let offset = 0;
  for (let from = START; from < end; from += HOURS_A_COMMIT * HOUR_MS) {
    const packer = new RowPacker(stations * HOURS_A_COMMIT * 6);
    for (let at = from + STEP; at <= Math.min(end, from + HOURS_A_COMMIT * HOUR_MS); at += STEP) {
      for (let s = 0; s < stations; s++, rows++) {
        const value = random() < 0.9 ? 0 : Math.floor(random() * 50) * 200;
        packer.add({
          ...{
            station: stationName(s),
            quantity: 'rainfall',
            observedAt: at,
            intervalMs: STEP,
            receivedAt: at,
          },
          ...{ value, flag: 'good', arrival: 'on-time' },
        });
      }
    }
    await archive.commit([
      { partition: 0, epoch: 1, from: offset, to: offset + 1, observations: [], packed: [packer.rows()] },
    ]);
    offset++;
  }
  return rows;
}

function questions({ stations, days, store }: QueriesBenchOptions): Readonly<Record<string, Question>> {
  const end = START + days * DAY_MS;
  const station = stationName(Math.floor(stations / 2));
  const everyone = Array.from({ length: stations }, (_, i) => stationName(i));
  const spanEnd = (ms: number): string => `(observed_at - 1) - (observed_at - 1) % ${ms} + ${ms}`;
  const one = `station = '${station}' AND quantity = 'rainfall'`;
  const series = (from: number, everyMs: number | null) => async (archive: Archive) =>
    (await archive.series({ station, from, to: end, everyMs, limit: 100_000 })).length;
  const aggregates =
    (names: readonly string[], from: number, by: 'hour' | 'span') => async (archive: Archive) =>
      (
        await archive.aggregates({
          stations: names,
          quantity: 'rainfall',
          from,
          to: end,
          by,
          limit: 1_000_000,
        })
      ).at.length;
  const totals = 'sum(value), min(value), max(value), count(*), sum(interval_ms)';
  return {
    latestOfAllStations: {
      ask: async (archive) => (await archive.latest()).length,
      bare:
        store === 'duckdb'
          ? 'SELECT station, quantity, max(observed_at), arg_max(value, observed_at) FROM bare GROUP BY ALL'
          : `SELECT DISTINCT ON (station, quantity) station, quantity, observed_at, value FROM bare
              ORDER BY station, quantity, observed_at DESC`,
    },
    lastDayOfAStation: {
      ask: series(end - DAY_MS, null),
      bare: `SELECT observed_at, value FROM bare WHERE ${one} AND observed_at >= ${end - DAY_MS} AND observed_at < ${end}
        ORDER BY observed_at`,
    },
    allDaysOfAStationByDay: {
      ask: series(START, DAY_MS),
      bare: `SELECT ${spanEnd(DAY_MS)} AS ends, ${totals} FROM bare WHERE ${one} GROUP BY ends ORDER BY ends`,
    },
    allHoursOfAStation: {
      ask: aggregates([station], START, 'hour'),
      bare: `SELECT ${spanEnd(HOUR_MS)} AS ends, ${totals} FROM bare WHERE ${one} GROUP BY ends ORDER BY ends`,
    },
    lastDayOfAllStations: {
      ask: aggregates(everyone, end - DAY_MS, 'span'),
      bare: `SELECT station, ${totals} FROM bare WHERE quantity = 'rainfall' AND observed_at > ${end - DAY_MS}
        GROUP BY station`,
    },
    allDaysOfAllStations: {
      ask: aggregates(everyone, START, 'span'),
      bare: `SELECT station, ${totals} FROM bare WHERE quantity = 'rainfall' GROUP BY station`,
    },
  };
}

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

// Writes the tables of docs/scaling.md from what the benchmarks measured; with --check it only says whether they are so.

const root = new URL('..', import.meta.url);
const result = <T>(name: string): T =>
  JSON.parse(readFileSync(new URL(`bench/results/${name}.json`, root), 'utf8')) as T;

const footprint = result<{
  log: { bytesPerReport: number };
  checkpoint: { bytesPerReadingKept: number };
  duckdb: { bytesPerObservation: number };
  postgresql: { bytesPerObservation: number; bytesPerRevision: number };
}>('footprint');
const durable = result<{ throughput: { eachSecond: number } }>('checkpoints');

/** `rules check rules/inmet --stations`: 290 KiB for five quantities of 303 readings each. */
const STATE_BYTES_PER_READING = (290 * 1024) / (5 * 303);
/** The network of the tables: every station reports six quantities each ten minutes. */
const INTERVAL_S = 600;
const READINGS = 6;
/** The longest window of rules/inmet and the lateness, a day each. */
const KEPT_S = 2 * 86_400;
/** Assumed: alert revisions of a station in a month, and people and systems told of each. */
const REVISIONS_PER_MONTH = 30;
const SUBSCRIBERS = 10;
/** Assumed for the worst hour: so many of all stations raise an alert in it. */
const STORM_SHARE = 0.2;
const MONTH_S = 730 * 3600;
/** A tick in a Kinesis chunk. */
const TICK_BYTES = 100;
/** Heap of a task that goes to state: half of 16 GiB. */
const TASK_STATE_BYTES = 8 * 2 ** 30;
const SHARD_BYTES = 1e6;
const MOST_PARTITIONS = 1024;

const si = (value: number, unit: string): string => {
  const steps = ['', 'k', 'M', 'G', 'T', 'P'];
  let step = 0;
  let left = value;
  while (left >= 1000 && step < steps.length - 1) {
    left /= 1000;
    step++;
  }
  return `${left >= 100 ? left.toFixed(0) : Number(left.toPrecision(2))} ${steps[step]}${unit}`.trim();
};

interface Sized {
  readonly partitions: number;
  readonly reports: number;
  readonly readings: number;
  readonly kept: number;
}
type Row = readonly [
  what: string,
  how: 'computed' | 'measured x computed' | 'computed by `rules check`' | 'assumed',
  of: (n: Sized, stations: number) => string,
];

const rows: readonly Row[] = [
  ['reports a second', 'computed', (n) => si(n.reports, '')],
  [
    'processor, log to ledger and archive (cores)',
    'measured x computed',
    (n) => si(n.reports / durable.throughput.eachSecond, ''),
  ],
  [
    'log, bytes a second',
    'measured x computed',
    (n) => si(n.reports * footprint.log.bytesPerReport + n.partitions * TICK_BYTES, 'B'),
  ],
  [
    'Kinesis shards, at least',
    'computed',
    (n) =>
      String(Math.ceil((n.reports * footprint.log.bytesPerReport + n.partitions * TICK_BYTES) / SHARD_BYTES)),
  ],
  ['partitions (at most 1024)', 'computed', (n) => String(n.partitions)],
  [
    'commits to the ledger a second, at most one per partition and tick',
    'computed',
    (n) => si(n.partitions, ''),
  ],
  ['readings that the folds keep', 'computed', (n) => si(n.kept, '')],
  ['state in memory', 'computed by `rules check`', (n) => si(n.kept * STATE_BYTES_PER_READING, 'B')],
  [
    'tasks of 16 GiB for it',
    'computed',
    (n) => String(Math.max(2, Math.ceil((n.kept * STATE_BYTES_PER_READING) / TASK_STATE_BYTES))),
  ],
  [
    'state of one partition in memory',
    'computed by `rules check`',
    (n) => si((n.kept * STATE_BYTES_PER_READING) / n.partitions, 'B'),
  ],
  [
    'checkpoint of one partition',
    'measured x computed',
    (n) => si((n.kept * footprint.checkpoint.bytesPerReadingKept) / n.partitions, 'B'),
  ],
  [
    'checkpoints of all',
    'measured x computed',
    (n) => si(n.kept * footprint.checkpoint.bytesPerReadingKept, 'B'),
  ],
  [
    'archive on PostgreSQL, a month',
    'measured x computed',
    (n) => si(n.readings * MONTH_S * footprint.postgresql.bytesPerObservation, 'B'),
  ],
  [
    'archive on DuckDB, a month',
    'measured x computed',
    (n) => si(n.readings * MONTH_S * footprint.duckdb.bytesPerObservation, 'B'),
  ],
  [
    'ledger on PostgreSQL, a month',
    'measured x computed',
    (_, stations) => si(stations * REVISIONS_PER_MONTH * footprint.postgresql.bytesPerRevision, 'B'),
  ],
  [
    'deliveries a second in the worst hour',
    'assumed',
    (_, stations) => si((stations * STORM_SHARE * SUBSCRIBERS) / 3600, ''),
  ],
];

/** Partitions by the rule of docs/scaling.md: a power of two, the state of each at most 512 MiB, at least 64. */
function partitionsFor(kept: number): number {
  const wanted = Math.max(64, (kept * STATE_BYTES_PER_READING) / (512 * 2 ** 20));
  return Math.min(MOST_PARTITIONS, 2 ** Math.ceil(Math.log2(wanted)));
}

function scalingTable(): string {
  const sizes = [10_000, 1_000_000, 100_000_000];
  const sized = sizes.map((stations): [number, Sized] => {
    const reports = stations / INTERVAL_S;
    const kept = stations * READINGS * (KEPT_S / INTERVAL_S);
    return [stations, { reports, readings: reports * READINGS, kept, partitions: partitionsFor(kept) }];
  });
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    line(['', 'how known', ...sizes.map((size) => `${si(size, '')} stations`)]),
    line(['---', '---', ...sizes.map(() => '---')]),
    ...rows.map(([what, how, of]) => line([what, how, ...sized.map(([stations, n]) => of(n, stations))])),
  ].join('\n');
}

const page = fileURLToPath(new URL('docs/scaling.md', root));
const BEGIN = '<!-- table: written by scripts/make-scaling.ts -->';
const END = '<!-- end of table -->';
const text = readFileSync(page, 'utf8');
const [from, to] = [text.indexOf(BEGIN) + BEGIN.length, text.indexOf(END)];
if (process.argv.includes('--check')) {
  const bare = (one: string): string =>
    one
      .replace(/[ -]+/g, ' ')
      .replace(/\s*\|\s*/g, '|')
      .trim();
  if (bare(text.slice(from, to)) !== bare(scalingTable())) {
    console.error('docs/scaling.md is not in step with bench/results: run `node scripts/make-scaling.ts`.');
    process.exitCode = 1;
  }
} else writeFileSync(page, `${text.slice(0, from)}\n\n${scalingTable()}\n\n${text.slice(to)}`);

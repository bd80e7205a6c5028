import { cpSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CheckpointStore } from '../src/app/checkpoints/checkpoints.ts';
import type { WorkersOptions } from '../src/app/workers/worker-pool.ts';
import { seededRandom } from '../src/lib/random.ts';
import type { Report } from '../src/model/report.ts';
import type { Station } from '../src/model/station.ts';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../src/model/time.ts';
import { PartitionFold } from '../src/stream/fold.ts';
import { START_AT } from './engine-input.ts';
import { engineRules } from './engine-rules.ts';
import { median } from './figures.ts';
import { documentsOf, Pipeline, type PipelineOptions, rounded } from './pipeline.ts';

export interface CheckpointsOptions {
  readonly stations: number;
  /** Hourly reports of each station before the crash. */
  readonly hours: number;
  readonly runs: number;
  readonly seed: number;
  readonly onProgress?: (text: string) => void;
}

export interface CheckpointsResult {
  readonly stations: number;
  readonly records: number;
  readonly runs: number;
  /** Reports per second of processor time (all threads) through log, fold, ledger and archive, medians. */
  readonly throughput: { readonly without: number; readonly eachSecond: number };
  /** Share of the throughput that checkpoints each second cost; below 0 within the noise of the machine. */
  readonly cost: number;
  /** Share of the fold's thread that checkpoints took. */
  readonly timeShare: number;
  readonly checkpoints: { readonly written: number; readonly bytesOfState: number };
  readonly recovery: {
    /** Reading and restoring every partition's checkpoint, nothing else. */
    readonly readingMs: number;
    /** From closed files to alerts that are up to date: opening, reading, folding the tail, committed in the ledger. */
    readonly recoveryMs: number;
    /** Of it: opening the files, taking the partitions over with their states, folding and committing the tail. */
    readonly openingMs: number;
    readonly takingOverMs: number;
    readonly tailMs: number;
    /** The same with two worker threads. */
    readonly workersMs: number;
    /** Until the archive, which nothing waits for, has the tail too. */
    readonly archiveMs: number;
    /** Reports folded again: what arrives at one report a minute of each station between two checkpoints of a partition. */
    readonly tailReports: number;
    /** Processor time of all threads, of the reading and of the recovery until alerts are up to date, and of its opening. */
    readonly readingCpuMs: number;
    readonly recoveryCpuMs: number;
    readonly openingCpuMs: number;
    readonly cpuRatio: number;
    readonly ratio: number;
    readonly workersRatio: number;
  };
}

const PARTITIONS = 64;
const EVERY_MS = 1000;
const RECOVERIES = 3;
/** The share of the fold's thread that checkpoints are given. */
const SHARE = 0.04;
const quantities = ['rainfall', 'airTemperature', 'relativeHumidity', 'windGust'];

/** What a checkpoint a second costs at full load, and how long 10,000 stations take to come back beside reading alone. */
export async function benchCheckpoints(options: CheckpointsOptions): Promise<CheckpointsResult> {
  const base = mkdtempSync(join(tmpdir(), 'atalaia-checkpoints-'));
  try {
    const rates = { without: [] as number[], eachSecond: [] as number[] };
    let spent = { ms: 0, count: 0, tookMs: 1 };
    // The first one warms the code up and is not counted.
    const warmUp = { ...options, stations: Math.min(500, options.stations), hours: 4 };
    await fill(join(base, 'warm-up'), warmUp, EVERY_MS);
    for (let run = 0; run < options.runs; run++) {
      for (const kind of run % 2 === 0
        ? (['without', 'eachSecond'] as const)
        : (['eachSecond', 'without'] as const)) {
        options.onProgress?.(`run ${run + 1} of ${options.runs}: ${kind}`);
        const folder = join(base, `${run}-${kind}`);
        const done = await fill(folder, options, kind === 'without' ? Number.POSITIVE_INFINITY : EVERY_MS);
        rates[kind].push(done.reportsPerSecond);
        if (kind === 'eachSecond') spent = done.spent;
        if (run < options.runs - 1 || kind === 'without') rmSync(folder, { recursive: true, force: true });
      }
    }
    // The order of the last run decides which folder is left.
    const folder = join(base, `${options.runs - 1}-eachSecond`);
    // Between two checkpoints of a partition all others have their turn, and the rests between them pass.
    const roundMs = Math.max(EVERY_MS, (spent.ms / Math.max(1, spent.count)) * (1 / SHARE) * PARTITIONS);
    const tail = Math.min(options.stations, Math.ceil((options.stations * roundMs) / MINUTE_MS));
    const recovery = await recover(folder, options, tail);
    const throughput = { without: median(rates.without), eachSecond: median(rates.eachSecond) };
    return {
      stations: options.stations,
      records: options.stations * options.hours,
      runs: options.runs,
      throughput,
      cost: rounded(1 - throughput.eachSecond / throughput.without),
      timeShare: rounded(spent.ms / spent.tookMs),
      checkpoints: { written: spent.count, bytesOfState: recovery.bytes },
      recovery: recovery.measured,
    };
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}

function open(
  folder: string,
  { stations }: CheckpointsOptions,
  checkpointEveryMs: number,
  workers?: WorkersOptions,
): Promise<Pipeline> {
  return Pipeline.open({
    folder,
    ...networkOf(stations),
    // A server reads its rules at every start.
    rules: engineRules(),
    everyMs: 0,
    checkpointEveryMs,
    ...(workers && { workers }),
  });
}

type Network = Pick<PipelineOptions, 'partitions' | 'rules' | 'stations' | 'partitionOf' | 'documents'>;
const made = new Map<number, Network>();

/** The same whenever it is asked for, so that no recovery is charged with making it. */
function networkOf(count: number): Network {
  const known = made.get(count);
  if (known) return known;
  const network = {
    partitions: PARTITIONS,
    rules: engineRules(),
    stations: Array.from({ length: count }, (_, i) => stationOf(i)),
    partitionOf: ({ region }: Station) => Number(region.slice(1)),
  };
  const whole = { ...network, documents: documentsOf(network) };
  made.set(count, whole);
  return whole;
}

const stationOf = (i: number): Station => ({
  id: `S${i}`,
  name: `Station ${i}`,
  latitude: -30,
  longitude: -51,
  altitude: null,
  region: `r${i % PARTITIONS}`,
  timeZone: 'UTC',
  intervalMs: HOUR_MS,
});

async function fill(
  folder: string,
  options: CheckpointsOptions,
  everyMs: number,
): Promise<{ reportsPerSecond: number; spent: { ms: number; count: number; tookMs: number } }> {
  const pipeline = await open(folder, options, everyMs);
  await pipeline.log.append(pipeline.beginning(START_AT));
  for (let hour = 0; hour < options.hours; hour++) {
    const at = START_AT + hour * HOUR_MS;
    await pipeline.log.append(pipeline.step(at, reportsOf(at, options)));
  }
  const from = performance.now();
  const cpu = process.cpuUsage();
  await pipeline.processor.start();
  await pipeline.caughtUp();
  const tookMs = performance.now() - from;
  const { user, system } = process.cpuUsage(cpu);
  const spent = { ...pipeline.processor.checkpointsSpent, tookMs };
  await pipeline.close();
  const cpuMs = (user + system) / 1000;
  return { reportsPerSecond: Math.round((options.stations * options.hours * SECOND_MS) / cpuMs), spent };
}

function reportsOf(at: number, { stations, seed }: CheckpointsOptions): Report[] {
  const random = seededRandom(seed + at / HOUR_MS);
  return Array.from({ length: stations }, (_, i) => ({
    station: `S${i}`,
    observedAt: at,
    intervalMs: HOUR_MS,
    receivedAt: at,
    quantities,
    values: [
      random() < 0.9 ? 0 : Math.round(random() * 12_000),
      Math.round(20_000 + random() * 8000),
      Math.round(60_000 + random() * 30_000),
      Math.round(random() * 15_000),
    ],
  }));
}

async function recover(
  folder: string,
  options: CheckpointsOptions,
  tail: number,
): Promise<{ measured: CheckpointsResult['recovery']; bytes: number }> {
  const { hours } = options;
  const before = await open(folder, options, Number.POSITIVE_INFINITY);
  const at = START_AT + hours * HOUR_MS;
  await before.log.append(before.step(at, reportsOf(at, options).slice(0, tail)));
  await before.close(false);
  const seen = {
    reading: [] as number[],
    readingCpu: [] as number[],
    here: [] as Recovered[],
    workers: [] as Recovered[],
  };
  let bytes = 0;
  // The first turn warms the code up, of the archive's engine too, and is not counted.
  for (let turn = 0; turn <= RECOVERIES; turn++) {
    options.onProgress?.(`recovery ${turn} of ${RECOVERIES}`);
    const reading = await readAll(folder, before);
    const here = await recovered(folder, options);
    const workers = await recovered(folder, options, { min: 2, max: 2 });
    bytes = reading.bytes;
    if (turn === 0) continue;
    seen.reading.push(reading.ms);
    seen.readingCpu.push(reading.cpuMs);
    seen.here.push(here);
    seen.workers.push(workers);
  }
  const of = (all: readonly Recovered[], key: keyof Recovered): number =>
    Math.round(median(all.map((one) => one[key])));
  const readingMs = Math.round(median(seen.reading));
  const readingCpuMs = Math.round(median(seen.readingCpu));
  const recoveryMs = of(seen.here, 'recoveryMs');
  const workersMs = of(seen.workers, 'recoveryMs');
  return {
    bytes,
    measured: {
      readingMs,
      recoveryMs,
      openingMs: of(seen.here, 'openingMs'),
      takingOverMs: of(seen.here, 'takingOverMs'),
      tailMs: of(seen.here, 'tailMs'),
      workersMs,
      archiveMs: of(seen.here, 'archiveMs'),
      tailReports: tail,
      readingCpuMs,
      recoveryCpuMs: of(seen.here, 'cpuMs'),
      openingCpuMs: of(seen.here, 'openingCpuMs'),
      cpuRatio: rounded(of(seen.here, 'cpuMs') / readingCpuMs),
      ratio: rounded(recoveryMs / readingMs),
      workersRatio: rounded(workersMs / readingMs),
    },
  };
}

interface Recovered {
  readonly openingCpuMs: number;
  readonly cpuMs: number;
  readonly openingMs: number;
  readonly takingOverMs: number;
  readonly tailMs: number;
  readonly recoveryMs: number;
  readonly archiveMs: number;
}

/** One recovery of a copy of the files, so that the next one finds what this one found. */
async function recovered(
  folder: string,
  options: CheckpointsOptions,
  workers?: WorkersOptions,
): Promise<Recovered> {
  const copy = `${folder}-copy`;
  cpSync(folder, copy, { recursive: true });
  try {
    const from = performance.now();
    const cpuFrom = process.cpuUsage();
    const pipeline = await open(copy, options, Number.POSITIVE_INFINITY, workers);
    const openAt = performance.now();
    const openingCpuMs = cpuMsSince(cpuFrom);
    await pipeline.processor.start();
    const overAt = performance.now();
    await pipeline.alerted();
    const upAt = performance.now();
    const cpuMs = cpuMsSince(cpuFrom);
    await pipeline.caughtUp();
    const archiveAt = performance.now();
    await pipeline.close();
    return {
      openingCpuMs,
      cpuMs,
      openingMs: openAt - from,
      takingOverMs: overAt - openAt,
      tailMs: upAt - overAt,
      recoveryMs: upAt - from,
      archiveMs: archiveAt - from,
    };
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

async function readAll(
  folder: string,
  { documents }: Pipeline,
): Promise<{ ms: number; cpuMs: number; bytes: number }> {
  const directory = join(folder, 'checkpoints');
  const newest = new Map<string, string>();
  for (const name of readdirSync(directory).sort((a, b) => offsetOf(a) - offsetOf(b)))
    newest.set(name.split('-')[0] as string, name);
  const bytes = [...newest.values()].reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
  const from = performance.now();
  const cpuFrom = process.cpuUsage();
  const store = await CheckpointStore.open(directory, () => {});
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const checkpoint = await store.newest(partition, Number.POSITIVE_INFINITY);
    if (!checkpoint) continue;
    await documents.ensure(checkpoint.snapshot.ruleSet);
    PartitionFold.restore(checkpoint.snapshot, documents.foldOptions());
  }
  return { ms: performance.now() - from, cpuMs: cpuMsSince(cpuFrom), bytes };
}

function cpuMsSince(from: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(from);
  return (user + system) / 1000;
}

const offsetOf = (name: string): number => Number(/-(\d+)\./.exec(name)?.[1] ?? 0);

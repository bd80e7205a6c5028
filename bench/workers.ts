import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatAlertEvent } from '../src/alerts/event-json.ts';
import { seededRandom } from '../src/lib/random.ts';
import type { Report } from '../src/model/report.ts';
import type { Station } from '../src/model/station.ts';
import { MINUTE_MS } from '../src/model/time.ts';
import { START_AT } from './engine-input.ts';
import { engineRules } from './engine-rules.ts';
import { Pipeline, rounded } from './pipeline.ts';

export interface WorkersBenchOptions {
  readonly stations: number;
  readonly minutes: number;
  /** Threads to try; 0: the main thread folds, without hand-off. */
  readonly workers: readonly number[];
  readonly runs: number;
  readonly seed: number;
  readonly onProgress?: (text: string) => void;
}

export interface WorkersBenchResult {
  readonly stations: number;
  readonly reports: number;
  readonly runs: number;
  /** The ledgers hold the same events, byte for byte. */
  readonly isSame: boolean;
  readonly cases: readonly {
    readonly workers: number;
    /** Reports per second from the log until the ledger has all of their effects, median. */
    readonly reportsPerSecond: number;
    /** Its throughput over that of the main thread alone. */
    readonly toMainThread: number;
    /** Its throughput over that of one worker. */
    readonly toOneWorker: number;
  }[];
}

const PARTITIONS = 64;
const quantities = ['rainfall', 'airTemperature', 'relativeHumidity', 'windGust'];

/** The same full log folded by the main thread and by worker threads: what the hand-off costs, and what each worker adds. */
export async function benchWorkers(options: WorkersBenchOptions): Promise<WorkersBenchResult> {
  const rates = new Map<number, number[]>(options.workers.map((workers) => [workers, []]));
  const events = new Set<string>();
  for (let run = 0; run <= options.runs; run++) {
    for (const workers of options.workers) {
      options.onProgress?.(`run ${run} of ${options.runs}: ${workers} workers`);
      const done = await fold(options, workers);
      events.add(done.events);
      // The first round warms the code up and is not counted.
      if (run > 0) rates.get(workers)?.push(done.reportsPerSecond);
    }
  }
  const rateOf = (workers: number): number =>
    [...(rates.get(workers) ?? [])].sort((a, b) => a - b)[options.runs >> 1] ?? Number.NaN;
  return {
    stations: options.stations,
    reports: options.stations * options.minutes,
    runs: options.runs,
    isSame: events.size === 1,
    cases: options.workers.map((workers) => ({
      workers,
      reportsPerSecond: Math.round(rateOf(workers)),
      toMainThread: rounded(rateOf(workers) / rateOf(0)),
      toOneWorker: rounded(rateOf(workers) / rateOf(1)),
    })),
  };
}

async function fold(
  options: WorkersBenchOptions,
  workers: number,
): Promise<{ readonly reportsPerSecond: number; readonly events: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'atalaia-workers-'));
  try {
    const pipeline = await Pipeline.open({
      folder,
      partitions: PARTITIONS,
      rules: engineRules(),
      stations: Array.from({ length: options.stations }, (_, i) => stationOf(i)),
      partitionOf: ({ region }) => Number(region.slice(1)),
      everyMs: 0,
      checkpointEveryMs: Number.POSITIVE_INFINITY,
      // A log shorter than the seconds after which the lag would call for more: the number stays.
      ...(workers > 0 && { workers: { min: workers, max: Math.max(2, workers) } }),
    });
    await pipeline.log.append(pipeline.beginning(START_AT));
    for (let minute = 0; minute < options.minutes; minute++) {
      const at = START_AT + minute * MINUTE_MS;
      await pipeline.log.append(pipeline.step(at, reportsOf(at, options)));
    }
    const from = performance.now();
    await pipeline.processor.start();
    await pipeline.caughtUp('ledger');
    const seconds = (performance.now() - from) / 1000;
    await pipeline.caughtUp();
    const lines: string[] = [];
    for await (const event of pipeline.ledger.events()) lines.push(formatAlertEvent(event));
    await pipeline.close();
    return {
      reportsPerSecond: (options.stations * options.minutes) / seconds,
      events: lines.join('\n'),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const stationOf = (i: number): Station => ({
  id: `S${i}`,
  name: `Station ${i}`,
  latitude: -30,
  longitude: -51,
  altitude: null,
  region: `r${i % PARTITIONS}`,
  timeZone: 'UTC',
  intervalMs: MINUTE_MS,
});

function reportsOf(at: number, { stations, seed }: WorkersBenchOptions): Report[] {
  const random = seededRandom(seed + at / MINUTE_MS);
  return Array.from({ length: stations }, (_, i) => ({
    station: `S${i}`,
    observedAt: at,
    intervalMs: MINUTE_MS,
    receivedAt: at,
    quantities,
    values: [
      random() < 0.9 ? 0 : Math.round(random() * 1200),
      Math.round(20_000 + random() * 8000),
      Math.round(60_000 + random() * 30_000),
      Math.round(random() * 15_000),
    ],
  }));
}

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { storedIn } from '../../bench/guarantees-oracle.ts';
import { Pipeline } from '../../bench/pipeline.ts';
import { formatAlertEvent } from '../../src/alerts/event-json.ts';
import { Replay } from '../../src/app/replay.ts';
import { startThread } from '../../src/app/workers/worker-link.ts';
import type { WorkerEvent } from '../../src/app/workers/worker-pool.ts';
import { type Clock, systemClock } from '../../src/lib/clock.ts';
import { seededRandom } from '../../src/lib/random.ts';
import { observationsIn } from '../../src/model/effect.ts';
import type { Report } from '../../src/model/report.ts';
import type { Rule } from '../../src/model/rule.ts';
import type { Station } from '../../src/model/station.ts';
import { MINUTE_MS } from '../../src/model/time.ts';
import { loadRules } from '../../src/rules/rule-set.ts';
import { temporaryFolder } from './server.ts';

/** What is fed: reports sorted by (`receivedAt`, station). */
export interface Feed {
  readonly rules: readonly Rule[];
  readonly stations: readonly Station[];
  readonly reports: readonly Report[];
}

/** What the stores hold, sorted, so that a row too many or too few shows. */
export interface Stored {
  readonly events: readonly string[];
  readonly observations: readonly string[];
}

export interface RunOptions extends Feed {
  readonly partitions: number;
  /** Threads, none of them added or taken by the lag unless `elastic`; 0: the main thread folds. */
  readonly workers: number;
  /** The number of threads follows the lag up to `max`, by this clock. */
  readonly elastic?: { readonly max: number; readonly clock: Clock };
  /** Default: only at the end. */
  readonly checkpointEveryMs?: number;
  /** Runs beside the fold, with the threads alive. */
  readonly disturb?: (run: Disturbed) => Promise<void>;
  /** Asked before each instant of the feed: false ends it. */
  readonly pace?: (run: Disturbed, reports: readonly Report[]) => Promise<boolean>;
  /** Runs when everything is folded, before the end. */
  readonly afterwards?: (run: Disturbed) => Promise<void>;
}

export interface Disturbed {
  /** Threads alive, the oldest first. */
  readonly threads: readonly Worker[];
  readonly events: readonly WorkerEvent[];
  readonly pipeline: Pipeline;
  readonly isOver: () => boolean;
}

const still: Clock = { ...systemClock, after: () => () => {} };

/** The feed through log, workers and both stores. */
export async function runWorkers(options: RunOptions): Promise<Stored> {
  const { workers, disturb } = options;
  const feed = { rules: options.rules, stations: options.stations, reports: options.reports };
  const { partitions } = options;
  const folder = temporaryFolder();
  const threads: Worker[] = [];
  const events: WorkerEvent[] = [];
  let isOver = false;
  let pipeline: Pipeline | undefined;
  try {
    mkdirSync(folder.path, { recursive: true });
    pipeline = await Pipeline.open({
      ...feed,
      partitions,
      folder: join(folder.path, 'data'),
      everyMs: 0,
      checkpointEveryMs: options.checkpointEveryMs ?? Number.POSITIVE_INFINITY,
      partitionOf: ({ region }) => Number(region.slice(1)) % partitions,
      ...(workers > 0 && {
        workers: {
          min: workers,
          max: options.elastic?.max ?? Math.max(2, workers),
          clock: options.elastic?.clock ?? still,
          onEvent: (event) => void events.push(event),
          startThread: (latenessMs) => {
            const thread = startThread(latenessMs);
            threads.push(thread);
            thread.on('exit', () => threads.splice(threads.indexOf(thread), 1));
            return thread;
          },
        },
      }),
    });
    await pipeline.log.append(pipeline.beginning(options.reports[0]?.receivedAt ?? 0));
    await pipeline.processor.start();
    const run: Disturbed = { threads, events, pipeline, isOver: () => isOver };
    const disturbed = disturb?.(run);
    for (const group of byTime(options.reports)) {
      if (options.pace && !(await options.pace(run, group))) break;
      await pipeline.log.append(pipeline.step(group[0]?.receivedAt ?? 0, group));
    }
    await pipeline.caughtUp();
    isOver = true;
    await disturbed;
    await options.afterwards?.(run);
    await pipeline.close();
    pipeline = undefined;
    const { ledger, archive } = await storedIn(join(folder.path, 'data'), []);
    return { events: ledger, observations: [...archive].sort() };
  } finally {
    await pipeline?.close().catch(() => {});
    folder.remove();
  }
}

/** What one fold in one thread, never disturbed, gives. */
export function undisturbed({ rules, stations, reports }: Feed): Stored {
  const observations: string[] = [];
  const replay = new Replay({
    rules,
    stations,
    onEffect: (effect) => {
      for (const { station, quantity, observedAt, value, arrival } of observationsIn(effect))
        observations.push([station, quantity, observedAt, value, arrival].join(' '));
    },
  });
  for (const report of reports) replay.feed(report);
  return { events: replay.finish().map(formatAlertEvent), observations: observations.sort() };
}

function byTime(reports: readonly Report[]): Report[][] {
  const groups: Report[][] = [];
  for (const report of reports) {
    const last = groups.at(-1);
    if (last?.[0]?.receivedAt === report.receivedAt) last.push(report);
    else groups.push([report]);
  }
  return groups;
}

const texts = [
  `rule: chuva
hazard: rain
levels:
  yellow: sum(rainfall, 30m) >= 10 mm
  red: sum(rainfall, 30m) >= 40 mm
clear: sum(rainfall, 30m) < 5 mm
coverage: 30 %
expires: 1h
`,
  `rule: chuva-geral
hazard: rain
subject: area
levels:
  orange: count(stations where sum(rainfall, 30m) >= 10 mm) >= 2
clear: count(stations where sum(rainfall, 30m) >= 10 mm) < 1
expires: 1h
`,
  `rule: mudo
hazard: rain
levels:
  yellow: silent(rainfall, 30m)
coverage: 0 %
expires: 3h
`,
];

/** Showers over stations of many regions, with reports that come late, twice, corrected, or not at all. */
export function randomFeed(seed: number, steps: number, count: number): Feed {
  const random = seededRandom(seed);
  const { rules, problems } = loadRules(texts.map((text, i) => ({ path: `${i}.yaml`, text })));
  if (problems[0]) throw new Error(JSON.stringify(problems[0]));
  const stepMs = 10 * MINUTE_MS;
  const stations = Array.from({ length: count }, (_, i) => ({
    ...{ id: `S${String(i).padStart(3, '0')}`, name: `Station ${i}`, latitude: -30, longitude: -51 },
    ...{ altitude: null, region: `r${Math.floor(random() * 64)}`, timeZone: 'UTC', intervalMs: stepMs },
  }));
  const wet = new Set<string>();
  const reports: Report[] = [];
  for (let step = 0; step < steps; step++) {
    const at = Date.UTC(2024, 3, 30) + step * stepMs;
    for (const { id } of stations) {
      if (random() < 0.2) wet.has(id) ? wet.delete(id) : wet.add(id);
      if (random() < 0.08) continue;
      const report = {
        ...{ station: id, observedAt: at, intervalMs: stepMs, receivedAt: at },
        quantities: ['rainfall', 'relativeHumidity'],
        values: [wet.has(id) ? Math.round(random() * 15_000) : 0, 70_000 + Math.round(random() * 20_000)],
      };
      const chance = random();
      if (chance < 0.05) reports.push({ ...report, receivedAt: at + 3 * stepMs });
      else reports.push(report);
      if (chance > 0.97) reports.push({ ...report, receivedAt: at + stepMs });
      else if (chance > 0.94) reports.push({ ...report, receivedAt: at + stepMs, values: [12_000, 75_000] });
    }
  }
  reports.sort((a, b) => a.receivedAt - b.receivedAt || (a.station < b.station ? -1 : 1));
  return { rules, stations, reports };
}

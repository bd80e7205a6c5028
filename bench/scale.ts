import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type Random, seededRandom } from '../src/lib/random.ts';
import type { Report } from '../src/model/report.ts';
import type { Condition, Rule } from '../src/model/rule.ts';
import type { Station } from '../src/model/station.ts';
import { MINUTE_MS } from '../src/model/time.ts';
import { PartitionFold } from '../src/stream/fold.ts';
import { START_AT } from './engine-input.ts';
import { engineRules } from './engine-rules.ts';

export interface ScaleOptions {
  /** Sizes of networks, ascending. A million stations need some 8 GB: `node --max-old-space-size=11000`. */
  readonly stations: readonly number[];
  /** Sizes of rule sets, ascending. */
  readonly rules: readonly number[];
  /** Reports of each station. */
  readonly minutes: number;
  readonly runs: number;
  readonly seed: number;
  readonly onProgress?: (text: string) => void;
}

export interface ScaleCase {
  readonly size: number;
  readonly nanosecondsPerObservation: number;
  /** Cost per observation over that of the smallest size; the median of the runs. */
  readonly ratioToSmallest: number;
}

export interface ScaleResult {
  /** The largest network's cost per observation over the smallest's; at most 1.5 is the aim. */
  readonly ratioOfStations: number;
  /** The largest rule set's cost per observation over the smallest's: sub-linear is the aim. */
  readonly ratioOfRules: number;
  /** How many times the rules grew for it. */
  readonly growthOfRules: number;
  readonly byStations: readonly (ScaleCase & { readonly bytesPerStation: number })[];
  readonly byRules: readonly ScaleCase[];
  readonly minutes: number;
  readonly runs: number;
  readonly seed: number;
}

export const defaultScale = {
  stations: [1_000, 10_000, 100_000],
  rules: [10, 100, 1_000, 10_000],
  minutes: 12,
} as const;

/** Stations of the measurement over rules. */
const STATIONS = 500;
const RULES = 20;
/** A small size is folded again and again, so that the compiler's start weighs as little as at a large one. */
const LEAST_REPORTS = 60_000;
const BATCH = 2_000;
const MOST_RULES = 100_000;

/**
 * Cost per observation as stations and rules grow, and what a station's state takes. The fold alone is timed, over
 * reports made beside it, by the CPU time of its thread (without the collector's helpers); sizes take turns within a run,
 * so that whatever slows the machine slows all of them.
 */
export function benchScale(options: ScaleOptions): ScaleResult {
  const { minutes, runs, seed, onProgress } = options;
  const measured = (sizes: readonly number[], of: (size: number) => Folded, unit: string): Folded[][] => {
    of(sizes[0] as number);
    return Array.from({ length: runs }, () =>
      sizes.map((size) => {
        onProgress?.(`${size} ${unit}`);
        return of(size);
      }),
    );
  };
  const few = scaledRules(RULES);
  const byStations = measured(options.stations, (size) => foldReports(size, few, minutes, seed), 'stations');
  const byRules = measured(
    options.rules,
    (size) => foldReports(STATIONS, scaledRules(size), minutes, seed),
    'rules',
  );
  const stations = casesOf(options.stations, byStations).map((one, i) => ({
    ...one,
    bytesPerStation: Math.round(median(byStations.map((run) => (run[i] as Folded).bytesPerStation))),
  }));
  const rules = casesOf(options.rules, byRules);
  return {
    ratioOfStations: stations.at(-1)?.ratioToSmallest ?? 1,
    ratioOfRules: rules.at(-1)?.ratioToSmallest ?? 1,
    growthOfRules: (options.rules.at(-1) ?? 1) / (options.rules[0] ?? 1),
    byStations: stations,
    byRules: rules,
    minutes,
    runs,
    seed,
  };
}

interface Folded {
  readonly nanoseconds: number;
  readonly bytesPerStation: number;
}

function casesOf(sizes: readonly number[], runs: readonly (readonly Folded[])[]): ScaleCase[] {
  const cost = (run: readonly Folded[], i: number): number => (run[i] as Folded).nanoseconds;
  return sizes.map((size, i) => ({
    size,
    nanosecondsPerObservation: Math.round(median(runs.map((run) => cost(run, i)))),
    ratioToSmallest: round2(median(runs.map((run) => cost(run, i) / cost(run, 0)))),
  }));
}

/**
 * As many rules as wanted: those of the engine's benchmark again and again, each copy with thresholds of its own, all
 * further from the weather than the first.
 */
export function scaledRules(count: number): Rule[] {
  const rules = engineRules();
  return Array.from({ length: Math.min(count, MOST_RULES) }, (_, i): Rule => {
    const rule = rules[i % rules.length] as Rule;
    const factor = 1 + Math.floor(i / rules.length) / count;
    return {
      ...rule,
      name: `${rule.name}-${i}`,
      levels: rule.levels.map((level) => ({ ...level, condition: further(level.condition, factor) })),
    };
  });
}

/** High thresholds grow and low ones shrink; a temperature or a pressure is no amount, and a tenth of the way is far. */
function further(condition: Condition, factor: number): Condition {
  if (condition.kind === 'and' || condition.kind === 'or')
    return { ...condition, terms: condition.terms.map((term) => further(term, factor)) };
  if (condition.kind !== 'comparison' || condition.right.kind !== 'number') return condition;
  const { right } = condition;
  const { numerator, denominator } = right.canonical;
  const isHigh = condition.operator === '>' || condition.operator === '>=';
  const by = isHigh === numerator > 0 ? factor : 1 / factor;
  const moved = Math.round(numerator * by * 1000);
  return {
    ...condition,
    right: { ...right, canonical: { numerator: moved, denominator: denominator * 1000 } },
  };
}

const LAYOUT = [
  'rainfall',
  'airTemperature',
  'dewPoint',
  'relativeHumidity',
  'stationPressure',
  'windSpeed',
  'windGust',
  'windDirection',
  'globalRadiation',
];

/** Scaled readings of a calm day with a shower now and then. */
function valuesOf(random: Random, minute: number): number[] {
  const temperature = 22_000 + minute * 5 + Math.floor(random() * 900);
  return [
    random() < 0.05 ? 200 : 0,
    temperature,
    temperature - 5000,
    65_000 + Math.floor(random() * 9000),
    1_008_000 + Math.floor(random() * 200),
    2000 + Math.floor(random() * 3000),
    4000 + Math.floor(random() * 6000),
    Math.floor(random() * 360) * 1000,
    20_000 + Math.floor(random() * 9000),
  ];
}

/** Folds `minutes` reports of each station; small networks more than once. */
function foldReports(stations: number, rules: readonly Rule[], minutes: number, seed: number): Folded {
  const registry = Array.from({ length: stations }, (_, i) => stationOf(i));
  const times = Math.max(1, Math.ceil(LEAST_REPORTS / (stations * minutes)));
  let ms = 0;
  let bytes = 0;
  for (let time = 0; time < times; time++) {
    const before = time === 0 ? usedBytes() : 0;
    const fold = begin(registry, rules);
    const random = seededRandom(seed + time);
    for (let minute = 0; minute < minutes; minute++) ms += foldMinute(fold, registry, minute, random);
    if (time === 0) bytes = usedBytes() - before;
    // The fold must live until its memory is counted.
    fold.apply({ kind: 'tick', at: fold.clockAt + 1 });
  }
  return {
    nanoseconds: (ms * 1e6) / (times * stations * minutes * LAYOUT.length),
    bytesPerStation: bytes / stations,
  };
}

function foldMinute(
  fold: PartitionFold,
  registry: readonly Station[],
  minute: number,
  random: Random,
): number {
  const receivedAt = START_AT + (minute + 1) * MINUTE_MS;
  fold.apply({ kind: 'tick', at: receivedAt });
  let ms = 0;
  for (let begin = 0; begin < registry.length; begin += BATCH) {
    const reports = registry.slice(begin, begin + BATCH).map(
      ({ id }): Report => ({
        station: id,
        observedAt: receivedAt - MINUTE_MS,
        intervalMs: MINUTE_MS,
        receivedAt,
        quantities: LAYOUT,
        values: valuesOf(random, minute),
      }),
    );
    const from = process.threadCpuUsage();
    for (const report of reports) fold.apply({ kind: 'report', report });
    const { user, system } = process.threadCpuUsage(from);
    ms += (user + system) / 1000;
  }
  return ms;
}

function begin(registry: readonly Station[], rules: readonly Rule[]): PartitionFold {
  const fold = new PartitionFold({ rules: () => rules, stations: () => registry });
  fold.apply({
    kind: 'command',
    id: 'recording',
    command: { type: 'recording', delayMs: 0, startAt: START_AT },
  });
  fold.apply({ kind: 'command', id: 'stations', command: { type: 'stations', hash: 'registry' } });
  fold.apply({ kind: 'command', id: 'rules', command: { type: 'rules', hash: 'rules' } });
  return fold;
}

const stationOf = (i: number): Station => ({
  id: `S${i}`,
  name: `Station ${i}`,
  latitude: -30,
  longitude: -51,
  altitude: null,
  region: '4314902',
  timeZone: 'America/Sao_Paulo',
  intervalMs: MINUTE_MS,
});

/** What is in use on the heap and in arrays outside it, after a full collection. */
function usedBytes(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

const round2 = (value: number): number => Math.round(value * 100) / 100;

import { createNdjsonParser } from '../src/ingest/fast-ndjson.ts';
import type { Rule } from '../src/model/rule.ts';
import { MINUTE_MS, SECOND_MS } from '../src/model/time.ts';
import { ruleSetHash } from '../src/rules/rule-set.ts';
import { PartitionFold } from '../src/stream/fold.ts';
import { type EngineInput, engineInput, START_AT } from './engine-input.ts';
import { engineRules } from './engine-rules.ts';

export interface EngineOptions {
  readonly sizes: readonly { readonly stations: number; readonly minutes: number }[];
  readonly runs: number;
  readonly seed: number;
  readonly onProgress?: (text: string) => void;
}

export interface EngineCase {
  readonly stations: number;
  readonly rules: number;
  readonly minutes: number;
  readonly reports: number;
  readonly observations: number;
  readonly alertEvents: number;
  readonly bytes: number;
  /** Throughput of the engine over that of `JSON.parse` per line from the same bytes; the median of the runs. */
  readonly ratioToJsonParse: number;
  /** The same beside `JSON.parse` of lines that are strings already: stricter, for nobody receives strings. */
  readonly ratioToJsonParseOfStrings: number;
  /** The throughput beside that of the same engine without quality control, by turns; the median of the runs. */
  readonly ratioToQualityOff: number;
  readonly reportsPerSecond: number;
  readonly observationsPerSecond: number;
}

export interface EngineResult {
  /** The worst case's. */
  readonly ratioToJsonParse: number;
  readonly observationsPerSecond: number;
  readonly reportsPerSecond: number;
  readonly worstCase: string;
  readonly cases: readonly EngineCase[];
  readonly runs: number;
  readonly seed: number;
}

export const defaultSizes = [
  { stations: 500, minutes: 120 },
  { stations: 5_000, minutes: 24 },
  { stations: 50_000, minutes: 4 },
] as const;

/**
 * Bytes to alerts on one core beside `JSON.parse` per line alone, both over the same NDJSON and by turns in one process,
 * so that whatever slows the machine slows both. Ratios are the measure; figures per second hold for this machine only.
 */
export function benchEngine(options: EngineOptions): EngineResult {
  const rules = engineRules();
  const cases = options.sizes.map((size) => {
    options.onProgress?.(`${size.stations} stations, ${size.minutes} minutes`);
    return measure(engineInput({ ...size, seed: options.seed }), rules, size.minutes, options.runs);
  });
  const worst = cases.reduce((a, b) => (b.ratioToJsonParse < a.ratioToJsonParse ? b : a));
  return {
    ratioToJsonParse: worst.ratioToJsonParse,
    observationsPerSecond: worst.observationsPerSecond,
    reportsPerSecond: worst.reportsPerSecond,
    worstCase: `${worst.stations} stations`,
    cases,
    runs: options.runs,
    seed: options.seed,
  };
}

function measure(input: EngineInput, rules: readonly Rule[], minutes: number, runs: number): EngineCase {
  const ratios: number[] = [];
  const stringRatios: number[] = [];
  const offRatios: number[] = [];
  const engineMs: number[] = [];
  let found = { observations: 0, alertEvents: 0 };
  const lines = input.minutes.map(({ bytes }) => linesOf(bytes));
  for (let run = 0; run < runs; run++) {
    const engine = timed(() => {
      found = fold(input, rules);
    });
    const withoutQuality = timed(() => fold(input, rules, () => {}, false));
    const fromBytes = timed(() =>
      parseAll(
        input.minutes.map(({ bytes }) => bytes),
        linesOf,
      ),
    );
    const fromStrings = timed(() => parseAll(lines, (batch) => batch));
    engineMs.push(engine);
    ratios.push(fromBytes / engine);
    stringRatios.push(fromStrings / engine);
    offRatios.push(withoutQuality / engine);
  }
  const perSecond = (count: number): number => Math.round((count * SECOND_MS) / median(engineMs));
  return {
    stations: input.stations.length,
    rules: rules.length,
    minutes,
    reports: input.reports,
    ...found,
    bytes: input.minutes.reduce((sum, { bytes }) => sum + bytes.length, 0),
    ratioToJsonParse: round3(median(ratios)),
    ratioToJsonParseOfStrings: round3(median(stringRatios)),
    ratioToQualityOff: round3(median(offRatios)),
    reportsPerSecond: perSecond(input.reports),
    observationsPerSecond: perSecond(found.observations),
  };
}

/** The engine as a partition runs it: ticks each second, the parser of ingest with every check, the fold, its effects. */
export function fold(
  input: EngineInput,
  rules: readonly Rule[],
  onEvent: (event: object) => void = () => {},
  hasQuality = true,
): { observations: number; alertEvents: number } {
  const intervals = new Map(input.stations.map(({ id, intervalMs }) => [id, intervalMs]));
  const context = {
    receivedAt: START_AT,
    stationInterval: (id: string) => intervals.get(id),
    registryVersion: 1,
  };
  const parser = createNdjsonParser(context);
  const partition = new PartitionFold({ hasQuality, rules: () => rules, stations: () => input.stations });
  partition.apply({
    kind: 'command',
    id: 'recording',
    command: { type: 'recording', delayMs: 0, startAt: START_AT },
  });
  partition.apply({ kind: 'command', id: 'stations', command: { type: 'stations', hash: 'registry' } });
  partition.apply({ kind: 'command', id: 'rules', command: { type: 'rules', hash: ruleSetHash({ rules }) } });
  let observations = 0;
  let alertEvents = 0;
  const take = (effects: ReturnType<PartitionFold['apply']>): void => {
    for (const effect of effects) {
      if (effect.kind === 'readings') observations += effect.report.quantities.length;
      else if (effect.kind === 'observation') observations++;
      else if (effect.kind === 'alert') {
        alertEvents++;
        onEvent(effect.revision.event);
      }
    }
  };
  for (const { receivedAt, bytes } of input.minutes) {
    for (let at = receivedAt - MINUTE_MS + SECOND_MS; at <= receivedAt; at += SECOND_MS)
      take(partition.apply({ kind: 'tick', at }));
    context.receivedAt = receivedAt;
    parser.parse(bytes, (report) => take(partition.apply({ kind: 'report', report })));
  }
  return { observations, alertEvents };
}

function linesOf(bytes: Buffer): string[] {
  const lines = bytes.toString('utf8').split('\n');
  lines.pop();
  return lines;
}

function parseAll<T>(batches: readonly T[], linesIn: (batch: T) => readonly string[]): number {
  let kept = 0;
  for (const batch of batches) {
    for (const line of linesIn(batch)) if (JSON.parse(line) !== null) kept++;
  }
  return kept;
}

/** Processor time of this thread alone, ms: what others do on the machine does not count. */
function timed(work: () => void): number {
  const from = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(from);
  return (user + system) / 1000;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

const round3 = (value: number): number => Math.round(value * 1000) / 1000;

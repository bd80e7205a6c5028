import { rawReport } from '../src/ingest/decode/body.ts';
import type { Json } from '../src/ingest/decode/json.ts';
import { type CheckContext, checkReport } from '../src/ingest/decode/report.ts';
import { createNdjsonParser } from '../src/ingest/fast-ndjson.ts';
import { invariant } from '../src/lib/errors.ts';
import { seededRandom } from '../src/lib/random.ts';
import type { Refusal } from '../src/model/report.ts';
import { SECOND_MS } from '../src/model/time.ts';
import { type EngineInput, engineInput, START_AT } from './engine-input.ts';
import { median, round3 } from './figures.ts';

export interface ParseOptions {
  readonly sizes: readonly { readonly stations: number; readonly minutes: number }[];
  readonly runs: number;
  readonly seed: number;
  readonly onProgress?: (text: string) => void;
}

export interface ParseCase {
  readonly stations: number;
  readonly minutes: number;
  /** `as-sent`: nearly in the order of the minute before; `shuffled`: each minute in another order. */
  readonly order: 'as-sent' | 'shuffled';
  readonly reports: number;
  readonly bytes: number;
  /** Time of parser and gate over that of `JSON.parse` per line, both from bytes; the median of the runs. */
  readonly timeToJsonParse: number;
  /** The same beside `JSON.parse` per line and the gate, which is the same work. */
  readonly timeToJsonParseAndGate: number;
  /** The first run of a new parser, which learns layouts and stations, beside `JSON.parse` in the same run. */
  readonly firstTimeToJsonParse: number;
  readonly reportsPerSecond: number;
}

export interface ParseResult {
  /** The worst case's. */
  readonly timeToJsonParse: number;
  readonly cases: readonly ParseCase[];
  readonly runs: number;
  readonly seed: number;
}

/**
 * Bytes to checked reports beside `JSON.parse` per line, without and with the gate, by turns in one process. The parser
 * is made anew for each run, as a fold of a log would.
 */
export function benchParse(options: ParseOptions): ParseResult {
  const cases = options.sizes.flatMap((size) => {
    const input = engineInput({ ...size, seed: options.seed });
    return (['as-sent', 'shuffled'] as const).map((order) => {
      options.onProgress?.(`${size.stations} stations, ${size.minutes} minutes, ${order}`);
      const ordered = order === 'as-sent' ? input : shuffledInput(input, options.seed);
      return { ...size, order, ...measure(ordered, options.runs) };
    });
  });
  return {
    timeToJsonParse: Math.max(...cases.map((one) => one.timeToJsonParse)),
    cases,
    runs: options.runs,
    seed: options.seed,
  };
}

function measure(input: EngineInput, runs: number): Omit<ParseCase, 'stations' | 'minutes' | 'order'> {
  const intervals = new Map(input.stations.map(({ id, intervalMs }) => [id, intervalMs]));
  const context = {
    receivedAt: START_AT,
    stationInterval: (id: string) => intervals.get(id),
    registryVersion: 1,
  };
  const toParse: number[] = [];
  const toBoth: number[] = [];
  const fastMs: number[] = [];
  for (let run = 0; run < runs; run++) {
    const fast = timed(() => fastAll(input, context));
    const parse = timed(() => parseAll(input));
    const both = timed(() => parseAndCheckAll(input, context));
    const sums = [fast.result, both.result];
    invariant(sums[0] === sums[1], `the parsers differ: sums ${sums.join(' and ')}`);
    fastMs.push(fast.ms);
    toParse.push(fast.ms / parse.ms);
    toBoth.push(fast.ms / both.ms);
  }
  return {
    reports: input.reports,
    bytes: input.minutes.reduce((sum, { bytes }) => sum + bytes.length, 0),
    timeToJsonParse: round3(median(toParse)),
    timeToJsonParseAndGate: round3(median(toBoth)),
    firstTimeToJsonParse: round3(toParse[0] as number),
    reportsPerSecond: Math.round((input.reports * SECOND_MS) / median(fastMs)),
  };
}

type Varying<T> = { -readonly [K in keyof T]: T[K] };

/** A sum over all values, so that both ways can be compared and none is left out as unused. */
function fastAll(input: EngineInput, context: Varying<CheckContext>): number {
  const parser = createNdjsonParser(context);
  let sum = 0;
  for (const { receivedAt, bytes } of input.minutes) {
    context.receivedAt = receivedAt;
    parser.parse(bytes, ({ values, observedAt, intervalMs }) => {
      sum += observedAt - START_AT + intervalMs;
      for (let i = 0; i < values.length; i++) sum += values[i] as number;
    });
  }
  return sum;
}

function parseAndCheckAll(input: EngineInput, context: Varying<CheckContext>): number {
  const refusals: Refusal[] = [];
  let sum = 0;
  for (const { receivedAt, bytes } of input.minutes) {
    context.receivedAt = receivedAt;
    for (const line of linesOf(bytes)) {
      const raw = rawReport(JSON.parse(line) as Json);
      const report = typeof raw === 'string' ? undefined : checkReport(raw, 0, context, refusals);
      if (report === undefined) continue;
      sum += report.observedAt - START_AT + report.intervalMs;
      for (const value of report.values) sum += value;
    }
  }
  return sum;
}

function parseAll(input: EngineInput): number {
  let kept = 0;
  for (const { bytes } of input.minutes)
    for (const line of linesOf(bytes)) if (JSON.parse(line) !== null) kept++;
  return kept;
}

function linesOf(bytes: Buffer): string[] {
  const lines = bytes.toString('utf8').split('\n');
  lines.pop();
  return lines;
}

function shuffledInput(input: EngineInput, seed: number): EngineInput {
  const random = seededRandom(seed + 1);
  const minutes = input.minutes.map(({ receivedAt, bytes }) => {
    const lines = linesOf(bytes);
    for (let i = lines.length - 1; i > 0; i--) {
      const other = Math.floor(random() * (i + 1));
      [lines[i], lines[other]] = [lines[other] as string, lines[i] as string];
    }
    return { receivedAt, bytes: Buffer.from(lines.map((line) => `${line}\n`).join('')) };
  });
  return { ...input, minutes };
}

/** Processor time of this thread alone: what others do on the machine does not count, nor do the collector's helpers. */
function timed<T>(work: () => T): { readonly ms: number; readonly result: T } {
  const from = process.threadCpuUsage();
  const result = work();
  const { user, system } = process.threadCpuUsage(from);
  return { ms: (user + system) / 1000, result };
}

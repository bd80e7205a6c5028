import { parseArgs } from 'node:util';
import { benchEngine, defaultSizes } from '../../bench/engine.ts';
import { AtalaiaError } from '../lib/errors.ts';
import type { Command, CommandIo } from './command.ts';

const DEFAULT_RUNS = 5;
const options = {
  stations: { type: 'string' },
  minutes: { type: 'string' },
  runs: { type: 'string' },
  seed: { type: 'string' },
} as const;

const usage = `atalaia bench engine [--stations N] [--minutes M] [--runs R] [--seed S]

Measures the engine, bytes to alerts on one core, beside JSON.parse per line alone over the same
NDJSON, by turns in one run. Prints JSON; ratioToJsonParse is the engine's throughput over that of
JSON.parse in the worst case (1.0 or more is the aim). Without --stations: 500, 5,000 and 50,000.

Examples:
  atalaia bench engine
  atalaia bench engine --stations 500 --minutes 60 --runs 5 --seed 7
`;

/** `atalaia bench NAME`: benchmarks as ratios in one run. */
export const benchCommand: Command = {
  name: 'bench',
  summary: 'measure the engine and print JSON',
  usage,
  async run(argv: string[], io: CommandIo): Promise<number> {
    const { values, positionals } = readArguments(argv);
    if (positionals.length !== 1 || positionals[0] !== 'engine') {
      throw new AtalaiaError(
        'ATL_USAGE',
        `Benchmark "${positionals.join(' ')}" is not known; write: atalaia bench engine.`,
      );
    }
    const stations = whole('stations', values.stations, 1, 1_000_000);
    const minutes = whole('minutes', values.minutes, 1, 10_000);
    const sizes = stations === undefined ? defaultSizes : [{ stations, minutes: defaultMinutes(stations) }];
    const result = benchEngine({
      sizes: sizes.map((size) => ({ ...size, minutes: minutes ?? size.minutes })),
      runs: whole('runs', values.runs, 1, 100) ?? DEFAULT_RUNS,
      seed: whole('seed', values.seed, 0, 0xffffffff) ?? 1,
      onProgress: (text) => io.stderr.write(`engine: ${text}\n`),
    });
    io.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
    return 0;
  },
};

function readArguments(argv: string[]) {
  try {
    return parseArgs({ args: argv, options, allowPositionals: true });
  } catch (error) {
    throw new AtalaiaError('ATL_USAGE', `${(error as Error).message} See: atalaia bench --help.`);
  }
}

/** As many minutes as make about 60,000 reports, at least two. */
const defaultMinutes = (stations: number): number =>
  Math.max(2, Math.min(120, Math.round(60_000 / stations)));

function whole(name: string, text: string | undefined, least: number, most: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new AtalaiaError('ATL_USAGE', `--${name} ${text} must be a whole number from ${least} to ${most}.`);
}

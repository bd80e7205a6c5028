import { parseArgs } from 'node:util';
import { benchAreas } from '../../bench/areas.ts';
import { benchCheckpoints } from '../../bench/checkpoints.ts';
import { benchDeliveryFaults } from '../../bench/delivery-faults.ts';
import { benchDoors } from '../../bench/doors.ts';
import { benchDurable } from '../../bench/durable.ts';
import { benchEngine, defaultSizes } from '../../bench/engine.ts';
import { benchGuarantees, guaranteesTable } from '../../bench/guarantees.ts';
import { benchImport } from '../../bench/import.ts';
import { benchLatency } from '../../bench/latency.ts';
import { benchModes } from '../../bench/modes.ts';
import { stormInput } from '../../bench/modes-storm.ts';
import { benchMqtt } from '../../bench/mqtt.ts';
import { benchParse } from '../../bench/parse.ts';
import { benchQuality } from '../../bench/quality.ts';
import { benchQueries } from '../../bench/queries.ts';
import { benchScale, defaultScale } from '../../bench/scale.ts';
import { benchStorm } from '../../bench/storm.ts';
import { benchSubscriptions } from '../../bench/subscriptions.ts';
import { benchWorkers } from '../../bench/workers.ts';
import { AtalaiaError } from '../lib/errors.ts';
import type { Command, CommandIo } from './command.ts';

const options = {
  stations: { type: 'string' },
  days: { type: 'string' },
  store: { type: 'string' },
  minutes: { type: 'string' },
  steps: { type: 'string' },
  hours: { type: 'string' },
  runs: { type: 'string' },
  seed: { type: 'string' },
  crashes: { type: 'string' },
  stretches: { type: 'string' },
  seconds: { type: 'string' },
  rate: { type: 'string' },
} as const;
type Values = ReturnType<typeof parseArgs<{ options: typeof options; allowPositionals: true }>>['values'];

/** One benchmark: what it measures, the options it knows, and the run, which returns what is printed as JSON. */
interface Bench {
  readonly about: string;
  readonly knows: readonly (keyof typeof options)[];
  run(values: Values, io: CommandIo): Promise<unknown>;
}

function storeOf(given = 'duckdb'): 'duckdb' | 'postgresql' {
  if (given === 'duckdb' || given === 'postgresql') return given;
  throw new AtalaiaError('ATL_USAGE', `--store is ${given}. Give duckdb or postgresql.`);
}

const told =
  (name: string, io: CommandIo) =>
  (text: string): void =>
    void io.stderr.write(`${name}: ${text}\n`);

const benches: Readonly<Record<string, Bench>> = {
  engine: {
    about: `The engine, bytes to alerts on one core, beside JSON.parse per line alone over the same NDJSON, by
  turns in one run. ratioToJsonParse is the engine's throughput over that of JSON.parse in the worst
  case (1.0 or more is the aim). Without --stations: 500, 5,000 and 50,000.`,
    knows: ['stations', 'minutes', 'runs', 'seed'],
    async run(values, io) {
      const stations = whole('stations', values.stations, 1, 1_000_000);
      const minutes = whole('minutes', values.minutes, 1, 10_000);
      const sizes = stations === undefined ? defaultSizes : [{ stations, minutes: defaultMinutes(stations) }];
      return benchEngine({
        sizes: sizes.map((size) => ({ ...size, minutes: minutes ?? size.minutes })),
        runs: whole('runs', values.runs, 1, 100) ?? 5,
        seed: whole('seed', values.seed, 0, 0xffffffff) ?? 1,
        onProgress: told('engine', io),
      });
    },
  },
  guarantees: {
    about: `Crashes at every point of the pipeline in turn, over real stores, and counts for each guarantee and
  sink what was lost and what was repeated. A readable table goes to stderr. --crashes: 200.`,
    knows: ['crashes', 'seed'],
    async run(values, io) {
      const result = await benchGuarantees({
        crashes: whole('crashes', values.crashes, 1, 100_000) ?? 200,
        seed: whole('seed', values.seed, 0, 0xffffffff) ?? 1,
        onProgress: told('guarantees', io),
      });
      io.stderr.write(guaranteesTable(result));
      return result;
    },
  },
  modes: {
    about: `The recorded storm through streaming, micro-batch and batch: latency from the log to the ledger, cost
  and transactions, with ratios to streaming. --seconds: how long the feed lasts (10).`,
    knows: ['seconds'],
    async run(values, io) {
      const seconds = whole('seconds', values.seconds, 1, 3600) ?? 10;
      return benchModes({
        ...stormInput(),
        durationMs: seconds * 1000,
        everyMs: 1000,
        onProgress: told('modes', io),
      });
    },
  },
  durable: {
    about: `Reports over HTTP to committed alerts, everything synced, beside a bulk load of the same rows into the same
  DuckDB table (0.5 or more is the aim). --stations: 2,000; --steps of ten minutes: 60; --runs: 3.`,
    knows: ['stations', 'steps', 'runs'],
    run: (values, io) =>
      benchDurable({
        stations: whole('stations', values.stations, 100, 100_000) ?? 2000,
        steps: whole('steps', values.steps, 1, 144) ?? 60,
        runs: whole('runs', values.runs, 1, 100) ?? 3,
        onProgress: told('durable', io),
      }),
  },
  queries: {
    about: `What people ask of the archive (latest, series, hours, totals) over rows of ten minutes, beside the same on a bare
  table. --stations: 200; --days: 30; --runs: 5; --store: duckdb or postgresql. 2,000 stations and 90 days are 26
  million rows.`,
    knows: ['stations', 'days', 'runs', 'seed', 'store'],
    run: (values, io) =>
      benchQueries({
        stations: whole('stations', values.stations, 1, 10_000) ?? 200,
        days: whole('days', values.days, 2, 400) ?? 30,
        runs: whole('runs', values.runs, 1, 100) ?? 5,
        seed: whole('seed', values.seed, 0, 0xffffffff) ?? 1,
        store: storeOf(values.store),
        onProgress: told('queries', io),
      }),
  },
  import: {
    about: `Years of NDJSON by \`atalaia import\` into an archive, beside the bare load of the same readings, which are in
  memory and packed already. --stations: 20; --hours: 8,760; --runs: 3.`,
    knows: ['stations', 'hours', 'runs'],
    run: (values, io) =>
      benchImport({
        stations: whole('stations', values.stations, 1, 10_000) ?? 20,
        hours: whole('hours', values.hours, 1, 1_000_000) ?? 8760,
        runs: whole('runs', values.runs, 1, 100) ?? 3,
        onProgress: told('import', io),
      }),
  },
  latency: {
    about: `From the acknowledgement of a report to the arrival of its alert's webhook, under a load of --rate reports a
  second, beside a bare append, commit and loopback request (3 or less is the aim). --rate: 2,000; --seconds: 20.`,
    knows: ['rate', 'seconds'],
    run: (values) => {
      const seconds = whole('seconds', values.seconds, 1, 3600) ?? 20;
      return benchLatency({
        stations: seconds * 10 + 3000,
        seconds,
        reportsPerSecond: whole('rate', values.rate, 1, 1_000_000) ?? 2000,
      });
    },
  },
  parse: {
    about: 'Bytes to checked reports alone, beside JSON.parse and beside JSON.parse with the same checks.',
    knows: ['runs', 'seed'],
    run: async (values) =>
      benchParse({
        sizes: defaultSizes,
        runs: whole('runs', values.runs, 1, 100) ?? 5,
        seed: whole('seed', values.seed, 0, 0xffffffff) ?? 1,
      }),
  },
  workers: {
    about: `A full log folded by the main thread and by 1, 2 and 4 worker threads: throughput, with ratios to the main
  thread and to one worker. --stations: 2,000; --minutes: 60; --runs: 3.`,
    knows: ['stations', 'minutes', 'runs', 'seed'],
    run: (values, io) =>
      benchWorkers({
        stations: whole('stations', values.stations, 64, 1_000_000) ?? 2000,
        minutes: whole('minutes', values.minutes, 1, 10_000) ?? 60,
        workers: [0, 1, 2, 4],
        runs: whole('runs', values.runs, 1, 100) ?? 3,
        seed: whole('seed', values.seed, 0, 0xffffffff) ?? 1,
        onProgress: told('workers', io),
      }),
  },
  scale: {
    about: `Cost per observation as stations and rules grow, and the bytes of state per station. A million stations:
  node --max-old-space-size=11000 bin/atalaia.mjs bench scale --stations 1000000.`,
    knows: ['stations', 'runs', 'seed'],
    run: async (values, io) => {
      const most = whole('stations', values.stations, 1000, 1_000_000);
      return benchScale({
        ...defaultScale,
        ...(most === undefined ? {} : { stations: [1000, most] }),
        runs: whole('runs', values.runs, 1, 100) ?? 3,
        seed: whole('seed', values.seed, 0, 0xffffffff) ?? 1,
        onProgress: told('scale', io),
      });
    },
  },
  areas: {
    about: 'Late data of a large area whose stations are not synchronised, beside reports in order.',
    knows: [],
    run: async () =>
      benchAreas([
        { stations: 200, lateHours: 12 },
        { stations: 2000, lateHours: 22 },
      ]),
  },
  checkpoints: {
    about: `What a checkpoint a second costs at full load, and the recovery of all stations beside reading their
  checkpoints alone (3 or less is the aim). --stations: 10,000; --hours: 12.`,
    knows: ['stations', 'hours', 'runs', 'seed'],
    run: (values, io) =>
      benchCheckpoints({
        stations: whole('stations', values.stations, 64, 1_000_000) ?? 10_000,
        hours: whole('hours', values.hours, 1, 1000) ?? 12,
        runs: whole('runs', values.runs, 1, 100) ?? 3,
        seed: whole('seed', values.seed, 0, 0xffffffff) ?? 1,
        onProgress: told('checkpoints', io),
      }),
  },
  doors: {
    about: `The recorded storm through each door, from bytes to records of the log: processor time beside the parser of
  the form alone, and readings per second and core. --runs: 5; --steps: reports of the recording (10,872).`,
    knows: ['runs', 'steps'],
    run: (values, io) =>
      benchDoors({
        runs: whole('runs', values.runs, 1, 100) ?? 5,
        reports: whole('steps', values.steps, 1, 10_872) ?? 10_872,
        onProgress: told('doors', io),
      }),
  },
  mqtt: {
    about: `Messages that wait at a Mosquitto until the log has them, synced: of a hundred topics, handled side by side,
  beside one topic, one after the other. --runs: 3; --steps: messages (3,000).`,
    knows: ['runs', 'steps'],
    run: (values) =>
      benchMqtt({
        runs: whole('runs', values.runs, 1, 100) ?? 3,
        messages: whole('steps', values.steps, 1, 100_000) ?? 3000,
      }),
  },
  subscriptions: {
    about: `Matching alerts' polygons against subscriptions with circles and polygons of their own, by the index, beside
  asking every one; answers compared. Stations stand for subscriptions here. --stations: 100,000; --runs (alerts): 50.`,
    knows: ['stations', 'runs', 'seed'],
    run: async (values) =>
      benchSubscriptions({
        subscriptions: whole('stations', values.stations, 1, 1_000_000) ?? 100_000,
        alerts: whole('runs', values.runs, 1, 10_000) ?? 50,
        seed: whole('seed', values.seed, 0, 0xffffffff) ?? 1,
      }),
  },
  'delivery-faults': {
    about: `Accepted reports that each raise an alert, and a fault at the worst moment: kill -9 right after acceptance and after
  the first messages, a receiver that answers 500, one of three processes killed (on Kafka and PostgreSQL). Lost, told
  twice, and the wait beside a bare request. --stations: alerts (200, then 5,000); --seconds of 500: 50.`,
    knows: ['stations', 'seconds'],
    run: (values, io) => {
      const alerts = whole('stations', values.stations, 20, 100_000);
      return benchDeliveryFaults({
        alerts: alerts === undefined ? [200, 5000] : [alerts],
        seconds: whole('seconds', values.seconds, 1, 3600) ?? 50,
        onProgress: told('delivery-faults', io),
      });
    },
  },
  storm: {
    about: `Stations that cross within seconds, one in twenty to red, through ledger, dispatcher and webhooks to a receiver on
  loopback: each alert by itself, and in groups. --stations: 5,000; --seconds: 10.`,
    knows: ['stations', 'seconds', 'seed'],
    run: (values) =>
      benchStorm({
        stations: whole('stations', values.stations, 20, 100_000) ?? 5000,
        seconds: whole('seconds', values.seconds, 1, 3600) ?? 10,
        seed: whole('seed', values.seed, 0, 0xffffffff) ?? 1,
      }),
  },
  quality: {
    about: `Quality control on the recorded storm with faults injected into it (stuck, dead, spikes, drift, unit, clock,
  zero rain): precision and recall of every check. --stretches of each fault: 100.`,
    knows: ['stretches', 'seed'],
    run: async (values) =>
      benchQuality({
        stretches: whole('stretches', values.stretches, 1, 10_000) ?? 100,
        seed: whole('seed', values.seed, 0, 0xffffffff) ?? 1,
      }),
  },
};

const usage = `atalaia bench NAME [options]

Measures and prints JSON. Ratios hold on any machine, figures per second on this one only.

${Object.entries(benches)
  .map(
    ([name, { about, knows }]) => `${name} ${knows.map((option) => `[--${option} N]`).join(' ')}\n  ${about}`,
  )
  .join('\n\n')}

Examples:
  atalaia bench engine
  atalaia bench engine --stations 500 --minutes 60 --runs 5 --seed 7
  atalaia bench guarantees --crashes 200 --seed 7
`;

/** `atalaia bench NAME`: benchmarks as ratios in one run. */
export const benchCommand: Command = {
  usage,
  async run(argv: string[], io: CommandIo): Promise<number> {
    const { values, positionals } = readArguments(argv);
    const [name = ''] = positionals;
    const bench = Object.hasOwn(benches, name) ? benches[name] : undefined;
    if (!bench || positionals.length !== 1) {
      throw new AtalaiaError(
        'ATL_USAGE',
        `${positionals.length === 0 ? 'Name a benchmark' : `Benchmark "${positionals.join(' ')}" is not known`}; there are: ${Object.keys(benches).join(', ')}. See: atalaia bench --help.`,
      );
    }
    const strange = Object.keys(values).find((option) => !bench.knows.some((known) => known === option));
    if (strange !== undefined)
      throw new AtalaiaError(
        'ATL_USAGE',
        `--${strange} is no option of bench ${name}. See: atalaia bench --help.`,
      );
    const result = await bench.run(values, io);
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

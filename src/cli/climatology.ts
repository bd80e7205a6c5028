import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildClimatology, climateReads, keepClimatology } from '../app/climatology.ts';
import { loadConfig } from '../app/config/config.ts';
import type { Config } from '../app/config/schema.ts';
import { holdData } from '../app/stores/hold-data.ts';
import { openStore } from '../app/stores/store-kinds.ts';
import { systemClock } from '../lib/clock.ts';
import { AtalaiaError } from '../lib/errors.ts';
import type { Station } from '../model/station.ts';
import { HOUR_MS, parseInstant } from '../model/time.ts';
import type { Ledger } from '../store/ledger/ledger.ts';
import { configFile } from './backup.ts';
import type { Command, CommandIo } from './command.ts';
import { readRules, readStations } from './start.ts';

const usage = `atalaia climatology build [--config FILE] [--from T] [--to T] [--years N] [--window N]

Makes the climatology that the rules of the configuration read (percentile(…, day-of-year), returnPeriod(…)) from the
archive, keeps it in the ledger under the hash of its content, and names it as the one in force from the next start on.
The server must be stopped (with store.kind postgresql it may run, and takes it up within a minute).

  --config FILE  the configuration (default: atalaia.yaml, when there is one)
  --from T       first instant of history, as 1991-01-01T00:00:00Z (default: all)
  --to T         last instant, not included (default: now)
  --years N      full years that a station must have, from 2 on (default: 10; WMO normals are of 30)
  --window N     days before and after a day that its percentiles are drawn from, 0 to 30 (default: 7)

Standard output: a line per station with tabs between: station, percentiles and return periods that it has.

Example:
  atalaia climatology build --config atalaia.yaml --from 1991-01-01T00:00:00Z
`;

interface Options {
  readonly config: Config;
  readonly from: number;
  readonly to: number;
  readonly leastYears: number;
  readonly halfWindow: number;
}

/** The earliest instant that history is looked for. */
const EARLIEST = Date.UTC(1800, 0, 1);

/** `atalaia climatology build`: from years of the archive to the table that rules read. */
export const climatologyCommand: Command = {
  usage,
  async run(argv, io) {
    const options = parse(argv);
    const { config } = options;
    const reads = climateReads(readRules(config.rules));
    for (const text of reads.unknown)
      io.stderr.write(`${text} stays unknown: it needs whole hours and no direction\n`);
    if (reads.percentiles.length + reads.returnPeriods.length === 0)
      throw new AtalaiaError(
        'ATL_INPUT',
        'No rule of the configuration reads percentile(…, day-of-year) or returnPeriod(…), so there is nothing to make.',
      );
    if (config.store.kind === 'embedded' && !existsSync(join(config.data, 'archive.duckdb')))
      throw new AtalaiaError(
        'ATL_NOT_FOUND',
        `No archive in ${config.data}. Import history first (atalaia import).`,
      );
    const letGo =
      config.store.kind === 'embedded'
        ? await holdData(config.data, 'build the climatology')
        : async () => undefined;
    const log = {
      warn: (fields: object, message: string) =>
        void io.stderr.write(`${message}: ${JSON.stringify(fields)}\n`),
    };
    try {
      const { archive, ledger } = await openStore(config.store, { config, clock: systemClock, log });
      try {
        const climatology = await buildClimatology({
          archive,
          reads,
          stations: await stationsOf(ledger, config),
          from: options.from,
          to: options.to,
          options,
          onStation: ({ id }, { percentiles, extremes }) =>
            void io.stdout.write(`${id}\t${percentiles.length}\t${extremes.length}\n`),
        });
        tell(await keepClimatology(ledger, climatology), Object.keys(climatology.stations).length, io);
        return 0;
      } finally {
        await archive.close();
        await ledger.close();
      }
    } finally {
      await letGo();
    }
  },
};

const tell = (hash: string, stations: number, io: CommandIo): void =>
  void io.stderr.write(
    `climatology ${hash.slice(0, 12)} of ${stations} stations is in force from the next start on\n`,
  );

function parse(argv: string[]): Options {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      config: { type: 'string' },
      from: { type: 'string' },
      to: { type: 'string' },
      years: { type: 'string', default: '10' },
      window: { type: 'string', default: '7' },
    },
  });
  if (positionals.length !== 1 || positionals[0] !== 'build')
    throw new AtalaiaError('ATL_USAGE', `Write: atalaia climatology build.\n\n${usage}`);
  const instant = (name: 'from' | 'to', preset: number): number => {
    const at = values[name] === undefined ? preset : parseInstant(values[name]);
    if (at === undefined)
      throw new AtalaiaError(
        'ATL_USAGE',
        `--${name} ${values[name]} is no instant. Write it as 1991-01-01T00:00:00Z.`,
      );
    return Math.floor(at / HOUR_MS) * HOUR_MS;
  };
  const whole = (name: 'years' | 'window', least: number, most: number): number => {
    const value = Number(values[name]);
    if (!Number.isInteger(value) || value < least || value > most)
      throw new AtalaiaError(
        'ATL_USAGE',
        `--${name} is ${values[name]}. Give a whole number from ${least} to ${most}.`,
      );
    return value;
  };
  const from = instant('from', EARLIEST);
  const to = instant('to', systemClock.now());
  if (from >= to) throw new AtalaiaError('ATL_USAGE', '--from is not before --to. Swap or widen them.');
  return {
    config: loadConfig(configFile(values.config), process.env),
    from,
    to,
    leastYears: whole('years', 2, 200),
    halfWindow: whole('window', 0, 30),
  };
}

/** The registry of the ledger, with what the file of the configuration says now. */
async function stationsOf(ledger: Ledger, config: Config): Promise<readonly Station[]> {
  const known = new Map((await ledger.stations()).map((station) => [station.id, station]));
  for (const station of readStations(config)) known.set(station.id, station);
  return [...known.values()];
}

import { readFileSync, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { loadConfig } from '../app/config/config.ts';
import type { StationCoverage } from '../app/import/coverage.ts';
import { type ImportedFile, type ImportResult, importFiles } from '../app/import/import.ts';
import { type ImportFormat, importFormats } from '../app/import/read.ts';
import { holdData } from '../app/stores/hold-data.ts';
import { openStore } from '../app/stores/store-kinds.ts';
import { parseStations } from '../ingest/stations.ts';
import { systemClock } from '../lib/clock.ts';
import { AtalaiaError } from '../lib/errors.ts';
import { formatInstant } from '../model/time.ts';
import { configFile } from './backup.ts';
import type { Command, CommandIo } from './command.ts';
import { ProgressLine } from './progress.ts';

const usage = `atalaia import FILE… [--config FILE] [--stations FILE] [--format F] [--strict]

Takes history into the archive. No rule sees it, so it raises no alert. A file that is in already adds nothing; an import
that was cut short goes on where it was. The server must be stopped (with store.kind postgresql it may run).

  --config FILE    the configuration (default: atalaia.yaml, when there is one)
  --stations FILE  registry, for the interval of reports that name none (default: that of the configuration)
  --format F       ${importFormats.join(', ')} (default: auto)
  --strict         end with status 1 when a row was refused

Standard output: a line per station with tabs between: station, first and last reading, hours, missing hours, longest gap
in hours, its beginning. Refused rows are counted on standard error.

Examples:
  atalaia import INMET_S_RS_A801_*.CSV.gz --config atalaia.yaml
  atalaia import history.parquet --strict > gaps.tsv
`;

/** `atalaia import`: years of history into the archive. */
export const importCommand: Command = {
  usage,
  async run(argv, io) {
    const { values, positionals } = parseArgs({
      args: argv,
      allowPositionals: true,
      options: {
        config: { type: 'string' },
        stations: { type: 'string' },
        format: { type: 'string', default: 'auto' },
        strict: { type: 'boolean', default: false },
      },
    });
    const format = importFormats.find((known) => known === values.format);
    if (format === undefined)
      throw new AtalaiaError(
        'ATL_USAGE',
        `--format ${values.format} must be one of ${importFormats.join(', ')}.`,
      );
    if (positionals.length === 0)
      throw new AtalaiaError('ATL_USAGE', 'Name at least one file. See atalaia import --help.');
    const config = loadConfig(configFile(values.config), process.env);
    const intervals = readIntervals(values.stations ?? config.stations.file);
    await mkdir(config.data, { recursive: true });
    const letGo =
      config.store.kind === 'embedded' ? await holdData(config.data, 'import') : async () => undefined;
    try {
      const { archive, ledger } = await openStore(config.store, {
        config,
        clock: systemClock,
        log: warner(io),
      });
      try {
        const result = await importShown({ archive, files: positionals, format, intervals }, io);
        return values.strict && result.files.some(({ refused }) => refused > 0) ? 1 : 0;
      } finally {
        await archive.close();
        await ledger.close();
      }
    } finally {
      await letGo();
    }
  },
};

interface Given {
  readonly archive: Parameters<typeof importFiles>[0]['archive'];
  readonly files: readonly string[];
  readonly format: ImportFormat;
  readonly intervals: ReadonlyMap<string, number | null>;
}

async function importShown(
  { archive, files, format, intervals }: Given,
  io: CommandIo,
): Promise<ImportResult> {
  const line = new ProgressLine(io.stderr);
  const sizes = new Map(files.map((file) => [file, statSync(file, { throwIfNoEntry: false })?.size ?? 0]));
  const bytes = Math.max(
    1,
    [...sizes.values()].reduce((sum, size) => sum + size, 0),
  );
  const done = { bytes: 0, files: 0, readings: 0 };
  const show = (readings: number): void =>
    line.draw(done.bytes / bytes, `${done.files}/${files.length} files, ${readings} readings`);
  show(0);
  const result = await importFiles({
    archive,
    files,
    format,
    stationInterval: (station) => intervals.get(station),
    onProgress: ({ readings }) => show(done.readings + readings),
    onFile: (file) => {
      done.files++;
      done.bytes += sizes.get(file.path) ?? 0;
      done.readings += file.readings;
      show(done.readings);
    },
  }).finally(() => line.clear());
  tell(result, io);
  return result;
}

function tell({ files, stations }: ImportResult, io: CommandIo): void {
  const count = (pick: (file: ImportedFile) => number): number =>
    files.reduce((total, file) => total + pick(file), 0);
  const known = count(({ state }) => (state === 'known' ? 1 : 0));
  const resumed = count(({ state }) => (state === 'resumed' ? 1 : 0));
  const refused = count((file) => file.refused);
  for (const text of files.flatMap(({ firstRefusals }) => firstRefusals).slice(0, 5))
    io.stderr.write(`  ${text}\n`);
  io.stderr.write(
    `${count(({ readings }) => readings)} readings added from ${files.length - known} files (${resumed} gone on with); ${known} files were in already; ${refused} rows or values refused; ${missingHours(stations)} missing hours at ${stations.length} stations.\n`,
  );
  if (stations.length === 0) return;
  io.stdout.write('station\tfrom\tto\thours\tmissing\tlongest\tlongestFrom\n');
  for (const { station, from, to, hours, missing, longest } of stations) {
    const gap = longest === null ? '0\t' : `${longest.hours}\t${formatInstant(longest.from)}`;
    io.stdout.write(
      `${station}\t${formatInstant(from)}\t${formatInstant(to)}\t${hours}\t${missing}\t${gap}\n`,
    );
  }
}

const missingHours = (stations: readonly StationCoverage[]): number =>
  stations.reduce((sum, { missing }) => sum + missing, 0);

function readIntervals(file: string | undefined): ReadonlyMap<string, number | null> {
  if (file === undefined) return new Map();
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new AtalaiaError('ATL_INPUT', `${file} cannot be read. Name a file of stations.`, { cause });
  }
  const { stations, problems } = parseStations(text, file);
  if (problems.length > 0) throw new AtalaiaError('ATL_INPUT', problems.join('\n'));
  return new Map(stations.map(({ id, intervalMs }) => [id, intervalMs]));
}

/** What the stores tell goes to people. */
const warner = (io: CommandIo): { warn(fields: object, message: string): void } => ({
  warn: (fields, message) => void io.stderr.write(`${message}: ${JSON.stringify(fields)}\n`),
});

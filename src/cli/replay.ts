import { once } from 'node:events';
import { createWriteStream, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { formatAlertEvent } from '../alerts/event-json.ts';
import { foldRecording, type Recording } from '../app/backtest/recording.ts';
import { replayLog } from '../app/replay-log.ts';
import { findRuleFiles } from '../app/rule-files.ts';
import { parseAreas } from '../ingest/areas.ts';
import { type FileFormat, fileFormats, openFiles } from '../ingest/files.ts';
import { readForecasts } from '../ingest/forecasts.ts';
import type { RefusalCount } from '../ingest/refusal-count.ts';
import { parseStations } from '../ingest/stations.ts';
import { AtalaiaError } from '../lib/errors.ts';
import type { AlertEvent } from '../model/alert.ts';
import type { Area } from '../model/area.ts';
import type { Forecast } from '../model/forecast.ts';
import type { Rule } from '../model/rule.ts';
import type { Station } from '../model/station.ts';
import { formatInstant, parseInstant, parseSpan } from '../model/time.ts';
import { loadRules } from '../rules/rule-set.ts';
import type { Command, CommandIo } from './command.ts';
import { ProgressLine } from './progress.ts';

const usage = `atalaia replay FILE… --rules DIR [--stations FILE] [--areas FILE] [--format auto|inmet|ndjson|csv|export] [--out FILE|-]
atalaia replay --log DIR [--out FILE|-]

Batch: recorded files (gzip too) through the same fold as live data; one alert event per line, sorted.
  --rules DIR        rule files; may stand more than once
  --stations FILE    id,name,latitude,longitude,altitude,region,timeZone,interval (INMET files describe themselves)
  --areas FILE       named areas: id, name, region, stations (YAML or JSON)
  --forecasts FILE   forecasts that rules read by forecast(…), a line of JSON each (docs/forecasts.md)
  --from, --to T     only reports observed from T to T, as 2024-04-26T00:00:00Z
  --delay SPAN       receivedAt = observedAt + SPAN; without it what an export says, else the time of observation
  --lateness SPAN    how late a report still counts (24h)
  --partitions N     1 to 1024 (64); the result does not depend on it
  --log DIR          folds the log of a data directory instead (the server must be stopped)
  --strict           a refused row ends with 1

Examples:
  atalaia replay INMET_*.CSV.gz --rules rules/inmet --out -
  atalaia replay may.ndjson --stations stations.csv --rules rules/inmet --out alerts.ndjson
`;

/** What `replay` takes; `backtest` takes it too. */
export const replayOptions = {
  rules: { type: 'string', multiple: true },
  stations: { type: 'string' },
  areas: { type: 'string' },
  forecasts: { type: 'string' },
  format: { type: 'string', default: 'auto' },
  out: { type: 'string', default: '-' },
  log: { type: 'string' },
  from: { type: 'string' },
  to: { type: 'string' },
  delay: { type: 'string' },
  lateness: { type: 'string' },
  partitions: { type: 'string', default: '64' },
  strict: { type: 'boolean', default: false },
} as const;

type Values = ReturnType<
  typeof parseArgs<{ options: typeof replayOptions; allowPositionals: true }>
>['values'];

/** Refused rows of which the reason is told; the others are counted. */
const MAX_TOLD = 5;

const wrong = (message: string): AtalaiaError => new AtalaiaError('ATL_USAGE', `${message}\n\n${usage}`);

export const replayCommand: Command = {
  usage,
  async run(argv, io) {
    const { values, positionals } = parseArgs({ args: argv, allowPositionals: true, options: replayOptions });
    if (values.log) {
      await write(await replayLog(values.log), values.out, io);
      return 0;
    }
    if (positionals.length === 0) throw wrong('Give the files to replay, or --log DIR.');
    if (!values.rules?.length) throw wrong('Give --rules DIR.');
    const { events, refused } = await replayFiles(positionals, values, io);
    await write(events, values.out, io);
    return refused > 0 && values.strict ? 1 : 0;
  },
};

/** The rules of files and folders; throws `ATL_RULE` with every problem's place. */
export function rulesOf(paths: readonly string[]): readonly Rule[] {
  const { rules, problems } = loadRules(findRuleFiles(paths, 'rules'));
  if (problems.length > 0) {
    throw new AtalaiaError(
      'ATL_RULE',
      problems.map((p) => `${p.file}:${p.line}:${p.column}: ${p.message}`).join('\n'),
    );
  }
  if (rules.length === 0)
    throw new AtalaiaError('ATL_RULE', `No rule file (*.yaml) under ${paths.join(', ')}.`);
  return rules;
}

function stationsOf(file: string): readonly Station[] {
  const { stations, problems } = parseStations(readFileSync(file, 'utf8'), file);
  if (problems.length > 0) throw new AtalaiaError('ATL_INPUT', problems.join('\n'));
  return stations;
}

function areasOf(file: string | undefined, stations: readonly Station[]): readonly Area[] {
  if (file === undefined) return [];
  const { areas, problems } = parseAreas(readFileSync(file, 'utf8'), file, stations);
  if (problems.length > 0) throw new AtalaiaError('ATL_INPUT', problems.join('\n'));
  return areas;
}

/** Forecasts of a file; refused ones are counted with the refused rows. */
function forecastsOf(file: string | undefined, refusals: RefusalCount): readonly Forecast[] {
  if (file === undefined) return [];
  const read = readForecasts(readFileSync(file, 'utf8'));
  for (const refusal of read.refusals) refusals.add(file, refusal);
  return read.forecasts.map(({ index: _, ...forecast }) => forecast);
}

const instant = (text: string | undefined, name: string): number | undefined => {
  if (text === undefined) return undefined;
  const at = parseInstant(text);
  if (at === undefined) throw wrong(`--${name} ${text} is not an instant such as 2024-04-26T00:00:00Z.`);
  return at;
};

const span = (text: string | undefined, name: string): number | undefined => {
  if (text === undefined) return undefined;
  const ms = text === '0' ? 0 : parseSpan(text);
  if (ms === undefined) throw wrong(`--${name} ${text} is not a span such as 24h.`);
  return ms;
};

export interface ReadFiles {
  readonly recording: Recording;
  readonly refusals: RefusalCount;
}

/** Reads recorded files into memory, with the stations and areas that the options name. */
export async function readFiles(
  paths: readonly string[],
  values: Values,
  progress: ProgressLine,
): Promise<ReadFiles> {
  if (!fileFormats.includes(values.format as FileFormat))
    throw wrong(`--format ${values.format} is not known; ${fileFormats.join(', ')} are.`);
  const partitions = Number(values.partitions);
  if (!Number.isInteger(partitions) || partitions < 1 || partitions > 1024)
    throw wrong('--partitions takes a number from 1 to 1024.');
  const listed = values.stations ? stationsOf(values.stations) : undefined;
  const known = new Map(listed?.map((station) => [station.id, station]));
  const delayMs = span(values.delay, 'delay');
  const latenessMs = span(values.lateness, 'lateness');
  const from = instant(values.from, 'from');
  const to = instant(values.to, 'to');
  const files = await openFiles(paths, {
    format: values.format as FileFormat,
    ...(delayMs === undefined ? {} : { delayMs }),
    stationInterval: (id) => known.get(id)?.intervalMs,
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    onFile: (path, done, total) => progress.draw(done / total, path),
  });
  const reports = await files.columns();
  const stations = listed ?? describedOr(files.stations, reports.stations);
  const areas = areasOf(values.areas, stations);
  const lateness = latenessMs === undefined ? {} : { latenessMs };
  const forecasts = forecastsOf(values.forecasts, files.refusals);
  const recording = { reports, stations, areas, partitions, delayMs: delayMs ?? 0, ...lateness, forecasts };
  return { recording, refusals: files.refusals };
}

/** Folds recorded files and tells refused rows on stderr. */
async function replayFiles(
  paths: readonly string[],
  values: Values,
  io: CommandIo,
): Promise<{ readonly events: AlertEvent[]; readonly refused: number }> {
  const rules = rulesOf(values.rules ?? []);
  const progress = new ProgressLine(io.stderr);
  const { recording, refusals } = await readFiles(paths, values, progress);
  const { events, counts } = foldRecording(recording, rules, {
    onProgress: showFold(progress),
    isWhole: true,
  });
  progress.clear();
  return { events, refused: tellCounts(refusals, counts, io) };
}

/** Draws how far a fold has come. */
export const showFold =
  (progress: ProgressLine) =>
  (count: number, at: number): void =>
    progress.draw(0.5, `${count} ${formatInstant(at)}`);

/** Stations that the files describe; for plain reports each station stands for itself. */
function describedOr(described: ReadonlyMap<string, Station>, heard: readonly string[]): Station[] {
  const stations = new Map(described);
  for (const id of heard)
    if (!stations.has(id))
      stations.set(id, {
        id,
        name: id,
        latitude: 0,
        longitude: 0,
        altitude: null,
        region: id,
        timeZone: 'UTC',
        intervalMs: null,
      });
  return [...stations.values()];
}

/** Tells on stderr what was refused and counted; gives the number of refused rows. */
export function tellCounts(
  refusals: RefusalCount,
  counts: ReadonlyMap<string, number>,
  io: CommandIo,
): number {
  for (const { file, index, message } of refusals.first.slice(0, MAX_TOLD))
    io.stderr.write(`${file}, ${index}: ${message}\n`);
  for (const [code, count] of refusals.byCode) io.stderr.write(`refused ${code}: ${count}\n`);
  for (const [what, count] of counts) io.stderr.write(`${what}: ${count}\n`);
  const refused = refusals.total();
  if (refused === 0) io.stderr.write('refused: 0\n');
  return refused;
}

async function write(events: readonly AlertEvent[], out: string, io: CommandIo): Promise<void> {
  const stream = out === '-' ? io.stdout : createWriteStream(out);
  for (const event of events) {
    if (!stream.write(`${formatAlertEvent(event)}\n`)) await once(stream, 'drain');
  }
  if (stream !== io.stdout) {
    stream.end();
    await once(stream, 'finish');
  }
}

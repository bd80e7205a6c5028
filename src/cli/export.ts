import { once } from 'node:events';
import { createReadStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openDuckdbArchive } from '../app/stores/archive-file.ts';
import { AtalaiaError, errorCodes } from '../lib/errors.ts';
import { parseInstant } from '../model/time.ts';
import { configOfArchive } from './archive-place.ts';
import type { Command, CommandIo } from './command.ts';
import { exportLake, type LakeExport } from './export-lake.ts';

const usage = `atalaia export --format parquet|csv [--out FILE] [--config FILE] [--data DIR] [--from T] [--to T]
atalaia export --format parquet --lake DIR|s3://BUCKET/PREFIX [--since T] [--config FILE] [--data DIR]

Writes the observations of the archive, the newest value of each reading, in canonical units.

  --format parquet|csv  form of the file
  --out FILE            file to write (default: standard output); .csv.gz is compressed
  --data DIR            data folder (default: that of the configuration)
  --from T              first instant, as 2024-04-30T00:00:00Z, included
  --to T                last instant, not included
  --lake PLACE          a folder or bucket to bring up to the archive: files by month and region (docs/lake.md)
  --since T             only months that end after it
  --region, --endpoint  of the bucket, where the environment does not say
  --config FILE         the configuration (default: atalaia.yaml, when there is one)

Examples:
  atalaia export --format parquet --out history.parquet
  atalaia export --format csv --from 2024-04-30T00:00:00Z --to 2024-05-01T00:00:00Z > day.csv
  atalaia export --format parquet --lake /srv/lake --since 2024-04-01T00:00:00Z

One process at a time can open the archive: stop a running Atalaia first.
`;

interface Options {
  readonly format: 'parquet' | 'csv';
  readonly out: string | undefined;
  readonly config?: string;
  readonly data?: string;
  readonly from: number | undefined;
  readonly to: number | undefined;
}

/** Parses the arguments. Throws ATL_USAGE naming the argument and what it may be. */
function parse(argv: readonly string[], io: CommandIo): Options | LakeExport | 'help' {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      format: { type: 'string' },
      out: { type: 'string' },
      data: { type: 'string' },
      from: { type: 'string' },
      to: { type: 'string' },
      lake: { type: 'string' },
      since: { type: 'string' },
      region: { type: 'string' },
      endpoint: { type: 'string' },
      config: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return 'help';
  const { format, out, lake } = values;
  refuseMixed(values);
  if (format !== 'parquet' && format !== 'csv') {
    throw new AtalaiaError('ATL_USAGE', `--format is ${format ?? 'missing'}. Give parquet or csv.`);
  }
  if (lake === undefined && out === undefined && format === 'parquet' && io.stdout.isTTY) {
    throw new AtalaiaError('ATL_USAGE', 'Parquet is not for a terminal. Give --out FILE.');
  }
  const instant = (name: 'from' | 'to' | 'since'): number | undefined => {
    const text = values[name];
    if (text === undefined) return undefined;
    const at = parseInstant(text);
    if (at === undefined)
      throw new AtalaiaError(
        'ATL_USAGE',
        `--${name} ${text} is no instant. Write it as 2024-04-30T00:00:00Z.`,
      );
    return at;
  };
  if (lake !== undefined) return { ...values, lake, since: instant('since') };
  return { ...values, format, out, from: instant('from'), to: instant('to') };
}

const forLake = ['since', 'region', 'endpoint'] as const;

/** A lake is written whole by months, a file of any span. */
function refuseMixed(values: { readonly [name: string]: string | boolean | undefined }): void {
  const wrong =
    values.lake === undefined
      ? forLake.find((name) => values[name] !== undefined)
      : (['out', 'from', 'to'] as const).find((name) => values[name] !== undefined);
  if (wrong === undefined && (values.lake === undefined || values.format === 'parquet')) return;
  throw new AtalaiaError(
    'ATL_USAGE',
    values.lake === undefined
      ? `--${wrong} belongs to --lake. Give --lake DIR|s3://BUCKET/PREFIX too, or leave it out.`
      : `--lake takes --format parquet and --since, not ${wrong === undefined ? '--format csv' : `--${wrong}`}.`,
  );
}

async function writeExport(options: Options, io: CommandIo): Promise<number> {
  const { data, store } = configOfArchive(options);
  if (store.kind !== 'embedded')
    throw new AtalaiaError(
      'ATL_USAGE',
      `The archive is in ${store.kind}, and one file is written of one in files. Give --lake DIR.`,
    );
  const path = join(data, 'archive.duckdb');
  let lost = false;
  const archive = await openDuckdbArchive({
    path,
    onEvent: (event) => {
      io.stderr.write(`${event.detail}\n`);
      if (event.kind === 'archive-damaged') lost = true;
    },
  });
  const folder = options.out === undefined ? mkdtempSync(join(tmpdir(), 'atalaia-export-')) : undefined;
  try {
    if (lost) return 1;
    const file = options.out ?? join(folder as string, 'export');
    const { rows } = await archive.export({
      path: file,
      format: options.format,
      ...(options.from === undefined ? {} : { from: options.from }),
      ...(options.to === undefined ? {} : { to: options.to }),
    });
    if (folder !== undefined) await copy(file, io.stdout);
    io.stderr.write(`${rows} rows${options.out === undefined ? '' : ` -> ${options.out}`}\n`);
    return 0;
  } finally {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    await archive.close();
  }
}

/** Copies piece by piece, no faster than the reader takes it. */
async function copy(file: string, to: NodeJS.WritableStream): Promise<void> {
  for await (const piece of createReadStream(file)) {
    if (!to.write(piece as Buffer)) await once(to, 'drain');
  }
}

/** Runs `atalaia export`; returns the exit status: 0 done, 1 unreadable, 2 wrong usage. */
async function run(argv: string[], io: CommandIo): Promise<number> {
  try {
    const options = parse(argv, io);
    if (options !== 'help')
      return await ('lake' in options ? exportLake(options, io) : writeExport(options, io));
    io.stdout.write(usage);
    return 0;
  } catch (error) {
    const wrongUsage =
      error instanceof TypeError && String((error as { code?: unknown }).code).startsWith('ERR_PARSE_ARGS');
    if (!wrongUsage && !(error instanceof AtalaiaError)) throw error;
    io.stderr.write(`atalaia export: ${error.message}\n`);
    if (wrongUsage || (error as AtalaiaError).code === 'ATL_USAGE') {
      io.stderr.write('See atalaia export --help.\n');
      return 2;
    }
    return errorCodes[(error as AtalaiaError).code].exit;
  }
}

export const exportCommand: Command = {
  usage,
  run,
};

import { parseArgs } from 'node:util';
import { type FileFormat, fileFormats, openFiles, type ReportFiles } from '../ingest/files.ts';
import { formatReport } from '../ingest/report-json.ts';
import { type BatchAnswer, createSender } from '../ingest/sender.ts';
import { sleep, systemClock } from '../lib/clock.ts';
import { AtalaiaError } from '../lib/errors.ts';
import type { Command, CommandIo } from './command.ts';

const usage = `Usage: atalaia send FILE… --to URL [--key KEY] [--batch N] [--speed real|max] [--format F] [--strict]

Feeds recorded observations to a running server, in the order of time. Files are INMET yearly files, NDJSON or CSV
(station,observedAt,quantity,value,unit,interval), gzip too.

  --to URL       the server, or the full address of its POST /observations
  --key KEY      the station key; better in the environment: ATALAIA_KEY
  --batch N      reports a request, 1 to 10000 (default 500)
  --speed MODE   max: as fast as the server takes them (default); real: at the pace of the recording
  --format F     auto (default), inmet, ndjson or csv
  --strict       end with status 1 when a row or a report was refused

Examples:
  atalaia send A801_2024.csv.gz --to http://127.0.0.1:8080
  atalaia send *.ndjson --to https://alerts.example.org --batch 2000 --strict
`;

interface SendOptions {
  readonly files: readonly string[];
  readonly to: string;
  readonly key: string | undefined;
  readonly batch: number;
  readonly real: boolean;
  readonly format: FileFormat;
  readonly strict: boolean;
}

interface Totals {
  sent: number;
  accepted: number;
  duplicates: number;
  rejected: number;
}

/** `atalaia send`: files to a server's `POST /observations`, as NDJSON. */
export const sendCommand: Command = {
  usage,
  async run(argv: readonly string[], io: CommandIo): Promise<number> {
    if (argv.includes('--help') || argv.includes('-h')) {
      io.stdout.write(usage);
      return 0;
    }
    const options = readOptions(argv);
    const files = await openFiles(options.files, { format: options.format });
    const totals: Totals = { sent: 0, accepted: 0, duplicates: 0, rejected: 0 };
    await feed(files, options, totals, io);
    const unread = files.refusals.total();
    io.stderr.write(
      `${totals.sent} reports sent: ${totals.accepted} accepted, ${totals.duplicates} duplicates, ${totals.rejected} refusals by the server; ${unread} bad rows or values in the files.\n`,
    );
    for (const refusal of files.refusals.first.slice(0, 5)) {
      io.stderr.write(`  ${refusal.file}, ${refusal.index}: ${refusal.code}: ${refusal.message}\n`);
    }
    return options.strict && unread + totals.rejected > 0 ? 1 : 0;
  },
};

function readOptions(argv: readonly string[]): SendOptions {
  const wrong = (why: string): AtalaiaError =>
    new AtalaiaError('ATL_USAGE', `send: ${why}. See atalaia send --help.`);
  const options = {
    to: { type: 'string' },
    key: { type: 'string' },
    batch: { type: 'string', default: '500' },
    speed: { type: 'string', default: 'max' },
    format: { type: 'string', default: 'auto' },
    strict: { type: 'boolean', default: false },
  } as const;
  let parsed: ReturnType<
    typeof parseArgs<{ args: string[]; options: typeof options; allowPositionals: true }>
  >;
  try {
    parsed = parseArgs({ args: [...argv], options, allowPositionals: true });
  } catch (error) {
    throw wrong((error as Error).message.split('\n')[0]?.replace(/\.$/, '') ?? 'wrong arguments');
  }
  const { values, positionals } = parsed;
  if (positionals.length === 0) throw wrong('name at least one file');
  const batch = /^\d{1,5}$/.test(values.batch) ? Number(values.batch) : 0;
  if (batch < 1 || batch > 10_000)
    throw wrong(`--batch ${values.batch} must be a whole number from 1 to 10000`);
  if (values.speed !== 'real' && values.speed !== 'max')
    throw wrong(`--speed ${values.speed} must be real or max`);
  const format = fileFormats.find((known) => known === values.format);
  if (format === undefined) throw wrong(`--format ${values.format} must be one of ${fileFormats.join(', ')}`);
  if (values.to === undefined) throw wrong('name the server with --to URL');
  return {
    files: positionals,
    to: address(values.to, wrong),
    key: values.key ?? process.env.ATALAIA_KEY,
    batch,
    real: values.speed === 'real',
    format,
    strict: values.strict,
  };
}

function address(to: string, wrong: (why: string) => AtalaiaError): string {
  const url = URL.parse(to);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw wrong(`--to ${to} must be a URL like http://127.0.0.1:8080`);
  if (url.pathname === '/') url.pathname = '/api/v1/observations';
  return url.href;
}

async function feed(files: ReportFiles, options: SendOptions, totals: Totals, io: CommandIo): Promise<void> {
  const sender = createSender({
    url: options.to,
    key: options.key,
    clock: systemClock,
    fetch: globalThis.fetch,
  });
  const progress = createProgress(io, totals);
  let lines: string[] = [];
  let size = 0;
  const flush = async (): Promise<void> => {
    if (lines.length === 0) return;
    const body = `${lines.join('\n')}\n`;
    const count = lines.length;
    [lines, size] = [[], 0];
    add(totals, count, await sender.send(body));
    progress.show(files.newestAt());
  };
  const started = { wall: systemClock.monotonicMs(), recording: Number.NaN };
  let last = Number.NaN;
  for await (const block of files.blocks()) {
    for (const report of block) {
      if (options.real && report.receivedAt !== last) {
        await flush();
        if (Number.isNaN(started.recording)) started.recording = report.receivedAt;
        const waitMs = report.receivedAt - started.recording - (systemClock.monotonicMs() - started.wall);
        // Timers hold at most 2^31 - 1 ms; a longer gap of a recording is cut to that.
        if (waitMs > 0) await sleep(systemClock, Math.min(waitMs, 2 ** 31 - 1));
        last = report.receivedAt;
      }
      const line = formatReport(report);
      if (size + line.length > MAX_BATCH_CHARACTERS) await flush();
      lines.push(line);
      size += line.length + 1;
      if (lines.length >= options.batch) await flush();
    }
  }
  await flush();
  progress.end();
}

/** Below the server's 8 MiB. */
const MAX_BATCH_CHARACTERS = 7 * 1024 * 1024;

function add(totals: Totals, count: number, answer: BatchAnswer): void {
  totals.sent += count;
  totals.accepted += answer.accepted;
  totals.duplicates += answer.duplicates;
  totals.rejected += answer.rejected.length;
}

function createProgress(io: CommandIo, totals: Totals): { show(at: number | undefined): void; end(): void } {
  if (io.stderr.isTTY !== true) return { show: () => {}, end: () => {} };
  return {
    show(at) {
      const day = at === undefined ? '' : new Date(at).toISOString().slice(0, 16).replace('T', ' ');
      io.stderr.write(`\r\x1b[K${totals.sent} reports sent, ${totals.accepted} accepted  ${day}`);
    },
    end: () => io.stderr.write('\r\x1b[K'),
  };
}

import { basename } from 'node:path';
import { AtalaiaError } from '../lib/errors.ts';
import type { Refusal, Report } from '../model/report.ts';
import type { Station } from '../model/station.ts';
import type { rawReport } from './decode/body.ts';
import { csvReports } from './decode/csv-reports.ts';
import { openInmet } from './decode/inmet.ts';
import { type CheckContext, checkReport } from './decode/report.ts';
import { exportedReports, isExportHeader } from './exported.ts';
import { createNdjsonParser, linesIn } from './fast-ndjson.ts';
import { lineBlocks, lineBytes } from './lines.ts';
import { type MergeSource, mergeSorted } from './merge.ts';
import { createRefusalCount, type RefusalCount } from './refusal-count.ts';
import { ReportColumns } from './report-columns.ts';

export const fileFormats = ['auto', 'inmet', 'ndjson', 'csv', 'export'] as const;
export type FileFormat = (typeof fileFormats)[number];

export interface FileOptions {
  readonly format?: FileFormat;
  /** Span from `observedAt` to `receivedAt`, ms; default 0, and what an export says itself. */
  readonly delayMs?: number;
  /** Keeps reports with from <= observedAt <= to, epoch ms. */
  readonly from?: number;
  readonly to?: number;
  /** The registry's interval of a station, ms; a report without `interval` falls back to PT1H. */
  readonly stationInterval?: (station: string) => number | null | undefined;
  /** Told as files are finished, for a progress bar. */
  readonly onFile?: (path: string, done: number, total: number) => void;
}

export interface ReportFiles extends AsyncIterable<Report> {
  /** The same reports in blocks, for loops that must not await each. */
  blocks(): AsyncGenerator<readonly Report[]>;
  /** All of them in memory, in columns. */
  columns(): Promise<ReportColumns>;
  /** Stations that the files describe themselves (INMET), by id. */
  readonly stations: ReadonlyMap<string, Station>;
  /** Grows while the files are read. */
  readonly refusals: RefusalCount;
  /** Newest `receivedAt` seen so far, epoch ms. */
  newestAt(): number | undefined;
}

const MAX_REPORTS_PER_FILE = 20_000_000;
const MAX_CSV_CHARACTERS = 256 * 1024 * 1024;
const BYTE_ORDER_MARK = Buffer.from('\ufeff');

/**
 * Opens recorded files (gzip too) as one stream sorted by (receivedAt, station), whatever their order: files are opened
 * when the stream reaches their first row, so that many yearly files fit in memory; a file out of order is sorted.
 * Can be read once. Refused rows are counted in `refusals`.
 * @throws AtalaiaError ATL_INPUT when a file is missing, damaged, or holds more than 20,000,000 reports
 */
export async function openFiles(paths: readonly string[], options: FileOptions = {}): Promise<ReportFiles> {
  const refusals = createRefusalCount();
  const stations = new Map<string, Station>();
  const sources: MergeSource[] = [];
  let done = 0;
  for (const path of paths) {
    const format =
      options.format === undefined || options.format === 'auto' ? await detectFormat(path) : options.format;
    const finished = (): void => options.onFile?.(path, ++done, paths.length);
    if (format === 'inmet') sources.push(await inmetSource(path, options, { refusals, stations, finished }));
    else sources.push(await wholeSource(path, format, options, { refusals, finished }));
  }
  let newest: number | undefined;
  async function* blocks(): AsyncGenerator<readonly Report[]> {
    for await (const block of mergeSorted(sources)) {
      newest = (block.at(-1) as Report).receivedAt;
      yield block;
    }
  }
  async function* each(): AsyncGenerator<Report> {
    for await (const block of blocks()) yield* block;
  }
  /** One file is in columns already. */
  const columns = async (): Promise<ReportColumns> =>
    sources.length === 1 ? (await (sources[0] as MergeSource).load()).sorted() : ReportColumns.from(blocks());
  return { blocks, columns, stations, refusals, newestAt: () => newest, [Symbol.asyncIterator]: each };
}

/** The format of a file by its first line. */
export async function detectFormat(path: string): Promise<Exclude<FileFormat, 'auto'>> {
  for await (const block of lineBlocks(path, 'latin1')) {
    const line = block.find((text) => text.trim() !== '');
    if (line === undefined) continue;
    if (line.trimStart().startsWith('{')) return 'ndjson';
    if (/^[^;,]{4,12}:;/.test(line)) return 'inmet';
    if (isExportHeader(line)) return 'export';
    if (/\bobservedAt\b/.test(line)) return 'csv';
    throw new AtalaiaError(
      'ATL_INPUT',
      `${path}: the format is not recognised; name it with --format inmet, ndjson, csv or export.`,
    );
  }
  return 'ndjson';
}

interface InmetContext {
  readonly refusals: RefusalCount;
  readonly stations: Map<string, Station>;
  readonly finished: () => void;
}

async function inmetSource(path: string, options: FileOptions, context: InmetContext): Promise<MergeSource> {
  const delayMs = options.delayMs ?? 0;
  const file = await openInmet(path, { refusals: context.refusals, delayMs });
  if (!context.stations.has(file.station.id)) context.stations.set(file.station.id, file.station);
  return {
    name: path,
    firstAt: file.firstAt + delayMs,
    async load() {
      const reports = new ReportColumns();
      const take = keeper(path, reports, options);
      for await (const block of file.reports()) for (const report of block) take(report, report.receivedAt);
      context.finished();
      return reports;
    },
  };
}

async function wholeSource(
  path: string,
  format: 'ndjson' | 'csv' | 'export',
  options: FileOptions,
  context: { readonly refusals: RefusalCount; readonly finished: () => void },
): Promise<MergeSource> {
  const reports = new ReportColumns();
  const add = (refusal: Refusal): void => context.refusals.add(basename(path), refusal);
  if (format === 'ndjson') await readNdjson(path, reports, options, add);
  else if (format === 'csv') await readCsv(path, reports, options, add);
  else await readExport(path, reports, options, add);
  context.finished();
  return { name: path, firstAt: reports.firstAt, load: async () => reports };
}

async function readNdjson(
  path: string,
  reports: ReportColumns,
  options: FileOptions,
  add: (refusal: Refusal) => void,
): Promise<void> {
  const parser = createNdjsonParser(contextOf(options));
  const { delayMs = 0 } = options;
  const take = keeper(path, reports, options);
  const received = (report: Report): void => take(report, report.observedAt + delayMs);
  let lines = 0;
  for await (const bytes of lineBytes(path, () => lines)) {
    const text = lines === 0 && bytes.subarray(0, 3).equals(BYTE_ORDER_MARK) ? bytes.subarray(3) : bytes;
    parser.parse(text, received, add, lines + 1);
    lines += linesIn(bytes);
  }
}

async function readCsv(
  path: string,
  reports: ReportColumns,
  options: FileOptions,
  add: (refusal: Refusal) => void,
): Promise<void> {
  const parts: string[] = [];
  let size = 0;
  for await (const block of lineBlocks(path, 'utf8')) {
    const part = block.join('\n');
    size += part.length;
    if (size > MAX_CSV_CHARACTERS)
      throw new AtalaiaError('ATL_INPUT', `${path} is larger than 256 MiB; split it by time.`);
    parts.push(part);
  }
  const take = keeper(path, reports, options);
  for (const [index, raw] of csvReports(parts.join('\n')).entries()) {
    const report = checkRaw(raw, index, options, add);
    if (report !== undefined) take(report, report.observedAt + (options.delayMs ?? 0));
  }
}

async function readExport(
  path: string,
  reports: ReportColumns,
  options: FileOptions,
  add: (refusal: Refusal) => void,
): Promise<void> {
  const take = keeper(path, reports, options);
  const { delayMs } = options;
  for await (const block of exportedReports(path))
    for (const { raw, line, receivedAt, intervalMs } of block) {
      const report = checkRaw(raw, line, options, add);
      if (report === undefined) continue;
      const at = delayMs === undefined ? receivedAt : report.observedAt + delayMs;
      take(intervalMs === 0 ? { ...report, intervalMs } : report, at);
    }
}

function checkRaw(
  raw: ReturnType<typeof rawReport>,
  index: number,
  options: FileOptions,
  add: (refusal: Refusal) => void,
): Report | undefined {
  if (typeof raw === 'string') {
    add({ index, code: 'form', message: raw });
    return undefined;
  }
  const refusals: Refusal[] = [];
  const report = checkReport(raw, index, contextOf(options), refusals);
  for (const refusal of refusals) add(refusal);
  return report;
}

/** A recording has no clock of its own: nothing in it lies in the future. */
const contextOf = ({ stationInterval }: FileOptions): CheckContext => ({
  receivedAt: Number.POSITIVE_INFINITY,
  stationInterval,
});

type Take = (report: Report, receivedAt: number) => void;

/** Takes the reports of a file that lie in the span. */
function keeper(path: string, into: ReportColumns, { from, to }: FileOptions): Take {
  const [first, last] = [from ?? Number.NEGATIVE_INFINITY, to ?? Number.POSITIVE_INFINITY];
  return (report, receivedAt) => {
    if (report.observedAt < first || report.observedAt > last) return;
    into.add(report, receivedAt);
    if (into.length > MAX_REPORTS_PER_FILE)
      throw new AtalaiaError(
        'ATL_INPUT',
        `${path} holds more than ${MAX_REPORTS_PER_FILE} reports; split it by time.`,
      );
  };
}

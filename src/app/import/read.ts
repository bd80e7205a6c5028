import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { checkReport } from '../../ingest/decode/report.ts';
import { openFiles } from '../../ingest/files.ts';
import { createRefusalCount, type RefusalCount } from '../../ingest/refusal-count.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import type { Refusal, Report } from '../../model/report.ts';
import { parseInstant } from '../../model/time.ts';
import { type ParquetRow, readParquet } from '../../store/archive/duckdb/parquet.ts';

export const importFormats = ['auto', 'inmet', 'ndjson', 'csv', 'parquet'] as const;
export type ImportFormat = (typeof importFormats)[number];
type Flag = 'good' | 'suspect' | 'bad';

/** A report of history, with the flag that it was kept under before. */
export interface HistoryReport extends Report {
  readonly flag?: Flag;
}
export interface HistoryFile {
  /** In an order that is the same each time. */
  blocks(): AsyncGenerator<readonly HistoryReport[]>;
  readonly refusals: RefusalCount;
}

/** A file of observations, by `format` or by what its first bytes say. @throws AtalaiaError ATL_INPUT when it cannot be read */
export async function openHistory(
  path: string,
  format: ImportFormat,
  stationInterval: (station: string) => number | null | undefined,
): Promise<HistoryFile> {
  const isParquet = format === 'auto' && (await firstBytes(path, 4)) === 'PAR1';
  if (format !== 'parquet' && !isParquet) return openFiles([path], { format, stationInterval });
  const refusals = createRefusalCount();
  return { refusals, blocks: () => parquetBlocks(path, refusals, stationInterval) };
}

/** What a file is known by: SHA-256 of its bytes, hex. */
export async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 }))
      hash.update(piece as Buffer);
  } catch (cause) {
    throw unreadable(path, cause);
  }
  return hash.digest('hex');
}

async function firstBytes(path: string, length: number): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, 0);
      return buffer.toString('latin1', 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

const unreadable = (path: string, cause: unknown): AtalaiaError =>
  new AtalaiaError(
    'ATL_INPUT',
    `${path} cannot be read: ${(cause as Error).message}. Check name and rights.`,
    {
      cause,
    },
  );

async function* parquetBlocks(
  path: string,
  refusals: RefusalCount,
  stationInterval: (station: string) => number | null | undefined,
): AsyncGenerator<readonly HistoryReport[]> {
  const name = basename(path);
  let row = 0;
  for await (const rows of readParquet(path)) {
    const reports: HistoryReport[] = [];
    for (const cells of rows) {
      const refused: Refusal[] = [];
      const report = historyReport(cells, ++row, refused, stationInterval);
      for (const refusal of refused) refusals.add(name, refusal);
      if (report) reports.push(report);
    }
    yield reports;
  }
}

function historyReport(
  { station, observedAt, quantity, value, unit, intervalMs, receivedAt, flag }: ParquetRow,
  row: number,
  refused: Refusal[],
  stationInterval: (station: string) => number | null | undefined,
): HistoryReport | undefined {
  const raw = {
    station: station ?? '',
    observedAt: observedAt ?? '',
    interval: intervalMs === null || intervalMs === 0 ? undefined : `PT${intervalMs / 1000}S`,
    readings: [{ quantity: quantity ?? '', value: value ?? '', unit: unit || undefined }],
  };
  // History has no clock of its own: nothing in it lies in the future.
  const report = checkReport(raw, row, { receivedAt: Number.POSITIVE_INFINITY, stationInterval }, refused);
  if (!report) return undefined;
  const received = receivedAt === null ? undefined : parseInstant(receivedAt);
  return {
    ...report,
    ...(intervalMs === 0 ? { intervalMs: 0 } : {}),
    receivedAt: received ?? report.observedAt,
    ...(flag === 'suspect' || flag === 'bad' ? { flag } : {}),
  };
}

import { invariant } from '../../lib/errors.ts';
import type { Observation } from '../../model/observation.ts';
import type { Archive } from '../../store/archive/archive.ts';
import { RowPacker } from '../../store/archive/packed.ts';
import { Coverage, type StationCoverage } from './coverage.ts';
import { digestOf, type HistoryReport, type ImportFormat, openHistory } from './read.ts';

/** Readings of one commit: large enough for the archive's bulk speed, small enough that a kill costs little. */
const COMMIT_READINGS = 100_000;
/** Numbers above every partition of a log: the archive keeps, under one of them, how far a file has come. */
const FILE_PARTITIONS = 2 ** 52;
const UNDER_WAY = 1;
const DONE = 2;

export interface ImportOptions {
  readonly archive: Pick<Archive, 'commit' | 'positions'>;
  readonly files: readonly string[];
  readonly format: ImportFormat;
  /** The registry's interval of a station, ms. */
  readonly stationInterval: (station: string) => number | null | undefined;
  readonly onProgress?: (progress: { readonly file: string; readonly readings: number }) => void;
  readonly onFile?: (file: ImportedFile) => void;
}
export interface ImportedFile {
  readonly path: string;
  readonly state: 'new' | 'resumed' | 'known';
  /** Readings added now. */
  readonly readings: number;
  readonly refused: number;
  /** The first refusals, for people. */
  readonly firstRefusals: readonly string[];
}
export interface ImportResult {
  readonly files: readonly ImportedFile[];
  /** Of the files that were read now. */
  readonly stations: readonly StationCoverage[];
}

/**
 * Files of history into the archive. No rule sees them: history raises no alert. How far a file has come is kept in the
 * same transaction as its readings, under a number of its content's digest: a file that was cut short goes on, one that is
 * in already adds nothing, whatever it is called.
 * @throws AtalaiaError ATL_INPUT for a file that cannot be read; what came before it stays
 */
export async function importFiles(options: ImportOptions): Promise<ImportResult> {
  const known = new Map((await options.archive.positions()).map((at) => [at.partition, at]));
  const coverage = new Coverage();
  const files: ImportedFile[] = [];
  for (const path of options.files) {
    const partition = partitionOfFile(await digestOf(path));
    const held = known.get(partition);
    const file =
      held?.epoch === DONE
        ? { path, state: 'known' as const, readings: 0, refused: 0, firstRefusals: [] }
        : await importFile(path, partition, held?.offset ?? 0, coverage, options);
    known.set(partition, { partition, epoch: DONE, offset: 0 });
    files.push(file);
    options.onFile?.(file);
  }
  return { files, stations: coverage.report() };
}

/** 52 bits of the digest: two files of a million share one with a probability of about 10⁻⁴. */
const partitionOfFile = (digest: string): number =>
  FILE_PARTITIONS + Number.parseInt(digest.slice(0, 13), 16);

async function importFile(
  path: string,
  partition: number,
  from: number,
  coverage: Coverage,
  { archive, format, stationInterval, onProgress }: ImportOptions,
): Promise<ImportedFile> {
  const file = await openHistory(path, format, stationInterval);
  let offset = 0;
  let added = 0;
  let committed = from;
  let gathered = new RowPacker();
  let readings = 0;
  let writing: Promise<void> = Promise.resolve();
  /** One commit is under way while the next is read. */
  const flush = async (epoch: number): Promise<void> => {
    await writing;
    invariant(offset >= committed, 'an import goes backwards');
    const packed = readings > 0 ? [gathered.rows()] : [];
    writing = archive.commit([{ partition, epoch, from: committed, to: offset, observations: [], packed }]);
    // Heard by the next flush; here only so that a failure meanwhile does not end the process.
    writing.catch(() => undefined);
    added += readings;
    [committed, gathered, readings] = [offset, new RowPacker(COMMIT_READINGS), 0];
    onProgress?.({ file: path, readings: added });
  };
  for await (const block of file.blocks()) {
    for (const report of block) {
      coverage.add(report.station, report.observedAt);
      if (++offset <= from) continue;
      readings += pack(gathered, report);
      if (readings >= COMMIT_READINGS) await flush(UNDER_WAY);
    }
  }
  // A file that was put in by another format gives another number of reports: what is there stays.
  offset = Math.max(offset, committed);
  await flush(UNDER_WAY);
  await flush(DONE);
  await writing;
  const firstRefusals = file.refusals.first.map(
    (refusal) => `${refusal.file}, ${refusal.index}: ${refusal.code}: ${refusal.message}`,
  );
  return {
    path,
    state: from > 0 ? 'resumed' : 'new',
    readings: added,
    refused: file.refusals.total(),
    firstRefusals,
  };
}

function pack(
  into: RowPacker,
  { station, observedAt, intervalMs, receivedAt, ...rest }: HistoryReport,
): number {
  const { quantities, values, flag = 'good' } = rest;
  for (const [index, quantity] of quantities.entries()) {
    const value = values[index] as number;
    const observation: Observation = {
      station,
      quantity,
      observedAt,
      intervalMs,
      receivedAt,
      value,
      flag,
      arrival: 'late',
    };
    into.add(observation);
  }
  return quantities.length;
}

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { formatInstant, nextMonth } from '../../model/time.ts';
import type { Archive, ArchiveMonth } from '../../store/archive/archive.ts';
import { cutByRegion, type LakePart } from '../../store/archive/duckdb/lake.ts';
import type { LakeMedium } from '../../store/lake/lake.ts';
import { type LakeFile, type LakeMonth, monthName, pathOf, readManifest, writeManifest } from './manifest.ts';

export interface LakeRun {
  readonly archive: Archive;
  /** What the archive's engine exports. */
  readonly format: 'parquet' | 'csv';
  /** Region of each station of the registry. */
  readonly regions: ReadonlyMap<string, string>;
  readonly medium: LakeMedium;
  /** `server.id`: one system writes a lake. */
  readonly server: string;
  /** A folder of this process alone; what is in it goes. */
  readonly work: string;
  readonly now: number;
  /** Months that end after it, epoch ms; all unless given. */
  readonly since?: number | undefined;
  /** Ends the run after the month under way; the next one goes on from there. */
  readonly isStopped?: () => boolean;
  readonly onMonth?: (done: number, of: number) => void;
}

/** Months, files and rows that a run wrote; months that were as they are are counted alone. */
export interface LakeReport {
  readonly months: number;
  readonly unchanged: number;
  readonly files: number;
  readonly rows: number;
  readonly bytes: number;
  /** Marks of all months of the archive that the lake now has, by month: retention may take those. */
  readonly marks: ReadonlyMap<number, string>;
}

/**
 * Brings the lake up to the archive: months that changed since they were last written are written anew, one file for each
 * region, and a file whose content is the same stays. A month that retention took from the archive stays in the lake; what
 * came to it later is added. Killed at any moment, another run ends the work.
 */
export async function writeLake(run: LakeRun): Promise<LakeReport> {
  const { archive, medium, work, server, now, since } = run;
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  try {
    const manifest = await readManifest(medium, work, server);
    const held = new Map(manifest.months.map((month) => [month.month, month]));
    const counts = { months: 0, unchanged: 0, files: 0, rows: 0, bytes: 0 };
    const marks = new Map<number, string>();
    // Marks are read first: what comes while a month is copied makes another mark, and the next run copies it again.
    const months = await archive.months();
    const changed = months.filter((one) => {
      const isSame = held.get(monthName(one.month))?.mark === one.mark;
      if (isSame) marks.set(one.month, one.mark);
      return !isSame && nextMonth(one.month) > (since ?? Number.NEGATIVE_INFINITY);
    });
    counts.unchanged = months.length - changed.length;
    const save = () =>
      writeManifest(medium, work, {
        ...manifest,
        writtenAt: formatInstant(now),
        months: [...held.values()].sort((a, b) => (a.month < b.month ? -1 : 1)),
      });
    try {
      for (const [index, month] of changed.entries()) {
        if (run.isStopped?.()) break;
        const before = held.get(monthName(month.month));
        const { entry, written } = await writeMonth(run, month, before);
        held.set(entry.month, entry);
        marks.set(month.month, month.mark);
        counts.months++;
        counts.files += written.length;
        for (const { rows, bytes } of written) {
          counts.rows += rows;
          counts.bytes += bytes;
        }
        run.onMonth?.(index + 1, changed.length);
      }
    } finally {
      if (counts.months > 0) await save();
    }
    return { ...counts, marks };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function writeMonth(
  { archive, format, regions, medium, work }: LakeRun,
  { month, mark, isWhole }: ArchiveMonth,
  before: LakeMonth | undefined,
): Promise<{ readonly entry: LakeMonth; readonly written: readonly LakeFile[] }> {
  const folder = join(work, 'month');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const source = join(folder, format === 'csv' ? 'export.csv.gz' : 'export.parquet');
  await archive.export({ path: source, format, from: month, to: nextMonth(month) });
  const earlier = isWhole ? [] : await fetchEarlier(medium, folder, pathsOf(month, regions, before));
  const parts = await cutByRegion({ source, format, earlier, regions, folder });
  const old = new Map(before?.files.map((file) => [file.path, file]));
  const files: LakeFile[] = [];
  const written: LakeFile[] = [];
  for (const part of parts) {
    const file = await describe(part, month);
    files.push(file);
    if (old.get(file.path)?.sha256 === file.sha256) continue;
    await medium.put(file.path, part.path);
    written.push(file);
  }
  // The new first: who reads meanwhile sees a station twice rather than not at all.
  const kept = new Set(files.map(({ path }) => path));
  for (const path of old.keys()) if (!kept.has(path)) await medium.remove(path);
  const rows = files.reduce((sum, file) => sum + file.rows, 0);
  return { entry: { month: monthName(month), mark, rows, files }, written };
}

/** Where files of the month may lie, whether the manifest knows them or somebody removed it. */
const pathsOf = (
  month: number,
  regions: ReadonlyMap<string, string>,
  before: LakeMonth | undefined,
): ReadonlySet<string> =>
  new Set([
    ...(before?.files ?? []).map(({ path }) => path),
    ...[null, ...new Set(regions.values())].map((region) => pathOf(month, region)),
  ]);

/** Copies of the month's files as they are in the lake. */
async function fetchEarlier(
  medium: LakeMedium,
  folder: string,
  paths: ReadonlySet<string>,
): Promise<readonly string[]> {
  const copies: string[] = [];
  for (const [index, path] of [...paths].entries()) {
    const copy = join(folder, `earlier-${index}.parquet`);
    if (await medium.get(path, copy)) copies.push(copy);
  }
  return copies;
}

async function describe({ path, region, rows }: LakePart, month: number): Promise<LakeFile> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  const { size } = await stat(path);
  return { path: pathOf(month, region), region, rows, bytes: size, sha256: hash.digest('hex') };
}

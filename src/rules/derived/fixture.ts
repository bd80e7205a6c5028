import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Reference results made by others; not part of the repository. */
const folder = join(import.meta.dirname, '../../../../shared/data/weather/derived');

/** Suites that need them are skipped without, and say so in their names. */
export const hasReferences = existsSync(folder);
export const needsReferences = hasReferences ? '' : ' (skipped: ../shared/data/weather/derived is absent)';

export const readText = (path: string): string => readFileSync(join(folder, path), 'utf8');

/** Rows of a CSV with header; a field that is no number is NaN. */
export function readRows(path: string, separator = ','): Record<string, number>[] {
  const [header, ...lines] = readText(path).trim().split('\n');
  const names = (header as string).split(separator).map(unquoted);
  return lines.map((line) => {
    const fields = line.split(separator);
    return Object.fromEntries(names.map((name, i) => [name, Number(unquoted(fields[i] as string))]));
  });
}

/** A column of numbers without header. */
export const readColumn = (path: string): number[] => readText(path).trim().split('\n').map(Number);

const unquoted = (text: string): string => text.trim().replaceAll('"', '');

/** The greatest absolute difference of two columns of one length. */
export function farthest(ours: readonly number[], theirs: readonly number[]): number {
  if (ours.length !== theirs.length || ours.length === 0)
    throw new Error(`${ours.length} results, ${theirs.length} references`);
  return Math.max(...ours.map((value, i) => Math.abs(value - (theirs[i] as number))));
}

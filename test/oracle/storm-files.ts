/** The storm's INMET files cut to the recording, as they are or spoiled in one way, for `atalaia replay`. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { stormEnd, stormFolder, stormStart } from './storm-sql.ts';

const HOUR = 3_600_000;
const METADATA_LINES = 9;

/** `gap-as-zero`: a missing rain reading becomes 0; `local-time`: UTC read as UTC-3, every row 3 h later. */
export type Spoiling = 'none' | 'gap-as-zero' | 'local-time';

const instantOf = (cells: readonly string[]): number => {
  const [year, month, day] = (cells[0] as string).split('/').map(Number) as [number, number, number];
  return Date.UTC(year, month - 1, day, Number(cells[1]?.slice(0, 2)));
};

/** Writes the 44 cut files (Latin-1, as INMET's) into `folder` and returns their paths. */
export function writeStormFiles(folder: string, spoiling: Spoiling = 'none'): string[] {
  mkdirSync(folder, { recursive: true });
  return readdirSync(stormFolder)
    .filter((name) => name.endsWith('.gz'))
    .sort()
    .map((name) => {
      const lines = gunzipSync(readFileSync(join(stormFolder, name)))
        .toString('latin1')
        .split(/\r?\n/);
      const rows = lines
        .slice(METADATA_LINES)
        .filter(Boolean)
        .map((line) => line.split(';'))
        .flatMap((cells) => {
          const at = instantOf(cells);
          if (at < stormStart || at > stormEnd) return [];
          if (spoiling === 'gap-as-zero' && cells[2] === '') cells[2] = '0';
          const shown = new Date(spoiling === 'local-time' ? at + 3 * HOUR : at).toISOString();
          return [
            [shown.slice(0, 10).replaceAll('-', '/'), `${shown.slice(11, 13)}00 UTC`, ...cells.slice(2)].join(
              ';',
            ),
          ];
        });
      const path = join(folder, name.replace(/\.gz$/, ''));
      writeFileSync(path, `${[...lines.slice(0, METADATA_LINES), ...rows].join('\n')}\n`, 'latin1');
      return path;
    });
}

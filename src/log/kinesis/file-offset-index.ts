import { join } from 'node:path';
import { type Disk, type DiskFile, diskErrorCode, readWhole } from '../../lib/disk.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import { createGroupCommit } from '../../lib/group-commit.ts';
import type { OffsetIndex } from './offset-index.ts';

const NAME = 'offset-index.ndjson';
const MAX_FILE_BYTES = 256 << 20;
const COMPACT_BYTES = 4 << 20;

type Line = readonly [key: string, value: string | null];

/**
 * An index in one file of a directory, for a log that one process opens: a line of JSON per change, `[key, value]` or
 * `[key, null]`, each durable before its call resolves. It is written anew when it has grown to twice what it holds.
 */
export async function openFileOffsetIndex(
  disk: Disk,
  directory: string,
): Promise<OffsetIndex & { close(): Promise<void> }> {
  await disk.makeDirectory(directory);
  const path = join(directory, NAME);
  const map = await load(disk, path);
  // Written anew at each opening: a line that was torn by a crash must not stand before whole ones.
  let file = await compact(disk, directory, map);
  let size = await disk.size(path);
  let compactAt = Math.max(COMPACT_BYTES, 2 * size);

  const write = createGroupCommit<Line>(
    async (lines) => {
      if (size > compactAt) {
        await file.close();
        file = await compact(disk, directory, map);
        size = await disk.size(path);
        compactAt = Math.max(COMPACT_BYTES, 2 * size);
        return;
      }
      const bytes = Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
      await file.write(bytes);
      await file.datasync();
      size += bytes.length;
    },
    async () => undefined,
  );
  return {
    list: async (prefix) => [...map].filter(([key]) => key.startsWith(prefix)),
    async insert(key, value) {
      const kept = map.get(key);
      if (kept !== undefined) return kept;
      map.set(key, value);
      await write([key, value]);
      return value;
    },
    async set(key, value) {
      map.set(key, value);
      await write([key, value]);
    },
    async remove(keys) {
      await Promise.all(keys.filter((key) => map.delete(key)).map((key) => write([key, null])));
    },
    close: () => file.close(),
  };
}

async function load(disk: Disk, path: string): Promise<Map<string, string>> {
  let text: string;
  try {
    text = Buffer.from(await readWhole(disk, path, MAX_FILE_BYTES)).toString('utf8');
  } catch (error) {
    if (diskErrorCode(error) === 'ENOENT') return new Map();
    throw error;
  }
  const map = new Map<string, string>();
  const lines = text.split('\n');
  // What stands behind the last line feed was not acknowledged.
  lines.pop();
  lines.forEach((line, i) => {
    let parsed: Line;
    try {
      parsed = JSON.parse(line) as Line;
    } catch (cause) {
      throw new AtalaiaError(
        'ATL_STORE',
        `Line ${i + 1} of ${path} is damaged. Restore the file from a backup: without it the offsets of the stream are not known.`,
        { cause },
      );
    }
    const [key, value] = parsed;
    if (value === null) map.delete(key);
    else map.set(key, value);
  });
  return map;
}

async function compact(disk: Disk, directory: string, map: ReadonlyMap<string, string>): Promise<DiskFile> {
  const path = join(directory, NAME);
  const fresh = `${path}.new`;
  await disk.remove(fresh);
  const file = await disk.openAppend(fresh);
  await file.write(Buffer.from([...map].map((line) => `${JSON.stringify(line)}\n`).join('')));
  await file.datasync();
  await disk.rename(fresh, path);
  await disk.syncDirectory(directory);
  return file;
}

import { existsSync, renameSync } from 'node:fs';
import { DuckDBInstance } from '@duckdb/node-api';
import { AtalaiaError } from '../../../lib/errors.ts';
import type { ArchiveEvent } from './protocol.ts';

/** Bounds of one engine; a big sort spills to disk beside the file. */
const config = {
  memory_limit: '1GB',
  threads: '2',
  // The engine takes its checkpoints itself and notes what is durable by them; an automatic one is for when those fail.
  checkpoint_threshold: '256MiB',
  autoinstall_known_extensions: 'false',
  autoload_known_extensions: 'false',
};

const walNames = ['.wal', '.wal.checkpoint', '.wal.recovery'];
const lockedPattern = /set lock on file|being used by another process/i;
const versionPattern = /newer version|older version|storage version|version number/i;
/** Failures of the machine, not of the file: nothing is put aside for them. */
const machinePattern =
  /permission denied|no space left|out of memory|read-only file system|too many open files|input\/output error|is a directory/i;

/**
 * Opens the file with the check `use` run on it. A damaged write-ahead log is put aside as `<path>.wal.damaged-<n>` and
 * the last checkpoint opened; a damaged main file is put aside as `<path>.damaged-<n>` and a new one begun. Positions
 * are then older, and the caller folds again from there. Each is told by `onEvent`.
 */
export async function openRecovering<T>(
  path: string,
  onEvent: (event: ArchiveEvent) => void,
  use: (instance: DuckDBInstance) => Promise<T>,
): Promise<T> {
  const attempt = async (): Promise<T> => {
    const instance = await DuckDBInstance.create(path, config);
    try {
      return await use(instance);
    } catch (error) {
      instance.closeSync();
      throw error;
    }
  };
  try {
    return await attempt();
  } catch (error) {
    refuseUnlessDamaged(path, error);
    const kept = putAside(path, walNames);
    if (kept.length > 0) {
      onEvent({
        kind: 'wal-damaged',
        detail: `The write-ahead log of ${path} is damaged (${reason(error)}). Kept as ${kept.join(', ')}; the last checkpoint was opened.`,
      });
    }
  }
  try {
    return await attempt();
  } catch (error) {
    refuseUnlessDamaged(path, error);
    const kept = putAside(path, ['', ...walNames]);
    onEvent({
      kind: 'archive-damaged',
      detail: `Archive ${path} is damaged (${reason(error)}). Kept as ${kept.join(', ')}; a new one was begun.`,
    });
  }
  return attempt();
}

const reason = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n')[0]?.slice(0, 300) ?? '';

function refuseUnlessDamaged(path: string, error: unknown): void {
  if (error instanceof AtalaiaError) throw error;
  const text = reason(error);
  if (lockedPattern.test(text)) {
    throw new AtalaiaError(
      'ATL_STORE',
      `Archive ${path} is open in another process. Stop that one first (one process at a time), or ask the running Atalaia by its API.`,
    );
  }
  if (versionPattern.test(text)) {
    throw new AtalaiaError(
      'ATL_STORE_VERSION',
      `Archive ${path} was written by another version of DuckDB (${text}). Update Atalaia, or restore a backup.`,
    );
  }
  if (machinePattern.test(text)) {
    throw new AtalaiaError(
      'ATL_STORE',
      `Archive ${path} cannot be opened: ${text}. Check rights, free space and memory, then start again.`,
    );
  }
}

/** Renames the existing files among `path + suffix`, never over another file; returns the new names. */
function putAside(path: string, suffixes: readonly string[]): string[] {
  return suffixes
    .filter((suffix) => existsSync(path + suffix))
    .map((suffix) => {
      let n = 1;
      while (existsSync(`${path}${suffix}.damaged-${n}`)) n++;
      const name = `${path}${suffix}.damaged-${n}`;
      renameSync(path + suffix, name);
      return name;
    });
}

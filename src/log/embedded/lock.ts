import { readFileSync } from 'node:fs';
import { type Disk, readWhole } from '../../lib/disk.ts';
import { AtalaiaError } from '../../lib/errors.ts';

const held = new WeakMap<Disk, Set<string>>();

/** When the process began, so that a pid that was given out again is not taken for the owner; empty where unknown. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

function isAlive(pid: number, start: string): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
  return start === '' || startOf(pid) === start;
}

/**
 * Makes this process the only one to use `directory`. The file `lock` holds the pid and the start of its owner; that of
 * a process that is gone is taken over. Resolves with the release; rejects with ATL_CONFLICT when another one lives.
 */
export async function lockDirectory(disk: Disk, directory: string): Promise<() => Promise<void>> {
  const path = `${directory}/lock`;
  const mine = held.get(disk) ?? new Set<string>();
  held.set(disk, mine);
  if (mine.has(path)) throw conflict(directory, process.pid);
  mine.add(path);
  try {
    await take(disk, directory, path);
  } catch (error) {
    mine.delete(path);
    throw error;
  }
  return async () => {
    mine.delete(path);
    await disk.remove(path);
  };
}

async function take(disk: Disk, directory: string, path: string): Promise<void> {
  const text = Buffer.from(`${process.pid} ${startOf(process.pid)}\n`);
  for (let attempt = 0; attempt < 3; attempt++) {
    if (await disk.createNew(path, text)) return;
    const owner = Buffer.from(await readWhole(disk, path, 100).catch(() => new Uint8Array(0))).toString(
      'latin1',
    );
    // A power cut can leave a lock that is not whole; its owner is gone too.
    const [, pid, start] = /^(\d+)(?: (\d*))?\n$/.exec(owner) ?? [];
    if (pid && Number(pid) !== process.pid && isAlive(Number(pid), start ?? ''))
      throw conflict(directory, Number(pid));
    // Only one process can move the stale file away; the others find the new one.
    await disk.rename(path, `${path}.stale`).catch(() => undefined);
    await disk.remove(`${path}.stale`);
  }
  throw conflict(directory, 0);
}

const conflict = (directory: string, pid: number): AtalaiaError =>
  new AtalaiaError(
    'ATL_CONFLICT',
    `The log in ${directory} is in use by process ${pid}. Stop that process, or give this one another data directory.`,
  );

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { nodeDisk } from '../../lib/disk.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import { lockDirectory } from '../../log/embedded/lock.ts';

/**
 * Makes this process the only one to use a data directory, as a running server would be; the returned function lets go.
 * @throws AtalaiaError ATL_CONFLICT when a server holds it
 */
export async function holdData(data: string, what: string): Promise<() => Promise<void>> {
  const directory = join(data, 'log');
  await mkdir(directory, { recursive: true });
  try {
    return await lockDirectory(nodeDisk, directory);
  } catch (cause) {
    if (!(cause instanceof AtalaiaError) || cause.code !== 'ATL_CONFLICT') throw cause;
    const holder = /process \d+/.exec(cause.message)?.[0] ?? 'another process';
    throw new AtalaiaError(
      'ATL_CONFLICT',
      `The data directory ${data} is in use by ${holder}. Stop that server, ${what}, and start it again.`,
      { cause },
    );
  }
}

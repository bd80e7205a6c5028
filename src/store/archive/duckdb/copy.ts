import { constants } from 'node:fs';
import { copyFile, open, rm } from 'node:fs/promises';
import { DuckDBInstance } from '@duckdb/node-api';
import { AtalaiaError } from '../../../lib/errors.ts';

/** The two headers of a DuckDB file: the newer one says which blocks count. */
const HEADERS_AT = 4096;
const HEADERS_LENGTH = 8192;
const MAX_TRIES = 20;
const tables = ['observations', 'latest', 'hourly', 'daily', 'marks', 'positions'];

/**
 * A copy of the archive's file as its last checkpoint left it, also while a server writes: DuckDB locks the file against
 * every other process, but never overwrites a block that the present header refers to, and changes the header last. So a
 * copy between two equal headers is whole; the log still has what came after. The copy is then read to its end, which
 * checks every block's checksum.
 * @throws AtalaiaError ATL_BUSY when checkpoints come faster than the file can be copied; ATL_STORE
 */
export async function copyArchive(path: string, to: string): Promise<void> {
  for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
    const before = await headersOf(path);
    await rm(to, { force: true });
    await copyFile(path, to, constants.COPYFILE_FICLONE).catch((cause: unknown) => {
      throw failed(path, cause);
    });
    if ((await headersOf(path)).equals(before) && (await headersOf(to)).equals(before)) return readAll(to);
  }
  throw new AtalaiaError(
    'ATL_BUSY',
    `The archive ${path} took a checkpoint during each of ${MAX_TRIES} copies. Try again when less comes in, or stop the server for the backup.`,
  );
}

async function headersOf(path: string): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(
      Buffer.alloc(HEADERS_LENGTH),
      0,
      HEADERS_LENGTH,
      HEADERS_AT,
    );
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

async function readAll(path: string): Promise<void> {
  try {
    const instance = await DuckDBInstance.create(path, { access_mode: 'READ_ONLY', threads: '2' });
    const connection = await instance.connect();
    try {
      for (const table of tables)
        await connection.runAndReadAll(`SELECT bit_xor(hash(COLUMNS(*))) FROM ${table}`);
    } finally {
      connection.closeSync();
      instance.closeSync();
    }
  } catch (cause) {
    throw failed(path, cause);
  }
}

const failed = (path: string, cause: unknown): AtalaiaError =>
  new AtalaiaError(
    'ATL_STORE',
    `The archive's copy ${path} failed: ${(cause as Error).message}. Check rights and free space, then try again.`,
    { cause },
  );

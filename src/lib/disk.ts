import * as fs from 'node:fs/promises';
import { join } from 'node:path';

/** An open file. Errors are those of the system, with their `code` (EIO, ENOSPC, ENOENT …). */
export interface DiskFile {
  /** Adds bytes at the end; on an error a part of them may be there. */
  write(bytes: Uint8Array): Promise<void>;
  /** Resolves when everything written is on the medium. After an error nothing is known of what was written. */
  datasync(): Promise<void>;
  /** Up to `length` bytes from `at`; fewer only at the end of the file. */
  read(at: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** The door to files for the log: small enough to simulate crashes and failures of the medium. */
export interface Disk {
  /** Opens to add at the end; creates the file when there is none. */
  openAppend(path: string): Promise<DiskFile>;
  openRead(path: string): Promise<DiskFile>;
  /** Creates a file with these bytes; false when the name is taken. */
  createNew(path: string, bytes: Uint8Array): Promise<boolean>;
  /** Creates a directory and those above it; no error when it is there. */
  makeDirectory(path: string): Promise<void>;
  /** Names in a directory, sorted. */
  list(directory: string): Promise<readonly string[]>;
  rename(from: string, to: string): Promise<void>;
  /** Removes a file; no error when there is none. */
  remove(path: string): Promise<void>;
  truncate(path: string, length: number): Promise<void>;
  /** Makes names created, renamed and removed in a directory durable. */
  syncDirectory(path: string): Promise<void>;
  /** Bytes in the file. */
  size(path: string): Promise<number>;
}

/** The system's error code of a failure, for example ENOSPC; empty when it has none. */
export const diskErrorCode = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';

/** Reads a whole file of up to `limit` bytes; what lies beyond is not read. */
export async function readWhole(disk: Disk, path: string, limit: number): Promise<Uint8Array> {
  const file = await disk.openRead(path);
  try {
    return await file.read(0, Math.min(limit, await disk.size(path)));
  } finally {
    await file.close();
  }
}

function nodeFile(handle: fs.FileHandle): DiskFile {
  return {
    async write(bytes) {
      for (let at = 0; at < bytes.length; ) {
        at += (await handle.write(bytes, at, bytes.length - at, null)).bytesWritten;
      }
    },
    datasync: () => handle.datasync(),
    async read(at, length) {
      const bytes = Buffer.allocUnsafeSlow(length);
      let filled = 0;
      while (filled < length) {
        const { bytesRead } = await handle.read(bytes, filled, length - filled, at + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return bytes.subarray(0, filled);
    },
    close: () => handle.close(),
  };
}

/** The file system of this machine. */
export const nodeDisk: Disk = {
  openAppend: async (path) => nodeFile(await fs.open(path, 'a')),
  openRead: async (path) => nodeFile(await fs.open(path, 'r')),
  async createNew(path, bytes) {
    try {
      await fs.writeFile(path, bytes, { flag: 'wx' });
      return true;
    } catch (error) {
      if (diskErrorCode(error) === 'EEXIST') return false;
      throw error;
    }
  },
  makeDirectory: async (path) => void (await fs.mkdir(path, { recursive: true })),
  list: async (directory) => (await fs.readdir(directory)).sort(),
  rename: (from, to) => fs.rename(from, to),
  remove: (path) => fs.rm(path, { force: true }),
  truncate: (path, length) => fs.truncate(path, length),
  async syncDirectory(path) {
    if (process.platform === 'win32') return; // Windows has no handle of a directory to sync.
    const handle = await fs.open(join(path, '.'), 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  size: async (path) => (await fs.stat(path)).size,
};

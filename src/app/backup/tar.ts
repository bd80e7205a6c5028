import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { AtalaiaError } from '../../lib/errors.ts';
import { filesBelow } from './manifest.ts';

const BLOCK = 512;
const CHUNK = 1 << 20;

/** Whether a name stands for one file in place of a folder. */
export const isTar = (path: string): boolean => path.endsWith('.tar');

/** Writes the files of a folder into one, in the format ustar of POSIX.1-1988 (sizes over 8 GiB as GNU tar writes them). */
export async function packTar(folder: string, to: string): Promise<void> {
  async function* pieces(): AsyncGenerator<Buffer> {
    for (const path of await filesBelow(folder)) {
      const { size } = await stat(join(folder, path));
      yield header(path, size);
      for await (const piece of createReadStream(join(folder, path), { highWaterMark: CHUNK }))
        yield piece as Buffer;
      yield Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
    }
    yield Buffer.alloc(2 * BLOCK);
  }
  await pipeline(Readable.from(pieces()), createWriteStream(to, { flush: true }));
}

function header(path: string, size: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  if (Buffer.byteLength(path) > 99)
    throw new AtalaiaError('ATL_INPUT', `The name ${path} is too long for a .tar. Back up to a folder.`);
  block.write(path, 0);
  block.write('0000600\0', 100);
  block.write('0000000\0', 108);
  block.write('0000000\0', 116);
  if (size < 8 ** 11) block.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  else {
    block[124] = 0x80;
    block.writeBigUInt64BE(BigInt(size), 128);
  }
  block.write('00000000000\0', 136);
  block.write('        ', 148);
  block.write('0', 156);
  block.write('ustar\x0000', 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

/** Unpacks what {@link packTar} wrote below `to`; checksums of the content are the manifest's. @throws AtalaiaError ATL_INPUT */
export async function unpackTar(path: string, to: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    const block = Buffer.alloc(BLOCK);
    for (let at = 0; ; ) {
      const { bytesRead } = await file.read(block, 0, BLOCK, at);
      if (bytesRead < BLOCK) throw broken(path);
      if (block.every((byte) => byte === 0)) return;
      const { name, size } = entryOf(path, block);
      at += BLOCK;
      await mkdir(dirname(join(to, name)), { recursive: true });
      const from =
        size === 0 ? [] : file.createReadStream({ start: at, end: at + size - 1, autoClose: false });
      await pipeline(from, createWriteStream(join(to, name), { flush: true }));
      at += Math.ceil(size / BLOCK) * BLOCK;
    }
  } finally {
    await file.close();
  }
}

function entryOf(path: string, block: Buffer): { name: string; size: number } {
  const text = (from: number, length: number): string =>
    block.toString('utf8', from, from + length).split('\0', 1)[0] as string;
  const name = text(0, 100);
  const size = block[124] === 0x80 ? Number(block.readBigUInt64BE(128)) : Number.parseInt(text(124, 12), 8);
  const isSafe = name !== '' && !name.startsWith('/') && !name.split('/').includes('..');
  if (text(257, 5) !== 'ustar' || !isSafe || !Number.isSafeInteger(size)) throw broken(path);
  return { name, size };
}

const broken = (path: string): AtalaiaError =>
  new AtalaiaError('ATL_INPUT', `${path} is cut short or no backup. Take another one; nothing was restored.`);

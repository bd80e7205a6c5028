import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { AtalaiaError } from '../lib/errors.ts';

const MAX_LINE_BYTES = 1024 * 1024;

/** Opens a file for reading; gzip is known by its magic number, whatever the name. */
async function openBytes(path: string): Promise<AsyncIterable<Buffer>> {
  const handle = await open(path, 'r').catch((cause: unknown) => {
    throw new AtalaiaError('ATL_INPUT', `${path} cannot be opened; check the name and the rights.`, {
      cause,
    });
  });
  const magic = Buffer.alloc(2);
  try {
    await handle.read(magic, 0, 2, 0);
  } catch (cause) {
    throw new AtalaiaError('ATL_INPUT', `${path} cannot be read; give a file, not a folder.`, { cause });
  } finally {
    await handle.close();
  }
  const raw = createReadStream(path, { highWaterMark: 256 * 1024 });
  if (magic[0] !== 0x1f || magic[1] !== 0x8b) return raw;
  const gunzip = createGunzip({ chunkSize: 256 * 1024 });
  raw.on('error', (error) => gunzip.destroy(error));
  gunzip.on('close', () => raw.destroy());
  return raw.pipe(gunzip);
}

/**
 * The lines of a file, plain or gzip, in blocks as they are read (so that a caller may loop without awaiting each line).
 * CR is cut. Encoding latin1 keeps bytes as characters.
 * @throws AtalaiaError ATL_INPUT when the file is missing, damaged, or has a line over 1 MiB
 */
export async function* lineBlocks(path: string, encoding: 'utf8' | 'latin1'): AsyncGenerator<string[]> {
  const decoder = new TextDecoder(encoding === 'utf8' ? 'utf-8' : 'latin1');
  let rest = '';
  let lines = 0;
  const bytes = await openBytes(path);
  try {
    for await (const chunk of bytes) {
      const text: string =
        rest + (encoding === 'latin1' ? chunk.toString('latin1') : decoder.decode(chunk, { stream: true }));
      const block = text.split('\n');
      rest = block.pop() as string;
      if (rest.length > MAX_LINE_BYTES)
        throw new AtalaiaError('ATL_INPUT', `${path}, line ${lines + block.length + 1}: longer than 1 MiB.`);
      lines += block.length;
      if (block.length > 0) yield block.map(withoutReturn);
    }
  } catch (cause) {
    if (cause instanceof AtalaiaError) throw cause;
    throw new AtalaiaError(
      'ATL_INPUT',
      `${path} cannot be read after line ${lines}: damaged or cut short; fetch it again.`,
      { cause },
    );
  }
  if (rest !== '') yield [withoutReturn(rest)];
}

const withoutReturn = (line: string): string => (line.endsWith('\r') ? line.slice(0, -1) : line);

import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { AtalaiaError } from '../lib/errors.ts';

const MAX_LINE_BYTES = 1024 * 1024;
const LF = 10;

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
 * The bytes of a file, plain or gzip, in blocks of whole lines; the last may lack its line end. `linesSoFar` is asked for
 * errors: how many lines of the blocks before were counted.
 * @throws AtalaiaError ATL_INPUT when the file is missing, damaged, or has a line over 1 MiB
 */
export async function* lineBytes(path: string, linesSoFar: () => number): AsyncGenerator<Buffer> {
  let parts: Buffer[] = [];
  let length = 0;
  const bytes = await openBytes(path);
  try {
    for await (const chunk of bytes) {
      const whole = chunk.lastIndexOf(LF) + 1;
      if (whole > 0) {
        yield parts.length === 0
          ? chunk.subarray(0, whole)
          : Buffer.concat([...parts, chunk.subarray(0, whole)]);
        [parts, length] = [[], 0];
      }
      parts.push(chunk.subarray(whole));
      length += chunk.length - whole;
      if (length > MAX_LINE_BYTES)
        throw new AtalaiaError('ATL_INPUT', `${path}, line ${linesSoFar() + 1}: longer than 1 MiB.`);
    }
  } catch (cause) {
    if (cause instanceof AtalaiaError) throw cause;
    throw new AtalaiaError(
      'ATL_INPUT',
      `${path} cannot be read after line ${linesSoFar()}: damaged or cut short; fetch it again.`,
      { cause },
    );
  }
  if (length > 0) yield Buffer.concat(parts);
}

/**
 * The lines of a file, plain or gzip, in blocks as they are read (so that a caller may loop without awaiting each line).
 * CR is cut. Encoding latin1 keeps bytes as characters.
 * @throws AtalaiaError ATL_INPUT when the file is missing, damaged, or has a line over 1 MiB
 */
export async function* lineBlocks(path: string, encoding: 'utf8' | 'latin1'): AsyncGenerator<string[]> {
  const decoder = new TextDecoder('utf-8');
  let lines = 0;
  for await (const bytes of lineBytes(path, () => lines)) {
    const text = encoding === 'latin1' ? bytes.toString('latin1') : decoder.decode(bytes, { stream: true });
    const block = text.split('\n');
    if (text.endsWith('\n')) block.pop();
    lines += block.length;
    yield block.map(withoutReturn);
  }
}

const withoutReturn = (line: string): string => (line.endsWith('\r') ? line.slice(0, -1) : line);

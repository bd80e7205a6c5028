import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { AtalaiaError } from '../lib/errors.ts';
import type { CommandIo } from './command.ts';

const MAX_BYTES = 4096;

/**
 * A password from whoever types it, twice and unseen, or the first line of standard input. Never from the arguments,
 * which every user of the machine can read. Rejects with ATL_USAGE.
 */
export async function readPassword(io: CommandIo): Promise<string> {
  if (!process.stdin.isTTY) return firstLine(await allOf(process.stdin));
  const once = await ask('Password: ', io);
  if (once !== (await ask('The same again: ', io)))
    throw new AtalaiaError('ATL_USAGE', 'The two passwords are not the same. Try again.');
  return once;
}

async function allOf(input: AsyncIterable<Buffer | string>): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of input) {
    parts.push(Buffer.from(part));
    size += part.length;
    if (size > MAX_BYTES) throw new AtalaiaError('ATL_USAGE', 'Standard input is longer than any password.');
  }
  return Buffer.concat(parts).toString('utf8');
}

function firstLine(text: string): string {
  const [line = '', ...more] = text.split(/\r?\n/);
  if (line !== '' && more.every((rest) => rest === '')) return line;
  throw new AtalaiaError('ATL_USAGE', 'Give the password as one line on standard input, or at the prompt.');
}

async function ask(prompt: string, io: CommandIo): Promise<string> {
  io.stderr.write(prompt);
  // The terminal echoes nothing while a reader has it, and this one writes nowhere.
  const output = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input: process.stdin, output, terminal: true });
  const stopped = new AbortController();
  reader.once('SIGINT', () => stopped.abort());
  try {
    return await reader.question('', { signal: stopped.signal });
  } catch (cause) {
    throw new AtalaiaError('ATL_USAGE', 'No password was given; nothing was changed.', { cause });
  } finally {
    reader.close();
    io.stderr.write('\n');
  }
}

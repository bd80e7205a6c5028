import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { MAX_BYTES } from '../alerts/cap/read/decode.ts';
import { type CapReader, openCapReader } from '../alerts/cap/read/reader.ts';
import { oneLine } from '../alerts/cap/read/verdict.ts';
import { AtalaiaError } from '../lib/errors.ts';
import type { Command, CommandIo } from './command.ts';

const usage = `atalaia cap check FILE…   judges CAP messages (1.2, 1.1, 1.0) and Atom or RSS feeds of them

Writes a line per file: VERDICT, FILE and reasons, with a tab between; a reason is "clause: what is wrong", with "; "
between. Nothing that a file names is opened or fetched.

Verdicts:
  accept             keeps the standard
  accept-warn        keeps it, with something that a careful sender would not do
  reject-malformed   is no well-formed XML, or not in the encoding it declares
  reject-security    has a DOCTYPE, or is larger or deeper than any message is
  reject-schema      breaks the schema of its version
  sig-invalid        was altered after it was signed
  reject-rule        breaks a rule of the standard that no schema can say
  reject-geometry    has a polygon that crosses itself
  reject-profile     breaks what Google, IPAWS, MeteoAlarm or Brazil ask

Examples:
  atalaia cap check warning.xml
  atalaia cap check messages/*.xml | grep -v ^accept

Exit status: 0 all accepted; 1 one was rejected or cannot be read; 2 wrong usage.
`;

export const capCommand: Command = {
  name: 'cap',
  summary: 'check CAP messages against the standard',
  usage,
  async run(argv, io) {
    const { positionals } = parseArgs({ args: argv, allowPositionals: true });
    const [verb, ...paths] = positionals;
    if (verb !== undefined && verb !== 'check')
      throw new AtalaiaError('ATL_USAGE', `'cap ${verb}' is not a command; check is.`);
    if (paths.length === 0) throw new AtalaiaError('ATL_USAGE', `Give check and a file.\n\n${usage}`);
    const reader = openReader();
    let bad = 0;
    for (const path of paths) if (!checkFile(reader, path, io)) bad++;
    return bad > 0 ? 1 : 0;
  },
};

function openReader(): CapReader {
  const place = new URL('../alerts/cap/CAP-v1.2.xsd', import.meta.url);
  try {
    return openCapReader(readFileSync(place));
  } catch (cause) {
    throw new AtalaiaError(
      'ATL_CAP_INVALID',
      `The CAP schema ${place.pathname} cannot be read; install Atalaia again.`,
      { cause },
    );
  }
}

/** Writes the line of a file; false when it is rejected or cannot be read. */
function checkFile(reader: CapReader, path: string, io: CommandIo): boolean {
  let bytes: Uint8Array;
  try {
    bytes = readBounded(path);
  } catch (error) {
    io.stderr.write(`atalaia cap check: ${oneLine(path)} cannot be read: ${(error as Error).message}\n`);
    return false;
  }
  const { verdict, findings } = reader.read(bytes);
  const reasons = findings.map(({ clause, reason }) => `${clause}: ${oneLine(reason)}`).join('; ');
  io.stdout.write(`${verdict}\t${oneLine(path)}\t${reasons}\n`);
  return verdict.startsWith('accept');
}

/** At most one byte more than the reader takes: enough for it to refuse, whatever the size of the file (or pipe). */
function readBounded(path: string): Uint8Array {
  const file = openSync(path, 'r');
  try {
    const pieces: Buffer[] = [];
    let left = MAX_BYTES + 1;
    while (left > 0) {
      const piece = Buffer.allocUnsafe(Math.min(left, 1 << 16));
      const length = readSync(file, piece, 0, piece.length, null);
      if (length === 0) break;
      pieces.push(piece.subarray(0, length));
      left -= length;
    }
    return Buffer.concat(pieces);
  } finally {
    closeSync(file);
  }
}

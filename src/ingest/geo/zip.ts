import { inflateRawSync } from 'node:zlib';
import { AtalaiaError } from '../../lib/errors.ts';

const END = 0x06054b50;
const ENTRY = 0x02014b50;
const END_BYTES = 22;
const MAX_ENTRIES = 1000;
/** Unpacked, of one entry; the municipalities of Brazil take some 300 MB. */
const MAX_ENTRY_BYTES = 1 << 30;

/** The entries of a ZIP archive (APPNOTE.TXT 4.3) that `wanted` takes, unpacked, by name. Throws ATL_INPUT. */
export function unzip(
  bytes: Buffer,
  file: string,
  wanted: (name: string) => boolean,
): ReadonlyMap<string, Buffer> {
  const entries = new Map<string, Buffer>();
  try {
    const end = endOf(bytes);
    const count = bytes.readUInt16LE(end + 10);
    if (count > MAX_ENTRIES) throw new Error(`it has more than ${MAX_ENTRIES} entries`);
    let at = bytes.readUInt32LE(end + 16);
    for (let i = 0; i < count; i++) {
      if (bytes.readUInt32LE(at) !== ENTRY) throw new Error('its list of entries is damaged');
      const nameBytes = bytes.readUInt16LE(at + 28);
      const name = bytes.toString('latin1', at + 46, at + 46 + nameBytes);
      if (wanted(name)) entries.set(name, entryAt(bytes, at, name));
      at += 46 + nameBytes + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
    }
  } catch (cause) {
    throw new AtalaiaError(
      'ATL_INPUT',
      `${file} cannot be unpacked: ${(cause as Error).message}. Download it again, or zip it anew.`,
      { cause },
    );
  }
  return entries;
}

/** Where the record at the end begins; a comment of up to 65,535 bytes may follow it. */
function endOf(bytes: Buffer): number {
  const least = Math.max(0, bytes.length - END_BYTES - 0xffff);
  for (let at = bytes.length - END_BYTES; at >= least; at--) if (bytes.readUInt32LE(at) === END) return at;
  throw new Error('it is no ZIP archive, or was cut short');
}

function entryAt(bytes: Buffer, at: number, name: string): Buffer {
  const [method, packed, size] = [
    bytes.readUInt16LE(at + 10),
    bytes.readUInt32LE(at + 20),
    bytes.readUInt32LE(at + 24),
  ];
  if ((bytes.readUInt16LE(at + 8) & 1) === 1) throw new Error(`${name} is encrypted`);
  if (size > MAX_ENTRY_BYTES) throw new Error(`${name} unpacks to more than 1 GiB`);
  const local = bytes.readUInt32LE(at + 42);
  const from = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
  const piece = bytes.subarray(from, from + packed);
  if (piece.length !== packed) throw new Error(`${name} is cut short`);
  if (method !== 0 && method !== 8) throw new Error(`${name} is packed by method ${method}, not deflate`);
  const content = method === 0 ? piece : inflateRawSync(piece, { maxOutputLength: Math.max(1, size) });
  if (content.length !== size) throw new Error(`${name} has not the size that the list tells`);
  return content;
}

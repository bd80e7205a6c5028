import { closeSync, openSync, readSync } from 'node:fs';
import { MAX_BYTES } from '../alerts/cap/read/decode.ts';

/** At most one byte more than the reader takes: enough for it to refuse, whatever the size of the file (or pipe). */
export function readBounded(path: string): Uint8Array {
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

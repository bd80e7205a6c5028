import { readFileSync } from 'node:fs';
import { type CapReader, openCapReader } from '../../alerts/cap/read/reader.ts';
import { AtalaiaError } from '../../lib/errors.ts';

/** A reader with the schema that is installed beside the sources. Throws ATL_CAP_INVALID. */
export function openReader(): CapReader {
  const place = new URL('../../alerts/cap/CAP-v1.2.xsd', import.meta.url);
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

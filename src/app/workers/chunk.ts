import { invariant } from '../../lib/errors.ts';
import type { LogEntry } from '../../log/log.ts';

/** Bytes of an entry's header: offset (8), length of the payload (4), padding (4). */
const HEADER_BYTES = 16;

/**
 * Lays entries of one partition out in one buffer that a thread can be given without a copy: the headers of all, then
 * the payloads. Little-endian.
 */
export function packChunk(entries: readonly LogEntry[]): ArrayBuffer {
  const bodyAt = entries.length * HEADER_BYTES;
  const buffer = new ArrayBuffer(entries.reduce((sum, { payload }) => sum + payload.length, bodyAt));
  const view = new DataView(buffer);
  const bytes = new Uint8Array(buffer);
  let at = bodyAt;
  entries.forEach(({ offset, payload }, i) => {
    view.setFloat64(i * HEADER_BYTES, offset, true);
    view.setUint32(i * HEADER_BYTES + 8, payload.length, true);
    bytes.set(payload, at);
    at += payload.length;
  });
  return buffer;
}

/** The entries of {@link packChunk}, as views of the buffer. */
export function* readChunk(
  buffer: ArrayBuffer,
  count: number,
): Generator<{ readonly offset: number; readonly payload: Uint8Array }> {
  const view = new DataView(buffer);
  let at = count * HEADER_BYTES;
  for (let i = 0; i < count; i++) {
    const offset = view.getFloat64(i * HEADER_BYTES, true);
    const length = view.getUint32(i * HEADER_BYTES + 8, true);
    invariant(at + length <= buffer.byteLength, 'a chunk of records is longer than its buffer');
    yield { offset, payload: new Uint8Array(buffer, at, length) };
    at += length;
  }
}

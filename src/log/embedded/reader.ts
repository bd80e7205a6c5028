import { diskErrorCode } from '../../lib/disk.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import type { LogEntry } from '../log.ts';
import { RECORD_HEADER_BYTES, type RecordView } from './format.ts';
import type { Segment } from './recovery.ts';

/** A read ends after about this many bytes of payload, or of stream passed over once it has something. */
export const MAX_READ_BYTES = 8 << 20;

export const gap = (partition: number, asked: number, oldest: number): AtalaiaError =>
  new AtalaiaError(
    'ATL_LOG_GAP',
    `Partition ${partition} of the log was asked for offset ${asked}; the oldest record kept from there on is ${oldest}. Records between them are gone: continue from ${oldest}, or restore a newer checkpoint.`,
  );

/** The record at `at` of `bytes`, copied out of them. */
export function entryAt(bytes: Buffer, at: number, view: RecordView): LogEntry {
  const { partition, offset, keyBytes, bodyBytes } = view;
  const body = at + RECORD_HEADER_BYTES;
  const payload = Uint8Array.prototype.slice.call(bytes, body + keyBytes, body + bodyBytes);
  return {
    partition,
    offset,
    key: bytes.toString('utf8', body, body + keyBytes),
    payload: new Uint8Array(payload.buffer, payload.byteOffset, payload.length),
  };
}

/** The segment that holds the offset, or the first one after it; undefined when there is none. */
export function segmentOf(
  segments: readonly Segment[],
  partition: number,
  offset: number,
): Segment | undefined {
  let low = 0;
  let high = segments.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (segments[middle]!.next[partition]! <= offset) low = middle + 1;
    else high = middle;
  }
  return segments[low];
}

/** True for the error of a file that a trim removed meanwhile. */
export const isGone = (error: unknown): boolean => diskErrorCode(error) === 'ENOENT';

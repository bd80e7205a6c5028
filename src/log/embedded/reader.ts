import { type Disk, diskErrorCode } from '../../lib/disk.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import type { LogEntry } from '../log.ts';
import { isIntact, RECORD_HEADER_BYTES, segmentHeaderBytes } from './format.ts';
import { damaged, type Segment } from './recovery.ts';
import { FileWindow } from './scan.ts';
import type { SparseIndex } from './sparse-index.ts';

/** A read ends after about this many bytes of payload, or of stream passed over once it has something. */
export const MAX_READ_BYTES = 8 << 20;

export const gap = (partition: number, asked: number, oldest: number): AtalaiaError =>
  new AtalaiaError(
    'ATL_LOG_GAP',
    `Partition ${partition} of the log was asked for offset ${asked}; the oldest record kept from there on is ${oldest}. Records between them are gone: continue from ${oldest}, or restore a newer checkpoint.`,
  );

/** Reads up to `limit` entries of one partition from one segment; the segment holds `offset`. */
export async function readSegment(
  disk: Disk,
  segment: Segment,
  index: SparseIndex,
  partition: number,
  offset: number,
  limit: number,
): Promise<readonly LogEntry[]> {
  const last = segment.next[partition]!;
  const end = segment.end;
  const entries: LogEntry[] = [];
  let at = index.find(segment.sequence, partition, offset) ?? segmentHeaderBytes(segment.base.length);
  const start = at;
  const file = await disk.openRead(segment.path);
  try {
    const window = new FileWindow(file, end);
    let bytes = 0;
    for (let wanted = offset; wanted < last && entries.length < limit; ) {
      if (entries.length > 0 && (bytes > MAX_READ_BYTES || at - start > 2 * MAX_READ_BYTES)) break;
      const found = at < end ? await window.record(at) : undefined;
      if (!found) throw damaged(segment.path, at, 'the record is not what was written');
      const { view } = found;
      if (view.partition === partition) {
        const isWanted = view.offset === wanted;
        if (
          (view.offset >= wanted && !isWanted) ||
          !isIntact(window.bytes, found.index, view, segment.salt)
        ) {
          throw damaged(segment.path, at, 'the record is not what was written');
        }
        if (isWanted) {
          entries.push(
            entryAt(window.bytes, found.index, partition, wanted++, view.keyBytes, view.bodyBytes),
          );
          bytes += view.bodyBytes;
        }
      }
      at += RECORD_HEADER_BYTES + view.bodyBytes;
    }
    return entries;
  } finally {
    await file.close();
  }
}

function entryAt(
  bytes: Buffer,
  at: number,
  partition: number,
  offset: number,
  keyBytes: number,
  bodyBytes: number,
): LogEntry {
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

import type { Disk, DiskFile } from '../../lib/disk.ts';
import { isIntact, peekRecord, RECORD_HEADER_BYTES, type RecordView, SEAL_PARTITION } from './format.ts';

const WINDOW_BYTES = 1 << 20;
/** Longest body that a reader believes; the writer refuses more. */
export const MAX_BODY_BYTES = 64 << 20;
const MAX_SEARCH_BYTES = 2 ** 31;

/** A moving window over a file, so that records can be looked at in place. */
export class FileWindow {
  readonly #file: DiskFile;
  readonly #size: number;
  #from = 0;
  bytes: Buffer = Buffer.alloc(0);

  /** Nothing from `size` on is read. */
  constructor(file: DiskFile, size: number) {
    this.#file = file;
    this.#size = size;
  }

  /** Makes `length` bytes from file position `at` present (fewer at the end) and returns their index in `bytes`. */
  async need(at: number, length: number): Promise<number> {
    const index = at - this.#from;
    if (index >= 0 && index + length <= this.bytes.length) return index;
    const wanted = Math.max(0, Math.min(Math.max(length, WINDOW_BYTES), this.#size - at));
    const read = await this.#file.read(at, wanted);
    this.bytes = Buffer.from(read.buffer, read.byteOffset, read.length);
    this.#from = at;
    return 0;
  }

  /** The record at `at` when all of it is present already: nearly every one, and a promise for each costs more than it. */
  present(at: number): { index: number; view: RecordView } | undefined {
    const index = at - this.#from;
    if (index < 0 || index + RECORD_HEADER_BYTES > this.bytes.length) return undefined;
    const view = peekRecord(this.bytes, index);
    return view && index + RECORD_HEADER_BYTES + view.bodyBytes <= this.bytes.length
      ? { index, view }
      : undefined;
  }

  /** The record header at `at` and its index in `bytes`, the whole record present when the file holds it. */
  async record(at: number): Promise<{ index: number; view: RecordView } | undefined> {
    const headAt = await this.need(at, RECORD_HEADER_BYTES);
    const view = peekRecord(this.bytes, headAt);
    if (!view || view.bodyBytes > MAX_BODY_BYTES) return undefined;
    const length = RECORD_HEADER_BYTES + view.bodyBytes;
    return at + length > this.#size ? undefined : { index: await this.need(at, length), view };
  }
}

export interface ScanResult {
  /** Position after the last good record. */
  readonly end: number;
  readonly next: number[];
  /** Bytes from `end` on are no good; `validAfter`: records of a later write follow, so these were once synced. */
  readonly damage?: { readonly validAfter: boolean };
}

/** Reads a segment from its first record on, checks every record and tells `note` of each. */
export async function scanSegment(
  disk: Disk,
  path: string,
  headerBytes: number,
  salt: number,
  base: readonly number[],
  note: (partition: number, offset: number, position: number) => void,
): Promise<ScanResult> {
  const size = await disk.size(path);
  const file = await disk.openRead(path);
  const next = [...base];
  try {
    const window = new FileWindow(file, size);
    let at = headerBytes;
    while (at < size) {
      const found = window.present(at) ?? (await window.record(at));
      if (
        !found ||
        !follows(found.view, next, at) ||
        !isIntact(window.bytes, found.index, found.view, salt)
      ) {
        return { end: at, next, damage: { validAfter: await laterWriteAfter(file, at, size, salt, next) } };
      }
      const { partition, offset, bodyBytes } = found.view;
      if (partition !== SEAL_PARTITION) {
        note(partition, offset, at);
        next[partition] = offset + 1;
      }
      at += RECORD_HEADER_BYTES + bodyBytes;
    }
    return { end: at, next };
  } finally {
    await file.close();
  }
}

const follows = (view: RecordView, next: readonly number[], at: number): boolean =>
  view.group <= at && (view.partition === SEAL_PARTITION || next[view.partition] === view.offset);

/**
 * Whether an intact record of a write that began after `damagedAt` lies behind it. A write begins only when the one
 * before was synced, so this tells damage from a write that the power cut short.
 */
async function laterWriteAfter(
  file: DiskFile,
  damagedAt: number,
  size: number,
  salt: number,
  next: readonly number[],
): Promise<boolean> {
  const read = await file.read(damagedAt, size - damagedAt);
  const bytes = Buffer.from(read.buffer, read.byteOffset, read.length);
  const magic = Buffer.from([0x1a, 0xa7]);
  let budget = MAX_SEARCH_BYTES;
  for (let index = bytes.indexOf(magic, 1); index >= 0; index = bytes.indexOf(magic, index + 1)) {
    const view = peekRecord(bytes, index);
    if (!view || view.group <= damagedAt || view.group > damagedAt + index) continue;
    if (
      view.partition !== SEAL_PARTITION &&
      !(view.offset >= (next[view.partition] ?? Number.POSITIVE_INFINITY))
    )
      continue;
    if (isIntact(bytes, index, view, salt)) return true;
    budget -= Math.min(view.bodyBytes, bytes.length - index);
    if (budget < 0) return true; // Cannot tell in bounded work: the safe answer is damage.
  }
  return false;
}

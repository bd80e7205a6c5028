import { type Disk, diskErrorCode, readWhole } from '../../lib/disk.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import type { Random } from '../../lib/random.ts';
import {
  decodeSegmentHeader,
  encodeSegmentHeader,
  type SegmentHeader,
  segmentHeaderBytes,
  segmentName,
  segmentSequence,
} from './format.ts';
import { scanSegment } from './scan.ts';
import type { SparseIndex } from './sparse-index.ts';

export interface Segment extends SegmentHeader {
  readonly path: string;
  /** First offset not in this segment, per partition. */
  readonly next: number[];
  /** Position after the last durable record. */
  end: number;
}

/** Told to `onEvent`: the end of a write that the power cut short was removed; it had not been acknowledged. */
export interface TornTailEvent {
  readonly kind: 'torn-tail';
  readonly file: string;
  readonly byte: number;
  readonly bytes: number;
}

export const damaged = (path: string, byte: number, what: string): AtalaiaError =>
  new AtalaiaError(
    'ATL_LOG_DAMAGED',
    `The log is damaged: ${path}, byte ${byte}: ${what}. Restore the file from a backup, or set the segment aside with its records (quarantine).`,
  );

/** Reads `meta.json` or writes it for a new log. Another number of partitions is ATL_CONFIG. */
export async function agreeOnPartitions(disk: Disk, directory: string, partitions: number): Promise<void> {
  const path = `${directory}/meta.json`;
  const names = await disk.list(directory);
  if (!names.includes('meta.json')) {
    const orphan = names.find((name) => segmentSequence(name) !== undefined);
    if (orphan) throw damaged(path, 0, `the file is missing although ${orphan} is there`);
    await disk.remove(`${path}.new`);
    const file = await disk.openAppend(`${path}.new`);
    await file.write(Buffer.from(`${JSON.stringify({ format: 1, partitions })}\n`));
    await file.datasync();
    await file.close();
    await disk.rename(`${path}.new`, path);
    await disk.syncDirectory(directory);
    return;
  }
  const text = Buffer.from(await readWhole(disk, path, 4096)).toString('utf8');
  const found = /^\{"format":(\d+),"partitions":(\d+)\}\n$/.exec(text);
  if (!found) throw damaged(path, 0, 'not a description of a log');
  if (found[1] !== '1') {
    throw new AtalaiaError(
      'ATL_CONFIG',
      `${path} is of format ${found[1]}; this version reads format 1. Use the version that wrote it.`,
    );
  }
  if (Number(found[2]) !== partitions) {
    throw new AtalaiaError(
      'ATL_CONFIG',
      `The log in ${directory} has ${found[2]} partitions, the configuration says ${partitions}. Set pipeline.partitions to ${found[2]}: it cannot change.`,
    );
  }
}

/** Creates a segment and makes it and its name durable. */
export async function createSegment(
  disk: Disk,
  directory: string,
  sequence: number,
  base: readonly number[],
  random: Random,
): Promise<Segment> {
  const path = `${directory}/${segmentName(sequence)}`;
  const salt = Math.floor(random() * 0x100000000) >>> 0;
  const bytes = encodeSegmentHeader({ sequence, salt, base });
  await disk.remove(path);
  const file = await disk.openAppend(path);
  try {
    await file.write(bytes);
    await file.datasync();
  } finally {
    await file.close();
  }
  await disk.syncDirectory(directory);
  return { sequence, salt, base: [...base], path, next: [...base], end: bytes.length };
}

/** Every segment checked record by record; cuts a torn tail off and rejects with ATL_LOG_DAMAGED for anything else. */
export async function recover(
  disk: Disk,
  directory: string,
  partitions: number,
  index: SparseIndex,
  onEvent: (event: TornTailEvent) => void,
): Promise<Segment[]> {
  const names = await disk.list(directory);
  const sequences = names.map(segmentSequence).filter((sequence) => sequence !== undefined);
  const segments: Segment[] = [];
  let tailWasSynced = false;
  const last = sequences.at(-1);
  if (last !== undefined && (await dropUnbornSegment(disk, directory, last, partitions, onEvent))) {
    sequences.pop();
    tailWasSynced = true;
  }
  for (const sequence of sequences) {
    const path = `${directory}/${segmentName(sequence)}`;
    const before = segments.at(-1);
    const header = await readHeader(disk, path, partitions);
    if (header?.sequence !== sequence) throw damaged(path, 0, 'the header of the segment is not whole');
    if (before) checkFollows(before, header, path, names);
    const isLast = sequence === sequences.at(-1) && !tailWasSynced;
    const start = segmentHeaderBytes(partitions);
    const scan = await scanSegment(disk, path, start, header.salt, header.base, (p, o, at) =>
      index.note(sequence, p, o, at),
    );
    if (scan.damage) {
      if (!isLast || scan.damage.validAfter)
        throw damaged(path, scan.end, 'the record is not what was written');
      await cutTail(disk, path, scan.end, onEvent);
    }
    segments.push({ ...header, path, next: scan.next, end: scan.end });
  }
  return segments;
}

function checkFollows(before: Segment, header: SegmentHeader, path: string, names: readonly string[]): void {
  const setAside = (sequence: number): boolean => names.includes(`${segmentName(sequence)}.damaged`);
  let whole = true;
  for (let sequence = before.sequence + 1; sequence < header.sequence; sequence++) {
    if (!setAside(sequence))
      throw damaged(`${before.path.slice(0, -16)}${segmentName(sequence)}`, 0, 'the segment is missing');
    whole = false;
  }
  if (whole && header.base.some((offset, p) => offset !== before.next[p])) {
    throw damaged(before.path, before.end, `records are missing before ${path}`);
  }
}

async function readHeader(disk: Disk, path: string, partitions: number): Promise<SegmentHeader | undefined> {
  return decodeSegmentHeader(
    Buffer.from(await readWhole(disk, path, segmentHeaderBytes(partitions))),
    partitions,
  );
}

/** A segment is synced before its first record: one no longer than its header, and not whole, was never used. */
async function dropUnbornSegment(
  disk: Disk,
  directory: string,
  sequence: number,
  partitions: number,
  onEvent: (event: TornTailEvent) => void,
): Promise<boolean> {
  const path = `${directory}/${segmentName(sequence)}`;
  const size = await disk.size(path);
  if (size > segmentHeaderBytes(partitions) || (await readHeader(disk, path, partitions))) return false;
  await disk.remove(path);
  await disk.syncDirectory(directory);
  onEvent({ kind: 'torn-tail', file: path, byte: 0, bytes: size });
  return true;
}

async function cutTail(
  disk: Disk,
  path: string,
  end: number,
  onEvent: (event: TornTailEvent) => void,
): Promise<void> {
  const bytes = (await disk.size(path)) - end;
  await disk.truncate(path, end);
  onEvent({ kind: 'torn-tail', file: path, byte: end, bytes });
}

/**
 * Sets a damaged segment aside as `<name>.damaged`; its records are lost to the log, which says so (ATL_LOG_GAP) to
 * whoever reads them. For the last segment a new one follows whose offsets lie above any that was ever given out.
 * The log must be closed. Rejects with ATL_NOT_FOUND when there is no such segment.
 */
export async function quarantine(
  directory: string,
  file: string,
  options: { readonly disk: Disk; readonly partitions: number; readonly random: Random },
): Promise<{ readonly movedTo: string }> {
  const { disk, partitions, random } = options;
  const sequence = segmentSequence(file);
  const sequences = (await disk.list(directory)).map(segmentSequence).filter((found) => found !== undefined);
  const place = sequence === undefined ? -1 : sequences.indexOf(sequence);
  if (sequence === undefined || place < 0) {
    throw new AtalaiaError(
      'ATL_NOT_FOUND',
      `There is no segment ${file} in ${directory}. Give the file name from the error, for example ${segmentName(1)}.`,
    );
  }
  const path = `${directory}/${file}`;
  if (place === sequences.length - 1) {
    const base =
      (await readHeader(disk, path, partitions))?.base ??
      (await endOfSegment(disk, directory, sequences[place - 1], partitions));
    const mostRecords = Math.ceil((await disk.size(path)) / 28);
    await createSegment(
      disk,
      directory,
      sequence + 1,
      base.map((offset) => offset + mostRecords),
      random,
    );
  }
  await disk.rename(path, `${path}.damaged`);
  await disk.syncDirectory(directory);
  return { movedTo: `${path}.damaged` };
}

async function endOfSegment(
  disk: Disk,
  directory: string,
  sequence: number | undefined,
  partitions: number,
): Promise<readonly number[]> {
  if (sequence === undefined) return new Array<number>(partitions).fill(0);
  const path = `${directory}/${segmentName(sequence)}`;
  const header = await readHeader(disk, path, partitions);
  if (!header) throw damaged(path, 0, 'the header of the segment is not whole');
  return (
    await scanSegment(disk, path, segmentHeaderBytes(partitions), header.salt, header.base, () => undefined)
  ).next;
}

/** Positions of reader groups: a hint in `groups.json`, written now and then and never synced. */
export async function readGroups(disk: Disk, directory: string): Promise<Map<string, Map<number, number>>> {
  try {
    const parsed: unknown = JSON.parse(
      Buffer.from(await readWhole(disk, `${directory}/groups.json`, 16 << 20)).toString('utf8'),
    );
    const groups = new Map<string, Map<number, number>>();
    for (const [group, offsets] of Object.entries(parsed as Record<string, [number, number][]>)) {
      groups.set(group, new Map(offsets.filter((pair) => pair.every(Number.isSafeInteger))));
    }
    return groups;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError || diskErrorCode(error) === 'ENOENT')
      return new Map();
    throw error;
  }
}

/** Replaces `groups.json`. */
export async function writeGroups(
  disk: Disk,
  directory: string,
  groups: ReadonlyMap<string, ReadonlyMap<number, number>>,
): Promise<void> {
  const path = `${directory}/groups.json`;
  await disk.remove(`${path}.new`);
  await disk.createNew(
    `${path}.new`,
    Buffer.from(JSON.stringify(Object.fromEntries([...groups].map(([g, o]) => [g, [...o]])))),
  );
  await disk.rename(`${path}.new`, path);
}

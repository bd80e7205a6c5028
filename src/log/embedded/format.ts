import { crc32c } from '../../lib/crc32c.ts';
import type { Append } from '../log.ts';

/** Layout of segments and records, as in docs/formats/log.md. All numbers little-endian. */
export const RECORD_HEADER_BYTES = 28;
export const MAX_KEY_BYTES = 0xffff;
/** Partition number of a seal: "everything before this was synced". It has no key, payload or offset. */
export const SEAL_PARTITION = 0xffffffff;
const RECORD_MAGIC = 0xa71a;
const SEGMENT_MAGIC = 'ATLLOG01';

export interface SegmentHeader {
  readonly sequence: number;
  /** Starts every record's checksum: bytes of another segment never pass for ours. */
  readonly salt: number;
  /** Offset that the next record of each partition gets in this segment. */
  readonly base: readonly number[];
}

export const segmentName = (sequence: number): string => `${String(sequence).padStart(12, '0')}.log`;
export const segmentHeaderBytes = (partitions: number): number => 32 + 8 * partitions;

/** The sequence number in a segment's file name; undefined for other files. */
export function segmentSequence(name: string): number | undefined {
  return /^\d{12}\.log$/.test(name) ? Number(name.slice(0, 12)) : undefined;
}

export function encodeSegmentHeader(header: SegmentHeader): Buffer {
  const bytes = Buffer.alloc(segmentHeaderBytes(header.base.length));
  bytes.write(SEGMENT_MAGIC, 0, 'latin1');
  bytes.writeUInt32LE(header.base.length, 8);
  bytes.writeUInt32LE(header.salt, 12);
  bytes.writeBigUInt64LE(BigInt(header.sequence), 16);
  header.base.forEach((offset, p) => {
    bytes.writeBigUInt64LE(BigInt(offset), 24 + 8 * p);
  });
  const end = bytes.length - 8;
  bytes.writeUInt32LE(crc32c(bytes, 0, 0, end), end);
  return bytes;
}

/** Undefined when the bytes are no whole, undamaged header of `partitions` partitions. */
export function decodeSegmentHeader(bytes: Buffer, partitions: number): SegmentHeader | undefined {
  const length = segmentHeaderBytes(partitions);
  if (bytes.length < length || bytes.toString('latin1', 0, 8) !== SEGMENT_MAGIC) return undefined;
  if (bytes.readUInt32LE(8) !== partitions) return undefined;
  if (bytes.readUInt32LE(length - 8) !== crc32c(bytes, 0, 0, length - 8)) return undefined;
  if (bytes.readUInt32LE(length - 4) !== 0) return undefined;
  const base = Array.from({ length: partitions }, (_, p) => Number(bytes.readBigUInt64LE(24 + 8 * p)));
  return { sequence: Number(bytes.readBigUInt64LE(16)), salt: bytes.readUInt32LE(12), base };
}

/** Where a record lies in a buffer. */
export interface RecordView {
  readonly partition: number;
  readonly offset: number;
  readonly keyBytes: number;
  /** Key and payload. */
  readonly bodyBytes: number;
  /** Position in the file where the group write began that this record was part of. */
  readonly group: number;
}

export const recordBytes = (append: Append): number =>
  RECORD_HEADER_BYTES + Buffer.byteLength(append.key) + append.payload.length;

const recordCrc = (bytes: Buffer, at: number, end: number, salt: number): number =>
  crc32c(bytes, crc32c(bytes, salt, at, at + 8), at + 12, end);

/** Writes one record at `at` and returns its end; the room is there (see {@link recordBytes}). */
export function writeRecord(
  bytes: Buffer,
  at: number,
  record: Append,
  offset: number,
  group: number,
  salt: number,
): number {
  const keyBytes = bytes.write(record.key, at + RECORD_HEADER_BYTES, 'utf8');
  const end = at + RECORD_HEADER_BYTES + keyBytes + record.payload.length;
  bytes.set(record.payload, at + RECORD_HEADER_BYTES + keyBytes);
  bytes.writeUInt16LE(RECORD_MAGIC, at);
  bytes.writeUInt16LE(keyBytes, at + 2);
  bytes.writeUInt32LE(keyBytes + record.payload.length, at + 4);
  bytes.writeUInt32LE(record.partition, at + 12);
  bytes.writeUInt32LE(offset >>> 0, at + 16);
  bytes.writeUInt16LE(Math.floor(offset / 0x100000000), at + 20);
  bytes.writeUIntLE(group, at + 22, 6);
  bytes.writeUInt32LE(recordCrc(bytes, at, end, salt), at + 8);
  return end;
}

/** A seal written at position `group` of the file. */
export function encodeSeal(group: number, salt: number): Buffer {
  const bytes = Buffer.alloc(RECORD_HEADER_BYTES);
  writeRecord(bytes, 0, { partition: SEAL_PARTITION, key: '', payload: new Uint8Array(0) }, 0, group, salt);
  return bytes;
}

/** The header at `at` as it stands, its checksum not looked at; undefined when it cannot be one. */
export function peekRecord(bytes: Buffer, at: number): RecordView | undefined {
  if (at + RECORD_HEADER_BYTES > bytes.length || bytes.readUInt16LE(at) !== RECORD_MAGIC) return undefined;
  const keyBytes = bytes.readUInt16LE(at + 2);
  const bodyBytes = bytes.readUInt32LE(at + 4);
  if (keyBytes > bodyBytes) return undefined;
  return {
    partition: bytes.readUInt32LE(at + 12),
    offset: bytes.readUInt16LE(at + 20) * 0x100000000 + bytes.readUInt32LE(at + 16),
    keyBytes,
    bodyBytes,
    group: bytes.readUIntLE(at + 22, 6),
  };
}

/** Whether the whole record at `at` lies in `bytes` and its checksum is right. */
export function isIntact(bytes: Buffer, at: number, view: RecordView, salt: number): boolean {
  const end = at + RECORD_HEADER_BYTES + view.bodyBytes;
  return end <= bytes.length && bytes.readUInt32LE(at + 8) === recordCrc(bytes, at, end, salt);
}

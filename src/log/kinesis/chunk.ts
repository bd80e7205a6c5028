import { crc32c } from '../../lib/crc32c.ts';

/**
 * A record of Kinesis that is ours holds one chunk; docs/kinesis.md, "What stands in a record". Several records of the
 * log that belong to one partition travel in one chunk; what is larger than a record of Kinesis may be, in several.
 */
export interface Chunk {
  readonly partition: number;
  /** The process that wrote it: 32 hexadecimal digits, another one at each opening. */
  readonly producer: string;
  /** Counts the producer's chunks of the partition, from 0. */
  readonly sequence: number;
  readonly isFirst: boolean;
  readonly isLast: boolean;
  readonly body: Uint8Array;
}

export interface Item {
  readonly key: string;
  readonly payload: Uint8Array;
}

const MAGIC = 0xa71a;
const VERSION = 1;
const FIRST = 1;
const LAST = 2;
const HEADER = 36;
const LENGTHS = 8;
/** Data and key of one record of Kinesis may have 1 MiB together (default limit of a stream). */
export const MAX_CHUNK_BODY = (1 << 20) - HEADER - 64;

/** magic 2, version 1, flags 1, CRC-32C of what follows 4, partition 4, sequence 8, producer 16, body. Big-endian. */
export function encodeChunk(chunk: Chunk): Uint8Array {
  const bytes = Buffer.allocUnsafeSlow(HEADER + chunk.body.length);
  bytes.writeUInt16BE(MAGIC, 0);
  bytes[2] = VERSION;
  bytes[3] = (chunk.isFirst ? FIRST : 0) | (chunk.isLast ? LAST : 0);
  bytes.writeUInt32BE(chunk.partition, 8);
  bytes.writeBigUInt64BE(BigInt(chunk.sequence), 12);
  bytes.write(chunk.producer, 20, 'hex');
  bytes.set(chunk.body, HEADER);
  bytes.writeUInt32BE(crc32c(bytes, 0, 8), 4);
  return bytes;
}

/** The inverse of {@link encodeChunk}; undefined when the bytes are no chunk of a version that is known here. */
export function decodeChunk(data: Uint8Array): Chunk | undefined {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  if (bytes.length < HEADER || bytes.readUInt16BE(0) !== MAGIC || bytes[2] !== VERSION) return undefined;
  if (bytes.readUInt32BE(4) !== crc32c(bytes, 0, 8)) return undefined;
  const flags = bytes[3] as number;
  return {
    partition: bytes.readUInt32BE(8),
    sequence: Number(bytes.readBigUInt64BE(12)),
    producer: bytes.toString('hex', 20, HEADER),
    isFirst: (flags & FIRST) !== 0,
    isLast: (flags & LAST) !== 0,
    body: bytes.subarray(HEADER),
  };
}

/** Bytes that an item takes in a body, when its key is in ASCII. */
export const itemBytes = ({ key, payload }: Item): number => LENGTHS + key.length + payload.length;

/** Items one after another: length of the key 4, of the payload 4, key in UTF-8, payload. */
export function encodeItems(items: readonly Item[]): Uint8Array {
  const keys = items.map(({ key }) => Buffer.from(key));
  const total = items.reduce((sum, { payload }, i) => sum + LENGTHS + keys[i]!.length + payload.length, 0);
  const bytes = Buffer.allocUnsafeSlow(total);
  let at = 0;
  items.forEach(({ payload }, i) => {
    const key = keys[i]!;
    bytes.writeUInt32BE(key.length, at);
    bytes.writeUInt32BE(payload.length, at + 4);
    bytes.set(key, at + LENGTHS);
    bytes.set(payload, at + LENGTHS + key.length);
    at += LENGTHS + key.length + payload.length;
  });
  return bytes;
}

/** The inverse of {@link encodeItems}; undefined when the lengths do not add up. */
export function decodeItems(body: Uint8Array): readonly Item[] | undefined {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const items: Item[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (at + LENGTHS > bytes.length) return undefined;
    const keyEnd = at + LENGTHS + bytes.readUInt32BE(at);
    const end = keyEnd + bytes.readUInt32BE(at + 4);
    if (end > bytes.length) return undefined;
    items.push({ key: bytes.toString('utf8', at + LENGTHS, keyEnd), payload: bytes.subarray(keyEnd, end) });
    at = end;
  }
  return items;
}

/** A body cut into chunks, the first of which has the number `sequence`. */
export function cutIntoChunks(
  partition: number,
  producer: string,
  sequence: number,
  body: Uint8Array,
  maxBody: number = MAX_CHUNK_BODY,
): readonly Chunk[] {
  const count = Math.max(1, Math.ceil(body.length / maxBody));
  return Array.from({ length: count }, (_, i) => ({
    partition,
    producer,
    sequence: sequence + i,
    isFirst: i === 0,
    isLast: i === count - 1,
    body: body.subarray(i * maxBody, (i + 1) * maxBody),
  }));
}

/** Partition of a region: FNV-1a, 32 bit, over its UTF-8 bytes (Fowler, Noll, Vo), modulo the number of partitions. */
export function partitionOf(region: string, partitions: number): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(region, 'utf8')) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash % partitions;
}

import type { FetchResponsePartition, KafkaRecord, RecordsBatch } from './client.ts';

/** A record as it stands in a partition. */
export interface Found {
  readonly offset: number;
  readonly record: KafkaRecord;
}

const IS_TRANSACTIONAL = 1 << 4;
const IS_CONTROL = 1 << 5;
const ABORT_MARKER = 0;

/**
 * The records of a fetch that a reader of committed records gets from `position` on, and the position behind all that
 * was looked at: control batches and aborted transactions leave holes in the offsets. The broker lists the aborted
 * transactions by producer and first offset (Fetch response, KIP-98); each ends at its producer's next abort marker.
 */
export function committedRecords(
  partition: Pick<FetchResponsePartition, 'records' | 'abortedTransactions'>,
  position: number,
): { readonly records: readonly Found[]; readonly next: number } {
  const starts = [...(partition.abortedTransactions ?? [])].sort((a, b) =>
    a.firstOffset < b.firstOffset ? -1 : 1,
  );
  const aborted = new Set<bigint>();
  const records: Found[] = [];
  let next = position;
  for (const batch of partition.records ?? []) {
    const last = Number(batch.firstOffset) + batch.lastOffsetDelta;
    while (starts[0] && Number(starts[0].firstOffset) <= last) aborted.add(starts.shift()!.producerId);
    // A batch that is compressed or begins early holds records before the position, too.
    if (last >= next) next = last + 1;
    if (batch.attributes & IS_CONTROL) {
      if (markerOf(batch) === ABORT_MARKER) aborted.delete(batch.producerId);
      continue;
    }
    if (batch.attributes & IS_TRANSACTIONAL && aborted.has(batch.producerId)) continue;
    for (const record of batch.records) {
      const offset = Number(batch.firstOffset) + record.offsetDelta;
      if (offset >= position) records.push({ offset, record });
    }
  }
  return { records, next };
}

/** Kind of a control record: its key is version INT16, type INT16 (0 abort, 1 commit). */
function markerOf(batch: RecordsBatch): number | undefined {
  const key = batch.records[0]?.key;
  return key && key.length >= 4 ? key.readInt16BE(2) : undefined;
}

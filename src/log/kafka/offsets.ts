import { AtalaiaError } from '../../lib/errors.ts';
import { answer, failureOf } from './client.ts';
import type { Topic } from './topic.ts';

/** Special timestamps of ListOffsets. */
export const EARLIEST = -2n;
/** Behind the newest record that all in-sync replicas have. */
export const LATEST = -1n;

const RETRY_MS = 15_000;
const CONSUMER = -1;
const READ_UNCOMMITTED = 0;

/** One offset of each of these partitions. @throws AtalaiaError ATL_BUSY when a leader does not answer in 15 s */
export async function listOffsets(
  topic: Topic,
  partitions: readonly number[],
  which: bigint,
): Promise<Map<number, number>> {
  const { cluster } = topic;
  const offsets = new Map<number, number>();
  await cluster.retry(RETRY_MS, async (n) => {
    if (n > 0) await topic.refresh();
    const missing = partitions.filter((partition) => !offsets.has(partition));
    let last = 'no leader';
    const asked = [...topic.byLeader(missing)].map(async ([broker, own]) => {
      const found = await cluster.call(broker, 'control', (connection) =>
        answer(
          cluster.client.listOffsetsV7.api.async(connection, CONSUMER, READ_UNCOMMITTED, [
            {
              name: topic.name,
              partitions: own.map((partitionIndex) => ({
                partitionIndex,
                currentLeaderEpoch: -1,
                timestamp: which,
              })),
            },
          ]),
        ),
      );
      for (const { partitionIndex, errorCode, offset } of found.topics[0]?.partitions ?? []) {
        if (errorCode === 0) offsets.set(partitionIndex, Number(offset));
        else last = failureOf(cluster.client, errorCode).id;
      }
    });
    const results = await Promise.allSettled(asked);
    if (offsets.size < new Set(partitions).size) {
      const cause = results.find((result) => result.status === 'rejected')?.reason;
      throw new AtalaiaError(
        'ATL_BUSY',
        `Topic ${topic.name} does not tell the offsets of all its partitions (${last}). Check that the Kafka brokers run.`,
        { cause },
      );
    }
  });
  return offsets;
}

/**
 * Lets Kafka remove the records below these offsets (DeleteRecords, KIP-107).
 * Resolves with the name of the refusal when the cluster does not allow it to this user or topic.
 */
export async function deleteRecords(
  topic: Topic,
  below: ReadonlyMap<number, number>,
): Promise<string | undefined> {
  const { cluster } = topic;
  const left = new Map(below);
  let refusal: string | undefined;
  await cluster.retry(RETRY_MS, async (n) => {
    if (n > 0) await topic.refresh();
    for (const [broker, partitions] of topic.byLeader([...left.keys()])) {
      const found = await cluster.call(broker, 'control', (connection) =>
        answer(
          cluster.client.deleteRecordsV2.api.async(
            connection,
            [
              {
                name: topic.name,
                partitions: partitions.map((partitionIndex) => ({
                  partitionIndex,
                  offset: BigInt(left.get(partitionIndex) ?? 0),
                })),
              },
            ],
            5000,
          ),
        ),
      );
      for (const { partitionIndex, errorCode } of found.topics[0]?.partitions ?? []) {
        const failure = failureOf(cluster.client, errorCode);
        if (failure.mayRetry) continue;
        // Out of range: another process trimmed further already.
        if (failure.id !== 'NONE' && failure.id !== 'OFFSET_OUT_OF_RANGE') refusal = failure.id;
        left.delete(partitionIndex);
      }
    }
    if (left.size > 0)
      throw new AtalaiaError(
        'ATL_BUSY',
        `Topic ${topic.name} could not be trimmed. It is tried again later.`,
      );
  });
  return refusal;
}

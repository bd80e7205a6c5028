import { AtalaiaError } from '../../lib/errors.ts';
import { type ChannelModel, closeQuietly, messageOf, replyCode } from './client.ts';

const NOT_FOUND = 404;

/** What a stream is created with; an operator changes retention later by a policy of RabbitMQ. */
export interface StreamSettings {
  /** Records older than this may go, whole segments at a time. */
  readonly maxAgeMs?: number;
  /** A stream may be this large; over it the oldest segments go. */
  readonly maxBytes?: number;
  /** A new segment begins after this many bytes; RabbitMQ's default is 500 MB. */
  readonly segmentBytes?: number;
  /** Nodes that keep a copy; RabbitMQ's default is all. */
  readonly replicas?: number;
}

export const streamOf = (name: string, partition: number): string => `${name}-${partition}`;
export const positionsStreamOf = (name: string): string => `${name}-positions`;

/**
 * Creates the streams of a log when they are not there. Partition 0 is created last: where it is, all are. Rejects with
 * ATL_CONFIG when the log has another number of partitions, or RabbitMQ refuses the settings.
 */
export async function ensureStreams(
  connection: ChannelModel,
  name: string,
  partitions: number,
  settings: StreamSettings,
): Promise<void> {
  const has = (partition: number): Promise<boolean> => exists(connection, streamOf(name, partition));
  const isCreated = await has(0);
  const isLonger = await has(partitions);
  const isShorter = isCreated && !(await has(partitions - 1));
  if (isLonger || isShorter) {
    let count = isShorter ? 1 : partitions + 1;
    while (count < 65536 && (await has(count))) count++;
    throw new AtalaiaError(
      'ATL_CONFIG',
      `The log ${name} on RabbitMQ has ${count} partitions, pipeline.partitions is ${partitions}. Give ${count}: the number of a log never changes.`,
    );
  }
  if (!isCreated) {
    for (let p = partitions - 1; p >= 0; p--) await declare(connection, streamOf(name, p), settings);
  }
  if (!(await exists(connection, positionsStreamOf(name)))) {
    const { replicas } = settings;
    const small = { maxBytes: 4 << 20, segmentBytes: 512 << 10 };
    await declare(
      connection,
      positionsStreamOf(name),
      replicas === undefined ? small : { ...small, replicas },
    );
  }
}

/** A question about a queue that is not there costs its channel. */
async function exists(connection: ChannelModel, queue: string): Promise<boolean> {
  const channel = await connection.createChannel();
  channel.on('error', () => undefined);
  try {
    await channel.checkQueue(queue);
    return true;
  } catch (error) {
    if (replyCode(error) === NOT_FOUND) return false;
    throw refused(queue, error);
  } finally {
    await closeQuietly(channel);
  }
}

async function declare(connection: ChannelModel, queue: string, settings: StreamSettings): Promise<void> {
  const { maxAgeMs, maxBytes, segmentBytes, replicas } = settings;
  const channel = await connection.createChannel();
  channel.on('error', () => undefined);
  try {
    await channel.assertQueue(queue, {
      durable: true,
      arguments: {
        'x-queue-type': 'stream',
        // Leaders spread over the nodes, where one client creates all streams.
        'x-queue-leader-locator': 'balanced',
        ...(maxAgeMs === undefined ? {} : { 'x-max-age': `${Math.max(1, Math.ceil(maxAgeMs / 1000))}s` }),
        ...(maxBytes === undefined ? {} : { 'x-max-length-bytes': maxBytes }),
        ...(segmentBytes === undefined ? {} : { 'x-stream-max-segment-size-bytes': segmentBytes }),
        ...(replicas === undefined ? {} : { 'x-initial-cluster-size': replicas }),
      },
    });
  } catch (error) {
    throw refused(queue, error);
  } finally {
    await closeQuietly(channel);
  }
}

const refused = (queue: string, cause: unknown): AtalaiaError =>
  new AtalaiaError(
    replyCode(cause) === undefined ? 'ATL_BUSY' : 'ATL_CONFIG',
    `RabbitMQ refuses the stream ${queue}: ${messageOf(cause)}. Check the rights of this user and the settings of the log.`,
    { cause },
  );

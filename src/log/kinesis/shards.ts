import type { Shard as SdkShard } from '@aws-sdk/client-kinesis';
import { type Clock, sleep } from '../../lib/clock.ts';
import { AtalaiaError, invariant } from '../../lib/errors.ts';
import { type Api, failureOf } from './client.ts';

/** A shard: a range of the hash keys, both ends included, for a span of time. */
export interface Shard {
  readonly id: string;
  readonly from: bigint;
  readonly to: bigint;
  /** One after a split, two after a merge. */
  readonly parents: readonly string[];
}

const HASH_KEYS = 1n << 128n;
const MAX_PAGES = 1000;

/** The hash key of a partition: the middle of its share of the range, so that shards cut evenly hold whole partitions. */
export const hashKeyOf = (partition: number, partitions: number): bigint =>
  ((2n * BigInt(partition) + 1n) * HASH_KEYS) / (2n * BigInt(partitions));

export const partitionsOf = (shard: Shard, partitions: number): readonly number[] =>
  Array.from({ length: partitions }, (_, partition) => partition).filter((partition) => {
    const key = hashKeyOf(partition, partitions);
    return shard.from <= key && key <= shard.to;
  });

export function shardOf(shard: SdkShard): Shard {
  const { ShardId, HashKeyRange } = shard;
  invariant(
    ShardId && HashKeyRange?.StartingHashKey && HashKeyRange.EndingHashKey,
    'Kinesis listed a shard without id or range',
  );
  return {
    id: ShardId,
    from: BigInt(HashKeyRange.StartingHashKey),
    to: BigInt(HashKeyRange.EndingHashKey),
    parents: [shard.ParentShardId, shard.AdjacentParentShardId].filter((id) => id !== undefined),
  };
}

/** Every shard that the stream still keeps, open or closed, parents before their children. */
export async function listShards(api: Api, stream: string): Promise<readonly Shard[]> {
  const shards: Shard[] = [];
  let token: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const answer = await api.send((client, options) =>
      client.send(
        new api.sdk.ListShardsCommand(token === undefined ? { StreamName: stream } : { NextToken: token }),
        options,
      ),
    );
    shards.push(...(answer.Shards ?? []).map(shardOf));
    token = answer.NextToken;
    if (token === undefined) break;
  }
  return inOrder(shards);
}

function inOrder(shards: readonly Shard[]): readonly Shard[] {
  const byId = new Map(shards.map((shard) => [shard.id, shard]));
  const done = new Set<Shard>();
  const visit = (shard: Shard): void => {
    if (done.has(shard)) return;
    for (const parent of shard.parents) {
      const found = byId.get(parent);
      if (found) visit(found);
    }
    done.add(shard);
  };
  for (const shard of shards) visit(shard);
  return [...done];
}

export interface StreamSettings {
  readonly stream: string;
  /** Shards of a stream that is created: a number, or `on-demand`; default 1. */
  readonly shards?: number | 'on-demand';
  /** Retention of a stream that is created, hours, 24 to 8760; default 168. */
  readonly retentionHours?: number;
}

export interface StreamView {
  readonly arn: string;
  readonly createdAt: number;
  readonly retentionMs: number;
}

const DESCRIBE_EVERY_MS = 200;

/** Finds the stream, creates it when there is none, and waits until it is active. */
export async function ensureStream(api: Api, settings: StreamSettings, waitMs: number): Promise<StreamView> {
  const { clock } = api;
  const until = clock.monotonicMs() + waitMs;
  let isCreated = false;
  for (let last = 'no answer'; ; ) {
    try {
      const view = await describe(api, settings.stream);
      if (view) {
        if (!isCreated) return view;
        await setRetention(api, settings, view);
        return { ...view, retentionMs: retentionOf(settings) * 3_600_000 };
      }
      last = 'it is being created or changed';
    } catch (error) {
      const { id, mayRetry } = failureOf(error);
      last = id;
      if (id === 'ResourceNotFoundException') isCreated = (await create(api, settings)) || isCreated;
      else if (!mayRetry) throw refused(settings.stream, id, error);
    }
    if (clock.monotonicMs() >= until)
      throw new AtalaiaError(
        'ATL_BUSY',
        `Stream ${settings.stream} of Kinesis was not ready within ${waitMs} ms: ${last}. Check the region, the endpoint and the network.`,
      );
    await pause(clock, until);
  }
}

const pause = (clock: Clock, until: number): Promise<void> =>
  sleep(clock, Math.max(1, Math.min(DESCRIBE_EVERY_MS, until - clock.monotonicMs())));

const retentionOf = (settings: StreamSettings): number => settings.retentionHours ?? 168;

async function describe(api: Api, stream: string): Promise<StreamView | undefined> {
  const { StreamDescriptionSummary: found } = await api.send((client, options) =>
    client.send(new api.sdk.DescribeStreamSummaryCommand({ StreamName: stream }), options),
  );
  if (found?.StreamStatus !== 'ACTIVE' && found?.StreamStatus !== 'UPDATING') return undefined;
  return {
    arn: found.StreamARN ?? '',
    createdAt: found.StreamCreationTimestamp?.getTime() ?? 0,
    retentionMs: (found.RetentionPeriodHours ?? 24) * 3_600_000,
  };
}

/** True when this call created it; false when another process was first. */
async function create(api: Api, settings: StreamSettings): Promise<boolean> {
  const { stream, shards = 1 } = settings;
  try {
    await api.send((client, options) =>
      client.send(
        new api.sdk.CreateStreamCommand(
          shards === 'on-demand'
            ? { StreamName: stream, StreamModeDetails: { StreamMode: 'ON_DEMAND' } }
            : { StreamName: stream, ShardCount: shards },
        ),
        options,
      ),
    );
    return true;
  } catch (error) {
    const { id, mayRetry } = failureOf(error);
    if (!mayRetry) throw refused(stream, id, error);
    return false;
  }
}

async function setRetention(api: Api, settings: StreamSettings, view: StreamView): Promise<void> {
  const hours = retentionOf(settings);
  if (hours * 3_600_000 <= view.retentionMs) return;
  await api.send((client, options) =>
    client.send(
      new api.sdk.IncreaseStreamRetentionPeriodCommand({
        StreamName: settings.stream,
        RetentionPeriodHours: hours,
      }),
      options,
    ),
  );
}

const refused = (stream: string, id: string, cause: unknown): AtalaiaError =>
  new AtalaiaError(
    'ATL_CONFIG',
    `Kinesis refuses stream ${stream}: ${id}. Check the name, the region and the rights of this user (docs/kinesis.md lists them).`,
    { cause },
  );

import { randomBytes } from 'node:crypto';
import { type Clock, systemClock } from '../../lib/clock.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import type { LeaseTable, OffsetIndex } from '../../store/ledger/coordination.ts';
import type { Append, Log, LogEntry } from '../log.ts';
import { Anchors } from './anchors.ts';
import { Api, type KinesisAccess } from './client.ts';
import { Consumer } from './consumer.ts';
import { GroupPositions } from './group-positions.ts';
import { History } from './history.ts';
import { Sender } from './sender.ts';
import { ensureStream, type StreamSettings } from './shards.ts';
import { PollingSource, type Position, type Source, SubscribedSource } from './source.ts';
import { Tails } from './tails.ts';

const MAX_KEY_BYTES = 0xffff;
const MAX_PAYLOAD_BYTES = 16 << 20;
const CLOSE_WAIT_MS = 5000;
const POLL_EVERY_MS = 220;
const SUBSCRIBE_EVERY_MS = 5100;

/** What the log noticed about its stream. */
export type KinesisEvent =
  | { readonly kind: 'unreachable'; readonly what: 'append' | 'read'; readonly failure: string }
  | { readonly kind: 'reachable'; readonly what: 'append' | 'read' }
  /** Kinesis refused this many entries of a request for now; they are repeated. */
  | { readonly kind: 'throttled'; readonly entries: number }
  /** A record that is not ours was passed over. */
  | { readonly kind: 'foreign'; readonly shard: string; readonly sequence: string }
  /** There is no consumer for this process (a stream has 20), and the stream is polled; or there is one again. */
  | { readonly kind: 'no-consumer' | 'consumer' }
  /** The consumer's name could not be prolonged or removed; it is tried again. */
  | { readonly kind: 'consumer-failed'; readonly failure: string }
  /** Nobody followed the stream for longer than its retention: records may have been lost, offsets go on higher. */
  | { readonly kind: 'gap'; readonly shard: string; readonly partitions: readonly number[] };

export interface KinesisLogOptions extends KinesisAccess, StreamSettings {
  /** Fixed when the stream is created. */
  readonly partitions: number;
  /** Which offset belongs to which place of the stream; of the ledger, shared by all processes of the log. */
  readonly index: OffsetIndex;
  /**
   * Enhanced fan-out by registered consumers, `name`, the ledger's own name and `1` to `20`, one for each process by leases of the ledger;
   * without it the stream is read by GetRecords.
   */
  readonly consumer?: { readonly name: string; readonly leases: LeaseTable; readonly leaseMs?: number };
  /** A shard is asked at most once in this time, ms; default 220 (Kinesis allows 5 calls a second to all readers). */
  readonly pollMs?: number;
  /** Bound of what waits to be written; over it appends reject with ATL_BUSY. Default 64 MiB. */
  readonly maxQueuedBytes?: number;
  /** Bound of the newest entries kept in memory for readers; default 16 MiB. */
  readonly cacheBytes?: number;
  /** An append is answered within this, ms; default 30 000. */
  readonly deliveryTimeoutMs?: number;
  /** How long to wait for the stream when opening, ms; default 60 000. */
  readonly openTimeoutMs?: number;
  readonly clock?: Clock;
  readonly onEvent?: (event: KinesisEvent) => void;
}

/**
 * Opens a stream of AWS Kinesis as the log and creates it when there is none: docs/kinesis.md.
 * Rejects with ATL_CONFIG (another number of partitions, no client, no rights, an index that is not the stream's),
 * ATL_BUSY (no answer in time).
 */
export async function openKinesisLog(options: KinesisLogOptions): Promise<Log> {
  const { partitions, index, stream } = options;
  if (!Number.isInteger(partitions) || partitions < 1 || partitions > 65536)
    throw new AtalaiaError(
      'ATL_CONFIG',
      `pipeline.partitions is ${partitions}. Give a whole number from 1 to 65536.`,
    );
  const api = await Api.open(options, options.clock ?? systemClock);
  try {
    const view = await ensureStream(api, options, options.openTimeoutMs ?? 60_000);
    // A stream of the same name that was made anew has other records.
    const prefix = `${stream}@${view.createdAt}/`;
    const agreed = await index.insert(`${prefix}partitions`, String(partitions));
    if (agreed !== String(partitions))
      throw new AtalaiaError(
        'ATL_CONFIG',
        `Stream ${stream} was begun with ${agreed} partitions, pipeline.partitions says ${partitions}. Set it to ${agreed}, or name another stream.`,
      );
    const anchors = new Anchors(index, prefix, view.retentionMs, () => api.clock.now());
    await anchors.load();
    // Of two systems with a ledger each neither may take the consumers of the other for left behind.
    const ledger = await index.insert(`${prefix}ledger`, randomBytes(4).toString('hex'));
    const log = new KinesisLog(api, options, { prefix, ledger, anchors, streamArn: view.arn });
    await log.open();
    return log;
  } catch (error) {
    api.close();
    throw error;
  }
}

/** What the log has found out about its stream and its ledger. */
interface Place {
  /** Of its keys in the index. */
  readonly prefix: string;
  /** A name of the ledger's own. */
  readonly ledger: string;
  readonly anchors: Anchors;
  readonly streamArn: string;
}

class KinesisLog implements Log {
  readonly partitions: number;
  readonly #api: Api;
  readonly #options: KinesisLogOptions;
  readonly #anchors: Anchors;
  readonly #floorKey: string;
  readonly #sender: Sender;
  readonly #tails: Tails;
  readonly #consumer: Consumer | undefined;
  readonly #history: History;
  readonly #groups: GroupPositions;
  #floor: readonly number[] = [];
  #isOut = false;
  #trimming: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(api: Api, options: KinesisLogOptions, { prefix, ledger, anchors, streamArn }: Place) {
    const { stream, partitions } = options;
    this.partitions = partitions;
    this.#api = api;
    this.#options = options;
    this.#anchors = anchors;
    this.#floorKey = `${prefix}floor`;
    this.#groups = new GroupPositions(options.index, prefix, api.clock);
    const producer = randomBytes(16).toString('hex');
    const everyMs = options.pollMs ?? POLL_EVERY_MS;
    this.#sender = new Sender({
      api,
      stream,
      partitions,
      producer,
      maxQueuedBytes: options.maxQueuedBytes ?? 64 << 20,
      deliveryTimeoutMs: options.deliveryTimeoutMs ?? 30_000,
      onOutage: (failure) => this.#tell('append', failure),
      onThrottled: (entries) => options.onEvent?.({ kind: 'throttled', entries }),
    });
    const consumer =
      options.consumer &&
      new Consumer({
        ...{ api, stream, streamArn, ...options.consumer, name: `${options.consumer.name}-${ledger}` },
        onChange: (has) => options.onEvent?.({ kind: has ? 'consumer' : 'no-consumer' }),
        onFailure: (failure) => options.onEvent?.({ kind: 'consumer-failed', failure }),
      });
    this.#consumer = consumer;
    const source = (shard: string, position: Position): Source =>
      consumer
        ? new SubscribedSource({
            ...{ api, stream, shard, position, everyMs: SUBSCRIBE_EVERY_MS, pollMs: everyMs },
            consumerArn: () => consumer.arn,
            onConsumerGone: (arn) => consumer.gone(arn),
          })
        : new PollingSource(api, stream, shard, position, everyMs);
    this.#tails = new Tails({
      ...{ api, anchors, stream, partitions, source },
      createdAt: Number(/@(\d+)\/$/.exec(prefix)?.[1] ?? 0),
      cacheBytes: options.cacheBytes ?? 16 << 20,
      onFrame: (partition, from, sequence, base) => {
        if (from === producer) this.#sender.seen(partition, sequence, base);
      },
      onForeign: (shard, sequence) => options.onEvent?.({ kind: 'foreign', shard, sequence }),
      onGap: (shard, lost) => options.onEvent?.({ kind: 'gap', shard, partitions: lost }),
      onFailure: (failure) => this.#outage(failure),
    });
    this.#history = new History({
      ...{ api, anchors, stream, partitions, everyMs },
      shards: () => this.#tails.shards,
      pageBytes: options.cacheBytes ?? 16 << 20,
    });
  }

  async open(): Promise<void> {
    this.#floor = await this.#readFloor();
    try {
      await this.#consumer?.open();
      await this.#tails.open();
    } catch (error) {
      await this.#tails.close();
      await this.#consumer?.close();
      throw error;
    }
  }

  async append(records: readonly Append[]): Promise<readonly number[]> {
    this.#checkOpen();
    for (const { partition, key, payload } of records) {
      this.#checkPartition(partition);
      if (Buffer.byteLength(key) > MAX_KEY_BYTES)
        throw new AtalaiaError(
          'ATL_TOO_LARGE',
          `A key of the log has over ${MAX_KEY_BYTES} bytes. Use a shorter one.`,
        );
      if (payload.length > MAX_PAYLOAD_BYTES)
        throw new AtalaiaError(
          'ATL_TOO_LARGE',
          `A record of ${payload.length} bytes is over the log's ${MAX_PAYLOAD_BYTES}. Split it.`,
        );
    }
    return this.#sender.append(records);
  }

  async read(partition: number, offset: number, limit: number, waitMs = 0): Promise<readonly LogEntry[]> {
    this.#checkOpen();
    this.#checkPartition(partition);
    if (!Number.isSafeInteger(offset) || offset < 0)
      throw new AtalaiaError('ATL_USAGE', `${offset} is no offset of the log. Give a whole number from 0.`);
    if (limit < 1) return [];
    this.#checkKept(partition, offset);
    if (offset >= this.#tails.next(partition)) {
      if (waitMs > 0) await this.#tails.grow(partition, offset, waitMs);
      this.#checkOpen();
      if (offset >= this.#tails.next(partition)) return [];
    }
    const cached = this.#tails.cache.read(partition, offset, limit);
    if (cached) return cached;
    const entries = await this.#history.read(partition, offset, limit);
    this.#checkOpen();
    if (!entries || (entries.length === 0 && offset < this.#tails.next(partition))) {
      this.#checkKept(partition, offset);
      throw this.#gap(partition, offset, this.#tails.next(partition));
    }
    return entries;
  }

  async bounds(partition: number): Promise<{ readonly oldest: number; readonly next: number }> {
    this.#checkOpen();
    this.#checkPartition(partition);
    await this.#tails.fresh(partition);
    this.#checkOpen();
    return { oldest: this.#oldest(partition), next: this.#tails.next(partition) };
  }

  async commit(group: string, partition: number, offset: number): Promise<void> {
    this.#checkOpen();
    this.#checkPartition(partition);
    this.#groups.set(group, partition, offset);
  }

  async lag(group: string): Promise<number> {
    this.#checkOpen();
    const [positions] = await Promise.all([this.#groups.get(group), this.#tails.fresh()]);
    let behind = 0;
    for (let p = 0; p < this.partitions; p++)
      behind += Math.max(0, this.#tails.next(p) - Math.max(this.#oldest(p), positions.get(p) ?? 0));
    return behind;
  }

  trim(oldest: readonly number[]): Promise<void> {
    const run = this.#trimming.then(() => this.#trim(oldest));
    this.#trimming = run.catch(() => undefined);
    return run;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#sender.close(CLOSE_WAIT_MS);
    await this.#trimming;
    await this.#tails.close();
    await this.#consumer?.close();
    await this.#groups.flush();
    this.#api.close();
  }

  /** Kinesis removes by age alone: what is trimmed is hidden, and its anchors go. */
  async #trim(wanted: readonly number[]): Promise<void> {
    this.#checkOpen();
    const kept = await this.#readFloor();
    const floor = Array.from({ length: this.partitions }, (_, p) =>
      Math.max(kept[p] ?? 0, Math.min(wanted[p] ?? 0, this.#tails.next(p))),
    );
    await this.#options.index.set([[this.#floorKey, JSON.stringify(floor)]]);
    this.#floor = floor;
    await this.#anchors.trim(floor);
  }

  async #readFloor(): Promise<readonly number[]> {
    const [found] = await this.#options.index.list(this.#floorKey);
    return found ? (JSON.parse(found[1]) as number[]) : [];
  }

  /** Bounded by the trims, by the anchors, and by what is there at all. */
  #oldest(partition: number): number {
    const next = this.#tails.next(partition);
    const reachable = this.#anchors.oldest(partition) ?? next;
    return Math.min(next, Math.max(this.#floor[partition] ?? 0, reachable));
  }

  #checkKept(partition: number, offset: number): void {
    const oldest = this.#oldest(partition);
    if (offset < oldest) throw this.#gap(partition, offset, oldest);
  }

  #gap(partition: number, asked: number, oldest: number): AtalaiaError {
    return new AtalaiaError(
      'ATL_LOG_GAP',
      `Partition ${partition} of stream ${this.#options.stream} was asked for offset ${asked}; the oldest record kept is ${oldest}. Records between them are gone: continue from ${oldest}, or restore a newer checkpoint.`,
    );
  }

  #outage(failure: string | undefined): void {
    if (this.#isOut === (failure !== undefined)) return;
    this.#isOut = failure !== undefined;
    this.#tell('read', failure);
  }

  #tell(what: 'append' | 'read', failure: string | undefined): void {
    this.#options.onEvent?.(
      failure === undefined ? { kind: 'reachable', what } : { kind: 'unreachable', what, failure },
    );
  }

  #checkOpen(): void {
    if (this.#closing)
      throw new AtalaiaError(
        'ATL_LOG_CLOSED',
        `The log on stream ${this.#options.stream} was closed. Open it again.`,
      );
  }

  #checkPartition(partition: number): void {
    if (!Number.isInteger(partition) || partition < 0 || partition >= this.partitions)
      throw new AtalaiaError(
        'ATL_USAGE',
        `Partition ${partition} is not in the log: it has 0 to ${this.partitions - 1}.`,
      );
  }
}

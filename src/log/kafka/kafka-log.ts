import { type Clock, systemClock } from '../../lib/clock.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import type { Append, Log, LogEntry } from '../log.ts';
import { type KafkaAccess, loadClient } from './client.ts';
import { Cluster } from './cluster.ts';
import { Fetcher } from './fetcher.ts';
import { deleteRecords, EARLIEST, LATEST, listOffsets } from './offsets.ts';
import { Positions } from './positions.ts';
import type { Found } from './records.ts';
import { type Compression, Sender } from './sender.ts';
import { checkSettings, ensureTopic, MAX_MESSAGE_BYTES, Topic } from './topic.ts';

const MAX_KEY_BYTES = 0xffff;
const CLOSE_WAIT_MS = 5000;

/** What the log noticed about its cluster. */
export type KafkaEvent =
  | { readonly kind: 'unreachable'; readonly what: 'append' | 'read'; readonly failure: string }
  | { readonly kind: 'reachable'; readonly what: 'append' | 'read' }
  | { readonly kind: 'trim-refused'; readonly failure: string }
  /** An acknowledged record may be on one broker only: the loss of that one loses it. */
  | { readonly kind: 'one-copy'; readonly replicas: number; readonly minInSyncReplicas: number };

export interface KafkaLogOptions extends KafkaAccess {
  readonly topic: string;
  /** Fixed when the topic is created. */
  readonly partitions: number;
  readonly replication?: number;
  readonly minInSyncReplicas?: number;
  readonly retentionMs?: number;
  /** Names of groups in Kafka are this and the name; default `atalaia-`. */
  readonly groupPrefix?: string;
  readonly compression?: Compression;
  /** Bound of what waits to be written; over it appends reject with ATL_BUSY. Default 64 MiB. */
  readonly maxQueuedBytes?: number;
  /** An append is answered within this, ms; default 30 000. */
  readonly deliveryTimeoutMs?: number;
  /** How long to wait for the cluster when opening, ms; default 30 000. */
  readonly openTimeoutMs?: number;
  readonly clock?: Clock;
  readonly onEvent?: (event: KafkaEvent) => void;
}

/**
 * Opens a topic of Apache Kafka (4.0 and later) as the log and creates it when the cluster has none: docs/kafka.md.
 * Rejects with ATL_CONFIG (another number of partitions, no client installed, no rights), ATL_BUSY (no broker answers).
 */
export async function openKafkaLog(options: KafkaLogOptions): Promise<Log> {
  const { partitions } = options;
  if (!Number.isInteger(partitions) || partitions < 1 || partitions > 65536) {
    throw new AtalaiaError(
      'ATL_CONFIG',
      `pipeline.partitions is ${partitions}. Give a whole number from 1 to 65536.`,
    );
  }
  const cluster = new Cluster(await loadClient(), options, options.clock ?? systemClock);
  try {
    const settings = { ...options, name: options.topic };
    const view = await ensureTopic(cluster, settings, options.openTimeoutMs ?? 30_000);
    const durability = await checkSettings(cluster, options.topic, view);
    if (durability && Math.min(durability.replicas, durability.minInSyncReplicas) < 2)
      options.onEvent?.({ kind: 'one-copy', ...durability });
    return new KafkaLog(new Topic(cluster, options.topic, view), options);
  } catch (error) {
    await cluster.close();
    throw error;
  }
}

class KafkaLog implements Log {
  readonly partitions: number;
  readonly #topic: Topic;
  readonly #options: KafkaLogOptions;
  readonly #sender: Sender;
  readonly #fetcher: Fetcher;
  readonly #positions: Positions;
  #trimming: Promise<void> = Promise.resolve();
  #isTrimRefused = false;
  #closing: Promise<void> | undefined;

  constructor(topic: Topic, options: KafkaLogOptions) {
    this.partitions = options.partitions;
    this.#topic = topic;
    this.#options = options;
    const outage =
      (what: 'append' | 'read') =>
      (failure: string | undefined): void =>
        options.onEvent?.(
          failure === undefined ? { kind: 'reachable', what } : { kind: 'unreachable', what, failure },
        );
    this.#sender = new Sender(topic, {
      maxQueuedBytes: options.maxQueuedBytes ?? 64 << 20,
      deliveryTimeoutMs: options.deliveryTimeoutMs ?? 30_000,
      compression: options.compression ?? 'none',
      onOutage: outage('append'),
    });
    this.#fetcher = new Fetcher(topic, {
      bounds: (partition) => this.bounds(partition),
      onOutage: outage('read'),
    });
    this.#positions = new Positions(topic);
  }

  async append(records: readonly Append[]): Promise<readonly number[]> {
    this.#checkOpen();
    const messages = records.map(({ partition, key, payload }) => {
      this.#checkPartition(partition);
      const keyBytes = Buffer.from(key);
      if (keyBytes.length > MAX_KEY_BYTES)
        throw new AtalaiaError(
          'ATL_TOO_LARGE',
          `A key of the log has over ${MAX_KEY_BYTES} bytes. Use a shorter one.`,
        );
      if (payload.length > MAX_MESSAGE_BYTES - 2 * MAX_KEY_BYTES) {
        throw new AtalaiaError(
          'ATL_TOO_LARGE',
          `A record of ${payload.length} bytes is over the log's ${MAX_MESSAGE_BYTES - 2 * MAX_KEY_BYTES}. Split it.`,
        );
      }
      const value = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
      return { topic: this.#topic.name, partition, key: keyBytes, value };
    });
    return this.#sender.append(messages);
  }

  async read(partition: number, offset: number, limit: number, waitMs = 0): Promise<readonly LogEntry[]> {
    this.#checkOpen();
    this.#checkPartition(partition);
    if (!Number.isSafeInteger(offset) || offset < 0)
      throw new AtalaiaError('ATL_USAGE', `${offset} is no offset of the log. Give a whole number from 0.`);
    if (limit < 1) return [];
    const found = await this.#fetcher.read(partition, offset, limit, waitMs);
    return found.map((one) => entryOf(partition, one));
  }

  async bounds(partition: number): Promise<{ readonly oldest: number; readonly next: number }> {
    this.#checkOpen();
    this.#checkPartition(partition);
    const [oldest, next] = await Promise.all([
      listOffsets(this.#topic, [partition], EARLIEST),
      listOffsets(this.#topic, [partition], LATEST),
    ]);
    return { oldest: oldest.get(partition) ?? 0, next: next.get(partition) ?? 0 };
  }

  async commit(group: string, partition: number, offset: number): Promise<void> {
    this.#checkOpen();
    this.#checkPartition(partition);
    this.#positions.set(this.#groupName(group), partition, offset);
  }

  async lag(group: string): Promise<number> {
    this.#checkOpen();
    const all = Array.from({ length: this.partitions }, (_, partition) => partition);
    const [oldest, next, positions] = await Promise.all([
      listOffsets(this.#topic, all, EARLIEST),
      listOffsets(this.#topic, all, LATEST),
      this.#positions.get(this.#groupName(group)),
    ]);
    let behind = 0;
    for (const p of all)
      behind += Math.max(0, (next.get(p) ?? 0) - Math.max(oldest.get(p) ?? 0, positions.get(p) ?? 0));
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

  async #trim(wanted: readonly number[]): Promise<void> {
    this.#checkOpen();
    if (this.#isTrimRefused) return;
    const partitions = [...wanted.keys()].filter((p) => p < this.partitions && (wanted[p] ?? 0) > 0);
    if (partitions.length === 0) return;
    const [oldest, next] = await Promise.all([
      listOffsets(this.#topic, partitions, EARLIEST),
      listOffsets(this.#topic, partitions, LATEST),
    ]);
    const below = new Map<number, number>();
    for (const p of partitions) {
      const to = Math.min(wanted[p] as number, next.get(p) ?? 0);
      if (to > (oldest.get(p) ?? 0)) below.set(p, to);
    }
    if (below.size === 0) return;
    const refusal = await deleteRecords(this.#topic, below);
    for (const p of below.keys()) this.#fetcher.forget(p);
    if (refusal !== undefined) {
      // The topic's own retention has to do it then: said once, not at every round.
      this.#isTrimRefused = true;
      this.#options.onEvent?.({ kind: 'trim-refused', failure: refusal });
    }
  }

  async #close(): Promise<void> {
    this.#fetcher.close(closedError(this.#topic.name));
    await this.#sender.close(CLOSE_WAIT_MS);
    await this.#trimming;
    await this.#positions.flush();
    await this.#topic.cluster.close();
  }

  #groupName(group: string): string {
    return `${this.#options.groupPrefix ?? 'atalaia-'}${group}`;
  }

  #checkOpen(): void {
    if (this.#closing) throw closedError(this.#topic.name);
  }

  #checkPartition(partition: number): void {
    if (!Number.isInteger(partition) || partition < 0 || partition >= this.partitions) {
      throw new AtalaiaError(
        'ATL_USAGE',
        `Partition ${partition} is not in the log: it has 0 to ${this.partitions - 1}.`,
      );
    }
  }
}

/** A record of anyone: a missing key or value, as other programs write them, is an empty one. */
function entryOf(partition: number, { offset, record }: Found): LogEntry {
  return {
    partition,
    offset,
    key: record.key?.toString('utf8') ?? '',
    payload: record.value ?? new Uint8Array(0),
  };
}

const closedError = (topic: string): AtalaiaError =>
  new AtalaiaError('ATL_LOG_CLOSED', `The log on topic ${topic} was closed. Open it again.`);

import { type Clock, systemClock } from '../../lib/clock.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import { type KafkaAccess, loadClient } from './client.ts';
import { Cluster } from './cluster.ts';
import { Fetcher } from './fetcher.ts';
import { EARLIEST, LATEST, listOffsets } from './offsets.ts';
import { type Compression, Sender } from './sender.ts';
import { ensureTopic, Topic } from './topic.ts';

export interface KafkaTopicOptions extends KafkaAccess {
  readonly topic: string;
  /** Partitions of the topic; checked when it is there. */
  readonly partitions: number;
  readonly replication?: number;
  readonly minInSyncReplicas?: number;
  readonly compression?: Compression;
  /** Newest records of each partition whose ids are known after a start; default 1000. */
  readonly tail?: number;
  /** A call is answered within this, ms; default 30 000. */
  readonly deliveryTimeoutMs?: number;
  readonly clock?: Clock;
}

export interface KafkaTopic {
  /**
   * Appends a record unless one of the same `id` is known: written by this process, or among the newest of the topic
   * when it was opened. Resolves when it is in all in-sync replicas. Records of one key keep the order of the calls.
   * Rejects when that is not known in time; a repeat with the same id then waits for the same record.
   */
  put(key: string, value: string | Uint8Array, id?: string): Promise<void>;
  close(): Promise<void>;
}

/** Header that carries the id; what reads the topic may drop a second record of the same one. */
export const ID_HEADER = 'atalaia-id';
const MAX_IDS = 100_000;

/** Opens a topic to write events to, as alerts by key; creates it when the cluster has none. */
export async function openKafkaTopic(options: KafkaTopicOptions): Promise<KafkaTopic> {
  const cluster = new Cluster(await loadClient(), options, options.clock ?? systemClock);
  try {
    const view = await ensureTopic(cluster, { ...options, name: options.topic }, 30_000);
    const topic = new Topic(cluster, options.topic, view);
    const writer = new TopicWriter(topic, options);
    await writer.readTail(options.tail ?? 1000);
    return writer;
  } catch (error) {
    await cluster.close();
    throw error;
  }
}

class TopicWriter implements KafkaTopic {
  readonly #topic: Topic;
  readonly #options: KafkaTopicOptions;
  readonly #sender: Sender;
  /** Oldest first. */
  readonly #written = new Set<string>();
  readonly #sending = new Map<string, Promise<void>>();

  constructor(topic: Topic, options: KafkaTopicOptions) {
    this.#topic = topic;
    this.#options = options;
    this.#sender = new Sender(topic, {
      maxQueuedBytes: 16 << 20,
      // A record stays on its way until its fate is known, so that a repeat cannot be written beside it.
      deliveryTimeoutMs: Number.POSITIVE_INFINITY,
      compression: options.compression ?? 'none',
      onOutage: () => undefined,
    });
  }

  async put(key: string, value: string | Uint8Array, id: string = key): Promise<void> {
    if (this.#written.has(id)) return;
    let sending = this.#sending.get(id);
    if (!sending) {
      const keyBytes = Buffer.from(key);
      const { compatibilityPartitioner } = this.#topic.cluster.client;
      const message = {
        topic: this.#topic.name,
        // The partition that the Java client and its kin choose for the key.
        partition: compatibilityPartitioner({ topic: '' }, keyBytes) % this.#options.partitions,
        key: keyBytes,
        value: Buffer.from(value as Uint8Array),
        headers: new Map([[Buffer.from(ID_HEADER), Buffer.from(id)]]),
      };
      sending = this.#sender
        .append([message])
        .then(() => this.#remember(id))
        .finally(() => this.#sending.delete(id));
      this.#sending.set(id, sending);
    }
    const waitMs = this.#options.deliveryTimeoutMs ?? 30_000;
    let cancel = (): void => undefined;
    const late = new Promise<never>((_, reject) => {
      cancel = this.#topic.cluster.clock.after(waitMs, () =>
        reject(
          new AtalaiaError(
            'ATL_BUSY',
            `Topic ${this.#topic.name} of Kafka did not acknowledge ${id} within ${waitMs} ms. It is still being tried: repeat the call, and check that the brokers run.`,
          ),
        ),
      );
    });
    try {
      await Promise.race([sending, late]);
    } finally {
      cancel();
    }
  }

  /** Learns the ids of the newest records of each partition. */
  async readTail(count: number): Promise<void> {
    const partitions = Array.from({ length: this.#options.partitions }, (_, partition) => partition);
    const [oldest, next] = await Promise.all([
      listOffsets(this.#topic, partitions, EARLIEST),
      listOffsets(this.#topic, partitions, LATEST),
    ]);
    const fetcher = new Fetcher(this.#topic, {
      bounds: async (p) => ({ oldest: oldest.get(p) ?? 0, next: next.get(p) ?? 0 }),
      onOutage: () => undefined,
    });
    for (const partition of partitions) {
      const end = next.get(partition) ?? 0;
      for (let at = Math.max(oldest.get(partition) ?? 0, end - count); at < end; ) {
        const found = await fetcher.read(partition, at, count, 0);
        for (const { record } of found) {
          const id = record.headers.find(([name]) => name?.toString() === ID_HEADER)?.[1]?.toString();
          this.#remember(id ?? record.key?.toString() ?? '');
        }
        // Holes at the end have nothing to say.
        if (found.length === 0) break;
        at = (found.at(-1)?.offset ?? end) + 1;
      }
    }
  }

  async close(): Promise<void> {
    await this.#sender.close(5000);
    await this.#topic.cluster.close();
  }

  #remember(id: string): void {
    this.#written.delete(id);
    this.#written.add(id);
    if (this.#written.size > MAX_IDS) this.#written.delete(this.#written.values().next().value as string);
  }
}

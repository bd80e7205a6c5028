import { sleep } from '../../lib/clock.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import { answer, type FetchResponsePartition, failureOf } from './client.ts';
import { type Broker, place } from './cluster.ts';
import { committedRecords, type Found } from './records.ts';
import type { Topic } from './topic.ts';

/** One call of `read` that waits. */
interface Waiting {
  readonly partition: number;
  readonly limit: number;
  readonly asked: number;
  /** Behind what was looked at so far. */
  position: number;
  /** Monotonic ms. */
  readonly deadline: number;
  /** A call that may not wait must know; one that waits may end without an answer. */
  readonly mustKnow: boolean;
  failures: number;
  isFetching: boolean;
  retryAt: number;
  readonly resolve: (found: readonly Found[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Records already fetched that no call has taken yet. */
interface Chunk {
  readonly from: number;
  readonly to: number;
  readonly found: readonly Found[];
  readonly bytes: number;
}

export interface FetcherOptions {
  /** First and next offset, for the message of a gap. */
  readonly bounds: (partition: number) => Promise<{ readonly oldest: number; readonly next: number }>;
  readonly onOutage: (failure: string | undefined) => void;
}

const READ_COMMITTED = 1;
/** Connections per broker on which reads may wait at once. */
const LANES = 4;
/** A read that comes while all lanes wait begins at most this much later. */
const LANE_WAIT_MS = 100;
const PARTITION_BYTES = 1 << 20;
const RESPONSE_BYTES = 8 << 20;
const CHUNK_BYTES = 32 << 20;
const ANSWER_MS = 30_000;

/** Reads of one topic: those that wait at one broker share a request, and what one fetch brought serves the next reads. */
export class Fetcher {
  readonly #topic: Topic;
  readonly #options: FetcherOptions;
  readonly #waiting = new Set<Waiting>();
  readonly #lanes = new Map<string, number>();
  readonly #chunks = new Map<number, Chunk>();
  #chunkBytes = 0;
  #isScheduled = false;
  #isRefreshing = false;
  #isOut = false;
  #isClosed = false;

  constructor(topic: Topic, options: FetcherOptions) {
    this.#topic = topic;
    this.#options = options;
  }

  /**
   * Up to `limit` committed records of `partition` from `offset` on. With `waitMs` over 0 the answer is empty when
   * nothing came in that time, also when the broker could not be asked; with 0 a broker must have said so.
   */
  read(partition: number, offset: number, limit: number, waitMs: number): Promise<readonly Found[]> {
    const kept = this.#take(partition, offset, limit);
    if (kept) return Promise.resolve(kept);
    return new Promise((resolve, reject) => {
      this.#waiting.add({
        partition,
        limit,
        asked: offset,
        position: offset,
        deadline: this.#now() + (waitMs > 0 ? waitMs : ANSWER_MS),
        mustKnow: waitMs <= 0,
        failures: 0,
        isFetching: false,
        retryAt: 0,
        resolve,
        reject,
      });
      this.#schedule();
    });
  }

  /** What was fetched of a partition is not served any more: the records below are gone. */
  forget(partition: number): void {
    this.#keep(partition, undefined);
  }

  close(error: AtalaiaError): void {
    this.#isClosed = true;
    for (const read of this.#waiting) read.reject(error);
    this.#waiting.clear();
  }

  #now(): number {
    return this.#topic.cluster.clock.monotonicMs();
  }

  #schedule(delayMs = 0): void {
    if (delayMs > 0) {
      this.#topic.cluster.clock.after(delayMs, () => this.#schedule());
      return;
    }
    if (this.#isScheduled || this.#isClosed) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    if (this.#isClosed) return;
    const now = this.#now();
    const requests = new Map<string, { broker: Broker; reads: Map<number, Waiting> }>();
    for (const read of this.#waiting) {
      if (read.isFetching || read.retryAt > now) continue;
      if (read.deadline <= now) {
        this.#end(read, !read.mustKnow);
        continue;
      }
      const broker = this.#topic.leader(read.partition);
      if (!broker) {
        this.#failed(read, 'LEADER_NOT_AVAILABLE');
        continue;
      }
      if ((this.#lanes.get(place(broker)) ?? 0) === 2 ** LANES - 1) continue;
      const request = requests.get(place(broker)) ?? { broker, reads: new Map<number, Waiting>() };
      // A request names a partition once: a second reader of it takes another lane.
      if (!request.reads.has(read.partition)) request.reads.set(read.partition, read);
      requests.set(place(broker), request);
    }
    for (const { broker, reads } of requests.values()) void this.#fetch(broker, [...reads.values()]);
  }

  async #fetch(broker: Broker, reads: readonly Waiting[]): Promise<void> {
    const { cluster } = this.#topic;
    const { client } = cluster;
    const used = this.#lanes.get(place(broker)) ?? 0;
    const lane = [0, 1, 2, 3].find((bit) => !(used & (1 << bit))) ?? 0;
    this.#lanes.set(place(broker), used | (1 << lane));
    for (const read of reads) read.isFetching = true;
    const now = this.#now();
    const wait = reads.some(({ mustKnow }) => mustKnow)
      ? 0
      : Math.max(0, Math.min(LANE_WAIT_MS, ...reads.map(({ deadline }) => Math.ceil(deadline - now))));
    const topics = [
      {
        topicId: this.#topic.id,
        partitions: reads.map(({ partition, position }) => ({
          partition,
          currentLeaderEpoch: -1,
          fetchOffset: BigInt(position),
          lastFetchedEpoch: -1,
          partitionMaxBytes: PARTITION_BYTES,
        })),
      },
    ];
    const answers = new Map<number, FetchResponsePartition>();
    try {
      const response = await cluster.call(broker, `fetch${lane}`, (connection) =>
        answer(
          client.fetchV13.api.async(
            connection,
            wait,
            1,
            RESPONSE_BYTES,
            READ_COMMITTED,
            0,
            -1,
            topics,
            [],
            '',
          ),
        ),
      );
      for (const { partitions } of response.responses)
        for (const partition of partitions) answers.set(partition.partitionIndex, partition);
    } catch {
      // No answer: every read below is tried again.
    }
    this.#lanes.set(place(broker), (this.#lanes.get(place(broker)) ?? 0) & ~(1 << lane));
    for (const read of reads) {
      read.isFetching = false;
      if (!this.#waiting.has(read)) continue;
      const found = answers.get(read.partition);
      const failure = found ? failureOf(client, found.errorCode) : undefined;
      if (found && failure?.id === 'NONE') this.#answered(read, found);
      else if (failure?.id === 'OFFSET_OUT_OF_RANGE') void this.#outOfRange(read);
      else this.#failed(read, failure?.id ?? 'NETWORK');
    }
    this.#schedule();
  }

  #answered(read: Waiting, found: FetchResponsePartition): void {
    if (this.#isOut) {
      this.#isOut = false;
      this.#options.onOutage(undefined);
    }
    read.failures = 0;
    const { records, next } = committedRecords(found, read.position);
    if (records.length > 0) {
      const bytes = records.reduce((sum, { record }) => sum + record.length, 0);
      this.#keep(read.partition, { from: read.position, to: next, found: records, bytes });
      this.#waiting.delete(read);
      read.resolve(this.#take(read.partition, read.position, read.limit) ?? records.slice(0, read.limit));
      return;
    }
    read.position = next;
    // Other partitions may have filled the response: empty is only what lies at the end of the committed records.
    const isAtEnd = BigInt(read.position) >= found.lastStableOffset;
    if (isAtEnd && (read.mustKnow || read.deadline <= this.#now())) this.#end(read, true);
  }

  /** Nothing came; `isAnswer` = that is all there is to say. */
  #end(read: Waiting, isAnswer: boolean): void {
    this.#waiting.delete(read);
    if (!isAnswer) {
      read.reject(
        new AtalaiaError(
          'ATL_BUSY',
          `Partition ${read.partition} of topic ${this.#topic.name} could not be read within ${ANSWER_MS} ms. Check that the Kafka brokers run.`,
        ),
      );
    } else read.resolve([]);
  }

  async #outOfRange(read: Waiting): Promise<void> {
    read.isFetching = true;
    try {
      const { oldest, next } = await this.#options.bounds(read.partition);
      if (read.position >= oldest && read.position <= next) return;
      this.#waiting.delete(read);
      read.reject(gap(this.#topic.name, read.partition, read.asked, oldest, next));
    } catch (error) {
      this.#waiting.delete(read);
      read.reject(error);
    } finally {
      read.isFetching = false;
      read.retryAt = this.#now() + 100;
      this.#schedule(101);
    }
  }

  #failed(read: Waiting, id: string): void {
    const mayRetry = id === 'NETWORK' || (this.#topic.cluster.client.protocolErrors[id]?.canRetry ?? false);
    if (!mayRetry) {
      this.#waiting.delete(read);
      read.reject(
        new AtalaiaError(
          'ATL_CONFIG',
          `Partition ${read.partition} of topic ${this.#topic.name} cannot be read: ${id}. Check the rights of this user.`,
        ),
      );
      return;
    }
    if (!this.#isOut && read.failures >= 2) {
      this.#isOut = true;
      this.#options.onOutage(id);
    }
    const delay = Math.min(500, 20 * 2 ** Math.min(read.failures++, 5));
    read.retryAt = this.#now() + delay;
    this.#schedule(delay + 1);
    void this.#refresh();
  }

  async #refresh(): Promise<void> {
    if (this.#isRefreshing) return;
    this.#isRefreshing = true;
    try {
      await this.#topic.refresh();
    } catch (error) {
      if (error instanceof AtalaiaError && error.code === 'ATL_LOG_DAMAGED') {
        for (const read of this.#waiting) read.reject(error);
        this.#waiting.clear();
      }
      // An outage keeps the event loop from spinning.
      await sleep(this.#topic.cluster.clock, 50);
    } finally {
      this.#isRefreshing = false;
      this.#schedule();
    }
  }

  /** Takes from what was fetched before; undefined when the position is not in it. */
  #take(partition: number, offset: number, limit: number): readonly Found[] | undefined {
    const chunk = this.#chunks.get(partition);
    if (!chunk || offset < chunk.from || offset >= chunk.to) return undefined;
    let low = 0;
    let high = chunk.found.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((chunk.found[middle] as Found).offset < offset) low = middle + 1;
      else high = middle;
    }
    const taken = chunk.found.slice(low, low + limit);
    if (taken.length === 0) return undefined;
    // The last of it is handed out: who reads on needs a fetch.
    if (low + limit >= chunk.found.length) this.#keep(partition, undefined);
    return taken;
  }

  #keep(partition: number, chunk: Chunk | undefined): void {
    this.#chunkBytes -= this.#chunks.get(partition)?.bytes ?? 0;
    this.#chunks.delete(partition);
    if (!chunk || this.#isClosed) return;
    this.#chunks.set(partition, chunk);
    this.#chunkBytes += chunk.bytes;
    for (const [oldest, { bytes }] of this.#chunks) {
      if (this.#chunkBytes <= CHUNK_BYTES || oldest === partition) break;
      this.#chunks.delete(oldest);
      this.#chunkBytes -= bytes;
    }
  }
}

/** A position outside what the topic keeps, below by retention or above by lost records; it names both offsets. */
export function gap(
  topic: string,
  partition: number,
  asked: number,
  oldest: number,
  next: number,
): AtalaiaError {
  const where = `Partition ${partition} of topic ${topic} was asked for offset ${asked}`;
  return new AtalaiaError(
    'ATL_LOG_GAP',
    asked < oldest
      ? `${where}; the oldest record kept from there on is ${oldest}. Records between them are gone: continue from ${oldest}, or restore a newer checkpoint.`
      : `${where}, but it ends at ${next}: records that were read before are gone from Kafka, or the position is another topic's. Look for an unclean leader election; continue from ${next} only when the store knows the lost records.`,
  );
}

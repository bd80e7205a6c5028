import type { MessageRecord } from '@platformatic/kafka';
import { AtalaiaError, type ErrorCode } from '../../lib/errors.ts';
import { type Batch, type Identity, type Item, Lane, type Ticket } from './batch.ts';
import { answer, type Failure, failureOf, networkFailure } from './client.ts';
import { type Broker, place } from './cluster.ts';
import type { Topic } from './topic.ts';

export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';

export interface SenderOptions {
  readonly maxQueuedBytes: number;
  /** A call is answered within this, ms, if need be by a refusal. */
  readonly deliveryTimeoutMs: number;
  readonly compression: Compression;
  /** The first failure of an outage, and that it is over. */
  readonly onOutage: (failure: string | undefined) => void;
}

const ALL_IN_SYNC_REPLICAS = -1;
/** How long a leader waits for its followers before it answers that it is not known. */
const ACKNOWLEDGE_MS = 5000;
/** Batches are filled up to this; under the brokers' default limit of 1 MiB. */
const BATCH_BYTES = 512 << 10;
const REQUEST_BYTES = 8 << 20;
const RECORD_OVERHEAD = 40;
const SWEEP_EVERY_MS = 200;
/** Whether the records are kept is not known. */
const IN_DOUBT: ErrorCode = 'ATL_LOG_CLOSED';

/** The broker refused before it wrote anything. */
const surelyNotWritten = new Set([
  'NOT_LEADER_OR_FOLLOWER',
  'LEADER_NOT_AVAILABLE',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'UNKNOWN_TOPIC_ID',
  'NOT_ENOUGH_REPLICAS',
  'FENCED_LEADER_EPOCH',
  'CORRUPT_MESSAGE',
]);
const identityLost = new Set([
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'UNKNOWN_PRODUCER_ID',
  'INVALID_PRODUCER_EPOCH',
  'INVALID_PRODUCER_ID_MAPPING',
]);
const tooLarge = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE']);

/**
 * Appends to the partitions of one topic with acks=all, as an idempotent producer (KIP-98): a batch is repeated with
 * its own sequence until a broker tells what became of it, and nothing of that partition overtakes it.
 */
export class Sender {
  readonly #topic: Topic;
  readonly #options: SenderOptions;
  readonly #lanes = new Map<number, Lane>();
  readonly #active = new Set<Lane>();
  readonly #busy = new Set<string>();
  #identity: Identity | undefined;
  #isAcquiring = false;
  #isRefreshing = false;
  #queuedBytes = 0;
  #batchBytes = BATCH_BYTES;
  #isScheduled = false;
  #cancelSweep: (() => void) | undefined;
  #isClosing = false;
  #isOut = false;
  #idle: (() => void) | undefined;

  constructor(topic: Topic, options: SenderOptions) {
    this.#topic = topic;
    this.#options = options;
  }

  /** Resolves with the offsets in the order given when all are acknowledged. */
  append(messages: readonly MessageRecord[]): Promise<readonly number[]> {
    if (messages.length === 0) return Promise.resolve([]);
    const sizes = messages.map(
      ({ key, value, headers }) =>
        RECORD_OVERHEAD + (key?.length ?? 0) + value.length + (headers ? 100 * headers.size : 0),
    );
    const total = sizes.reduce((sum, size) => sum + size, 0);
    if (this.#isClosing) return Promise.reject(closed());
    if (this.#queuedBytes > 0 && this.#queuedBytes + total > this.#options.maxQueuedBytes) {
      return Promise.reject(
        new AtalaiaError(
          'ATL_BUSY',
          `${this.#queuedBytes} bytes wait for Kafka already (topic ${this.#topic.name}). Nothing was taken: come again.`,
        ),
      );
    }
    this.#queuedBytes += total;
    return new Promise((resolve, reject) => {
      const ticket: Ticket = {
        offsets: new Array<number>(messages.length).fill(-1),
        left: messages.length,
        isSent: false,
        isDone: false,
        resolve,
        reject,
      };
      const deadline = this.#now() + this.#options.deliveryTimeoutMs;
      messages.forEach((message, index) => {
        const lane = this.#lane(message.partition ?? 0);
        lane.add({ message, bytes: sizes[index] as number, ticket, index, deadline });
        this.#active.add(lane);
      });
      this.#schedule();
      this.#cancelSweep ??= this.#topic.cluster.clock.after(SWEEP_EVERY_MS, () => this.#sweep());
    });
  }

  /** Waits for what is on its way, at most `waitMs`; the rest is refused. */
  async close(waitMs: number): Promise<void> {
    this.#isClosing = true;
    if (this.#active.size > 0) {
      await new Promise<void>((done) => {
        const cancel = this.#topic.cluster.clock.after(waitMs, done);
        this.#idle = () => {
          cancel();
          done();
        };
      });
    }
    for (const lane of this.#lanes.values())
      for (const item of lane.clear()) this.#refuse(item, closed(item.ticket.isSent));
    this.#active.clear();
    this.#cancelSweep?.();
    this.#cancelSweep = undefined;
  }

  #now(): number {
    return this.#topic.cluster.clock.monotonicMs();
  }

  #lane(partition: number): Lane {
    let lane = this.#lanes.get(partition);
    if (!lane) {
      lane = new Lane(partition);
      this.#lanes.set(partition, lane);
    }
    return lane;
  }

  /** Appends of one turn of the event loop, and all that come while a request is on its way, go together. */
  #schedule(delayMs = 0): void {
    if (delayMs > 0) {
      this.#topic.cluster.clock.after(delayMs, () => this.#schedule());
      return;
    }
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    if (this.#topic.cluster.isClosed) return;
    const identity = this.#identity;
    if (!identity) {
      void this.#acquire();
      return;
    }
    const now = this.#now();
    const requests = new Map<string, { broker: Broker; identity: Identity; lanes: Lane[]; bytes: number }>();
    for (const lane of this.#active) {
      if (lane.isSending || lane.retryAt > now) continue;
      const broker = this.#topic.leader(lane.partition);
      if (!broker) {
        this.#failed(lane, { id: 'LEADER_NOT_AVAILABLE', mayRetry: true });
        continue;
      }
      if (this.#busy.has(place(broker))) continue;
      const batch = lane.next(identity, this.#batchBytes, (item) => this.#forget(item));
      if (!batch) {
        this.#active.delete(lane);
        continue;
      }
      const request = requests.get(place(broker)) ?? {
        broker,
        identity: batch.identity,
        lanes: [],
        bytes: 0,
      };
      const bytes = batch.items.reduce((sum, item) => sum + item.bytes, 0);
      // One request carries one producer: a lane that has another waits for the next.
      if (request.identity !== batch.identity) continue;
      if (request.lanes.length > 0 && request.bytes + bytes > REQUEST_BYTES) continue;
      request.lanes.push(lane);
      request.bytes += bytes;
      requests.set(place(broker), request);
    }
    for (const { broker, identity: by, lanes } of requests.values()) void this.#send(broker, by, lanes);
    if (this.#active.size === 0) this.#idle?.();
  }

  async #send(broker: Broker, identity: Identity, lanes: readonly Lane[]): Promise<void> {
    const { client } = this.#topic.cluster;
    const sequences = new client.NumericMap();
    const messages: MessageRecord[] = [];
    this.#busy.add(place(broker));
    for (const lane of lanes) {
      const { items, sequence } = lane.batch as Batch;
      lane.isSending = true;
      sequences.set(`${this.#topic.name}:${lane.partition}`, sequence);
      for (const { message, ticket } of items) {
        ticket.isSent = true;
        messages.push(message);
      }
    }
    const failures = new Map<number, { failure: Failure; base: number }>();
    try {
      const response = await this.#topic.cluster.call(broker, 'produce', (connection) =>
        answer(
          client.produceV9.api.async(connection, ALL_IN_SYNC_REPLICAS, ACKNOWLEDGE_MS, messages, {
            compression: this.#options.compression,
            producerId: identity.id,
            producerEpoch: identity.epoch,
            sequences,
          }),
        ),
      );
      for (const { partitionResponses } of typeof response === 'object' ? response.responses : []) {
        for (const { index, errorCode, baseOffset } of partitionResponses)
          failures.set(index, { failure: failureOf(client, errorCode), base: Number(baseOffset) });
      }
    } catch {
      // No answer: every lane below is in doubt.
    }
    this.#busy.delete(place(broker));
    for (const lane of lanes) {
      lane.isSending = false;
      const { failure, base } = failures.get(lane.partition) ?? { failure: networkFailure, base: -1 };
      if (failure.id === 'NONE') this.#written(lane, base);
      else this.#failed(lane, failure);
    }
    this.#schedule();
  }

  #written(lane: Lane, base: number): void {
    const batch = lane.batch;
    if (!batch) return;
    if (base <= lane.lastOffset) {
      // Kafka took the batch for a repeat of one that is written already: ours is not.
      this.#giveUp(lane, `the broker answered offset ${base} after ${lane.lastOffset}`, IN_DOUBT);
      return;
    }
    lane.done();
    lane.lastOffset = base + batch.items.length - 1;
    batch.items.forEach((item, i) => {
      this.#forget(item);
      const { ticket } = item;
      ticket.offsets[item.index] = base + i;
      if (--ticket.left === 0 && !ticket.isDone) {
        ticket.isDone = true;
        ticket.resolve(ticket.offsets);
      }
    });
    if (this.#isOut) {
      this.#isOut = false;
      this.#options.onOutage(undefined);
    }
  }

  #failed(lane: Lane, failure: Failure): void {
    const { batch } = lane;
    const wasDoubtful = batch?.isDoubtful ?? false;
    if (batch && identityLost.has(failure.id)) {
      if (wasDoubtful) this.#giveUp(lane, failure.id, IN_DOUBT);
      else {
        if (this.#identity === batch.identity) this.#identity = undefined;
        // Sent anew under the next identity: the refusal says that nothing was written.
        lane.putBack();
        lane.renew(undefined);
      }
      return;
    }
    if (batch && tooLarge.has(failure.id) && !wasDoubtful && batch.items.length > 1) {
      this.#batchBytes = Math.max(16 << 10, Math.floor(this.#batchBytes / 2));
      lane.putBack();
      return;
    }
    if (batch && !failure.mayRetry && failure.id !== 'NETWORK') {
      const isUnknown = wasDoubtful || failure.id === 'DUPLICATE_SEQUENCE_NUMBER';
      const code = tooLarge.has(failure.id) ? 'ATL_TOO_LARGE' : 'ATL_CONFIG';
      this.#giveUp(lane, failure.id, isUnknown ? IN_DOUBT : code);
      return;
    }
    if (batch && !surelyNotWritten.has(failure.id)) batch.isDoubtful = true;
    if (!this.#isOut && lane.failures >= 2) {
      this.#isOut = true;
      this.#options.onOutage(failure.id);
    }
    const delay = Math.min(500, 20 * 2 ** Math.min(lane.failures++, 5));
    lane.retryAt = this.#now() + delay;
    void this.#refresh();
    this.#schedule(delay + 1);
  }

  /** Refuses a batch for good. Another identity follows, since its sequence may have been used. */
  #giveUp(lane: Lane, why: string, code: ErrorCode): void {
    const items = lane.batch?.items ?? [];
    lane.batch = undefined;
    if (this.#identity) this.#identity = undefined;
    lane.renew(undefined);
    const what = code === IN_DOUBT ? 'whether it is kept is not known' : 'it is not kept';
    const error = new AtalaiaError(
      code,
      `Kafka refused records for partition ${lane.partition} of topic ${this.#topic.name}: ${why}; ${what}. Check the topic's limits and the rights of this user.`,
    );
    for (const item of items) this.#refuse(item, error);
  }

  async #refresh(): Promise<void> {
    if (this.#isRefreshing) return;
    this.#isRefreshing = true;
    try {
      await this.#topic.refresh();
    } catch (error) {
      if (error instanceof AtalaiaError && error.code === 'ATL_LOG_DAMAGED') {
        for (const lane of this.#active) for (const item of lane.clear()) this.#refuse(item, error);
      }
    } finally {
      this.#isRefreshing = false;
      this.#schedule();
    }
  }

  async #acquire(): Promise<void> {
    if (this.#isAcquiring) return;
    this.#isAcquiring = true;
    const { cluster } = this.#topic;
    try {
      const found = await cluster.ask((connection) =>
        answer(cluster.client.initProducerIdV4.api.async(connection, null, 60_000, -1n, -1)),
      );
      if (found.errorCode === 0) this.#identity = { id: found.producerId, epoch: found.producerEpoch };
    } catch {
      // Tried again below, until the deadlines of those who wait.
    } finally {
      this.#isAcquiring = false;
      this.#schedule(this.#identity ? 0 : 100);
    }
  }

  /** Answers those whose time is over. A batch that was sent stays in its place, so that nothing overtakes it. */
  #sweep(): void {
    const now = this.#now();
    for (const lane of this.#active) {
      for (const item of lane.batch?.items ?? []) if (item.deadline <= now) this.#tooLate(item.ticket);
      for (const item of lane.waiting()) {
        if (item.deadline > now) break;
        this.#tooLate(item.ticket);
      }
    }
    this.#cancelSweep =
      this.#active.size > 0
        ? this.#topic.cluster.clock.after(SWEEP_EVERY_MS, () => this.#sweep())
        : undefined;
    if (this.#active.size > 0) this.#schedule();
  }

  #tooLate(ticket: Ticket): void {
    if (ticket.isDone) return;
    ticket.isDone = true;
    const within = `within ${this.#options.deliveryTimeoutMs} ms (topic ${this.#topic.name})`;
    ticket.reject(
      ticket.isSent
        ? new AtalaiaError(
            IN_DOUBT,
            `Kafka did not acknowledge records ${within}; whether they are kept is not known. Repeat them, and check that the brokers run.`,
          )
        : new AtalaiaError(
            'ATL_BUSY',
            `Kafka took no records ${within}. Nothing was taken: come again, and check that the brokers run.`,
          ),
    );
  }

  #refuse(item: Item, error: AtalaiaError): void {
    this.#forget(item);
    if (item.ticket.isDone) return;
    item.ticket.isDone = true;
    item.ticket.reject(error);
  }

  #forget(item: Item): void {
    this.#queuedBytes -= item.bytes;
  }
}

const closed = (wasSent = false): AtalaiaError =>
  new AtalaiaError(
    'ATL_LOG_CLOSED',
    wasSent
      ? 'The log was closed before Kafka acknowledged the records; whether they are kept is not known. Repeat them.'
      : 'The log was closed. Open it again.',
  );

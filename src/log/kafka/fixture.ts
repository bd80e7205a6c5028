import type { MessageRecord } from '@platformatic/kafka';
import type { Clock } from '../../lib/clock.ts';
import type { Topic } from './topic.ts';

/** What goes wrong with one request, by its number; for tests of the sender without a cluster. */
export type Fault =
  | 'none'
  | 'request-lost'
  | 'answer-lost'
  | 'answer-slow'
  | 'not-leader'
  | 'not-enough-after-append'
  | 'state-lost';

const ids: Record<string, number> = {
  NOT_LEADER_OR_FOLLOWER: 6,
  MESSAGE_TOO_LARGE: 10,
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: 20,
  TOPIC_AUTHORIZATION_FAILED: 29,
  OUT_OF_ORDER_SEQUENCE_NUMBER: 45,
};
const retried = new Set(['NOT_LEADER_OR_FOLLOWER', 'NOT_ENOUGH_REPLICAS_AFTER_APPEND']);

interface ProducerState {
  id: bigint;
  next: number;
  readonly batches: { readonly sequence: number; readonly base: number }[];
}

interface SimulatedPartition {
  readonly values: string[];
  producer: ProducerState | undefined;
}

/**
 * The leaders of a topic, as one: it keeps records in memory and checks producers as Kafka does (KIP-98): a batch it has is answered with
 * its first offset, one that does not follow is refused.
 */
export class SimulatedBroker {
  readonly partitions = new Map<number, SimulatedPartition>();
  requests = 0;
  identities = 0;
  maxBatchRecords = Number.POSITIVE_INFINITY;
  /** Code of every answer instead of work; 0 = none. */
  refuseWith = 0;
  /** Answers this offset for every batch instead of writing it; to see what the sender makes of a wrong answer. */
  answerOffset: number | undefined;
  readonly #faults: readonly Fault[];

  constructor(faults: readonly Fault[] = []) {
    this.#faults = faults;
  }

  partition(index: number): SimulatedPartition {
    let partition = this.partitions.get(index);
    if (!partition) {
      partition = { values: [], producer: undefined };
      this.partitions.set(index, partition);
    }
    return partition;
  }

  async produce(
    messages: readonly MessageRecord[],
    options: { readonly producerId: bigint; readonly sequences: ReadonlyMap<string, number> },
  ): Promise<unknown> {
    const fault = this.#faults[this.requests++] ?? 'none';
    await new Promise(setImmediate);
    if (fault === 'request-lost') throw new Error('connection reset');
    const byPartition = Map.groupBy(messages, ({ partition }) => partition ?? 0);
    const partitionResponses = [...byPartition].map(([index, records]) => {
      const sequence = options.sequences.get(`t:${index}`) ?? 0;
      return { index, ...this.#write(index, records, options.producerId, sequence, fault) };
    });
    if (fault === 'answer-slow') for (let i = 0; i < 60; i++) await new Promise(setImmediate);
    if (fault === 'answer-lost') throw new Error('connection reset');
    return { responses: [{ name: 't', partitionResponses }] };
  }

  #write(
    index: number,
    records: readonly MessageRecord[],
    id: bigint,
    sequence: number,
    fault: Fault,
  ): { errorCode: number; baseOffset: bigint } {
    const refuse = (errorCode: number) => ({ errorCode, baseOffset: -1n });
    if (this.refuseWith !== 0) return refuse(this.refuseWith);
    if (fault === 'not-leader') return refuse(6);
    if (records.length > this.maxBatchRecords) return refuse(10);
    if (this.answerOffset !== undefined) return { errorCode: 0, baseOffset: BigInt(this.answerOffset) };
    const partition = this.partition(index);
    if (fault === 'state-lost') partition.producer = { id: -1n, next: 0, batches: [] };
    if (partition.producer && partition.producer.id !== id) {
      if (fault === 'state-lost') return refuse(45);
      partition.producer = undefined;
    }
    partition.producer ??= { id, next: 0, batches: [] };
    const { producer } = partition;
    const repeated = producer.batches.find((batch) => batch.sequence === sequence);
    if (repeated) return { errorCode: 0, baseOffset: BigInt(repeated.base) };
    if (sequence !== producer.next) return refuse(45);
    const base = partition.values.length;
    producer.batches.push({ sequence, base });
    if (producer.batches.length > 5) producer.batches.shift();
    producer.next = sequence + records.length;
    partition.values.push(...records.map(({ value }) => value.toString()));
    return fault === 'not-enough-after-append' ? refuse(20) : { errorCode: 0, baseOffset: BigInt(base) };
  }

  /** The topic `t`, all of whose partitions are here; its time goes as fast as nothing else happens. */
  topic(clock: Clock): Topic {
    const codes = Object.fromEntries(Object.entries(ids).map(([id, code]) => [code, id]));
    const errors = Object.fromEntries(Object.keys(ids).map((id) => [id, { canRetry: retried.has(id) }]));
    const client = {
      NumericMap: Map,
      protocolErrorsCodesById: codes,
      protocolErrors: errors,
      produceV9: {
        api: {
          async: (_c: unknown, _acks: number, _ms: number, messages: MessageRecord[], options: never) =>
            this.produce(messages, options),
        },
      },
      initProducerIdV4: {
        api: {
          async: async () => ({ errorCode: 0, producerId: BigInt(this.identities++), producerEpoch: 0 }),
        },
      },
    };
    const cluster = {
      client,
      clock,
      isClosed: false,
      call: (_broker: unknown, _lane: string, request: (c: unknown) => unknown) => request({}),
      ask: (request: (c: unknown) => unknown) => request({}),
    };
    const topic = {
      name: 't',
      cluster,
      // The lead moves from broker to broker, and what one of them still works on goes on beside the next.
      leader: () => ({ host: 'h', port: 1 + (this.requests % 3) }),
      refresh: async () => undefined,
    };
    return topic as unknown as Topic;
  }
}

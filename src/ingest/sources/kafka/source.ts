import { type Clock, sleep, systemClock } from '../../../lib/clock.ts';
import { AtalaiaError } from '../../../lib/errors.ts';
import { type KafkaAccess, loadClient } from '../../../log/kafka/client.ts';
import { Cluster } from '../../../log/kafka/cluster.ts';
import { Fetcher } from '../../../log/kafka/fetcher.ts';
import { openKafkaMembership } from '../../../log/kafka/membership.ts';
import { EARLIEST, LATEST, listOffsets } from '../../../log/kafka/offsets.ts';
import { Positions } from '../../../log/kafka/positions.ts';
import type { Found } from '../../../log/kafka/records.ts';
import { Topic } from '../../../log/kafka/topic.ts';
import type { Member, Membership } from '../../../log/membership.ts';

/** Records of one partition that are handled at once, and so the bound of what is in memory. */
const IN_HAND = 200;
const READ_WAIT_MS = 1000;
const RETRY_MS = 1000;

export interface KafkaMessage {
  /** Empty for a record without a value. */
  readonly body: Uint8Array;
  readonly partition: number;
  readonly offset: number;
  /** Headers that are text, by name. */
  readonly headers: ReadonlyMap<string, string>;
}

export interface KafkaSourceOptions extends KafkaAccess {
  /** A topic that is there; the source makes none. */
  readonly topic: string;
  /** Positions are kept as offsets of this group; who shares the partitions are the members of `GROUP-members`. */
  readonly group: string;
  /** Where to begin in a partition that has no position yet. */
  readonly from: 'oldest' | 'newest';
  /** Its resolution lets the position go on; while it rejects, the same record is brought again. */
  readonly onMessage: (message: KafkaMessage) => Promise<void>;
  readonly onEvent?: (event: KafkaSourceEvent) => void;
  readonly openTimeoutMs?: number;
  /** See `openKafkaMembership`. */
  readonly sessionTimeoutMs?: number;
  readonly clock?: Clock;
}

export type KafkaSourceEvent =
  | { readonly kind: 'unreachable'; readonly failure: string }
  | { readonly kind: 'reachable' }
  | { readonly kind: 'failed'; readonly partition: number; readonly failure: string }
  /** The topic was deleted: nothing more comes. Close, and open again. */
  | { readonly kind: 'ended'; readonly failure: string }
  /** Records went before they were read, by the topic's retention; reading goes on from `oldest`. */
  | { readonly kind: 'gap'; readonly partition: number; readonly asked: number; readonly oldest: number };

export interface KafkaSource {
  /** Reads no more, waits for the records in hand, keeps the positions. */
  close(): Promise<void>;
}

/**
 * Takes in the records of a topic of Apache Kafka (4.0 and later), at least once and in the order of each partition,
 * several processes sharing the partitions. Rejects with ATL_CONFIG (no such topic, no rights, no client), ATL_BUSY (no
 * broker answers).
 */
export async function openKafkaSource(options: KafkaSourceOptions): Promise<KafkaSource> {
  const clock = options.clock ?? systemClock;
  const cluster = new Cluster(await loadClient(), options, clock);
  let membership: Membership | undefined;
  try {
    const view = await cluster.retry(options.openTimeoutMs ?? 30_000, () =>
      cluster.topic(options.topic, true),
    );
    if (!view)
      throw new AtalaiaError(
        'ATL_CONFIG',
        `Kafka has no topic ${options.topic}. Name one that is there: a source makes none.`,
      );
    // One that holds no partition yet reads nothing: that the broker is away it learns from its group alone.
    const reach = new Reach((event) => options.onEvent?.(event));
    const onOutage = reach.of('group');
    membership = await openKafkaMembership({ ...options, clock, groupPrefix: '', onOutage });
    const reader = new Reader(
      new Topic(cluster, options.topic, view),
      membership,
      options,
      reach.of('records'),
    );
    await reader.join();
    return reader;
  } catch (error) {
    await membership?.close();
    await cluster.close();
    throw error;
  }
}

/** The broker is away while any part of ours says so. */
class Reach {
  readonly #tell: (event: KafkaSourceEvent) => void;
  readonly #away = new Set<string>();

  constructor(tell: (event: KafkaSourceEvent) => void) {
    this.#tell = tell;
  }

  of(part: string): (failure: string | undefined) => void {
    return (failure) => {
      const wasAway = this.#away.size > 0;
      if (failure === undefined) this.#away.delete(part);
      else this.#away.add(part);
      if (failure !== undefined && !wasAway) this.#tell({ kind: 'unreachable', failure });
      if (wasAway && this.#away.size === 0) this.#tell({ kind: 'reachable' });
    };
  }
}

class Reader implements KafkaSource {
  readonly #topic: Topic;
  readonly #membership: Membership;
  readonly #options: KafkaSourceOptions;
  readonly #fetcher: Fetcher;
  readonly #positions: Positions;
  /** What ends the reading of a partition, and its end. */
  readonly #running = new Map<number, { readonly stop: AbortController; readonly done: Promise<void> }>();
  #member: Member | undefined;
  #closing: Promise<void> | undefined;

  constructor(
    topic: Topic,
    membership: Membership,
    options: KafkaSourceOptions,
    onOutage: (failure: string | undefined) => void,
  ) {
    this.#topic = topic;
    this.#membership = membership;
    this.#options = options;
    this.#positions = new Positions(topic);
    this.#fetcher = new Fetcher(topic, {
      bounds: async (partition) => ({
        oldest: await this.#offset(partition, EARLIEST),
        next: await this.#offset(partition, LATEST),
      }),
      onOutage,
    });
  }

  async join(): Promise<void> {
    this.#member = await this.#membership.join(this.#options.group, {
      onAssigned: (partitions) => {
        for (const partition of partitions) {
          const stop = new AbortController();
          this.#running.set(partition, { stop, done: this.#run(partition, stop.signal) });
        }
      },
      // What is in hand is finished first, so that the next holder begins behind it.
      onRevoked: async (partitions) => {
        const ending = partitions.map((partition) => this.#running.get(partition));
        for (const one of ending) one?.stop.abort();
        await Promise.all(ending.map((one) => one?.done));
        for (const partition of partitions) this.#running.delete(partition);
        await this.#positions.flush();
      },
    });
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      for (const { stop } of this.#running.values()) stop.abort();
      await this.#member?.leave();
      await this.#positions.flush();
      this.#fetcher.close(new AtalaiaError('ATL_LOG_CLOSED', 'The source was closed.'));
      await this.#membership.close();
      await this.#topic.cluster.close();
    })();
    return this.#closing;
  }

  /** Reads a partition until it is given back; a failure is told and tried again, it never ends the reading. */
  async #run(partition: number, stop: AbortSignal): Promise<void> {
    let next: number | undefined;
    while (!stop.aborted) {
      try {
        next ??= await this.#start(partition);
        next = await this.#step(partition, next, stop);
      } catch (error) {
        if (stop.aborted) return;
        const code = error instanceof AtalaiaError ? error.code : undefined;
        const failure = error instanceof Error ? error.message : String(error);
        if (code === 'ATL_LOG_DAMAGED') return this.#options.onEvent?.({ kind: 'ended', failure });
        if (code === 'ATL_LOG_GAP' && next !== undefined) next = await this.#overGap(partition, next);
        else this.#options.onEvent?.({ kind: 'failed', partition, failure });
        await pause(this.#topic.cluster.clock, RETRY_MS, stop);
      }
    }
  }

  /** Retention took what was to be read next, or the topic was cut: all that is there is read from its oldest on. */
  async #overGap(partition: number, asked: number): Promise<number> {
    const oldest = await this.#offset(partition, EARLIEST).catch(() => asked);
    if (oldest !== asked) this.#options.onEvent?.({ kind: 'gap', partition, asked, oldest });
    return oldest;
  }

  async #step(partition: number, from: number, stop: AbortSignal): Promise<number> {
    const found = await this.#fetcher.read(partition, from, IN_HAND, READ_WAIT_MS);
    const last = found.at(-1);
    if (!last || stop.aborted) return from;
    const handled = found.map((one) => this.#options.onMessage(messageFrom(partition, one)));
    const failed = (await Promise.allSettled(handled)).find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
    this.#positions.set(this.#options.group, partition, last.offset + 1);
    return last.offset + 1;
  }

  /** The position that is kept; where there is none, the end of the topic that was asked for, kept from now on. */
  async #start(partition: number): Promise<number> {
    const { group, from } = this.#options;
    const kept = (await this.#positions.get(group)).get(partition);
    if (kept !== undefined) return kept;
    const start = await this.#offset(partition, from === 'oldest' ? EARLIEST : LATEST);
    this.#positions.set(group, partition, start);
    return start;
  }

  async #offset(partition: number, which: bigint): Promise<number> {
    return (await listOffsets(this.#topic, [partition], which)).get(partition) ?? 0;
  }
}

/** Over after `ms`, or when it is to stop. */
const pause = (clock: Clock, ms: number, stop: AbortSignal): Promise<void> =>
  Promise.race([
    sleep(clock, ms),
    new Promise<void>((done) => stop.addEventListener('abort', () => done(), { once: true })),
  ]);

function messageFrom(partition: number, { offset, record }: Found): KafkaMessage {
  return {
    body: record.value ?? new Uint8Array(0),
    partition,
    offset,
    headers: new Map(
      [...record.headers].map(([name, value]) => [String(name).toLowerCase(), String(value ?? '')]),
    ),
  };
}

import { randomBytes } from 'node:crypto';
import { type Clock, systemClock } from '../../lib/clock.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import type { Append, Log, LogEntry } from '../log.ts';
import { loadClient, type RabbitmqAccess } from './client.ts';
import { Follower } from './follower.ts';
import { Link } from './link.ts';
import { Positions } from './positions.ts';
import { type Publication, Publisher } from './publisher.ts';
import { StreamReader } from './stream-reader.ts';
import { ensureStreams, positionsStreamOf, type StreamSettings, streamOf } from './streams.ts';

/** A key travels in the header table of a message, which has to fit 64 KiB. */
const MAX_KEY_BYTES = 32 << 10;
/** RabbitMQ's own bound is 128 MiB (16 MiB from 4.0 on), headers included. */
const MAX_PAYLOAD_BYTES = 15 << 20;
const ANSWER_MS = 15_000;
const CLOSE_WAIT_MS = 5000;

/** What the log noticed about its broker. */
export type RabbitmqEvent =
  | { readonly kind: 'unreachable'; readonly what: 'append' | 'read'; readonly failure: string }
  | { readonly kind: 'reachable'; readonly what: 'append' | 'read' }
  | { readonly kind: 'trim-refused'; readonly failure: string };

export interface RabbitmqLogOptions extends RabbitmqAccess, StreamSettings {
  /** The streams are called this and `-0`, `-1` … */
  readonly name: string;
  /** Fixed when the log is created. */
  readonly partitions: number;
  /** Bound of what waits to be written; over it appends reject with ATL_BUSY. Default 64 MiB. */
  readonly maxQueuedBytes?: number;
  /** Bound of the newest records kept in memory for readers, of each partition; default 4 MiB. */
  readonly cacheBytes?: number;
  /** An append is answered within this, ms; default 30 000. */
  readonly deliveryTimeoutMs?: number;
  /** How long to wait for the broker when opening, ms; default 30 000. */
  readonly openTimeoutMs?: number;
  readonly clock?: Clock;
  readonly onEvent?: (event: RabbitmqEvent) => void;
}

/**
 * Opens streams of RabbitMQ (3.10 and later) as the log and creates them when they are not there: docs/rabbitmq.md.
 * Rejects with ATL_CONFIG (another number of partitions, no client installed, no rights), ATL_BUSY (no node answers).
 */
export async function openRabbitmqLog(options: RabbitmqLogOptions): Promise<Log> {
  const { partitions, name } = options;
  if (!Number.isInteger(partitions) || partitions < 1 || partitions > 1000) {
    throw new AtalaiaError(
      'ATL_CONFIG',
      `pipeline.partitions is ${partitions}. Give a whole number from 1 to 1000: each is a stream of RabbitMQ.`,
    );
  }
  const client = await loadClient();
  const clock = options.clock ?? systemClock;
  // The server stops reading from a connection that publishes too fast; acknowledging reads must not wait for that.
  const writing = new Link(client, options, clock);
  const reading = new Link(client, options, clock);
  try {
    const waitMs = options.openTimeoutMs ?? 30_000;
    const [connection] = await Promise.all([writing.open(waitMs), reading.open(waitMs)]);
    await ensureStreams(connection, name, partitions, options);
    return new RabbitmqLog(options, clock, writing, reading);
  } catch (error) {
    await Promise.all([writing.close(), reading.close()]);
    throw error;
  }
}

/** What one partition needs; made at its first use. */
interface Partition {
  readonly follower: Follower;
  readonly publisher: Publisher;
  readonly reader: StreamReader;
}

class RabbitmqLog implements Log {
  readonly partitions: number;
  readonly #options: RabbitmqLogOptions;
  readonly #clock: Clock;
  readonly #writing: Link;
  readonly #reading: Link;
  readonly #writer = randomBytes(9).toString('base64url');
  readonly #open = new Map<number, Partition>();
  readonly #positions: Positions;
  #queuedBytes = 0;
  #isTrimTold = false;
  #closing: Promise<void> | undefined;

  constructor(options: RabbitmqLogOptions, clock: Clock, writing: Link, reading: Link) {
    this.partitions = options.partitions;
    this.#options = options;
    this.#clock = clock;
    this.#writing = writing;
    this.#reading = reading;
    const stream = positionsStreamOf(options.name);
    this.#positions = new Positions({ stream, writer: this.#writer, clock, writing, reading });
    for (const [link, what] of [
      [writing, 'append'],
      [reading, 'read'],
    ] as const) {
      let isOut = false;
      link.listen({
        up: () => {
          if (isOut) options.onEvent?.({ kind: 'reachable', what });
          isOut = false;
        },
        down: (failure) => {
          isOut = true;
          if (!this.#closing) options.onEvent?.({ kind: 'unreachable', what, failure });
        },
      });
    }
  }

  async append(records: readonly Append[]): Promise<readonly number[]> {
    this.#checkOpen();
    const byPartition = new Map<number, { readonly index: number[]; readonly publications: Publication[] }>();
    let bytes = 0;
    records.forEach((record, i) => {
      const of = byPartition.get(record.partition) ?? { index: [], publications: [] };
      of.publications.push(this.#publicationOf(record));
      of.index.push(i);
      byPartition.set(record.partition, of);
      bytes += record.payload.length + record.key.length;
    });
    this.#admit(bytes);
    const offsets = new Array<number>(records.length);
    try {
      const parts = [...byPartition].map(async ([partition, { index, publications }]) => {
        const own = await this.#of(partition).publisher.append(publications);
        index.forEach((i, k) => {
          offsets[i] = own[k] as number;
        });
      });
      // All of them: what is refused in one partition may be kept in another.
      const failed = (await Promise.allSettled(parts)).find(({ status }) => status === 'rejected');
      if (failed) throw (failed as PromiseRejectedResult).reason;
    } finally {
      this.#queuedBytes -= bytes;
    }
    return offsets;
  }

  async read(partition: number, offset: number, limit: number, waitMs = 0): Promise<readonly LogEntry[]> {
    this.#checkOpen();
    this.#checkPartition(partition);
    if (!Number.isSafeInteger(offset) || offset < 0)
      throw new AtalaiaError('ATL_USAGE', `${offset} is no offset of the log. Give a whole number from 0.`);
    if (limit < 1) return [];
    const found = await this.#of(partition).reader.read(offset, limit, waitMs);
    return found.map((one) => ({ partition, ...one }));
  }

  async bounds(partition: number): Promise<{ readonly oldest: number; readonly next: number }> {
    this.#checkOpen();
    this.#checkPartition(partition);
    const { follower } = this.#of(partition);
    await follower.ready(ANSWER_MS);
    await follower.flush(ANSWER_MS);
    return { oldest: await follower.oldest(ANSWER_MS), next: follower.next };
  }

  async commit(group: string, partition: number, offset: number): Promise<void> {
    this.#checkOpen();
    this.#checkPartition(partition);
    this.#positions.set(group, partition, offset);
  }

  async lag(group: string): Promise<number> {
    this.#checkOpen();
    const positions = await this.#positions.get(group, ANSWER_MS);
    const behind = Array.from({ length: this.partitions }, async (_, partition) => {
      const { oldest, next } = await this.bounds(partition);
      return Math.max(0, next - Math.max(oldest, positions.get(partition) ?? 0));
    });
    return (await Promise.all(behind)).reduce((sum, one) => sum + one, 0);
  }

  /** RabbitMQ has no request for it: the streams' own retention, by size and age, decides. Told once. */
  async trim(_oldest: readonly number[]): Promise<void> {
    this.#checkOpen();
    if (this.#isTrimTold) return;
    this.#isTrimTold = true;
    this.#options.onEvent?.({
      kind: 'trim-refused',
      failure: 'RabbitMQ removes records of streams by size and age alone (docs/rabbitmq.md)',
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const error = this.#closedError();
    const open = [...this.#open.values()];
    for (const { reader } of open) reader.close(error);
    await Promise.all(open.map(({ publisher }) => publisher.close(CLOSE_WAIT_MS)));
    for (const { follower } of open) follower.close(error);
    await this.#positions.close(error);
    await Promise.all([this.#writing.close(), this.#reading.close()]);
  }

  #of(partition: number): Partition {
    const known = this.#open.get(partition);
    if (known) return known;
    const { name, cacheBytes = 4 << 20, deliveryTimeoutMs = 30_000 } = this.#options;
    const stream = streamOf(name, partition);
    const clock = this.#clock;
    const own = `${this.#writer}-`;
    const follower = new Follower({
      link: this.#reading,
      stream,
      clock,
      begin: 'last',
      cacheBytes,
      onFound: (found, id) => {
        if (id?.startsWith(own)) publisher.seen(id, found.offset);
      },
    });
    const publisher = new Publisher(
      { link: this.#writing, stream, clock, writer: this.#writer, deliveryTimeoutMs },
      follower,
    );
    const made = { follower, publisher, reader: new StreamReader(this.#reading, stream, clock, follower) };
    this.#open.set(partition, made);
    return made;
  }

  #publicationOf({ partition, key, payload }: Append): Publication {
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
    return { key, payload: Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength) };
  }

  #admit(bytes: number): void {
    const bound = this.#options.maxQueuedBytes ?? 64 << 20;
    if (bytes > bound)
      throw new AtalaiaError(
        'ATL_TOO_LARGE',
        `One append of ${bytes} bytes is over the log's queue of ${bound}. Append fewer records at a time.`,
      );
    if (this.#queuedBytes + bytes > bound)
      throw new AtalaiaError(
        'ATL_BUSY',
        `${this.#queuedBytes} bytes already wait to be written to RabbitMQ. Try again shortly.`,
      );
    this.#queuedBytes += bytes;
  }

  #closedError(): AtalaiaError {
    return new AtalaiaError('ATL_LOG_CLOSED', `The log ${this.#options.name} was closed. Open it again.`);
  }

  #checkOpen(): void {
    if (this.#closing) throw this.#closedError();
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

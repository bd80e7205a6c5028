import type { Clock } from '../../lib/clock.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import { type Channel, type ChannelModel, type ConsumeMessage, closeQuietly, messageOf } from './client.ts';
import type { Link } from './link.ts';
import { foundIn } from './message.ts';
import { type Found, Tail } from './tail.ts';

const PREFETCH = 500;
/** A stream that is silent is asked anew: a broker has been known to forget its readers when a replica moves. */
const RENEW_AFTER_MS = 10_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 3000;
/** After so many failures on one node another one is taken: this one may have no replica. */
const FAILURES_PER_NODE = 4;
const MAX_ROUNDS = 1000;
const LATE_MS = 10_000;

/** What the client's channels have beside what its types say. */
interface Consumers {
  registerConsumer(tag: string, callback: (message: ConsumeMessage | null) => void): void;
  unregisterConsumer(tag: string): void;
}

export interface FollowerOptions {
  readonly link: Link;
  readonly stream: string;
  readonly clock: Clock;
  /** Where to begin: at the newest records, or with all of them. */
  readonly begin: 'first' | 'last';
  readonly cacheBytes: number;
  /** Each record once, in order; `id` is the message id of its writer. */
  readonly onFound?: (found: Found, id: string | undefined) => void;
}

/**
 * Follows the end of a stream over all reconnects. RabbitMQ shows a reader only what a majority of the replicas has, and
 * it tells an offset to readers alone, never to writers: this is where the offsets of our own records come from.
 */
export class Follower {
  readonly #options: FollowerOptions;
  readonly #tail: Tail;
  readonly #waiting = new Set<() => void>();
  readonly #stopListening: () => void;
  #channel: Channel | undefined;
  #tag = '';
  #isReady = false;
  #wasReady = false;
  #seen = 0;
  #newest: ConsumeMessage | undefined;
  #isAckDue = false;
  #failures = 0;
  #failure = 'not attached yet';
  #cancelTimer: (() => void) | undefined;
  #asking: Promise<unknown> = Promise.resolve();
  #closed: AtalaiaError | undefined;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#tail = new Tail(options.cacheBytes);
    this.#stopListening = options.link.listen({
      up: (connection) => void this.#attach(connection),
      down: (why) => this.#detach(why),
    });
  }

  /** The offset behind the newest record that we know of. */
  get next(): number {
    return this.#tail.next;
  }

  /** From here on records are in memory. */
  get cachedFrom(): number {
    return this.#tail.from;
  }

  /** Records in memory from `offset` on; undefined when the first of them is not there. */
  cached(offset: number, limit: number): readonly Found[] | undefined {
    return this.#tail.read(offset, limit);
  }

  /** Resolves when the stream's end has been reached once. @throws AtalaiaError ATL_BUSY when it is not in time */
  async ready(waitMs: number): Promise<void> {
    await this.#until(() => this.#wasReady, waitMs);
    if (!this.#wasReady) throw this.#busy();
  }

  /** Resolves when a record at `offset` or behind it has come, or the time is over. */
  async reach(offset: number, waitMs: number): Promise<void> {
    await this.#until(() => this.#tail.next > offset, waitMs);
  }

  /**
   * Resolves when all that was in this node's replica at the time of the call is here. Each step of ours below makes the
   * server's channel ask the replica and wait, so that what the replica had told before is with us before its answer.
   */
  async flush(waitMs: number): Promise<void> {
    await this.#ask(waitMs, async (channel) => {
      await this.#touch(channel);
      for (let round = 0, before = -1; round < MAX_ROUNDS && this.#seen > before; round++) {
        before = this.#seen + PREFETCH / 2;
        this.#acknowledge();
        await channel.prefetch(1);
      }
    });
  }

  /** The offset of the oldest record; the next one when there is none. */
  async oldest(waitMs: number): Promise<number> {
    let first: number | undefined;
    await this.#ask(waitMs, async (channel) => {
      const onMessage = (message: ConsumeMessage | null): void => {
        if (!message) return;
        this.#note(message);
        first ??= foundIn(message).offset;
      };
      const from = { arguments: { 'x-stream-offset': 'first' } };
      const { consumerTag } = await channel.consume(this.#options.stream, onMessage, from);
      await this.#touch(channel);
      await this.#cancel(channel, consumerTag);
      await channel.prefetch(1);
    });
    return first ?? this.#tail.next;
  }

  close(error: AtalaiaError): void {
    this.#closed = error;
    this.#stopListening();
    this.#cancelTimer?.();
    const channel = this.#channel;
    this.#channel = undefined;
    void closeQuietly(channel);
    this.#wake();
  }

  async #attach(connection: ChannelModel): Promise<void> {
    this.#cancelTimer?.();
    let channel: Channel | undefined;
    try {
      channel = await connection.createChannel();
      const opened = channel;
      let why = 'the channel was closed';
      opened.on('error', (error) => {
        why = messageOf(error);
      });
      opened.on('close', () => {
        if (this.#channel === opened) this.#retry(connection, why);
      });
      if (this.#closed) return void closeQuietly(opened);
      this.#channel = opened;
      await opened.prefetch(PREFETCH);
      await this.#subscribe(opened);
      // For the short consumers that only ask.
      await opened.prefetch(1);
      this.#isReady = true;
      await this.flush(LONGEST_PAUSE_MS);
      this.#wasReady = true;
      this.#failures = 0;
      this.#renewLater();
      this.#wake();
    } catch (error) {
      if (this.#channel === channel) this.#retry(connection, messageOf(error));
    }
  }

  async #subscribe(channel: Channel): Promise<void> {
    // What was empty when we came is read from its first record on: nothing may be missed.
    const anew = this.#wasReady ? 'first' : this.#options.begin;
    const from = this.#tail.next > 0 ? this.#tail.next : anew;
    const { consumerTag } = await channel.consume(
      this.#options.stream,
      (message) => this.#take(channel, message),
      { arguments: { 'x-stream-offset': from } },
    );
    this.#tag = consumerTag;
  }

  #take(channel: Channel, message: ConsumeMessage | null): void {
    if (this.#channel !== channel) return;
    if (!message) {
      // The server took the consumer away: the stream moved or was deleted.
      void closeQuietly(channel);
      return;
    }
    this.#note(message);
    const found = foundIn(message);
    if (found.offset < this.#tail.next) return;
    this.#seen++;
    this.#tail.add(found);
    this.#options.onFound?.(found, message.properties.messageId as string | undefined);
    this.#wake();
  }

  /** Acknowledging is what lets the server send more; once a turn is enough. */
  #note(message: ConsumeMessage): void {
    this.#newest = message;
    if (this.#isAckDue) return;
    this.#isAckDue = true;
    setImmediate(() => this.#acknowledge());
  }

  #acknowledge(): void {
    this.#isAckDue = false;
    const message = this.#newest;
    this.#newest = undefined;
    try {
      if (message) this.#channel?.ack(message, true);
    } catch {
      // The channel is closing: the next one begins behind what came.
    }
  }

  /** A consumer that comes and goes: the server's channel waits for the replica's answer meanwhile. */
  async #touch(channel: Channel): Promise<void> {
    const ignore = (message: ConsumeMessage | null): void => {
      if (message) this.#note(message);
    };
    const atEnd = { arguments: { 'x-stream-offset': 'next' } };
    const { consumerTag } = await channel.consume(this.#options.stream, ignore, atEnd);
    await this.#cancel(channel, consumerTag);
    await channel.prefetch(1);
  }

  /**
   * A stream delivers to a consumer after its cancelling was confirmed, too; the client closes a channel on which comes
   * what it has no consumer for, so one stands there for a while.
   */
  async #cancel(channel: Channel, tag: string): Promise<void> {
    await channel.cancel(tag);
    const consumers = channel as Channel & Consumers;
    consumers.registerConsumer(tag, (message) => {
      if (message && this.#channel === channel) this.#note(message);
    });
    this.#options.clock.after(LATE_MS, () => consumers.unregisterConsumer(tag));
  }

  /** Runs questions one after another, on the channel that stands. */
  async #ask(waitMs: number, question: (channel: Channel) => Promise<void>): Promise<void> {
    const run = this.#asking.then(async () => {
      await this.#until(() => this.#isReady, waitMs);
      const channel = this.#channel;
      if (!channel || !this.#isReady) throw this.#busy();
      try {
        await question(channel);
      } catch (cause) {
        throw this.#closed ?? this.#busy(cause);
      }
    });
    this.#asking = run.catch(() => undefined);
    return run;
  }

  #renewLater(): void {
    this.#cancelTimer?.();
    const before = this.#seen;
    this.#cancelTimer = this.#options.clock.after(RENEW_AFTER_MS, () => {
      if (this.#seen === before) this.#renew().catch(() => undefined);
      this.#renewLater();
    });
  }

  #renew(): Promise<void> {
    return this.#ask(0, async (channel) => {
      await this.#cancel(channel, this.#tag);
      await channel.prefetch(PREFETCH);
      await this.#subscribe(channel);
      await channel.prefetch(1);
    });
  }

  #detach(why: string): void {
    this.#cancelTimer?.();
    this.#channel = undefined;
    this.#isReady = false;
    this.#newest = undefined;
    this.#failure = why;
  }

  #retry(connection: ChannelModel, why: string): void {
    const old = this.#channel;
    this.#detach(why);
    void closeQuietly(old);
    const { link, clock } = this.#options;
    if (this.#closed || link.connection !== connection) return;
    if (++this.#failures % FAILURES_PER_NODE === 0) return void link.drop(connection, why);
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(this.#failures, 10));
    this.#cancelTimer = clock.after(pause, () => {
      if (link.connection === connection) void this.#attach(connection);
    });
  }

  #until(isSo: () => boolean, waitMs: number): Promise<void> {
    if (this.#closed) return Promise.reject(this.#closed);
    if (isSo() || waitMs <= 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const end = (): void => {
        cancel();
        this.#waiting.delete(check);
        if (this.#closed) reject(this.#closed);
        else resolve();
      };
      const check = (): void => {
        if (this.#closed || isSo()) end();
      };
      const cancel = this.#options.clock.after(waitMs, end);
      this.#waiting.add(check);
    });
  }

  #wake(): void {
    for (const check of [...this.#waiting]) check();
  }

  #busy(cause?: unknown): AtalaiaError {
    const why = cause === undefined ? this.#failure : messageOf(cause);
    return new AtalaiaError(
      'ATL_BUSY',
      `Stream ${this.#options.stream} of RabbitMQ does not answer (${why}). Check that its nodes run; it is tried on.`,
      { cause },
    );
  }
}

import { type Clock, sleep, systemClock } from '../../../lib/clock.ts';
import { AtalaiaError } from '../../../lib/errors.ts';
import {
  type Channel,
  type ChannelModel,
  type ConsumeMessage,
  closeQuietly,
  loadClient,
  messageOf,
  type RabbitmqAccess,
  replyCode,
} from '../../../log/rabbitmq/client.ts';
import { Link } from '../../../log/rabbitmq/link.ts';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;
/** Longest wait for handlers when closing; what they have in hand comes again to the next consumer. */
const CLOSE_WAIT_MS = 10_000;
/** Reply codes that no other try changes: no rights, no exchange, a queue declared otherwise. */
const settled = new Set([403, 404, 406]);

export interface RabbitMessage {
  readonly body: Uint8Array;
  readonly routingKey: string;
  /** The header table and the properties, as the client gives them. */
  readonly properties: Readonly<Record<string, unknown>>;
  /** How often this message has come, from 1 on, as the server counts; a lower bound when the server restarted. */
  readonly delivery: number;
}

export interface RabbitSourceOptions extends RabbitmqAccess {
  /** An exchange that is there; the source declares none. */
  readonly exchange: string;
  /** Pattern of the binding; more than one for several bindings. */
  readonly routingKey: string | readonly string[];
  /** The queue of ours, declared as a quorum queue with a single active consumer when it is not there. */
  readonly queue: string;
  /** Messages handled at once, and so the bound of what is in memory; default 100. */
  readonly prefetch?: number;
  /** How long a message that failed waits before it goes back, ms; default 1000. */
  readonly retryAfterMs?: number;
  /**
   * Its resolution acknowledges the message to RabbitMQ, a rejection brings it back for ever: who cannot use a message
   * puts it aside and resolves.
   */
  readonly onMessage: (message: RabbitMessage) => Promise<void>;
  readonly onEvent?: (event: RabbitSourceEvent) => void;
  readonly openTimeoutMs?: number;
  readonly clock?: Clock;
}

export type RabbitSourceEvent =
  | { readonly kind: 'unreachable'; readonly failure: string }
  | { readonly kind: 'reachable' }
  | { readonly kind: 'failed'; readonly delivery: number; readonly failure: string };

export interface RabbitSource {
  /** Takes no more, waits for the messages in hand, gives the others back. */
  close(): Promise<void>;
}

/**
 * Takes in messages of an exchange by a quorum queue (RabbitMQ 3.10 and later), at least once and in the queue's order as
 * long as none fails. Rejects with ATL_CONFIG (no such exchange, no rights, another kind of queue), ATL_BUSY (no node answers).
 */
export async function openRabbitSource(options: RabbitSourceOptions): Promise<RabbitSource> {
  const link = new Link(await loadClient(), options, options.clock ?? systemClock);
  try {
    const connection = await link.open(options.openTimeoutMs ?? 30_000);
    await declare(connection, options);
    return new Consumer(link, options);
  } catch (error) {
    await link.close();
    throw error;
  }
}

async function declare(connection: ChannelModel, options: RabbitSourceOptions): Promise<void> {
  const { exchange, queue, routingKey } = options;
  const channel = await connection.createChannel();
  channel.on('error', () => undefined);
  try {
    await channel.checkExchange(exchange);
    await channel.assertQueue(queue, {
      durable: true,
      // No delivery limit of the broker's: it would drop what nobody has put aside.
      arguments: { 'x-queue-type': 'quorum', 'x-single-active-consumer': true },
    });
    for (const key of typeof routingKey === 'string' ? [routingKey] : routingKey)
      await channel.bindQueue(queue, exchange, key);
  } catch (cause) {
    throw new AtalaiaError(
      settled.has(replyCode(cause) ?? 0) ? 'ATL_CONFIG' : 'ATL_BUSY',
      `RabbitMQ refuses queue ${queue} on exchange ${exchange}: ${messageOf(cause)}. Check the names, the kind of the queue and the rights of this user.`,
      { cause },
    );
  } finally {
    await closeQuietly(channel);
  }
}

class Consumer implements RabbitSource {
  readonly #link: Link;
  readonly #options: RabbitSourceOptions;
  readonly #clock: Clock;
  readonly #inHand = new Set<Promise<void>>();
  #channel: Channel | undefined;
  #tag = '';
  #failures = 0;
  #isOut = false;
  #cancelTimer: (() => void) | undefined;
  readonly #cancelRetries = new Set<() => void>();
  #closing: Promise<void> | undefined;

  constructor(link: Link, options: RabbitSourceOptions) {
    this.#link = link;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    link.listen({
      up: (connection) => void this.#consume(connection),
      down: (why) => this.#lost(why),
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#cancelTimer?.();
    const channel = this.#channel;
    await channel?.cancel(this.#tag).catch(() => undefined);
    // What waits to be given back goes back with the channel.
    for (const cancel of [...this.#cancelRetries]) cancel();
    const inHand = Promise.allSettled([...this.#inHand]);
    await Promise.race([inHand, sleep(this.#clock, CLOSE_WAIT_MS)]);
    this.#channel = undefined;
    await closeQuietly(channel);
    await this.#link.close();
  }

  async #consume(connection: ChannelModel): Promise<void> {
    try {
      const channel = await connection.createChannel();
      let why = 'the channel was closed';
      channel.on('error', (error) => {
        why = messageOf(error);
      });
      channel.on('close', () => {
        if (this.#channel === channel) this.#retry(connection, why);
      });
      await channel.prefetch(this.#options.prefetch ?? 100);
      this.#channel = channel;
      const { consumerTag } = await channel.consume(this.#options.queue, (message) => {
        if (message) this.#take(channel, message);
        // The server took the consumer away: the queue moved or was deleted.
        else void closeQuietly(channel).then(() => this.#retry(connection, 'the queue was taken away'));
      });
      this.#tag = consumerTag;
      this.#failures = 0;
      if (this.#isOut) this.#options.onEvent?.({ kind: 'reachable' });
      this.#isOut = false;
    } catch (error) {
      this.#retry(connection, messageOf(error));
    }
  }

  #take(channel: Channel, message: ConsumeMessage): void {
    if (this.#closing) return;
    const work = this.#handle(channel, message).finally(() => this.#inHand.delete(work));
    this.#inHand.add(work);
  }

  async #handle(channel: Channel, raw: ConsumeMessage): Promise<void> {
    const { onMessage, onEvent } = this.#options;
    const message = messageFrom(raw);
    try {
      await onMessage(message);
    } catch (error) {
      onEvent?.({ kind: 'failed', delivery: message.delivery, failure: messageOf(error) });
      return this.#giveBackLater(channel, raw);
    }
    this.#answer(channel, () => channel.ack(raw));
  }

  /** Later, so that a message that cannot succeed now does not keep the processor busy. */
  #giveBackLater(channel: Channel, raw: ConsumeMessage): void {
    if (this.#closing) return;
    const cancel = this.#clock.after(this.#options.retryAfterMs ?? 1000, () => {
      this.#cancelRetries.delete(cancel);
      this.#answer(channel, () => channel.nack(raw, false, true));
    });
    this.#cancelRetries.add(cancel);
  }

  /** An answer for a channel that is lost is none: the server brings its messages back by itself. */
  #answer(channel: Channel, answer: () => void): void {
    if (this.#channel !== channel) return;
    try {
      answer();
    } catch {
      // It closes in this moment.
    }
  }

  #lost(why: string): void {
    this.#cancelTimer?.();
    this.#channel = undefined;
    if (!this.#isOut && !this.#closing) this.#options.onEvent?.({ kind: 'unreachable', failure: why });
    this.#isOut = true;
  }

  #retry(connection: ChannelModel, why: string): void {
    if (this.#closing || this.#link.connection !== connection) return;
    this.#lost(why);
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(this.#failures++, 10));
    this.#cancelTimer = this.#clock.after(pause, () => {
      if (this.#link.connection === connection) void this.#consume(connection);
    });
  }
}

/** Quorum queues count deliveries before this one in a header (`x-delivery-count`); without it we know only "again". */
function messageFrom({ content, fields, properties }: ConsumeMessage): RabbitMessage {
  const count = properties.headers?.['x-delivery-count'] as unknown;
  const earlier = typeof count === 'number' ? count : fields.redelivered ? 1 : 0;
  return {
    body: content,
    routingKey: fields.routingKey,
    properties: { ...properties },
    delivery: earlier + 1,
  };
}

import type { Clock } from '../../lib/clock.ts';
import { type Channel, type ChannelModel, closeQuietly } from './client.ts';
import type { Link } from './link.ts';

const TELL_EVERY_MS = 500;
/** A member that was not heard of for this long is gone. */
const GONE_AFTER_MS = 4000;
const MAX_MEMBERS = 1000;

/** Who is in a group: each member tells its id to all by a fanout exchange, twice a second, and says when it goes. */
export class Roster {
  readonly #link: Link;
  readonly #exchange: string;
  readonly #id: string;
  readonly #clock: Clock;
  readonly #heard = new Map<string, number>();
  readonly #changed: () => void;
  readonly #stopListening: () => void;
  #channel: Channel | undefined;
  #cancel: (() => void) | undefined;
  #isClosed = false;

  constructor(link: Link, exchange: string, id: string, clock: Clock, changed: () => void) {
    this.#link = link;
    this.#exchange = exchange;
    this.#id = id;
    this.#clock = clock;
    this.#changed = changed;
    this.#stopListening = link.listen({
      up: (connection) => void this.#join(connection),
      down: () => this.#lost(),
    });
  }

  /** Ids of the members, ascending; empty while we hear of nobody, ourselves included. */
  get members(): readonly string[] {
    const since = this.#clock.monotonicMs() - GONE_AFTER_MS;
    for (const [id, at] of this.#heard) if (at < since) this.#heard.delete(id);
    // Without our own voice coming back we are cut off: then nobody's place is known.
    return this.#heard.has(this.#id) ? [...this.#heard.keys()].sort() : [];
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopListening();
    this.#cancel?.();
    const channel = this.#channel;
    this.#channel = undefined;
    try {
      channel?.publish(this.#exchange, 'bye', Buffer.from(this.#id));
    } catch {
      // It closes: the others will miss us.
    }
    await closeQuietly(channel);
  }

  async #join(connection: ChannelModel): Promise<void> {
    let channel: Channel | undefined;
    try {
      channel = await connection.createChannel();
      const opened = channel;
      opened.on('error', () => undefined);
      opened.on('close', () => {
        if (this.#channel !== opened) return;
        this.#lost();
        this.#again(connection);
      });
      await opened.assertExchange(this.#exchange, 'fanout', { durable: true });
      const { queue } = await opened.assertQueue('', { exclusive: true, autoDelete: true });
      await opened.bindQueue(queue, this.#exchange, '');
      if (this.#isClosed) return void closeQuietly(opened);
      this.#channel = opened;
      await opened.consume(
        queue,
        (message) => message && this.#hear(message.content.toString(), message.fields.routingKey),
        { noAck: true },
      );
      this.#tell();
    } catch {
      void closeQuietly(channel);
      this.#again(connection);
    }
  }

  #again(connection: ChannelModel): void {
    if (this.#isClosed || this.#link.connection !== connection) return;
    this.#cancel = this.#clock.after(TELL_EVERY_MS, () => {
      if (this.#link.connection === connection) void this.#join(connection);
    });
  }

  #tell(): void {
    try {
      this.#channel?.publish(this.#exchange, 'here', Buffer.from(this.#id));
    } catch {
      return;
    }
    this.#changed();
    this.#cancel = this.#clock.after(TELL_EVERY_MS, () => this.#tell());
  }

  #hear(id: string, what: string): void {
    if (what === 'bye') this.#heard.delete(id);
    else if (this.#heard.has(id) || this.#heard.size < MAX_MEMBERS)
      this.#heard.set(id, this.#clock.monotonicMs());
    this.#changed();
  }

  #lost(): void {
    this.#cancel?.();
    this.#channel = undefined;
    this.#heard.clear();
  }
}

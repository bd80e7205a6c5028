import type { Clock } from '../../lib/clock.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import { type Random, systemRandom } from '../../lib/random.ts';
import {
  type AmqpClient,
  type ChannelModel,
  closeQuietly,
  messageOf,
  type RabbitmqAccess,
  shownUrl,
} from './client.ts';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;

export interface LinkEvents {
  /** A connection stands: now, and after every loss. */
  up?(connection: ChannelModel): void;
  /** The connection is lost, and why; the next one is tried already. */
  down?(failure: string): void;
}

/**
 * One connection to RabbitMQ that is built anew whenever it is lost, to the next node of the list each time, with
 * pauses that double from 0.1 to 5 s (a random part of each, so that clients do not come back all at once).
 */
export class Link {
  readonly #client: AmqpClient;
  readonly #access: RabbitmqAccess;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #listeners = new Set<LinkEvents>();
  #next: number;
  #failures = 0;
  #connection: ChannelModel | undefined;
  #cancelPause: (() => void) | undefined;
  #isClosed = false;
  /** Why there is no connection. */
  failure = 'no connection yet';

  constructor(client: AmqpClient, access: RabbitmqAccess, clock: Clock, random: Random = systemRandom) {
    if (access.urls.length === 0)
      throw new AtalaiaError(
        'ATL_CONFIG',
        'RabbitMQ has no urls. Give one as amqp://user:password@host:5672.',
      );
    this.#client = client;
    this.#access = access;
    this.#clock = clock;
    this.#random = random;
    this.#next = Math.floor(random() * access.urls.length);
  }

  get connection(): ChannelModel | undefined {
    return this.#connection;
  }

  /** Also tells of the connection that stands already. Returns how to stop listening. */
  listen(events: LinkEvents): () => void {
    this.#listeners.add(events);
    if (this.#connection) events.up?.(this.#connection);
    return () => void this.#listeners.delete(events);
  }

  /** Begins; resolves with the first connection, or rejects with ATL_BUSY when there is none in time. */
  async open(waitMs: number): Promise<ChannelModel> {
    const first = new Promise<ChannelModel | undefined>((resolve) => {
      const cancel = this.#clock.after(waitMs, () => resolve(undefined));
      const stop = this.listen({
        up: (connection) => {
          cancel();
          queueMicrotask(() => stop());
          resolve(connection);
        },
      });
    });
    void this.#connect();
    const connection = await first;
    if (connection) return connection;
    const where = this.#access.urls.map(shownUrl).join(', ');
    throw new AtalaiaError(
      'ATL_BUSY',
      `RabbitMQ does not answer at ${where} (${this.failure}). Check that it runs, and the user and password.`,
    );
  }

  /** Gives this connection up and takes the next node: this one cannot do what is asked. */
  async drop(connection: ChannelModel, why: string): Promise<void> {
    if (connection !== this.#connection) return;
    this.#lost(connection, why);
    await closeQuietly(connection);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelPause?.();
    const connection = this.#connection;
    this.#connection = undefined;
    await closeQuietly(connection);
  }

  async #connect(): Promise<void> {
    this.#cancelPause = undefined;
    const { urls, tls, heartbeatS = 5, connectTimeoutMs = 10_000 } = this.#access;
    const url = urls[this.#next++ % urls.length] as string;
    try {
      const target = new URL(url);
      if (!target.searchParams.has('heartbeat')) target.searchParams.set('heartbeat', String(heartbeatS));
      const connection = await this.#client.connect(target.href, {
        ...tls,
        timeout: connectTimeoutMs,
        noDelay: true,
        clientProperties: { connection_name: 'atalaia' },
      });
      if (this.#isClosed) return void closeQuietly(connection);
      let why = 'the connection was closed';
      connection.on('error', (error) => {
        why = messageOf(error);
      });
      connection.on('close', () => this.#lost(connection, why));
      this.#failures = 0;
      this.#connection = connection;
      for (const { up } of [...this.#listeners]) up?.(connection);
    } catch (error) {
      this.failure = messageOf(error);
      this.#again();
    }
  }

  #lost(connection: ChannelModel, why: string): void {
    if (connection !== this.#connection) return;
    this.#connection = undefined;
    this.failure = why;
    for (const { down } of [...this.#listeners]) down?.(why);
    this.#again();
  }

  #again(): void {
    if (this.#isClosed) return;
    // Each node once before the pauses grow.
    const round = Math.floor(this.#failures++ / this.#access.urls.length);
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(round, 10));
    this.#cancelPause = this.#clock.after(pause * (0.5 + this.#random() / 2), () => void this.#connect());
  }
}

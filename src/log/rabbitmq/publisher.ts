import type { Clock } from '../../lib/clock.ts';
import { AtalaiaError, type ErrorCode } from '../../lib/errors.ts';
import { type ChannelModel, type ConfirmChannel, closeQuietly } from './client.ts';
import type { Follower } from './follower.ts';
import type { Link } from './link.ts';
import { KEY_HEADER } from './message.ts';

/** Published and not yet seen in the stream, at most: records and bytes. */
const MAX_IN_FLIGHT = 2000;
const MAX_IN_FLIGHT_BYTES = 16 << 20;
const SWEEP_EVERY_MS = 200;
/** After a loss, how long what was on its way may still arrive before its writers are told that it is not known. */
const SETTLE_MS = 2000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 3000;
/** Whether the records are kept is not known. */
const IN_DOUBT: ErrorCode = 'ATL_LOG_CLOSED';

export interface PublisherOptions {
  readonly link: Link;
  readonly stream: string;
  readonly clock: Clock;
  /** No two writers ever have the same. */
  readonly writer: string;
  readonly deliveryTimeoutMs: number;
}

export interface Publication {
  readonly key: string;
  readonly payload: Buffer;
}

/** One call of append. */
interface Ticket {
  readonly offsets: number[];
  readonly deadline: number;
  left: number;
  isSent: boolean;
  readonly resolve: (offsets: readonly number[]) => void;
  readonly reject: (error: unknown) => void;
}

interface Item {
  readonly publication: Publication;
  readonly ticket: Ticket;
  readonly index: number;
  offset: number | undefined;
  isConfirmed: boolean;
}

/**
 * Writes one stream in the order of the calls, by a channel of its own: RabbitMQ up to 3.13 numbers the records that it
 * repeats after a change of leader by the channel, not by the stream; with several streams on one channel it writes them
 * twice and then confirms no more (docs/rabbitmq.md). A record counts when the server has confirmed it and the follower
 * has seen it; after a loss of the channel, when it was seen. Nothing is ever published twice.
 */
export class Publisher {
  readonly #options: PublisherOptions;
  readonly #follower: Follower;
  readonly #stopListening: () => void;
  #queued: Item[] = [];
  readonly #inFlight = new Map<string, Item>();
  #inFlightBytes = 0;
  #sequence = 0;
  #channel: ConfirmChannel | undefined;
  /** The channel takes no more for now. */
  #isFull = false;
  /** The follower has not begun yet, or something published by a channel that is lost is not decided yet. */
  #settling: Promise<void> | undefined;
  #failures = 0;
  #cancelTimer: (() => void) | undefined;
  #cancelSweep: (() => void) | undefined;
  #closed: AtalaiaError | undefined;

  constructor(options: PublisherOptions, follower: Follower) {
    this.#options = options;
    this.#follower = follower;
    this.#settling = this.#awaitFollower().finally(() => {
      this.#settling = undefined;
      this.#pump();
    });
    this.#stopListening = options.link.listen({
      up: (connection) => void this.#openChannel(connection),
      down: () => this.#lose(),
    });
  }

  append(publications: readonly Publication[]): Promise<readonly number[]> {
    if (this.#closed) return Promise.reject(this.#closed);
    const { clock, deliveryTimeoutMs } = this.#options;
    return new Promise((resolve, reject) => {
      const ticket: Ticket = {
        offsets: new Array<number>(publications.length),
        deadline: clock.monotonicMs() + deliveryTimeoutMs,
        left: publications.length,
        isSent: false,
        resolve,
        reject,
      };
      publications.forEach((publication, index) => {
        this.#queued.push({ publication, ticket, index, offset: undefined, isConfirmed: false });
      });
      this.#cancelSweep ??= clock.after(SWEEP_EVERY_MS, () => this.#sweep());
      this.#pump();
    });
  }

  /** The follower saw a record with this message id. */
  seen(id: string, offset: number): void {
    const item = this.#inFlight.get(id);
    if (!item) return;
    item.offset = offset;
    this.#settle(id, item);
  }

  /** Waits for what is on its way, then refuses the rest. */
  async close(waitMs: number): Promise<void> {
    const { clock } = this.#options;
    const until = clock.monotonicMs() + waitMs;
    while (this.#inFlight.size + this.#queued.length > 0 && this.#channel && clock.monotonicMs() < until)
      await new Promise<void>((resolve) => void clock.after(10, resolve));
    this.#closed = closedError(false);
    this.#stopListening();
    this.#cancelTimer?.();
    this.#cancelSweep?.();
    for (const { ticket } of [...this.#inFlight.values(), ...this.#queued])
      ticket.reject(closedError(ticket.isSent));
    this.#inFlight.clear();
    this.#queued = [];
    const channel = this.#channel;
    this.#channel = undefined;
    await closeQuietly(channel);
  }

  /** What is published before the follower has found the stream's end could be missed by it. */
  async #awaitFollower(): Promise<void> {
    for (;;) {
      try {
        return await this.#follower.ready(60_000);
      } catch {
        if (this.#closed) return;
      }
    }
  }

  async #openChannel(connection: ChannelModel): Promise<void> {
    const { link } = this.#options;
    try {
      const channel = await connection.createConfirmChannel();
      if (this.#closed) return void closeQuietly(channel);
      channel.on('error', () => undefined);
      channel.on('close', () => {
        if (this.#channel !== channel) return;
        this.#lose();
        this.#reopenLater(connection);
      });
      channel.on('drain', () => {
        this.#isFull = false;
        this.#pump();
      });
      channel.on('return', (message) => this.#returned(message.properties.messageId as string | undefined));
      // A node that just started takes clients before it knows its streams, and would send records back.
      await channel.checkQueue(this.#options.stream);
      if (this.#closed) return void closeQuietly(channel);
      this.#channel = channel;
      this.#isFull = false;
      this.#failures = 0;
      this.#pump();
    } catch {
      if (link.connection === connection && !this.#closed) this.#reopenLater(connection);
    }
  }

  #reopenLater(connection: ChannelModel): void {
    const { link, clock } = this.#options;
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(this.#failures++, 10));
    this.#cancelTimer = clock.after(pause, () => {
      if (link.connection === connection) void this.#openChannel(connection);
    });
  }

  #pump(): void {
    const channel = this.#channel;
    if (!channel || this.#isFull || this.#settling) return;
    let taken = 0;
    while (taken < this.#queued.length && this.#hasRoom() && !this.#isFull) {
      const item = this.#queued[taken++] as Item;
      if (item.ticket.left < 0) continue;
      this.#publish(channel, item);
    }
    if (taken > 0) this.#queued.splice(0, taken);
  }

  #hasRoom(): boolean {
    return this.#inFlight.size < MAX_IN_FLIGHT && this.#inFlightBytes < MAX_IN_FLIGHT_BYTES;
  }

  #publish(channel: ConfirmChannel, item: Item): void {
    const id = `${this.#options.writer}-${++this.#sequence}`;
    this.#inFlight.set(id, item);
    this.#inFlightBytes += item.publication.payload.length;
    item.ticket.isSent = true;
    const properties = {
      persistent: true,
      // Without a stream of that name it comes back instead of being confirmed and gone.
      mandatory: true,
      messageId: id,
      headers: { [KEY_HEADER]: item.publication.key },
    };
    try {
      const mayGoOn = channel.publish(
        '',
        this.#options.stream,
        item.publication.payload,
        properties,
        (error) => {
          // A refusal decides nothing: the follower may see the record all the same. Time decides.
          if (error || this.#inFlight.get(id) !== item) return;
          item.isConfirmed = true;
          this.#settle(id, item);
        },
      );
      if (!mayGoOn) this.#isFull = true;
    } catch {
      // The channel closes in this moment: what it had is settled by #lose.
      this.#isFull = true;
    }
  }

  #settle(id: string, item: Item): void {
    if (item.offset === undefined || !(item.isConfirmed || this.#settling)) return;
    this.#forget(id, item);
    const { ticket } = item;
    if (ticket.left > 0) {
      ticket.offsets[item.index] = item.offset;
      if (--ticket.left === 0) ticket.resolve(ticket.offsets);
    }
    this.#pump();
  }

  #forget(id: string, item: Item): void {
    if (this.#inFlight.delete(id)) this.#inFlightBytes -= item.publication.payload.length;
  }

  #returned(id: string | undefined): void {
    const item = id === undefined ? undefined : this.#inFlight.get(id);
    if (!item || id === undefined) return;
    this.#forget(id, item);
    this.#refuse(
      item.ticket,
      new AtalaiaError(
        'ATL_STORE',
        `RabbitMQ has no stream ${this.#options.stream} any more. Restore it from a backup, or create the log anew.`,
      ),
    );
  }

  /** The channel is gone: what it carried is seen by the follower, or nobody knows. Nothing new goes out before that. */
  #lose(): void {
    this.#cancelTimer?.();
    if (!this.#channel) return;
    this.#channel = undefined;
    this.#settling ??= this.#settleLost().finally(() => {
      this.#settling = undefined;
      this.#pump();
    });
  }

  async #settleLost(): Promise<void> {
    for (const [id, item] of [...this.#inFlight]) {
      // `#settling` is not set yet in this turn.
      item.isConfirmed = true;
      this.#settle(id, item);
    }
    const { clock } = this.#options;
    const lostAt = clock.monotonicMs();
    while (this.#inFlight.size > 0 && !this.#closed) {
      try {
        await this.#follower.flush(1000);
        if (clock.monotonicMs() - lostAt >= SETTLE_MS) break;
      } catch {
        // No connection yet; the deadlines of the records bound the wait.
      }
      await new Promise<void>((resolve) => void clock.after(50, resolve));
    }
    for (const [id, item] of [...this.#inFlight]) {
      this.#forget(id, item);
      this.#refuse(item.ticket, this.#inDoubt('the connection was lost'));
    }
  }

  /** Refuses what was not done in time. */
  #sweep(): void {
    const { clock, deliveryTimeoutMs } = this.#options;
    const now = clock.monotonicMs();
    for (const [id, item] of this.#inFlight) {
      if (item.ticket.deadline > now) break;
      this.#forget(id, item);
      this.#refuse(item.ticket, this.#inDoubt(`no answer within ${deliveryTimeoutMs} ms`));
    }
    const late = this.#queued.findIndex(({ ticket }) => ticket.deadline > now);
    for (const { ticket } of this.#queued.splice(0, late < 0 ? this.#queued.length : late)) {
      this.#refuse(
        ticket,
        ticket.isSent
          ? this.#inDoubt(`no answer within ${deliveryTimeoutMs} ms`)
          : new AtalaiaError(
              'ATL_BUSY',
              `RabbitMQ took no records for ${this.#options.stream} within ${deliveryTimeoutMs} ms. Nothing was taken: come again, and check that its nodes run.`,
            ),
      );
    }
    const isIdle = this.#inFlight.size + this.#queued.length === 0;
    this.#cancelSweep = isIdle ? undefined : clock.after(SWEEP_EVERY_MS, () => this.#sweep());
    this.#pump();
  }

  #refuse(ticket: Ticket, error: AtalaiaError): void {
    if (ticket.left <= 0) return;
    ticket.left = -1;
    ticket.reject(error);
  }

  #inDoubt(why: string): AtalaiaError {
    return new AtalaiaError(
      IN_DOUBT,
      `RabbitMQ did not acknowledge records for ${this.#options.stream} (${why}); whether they are kept is not known. Repeat them, and check that its nodes run.`,
    );
  }
}

const closedError = (wasSent: boolean): AtalaiaError =>
  new AtalaiaError(
    'ATL_LOG_CLOSED',
    wasSent
      ? 'The log was closed before RabbitMQ acknowledged the records; whether they are kept is not known. Repeat them.'
      : 'The log was closed. Open it again.',
  );

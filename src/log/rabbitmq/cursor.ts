import type { Clock } from '../../lib/clock.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import { type Channel, type ConsumeMessage, closeQuietly, messageOf } from './client.ts';
import type { Link } from './link.ts';
import { foundIn } from './message.ts';
import { type Found, takeSome } from './tail.ts';

/** Bound of what one cursor holds, in records; the server sends whole chunks of them, so it may go over by one. */
const PREFETCH = 256;

/** A reader behind the newest records: a consumer of its own that begins at a position and sends no more than asked. */
export class Cursor {
  readonly #channel: Channel;
  readonly #found: { readonly found: Found; readonly message: ConsumeMessage }[] = [];
  readonly #clock: Clock;
  #position: number;
  #wake: (() => void) | undefined;
  #failure: string | undefined;
  /** Monotonic ms of the last use. */
  usedAt: number;

  private constructor(channel: Channel, position: number, clock: Clock) {
    this.#channel = channel;
    this.#position = position;
    this.#clock = clock;
    this.usedAt = clock.monotonicMs();
  }

  /** @throws AtalaiaError ATL_BUSY when there is no connection, or no replica on the node at its other end */
  static async open(link: Link, stream: string, position: number, clock: Clock): Promise<Cursor> {
    try {
      if (!link.connection) throw new Error(link.failure);
      const channel = await link.connection.createChannel();
      const cursor = new Cursor(channel, position, clock);
      channel.on('error', (error) => {
        cursor.#failure = messageOf(error);
      });
      channel.on('close', () => cursor.#end('the channel was closed'));
      await channel.prefetch(PREFETCH);
      await channel.consume(stream, (message) => cursor.#take(message), {
        arguments: { 'x-stream-offset': position },
      });
      return cursor;
    } catch (cause) {
      throw busy(stream, messageOf(cause), cause);
    }
  }

  /** Where the next read goes on. */
  get position(): number {
    return this.#position;
  }

  /** The next record that came, whatever its offset; waits for it. @throws AtalaiaError ATL_BUSY when none comes in time */
  async peek(stream: string, waitMs: number): Promise<Found> {
    const until = this.#clock.monotonicMs() + waitMs;
    while (this.#found.length === 0) {
      const left = until - this.#clock.monotonicMs();
      if (this.#failure !== undefined || left <= 0)
        throw busy(stream, this.#failure ?? `nothing came in ${waitMs} ms`);
      await new Promise<void>((resolve) => {
        const cancel = this.#clock.after(left, resolve);
        this.#wake = () => {
          cancel();
          resolve();
        };
      });
      this.#wake = undefined;
    }
    return this.#found[0]!.found;
  }

  /** Takes records that came: up to the limit, and not over a hole, which may be a gap. */
  take(limit: number): readonly Found[] {
    const some = takeSome(
      this.#found.map(({ found }) => found),
      0,
      limit,
    );
    const hole = some.findIndex(({ offset }, i) => i > 0 && offset !== some[i - 1]!.offset + 1);
    const taken = hole < 0 ? some : some.slice(0, hole);
    const last = this.#found[taken.length - 1];
    if (!last) return [];
    this.#found.splice(0, taken.length);
    this.#position = last.found.offset + 1;
    this.usedAt = this.#clock.monotonicMs();
    try {
      if (this.#failure === undefined) this.#channel.ack(last.message, true);
    } catch {
      // The channel is closing; what came is good all the same.
    }
    return taken;
  }

  close(): void {
    this.#end('the cursor was closed');
    void closeQuietly(this.#channel);
  }

  #take(message: ConsumeMessage | null): void {
    if (!message) {
      this.#end('the server took the consumer away');
      return;
    }
    const found = foundIn(message);
    if (found.offset < this.#position) return;
    this.#found.push({ found, message });
    this.#wake?.();
  }

  #end(why: string): void {
    this.#failure ??= why;
    this.#wake?.();
  }
}

const busy = (stream: string, why: string, cause?: unknown): AtalaiaError =>
  new AtalaiaError(
    'ATL_BUSY',
    `Stream ${stream} of RabbitMQ cannot be read (${why}). Check that its nodes run; it is tried on.`,
    { cause },
  );

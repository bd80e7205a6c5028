import { createHash } from 'node:crypto';
import type { Clock } from '../../../lib/clock.ts';
import { AtalaiaError } from '../../../lib/errors.ts';
import { dataOf } from './data.ts';
import type { Downloader } from './download.ts';
import { type Notification, readNotification } from './notification.ts';

/** Data whose version is remembered: a day of 10,000 stations that report every two hours. */
const MAX_SEEN = 120_000;

export interface Announced {
  /** The data; the notification itself where there is a flaw. */
  readonly body: Uint8Array;
  readonly topic: string;
  readonly dataId: string | undefined;
  /** Why there are no data to read. */
  readonly flaw?: string;
  /** Whether the same data would have the flaw wherever they lie; whether it is that of a server that may come back. */
  readonly isLasting?: boolean;
  readonly isPassing?: boolean;
}

export interface Wis2TakerOptions {
  readonly downloader: Downloader;
  /** Files that are fetched at once. */
  readonly downloads: number;
  readonly clock: Clock;
  /** Chance in [0, 1). */
  readonly random: () => number;
  /** Resolves when the log, or the quarantine, has it durably. */
  readonly take: (announced: Announced) => Promise<void>;
  /** Repeats of what was taken (`wis2-repeats`), data that were withdrawn (`wis2-deletions`). */
  readonly onCounted: (what: string, by: number) => void;
  readonly firstPauseMs?: number;
  readonly maxSeen?: number;
}

/**
 * Takes WIS2 notifications, from one or more brokers, to the data that they announce. The same data come several times,
 * by every broker and from every Global Cache: they count once, by `data_id` and `pubtime`, unless they could not be had;
 * an older version of what was taken is none. Of one station one after the other.
 */
export class Wis2Taker {
  readonly #options: Wis2TakerOptions;
  readonly #stopping = new AbortController();
  /** Version by data, both short; the oldest entry first. */
  readonly #seen = new Map<string, number>();
  readonly #lanes = new Map<string, Promise<void>>();
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(options: Wis2TakerOptions) {
    this.#options = options;
    this.#free = options.downloads;
  }

  /** Resolves when the notification may be acknowledged; rejects when closed before. */
  async onMessage({ body, topic }: { readonly body: Uint8Array; readonly topic: string }): Promise<void> {
    let notification: Notification;
    try {
      notification = readNotification(body);
    } catch (error) {
      if (!(error instanceof AtalaiaError)) throw error;
      return this.#options.take({ body, topic, dataId: undefined, flaw: error.message });
    }
    const lane = notification.station ?? notification.dataId;
    const before = this.#lanes.get(lane) ?? Promise.resolve();
    const run = before.catch(() => undefined).then(() => this.#handle(notification, body, topic));
    this.#lanes.set(lane, run);
    try {
      await run;
    } finally {
      if (this.#lanes.get(lane) === run) this.#lanes.delete(lane);
    }
  }

  /** What waits rejects: its broker brings it again. */
  close(): void {
    this.#stopping.abort(new AtalaiaError('ATL_BUSY', 'The source is closed.'));
    this.#options.downloader.close();
  }

  async #handle(notification: Notification, body: Uint8Array, topic: string): Promise<void> {
    const { take, onCounted } = this.#options;
    const { dataId, publishedAt, isDeletion } = notification;
    this.#stopping.signal.throwIfAborted();
    const key = createHash('sha256').update(dataId).digest('base64').slice(0, 22);
    // A pubtime is not below the one of the version before.
    if ((this.#seen.get(key) ?? Number.NEGATIVE_INFINITY) >= publishedAt) return onCounted('wis2-repeats', 1);
    if (isDeletion) onCounted('wis2-deletions', 1);
    else {
      const announced = await this.#announced(notification, body, topic);
      await take(announced);
      // Another cache may have what this one has not.
      if (announced.flaw !== undefined && !announced.isLasting) return;
    }
    this.#seen.delete(key);
    this.#seen.set(key, publishedAt);
    const { maxSeen = MAX_SEEN } = this.#options;
    for (const oldest of this.#seen.keys()) {
      if (this.#seen.size <= maxSeen) break;
      this.#seen.delete(oldest);
    }
  }

  async #announced(notification: Notification, body: Uint8Array, topic: string): Promise<Announced> {
    const { dataId } = notification;
    await this.#enter();
    try {
      const { signal } = this.#stopping;
      return { body: await dataOf(notification, { ...this.#options, signal }), topic, dataId };
    } catch (error) {
      this.#stopping.signal.throwIfAborted();
      if (!(error instanceof AtalaiaError)) throw error;
      return {
        ...{ body, topic, dataId, flaw: error.message },
        isLasting: error.code === 'ATL_UNSUPPORTED_MEDIA',
        isPassing: error.code === 'ATL_BUSY',
      };
    } finally {
      this.#leave();
    }
  }

  async #enter(): Promise<void> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((done) => this.#waiting.push(done));
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free++;
  }
}

import { type Clock, systemClock } from '../../../lib/clock.ts';
import { AtalaiaError } from '../../../lib/errors.ts';
import { formatInstant, SECOND_MS } from '../../../model/time.ts';

const TIMEOUT_MS = 30_000;
const LONGEST_PAUSE_MS = 3_600_000;
const MAX_PAGES = 1000;
/** Share of a pause that chance may take away, so that many pollers do not ask at once after an outage. */
const JITTER = 0.25;

export interface PollSourceOptions {
  /**
   * Address to ask. `{since}` and `{sinceDate}` stand for the instant up to which answers were taken (so a gap is asked for
   * after an outage), `{now}` and `{nowDate}` for the present one; `{sinceDay}` and `{nowDay}` are days as 31/05/2024.
   */
  readonly url: string;
  /** Zone of the days in the address; default UTC. Instants are UTC always. */
  readonly timeZone?: string | undefined;
  /** The page that follows an answer, where the service gives answers in pages; on the same host alone. */
  readonly next?: ((body: Uint8Array) => string | undefined) | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly everyMs: number;
  /** How far back the first question reaches, ms. */
  readonly firstMs: number;
  /** How far behind the newest answer every question begins anew: what the service corrects or adds late, ms. */
  readonly overlapMs: number;
  readonly maxBytes: number;
  readonly clock?: Clock;
  /** Chance in [0, 1). */
  readonly random: () => number;
  /** Cursor of an earlier run: epoch ms, or null. */
  readonly load: () => Promise<number | null>;
  readonly save: (at: number) => Promise<void>;
  /** Its resolution takes the answer: epoch ms of the newest report in it, or null when it has none. */
  readonly onMessage: (message: {
    readonly body: Uint8Array;
    readonly contentType: string | undefined;
  }) => Promise<number | null>;
  readonly onEvent?: (event: PollSourceEvent) => void;
  readonly fetch?: typeof fetch;
}

export type PollSourceEvent =
  | { readonly kind: 'failed'; readonly failure: string; readonly againInMs: number }
  | { readonly kind: 'unreachable' }
  | { readonly kind: 'reachable' };

export interface PollSource {
  close(): Promise<void>;
}

/**
 * Asks a web service now and then. Answers that have not changed (ETag, Last-Modified) are not read again; `Retry-After` is
 * kept to; failures are tried again with exponential pauses and jitter. The cursor moves only when the answer is taken.
 */
export async function openPollSource(options: PollSourceOptions): Promise<PollSource> {
  let place: URL;
  try {
    place = new URL(filled(options.url, 0, 0, 'UTC'));
  } catch (cause) {
    throw new AtalaiaError('ATL_CONFIG', `${options.url} is no address; one such as https://… is expected.`, {
      cause,
    });
  }
  if (place.protocol !== 'http:' && place.protocol !== 'https:')
    throw new AtalaiaError('ATL_CONFIG', `${options.url} cannot be asked; only http and https can.`);
  return new Poller(options, await options.load());
}

class Poller implements PollSource {
  readonly #options: PollSourceOptions;
  readonly #clock: Clock;
  readonly #stopping = new AbortController();
  #cursor: number | null;
  #etag: string | null = null;
  #modified: string | null = null;
  #failures = 0;
  #isOut = false;
  #cancel: () => void = () => {};
  #asking: Promise<void>;

  constructor(options: PollSourceOptions, cursor: number | null) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#cursor = cursor;
    this.#asking = this.#turn();
  }

  async #turn(): Promise<void> {
    let pauseMs = this.#options.everyMs;
    try {
      await this.#ask();
      this.#failures = 0;
      this.#told(false);
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      pauseMs = this.#pauseAfter(error);
      this.#told(true);
      this.#options.onEvent?.({ kind: 'failed', failure: reasonOf(error), againInMs: pauseMs });
    }
    if (this.#stopping.signal.aborted) return;
    this.#cancel = this.#clock.after(pauseMs, () => {
      this.#asking = this.#turn();
    });
  }

  #told(isOut: boolean): void {
    if (isOut !== this.#isOut) this.#options.onEvent?.({ kind: isOut ? 'unreachable' : 'reachable' });
    this.#isOut = isOut;
  }

  #pauseAfter(error: unknown): number {
    const backOff = Math.min(LONGEST_PAUSE_MS, this.#options.everyMs * 2 ** Math.min(this.#failures++, 16));
    const jittered = backOff * (1 - JITTER * this.#options.random());
    return Math.min(LONGEST_PAUSE_MS, Math.max(jittered, error instanceof Refused ? error.retryAfterMs : 0));
  }

  async #ask(): Promise<void> {
    const { url, firstMs, overlapMs, timeZone, save } = this.#options;
    const now = this.#clock.now();
    const since = this.#cursor === null ? now - firstMs : this.#cursor - overlapMs;
    let place: string | undefined = filled(url, since, now, timeZone ?? 'UTC');
    let newest: number | null = null;
    // Pages may come in any order of time: the cursor moves when all of them are taken.
    for (let page = 0; place !== undefined; page++) {
      if (page === MAX_PAGES)
        throw new Error(`the answer has more than ${MAX_PAGES} pages; ask for larger ones`);
      const taken: Taken | undefined = await this.#page(place, page === 0);
      if (!taken) return;
      newest = taken.newest === null ? newest : Math.max(newest ?? taken.newest, taken.newest);
      place = taken.next;
    }
    if (newest === null || (this.#cursor !== null && newest <= this.#cursor)) return;
    this.#cursor = Math.min(newest, now);
    await save(this.#cursor);
  }

  /** Undefined when nothing has changed since the last answer. */
  async #page(place: string, isFirst: boolean): Promise<Taken | undefined> {
    const { url, headers, onMessage, next } = this.#options;
    // The marks stand for the same question only: where it moves on with time, every answer is another one.
    const marks = isFirst && !url.includes('{');
    const answer = await (this.#options.fetch ?? fetch)(place, {
      // Keys in headers must not follow to another host.
      redirect: headers && Object.keys(headers).length > 0 ? 'error' : 'follow',
      headers: {
        'accept-encoding': 'gzip',
        ...headers,
        ...(marks && this.#etag !== null ? { 'if-none-match': this.#etag } : {}),
        ...(marks && this.#modified !== null ? { 'if-modified-since': this.#modified } : {}),
      },
      signal: AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    if (answer.status === 304) return void (await answer.body?.cancel());
    const body = await this.#bodyOf(answer);
    if (!answer.ok)
      throw new Refused(answer.status, retryAfterMs(answer.headers.get('retry-after'), this.#clock.now()));
    const newest = await onMessage({ body, contentType: answer.headers.get('content-type') ?? undefined });
    const following = followed(next?.(body), place);
    // Of an answer in pages the marks tell of the first one alone.
    if (marks) {
      this.#etag = following === undefined ? answer.headers.get('etag') : null;
      this.#modified = following === undefined ? answer.headers.get('last-modified') : null;
    }
    return { newest, next: following };
  }

  async #bodyOf(answer: Response): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    let size = 0;
    for await (const piece of answer.body ?? []) {
      size += piece.byteLength;
      if (size > this.#options.maxBytes)
        throw new AtalaiaError(
          'ATL_TOO_LARGE',
          `The answer is over ${this.#options.maxBytes} bytes; ask for less.`,
        );
      pieces.push(piece);
    }
    return Buffer.concat(pieces);
  }

  async close(): Promise<void> {
    this.#cancel();
    this.#stopping.abort();
    await this.#asking;
  }
}

interface Taken {
  readonly newest: number | null;
  readonly next: string | undefined;
}

/** The address of the next page. Headers with keys go with it, so it must be on the host that they are for. */
function followed(next: string | undefined, place: string): string | undefined {
  if (next === undefined) return undefined;
  const address = URL.parse(next, place);
  if (address?.origin !== new URL(place).origin)
    throw new Error(`the next page ${next.slice(0, 200)} is not on the host that was asked`);
  return address.href;
}

/** The service answered, and not with what was asked for. */
class Refused extends Error {
  readonly retryAfterMs: number;
  constructor(status: number, retryAfter: number) {
    super(`the service answers with status ${status}`);
    this.retryAfterMs = retryAfter;
  }
}

function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error && cause.message !== '' ? `${message}: ${cause.message}` : message;
}

/** `Retry-After` in seconds or as a date (RFC 9110, section 10.2.3), ms from now; 0 when there is none. */
function retryAfterMs(text: string | null, now: number): number {
  if (text === null) return 0;
  const at = /^\d+$/.test(text.trim()) ? now + Number(text) * SECOND_MS : Date.parse(text);
  return Number.isFinite(at) ? Math.max(0, at - now) : 0;
}

function filled(url: string, since: number, now: number, timeZone: string): string {
  const [sinceDate, nowDate] = [dateIn(since, timeZone), dateIn(now, timeZone)];
  return url
    .replaceAll('{since}', formatInstant(since))
    .replaceAll('{sinceDate}', sinceDate)
    .replaceAll('{sinceDay}', sinceDate.split('-').reverse().join('/'))
    .replaceAll('{now}', formatInstant(now))
    .replaceAll('{nowDate}', nowDate)
    .replaceAll('{nowDay}', nowDate.split('-').reverse().join('/'));
}

/** The day that an instant lies in, as 2024-05-31. */
const dateIn = (at: number, timeZone: string): string =>
  new Intl.DateTimeFormat('en-CA', { timeZone, dateStyle: 'short' }).format(at);

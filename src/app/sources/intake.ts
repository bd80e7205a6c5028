import { type Decoded, decodeBody, unpack } from '../../ingest/decode/body.ts';
import { type CheckedForecasts, decodeMessage, type Written } from '../../ingest/formats/decode.ts';
import { unread } from '../../ingest/formats/format.ts';
import type { Clock } from '../../lib/clock.ts';
import { AtalaiaError, errorCodes } from '../../lib/errors.ts';
import type { Forecast } from '../../model/forecast.ts';
import type { Refusal, Report } from '../../model/report.ts';
import { HOUR_MS } from '../../model/time.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { withoutRefused } from '../intake/intake.ts';

/** A message of any source. */
export interface SourceMessage {
  readonly body: Uint8Array;
  readonly contentType: string | undefined;
  /** As in the header Content-Encoding. */
  readonly encoding: string | undefined;
  /** How it is written, where not as our own reports. */
  readonly written?: Written | undefined;
  /** Fields of the request, MQTT topic or file name that came with it. */
  readonly fields?: URLSearchParams | undefined;
  readonly topic?: string | undefined;
  /** Why it is put aside without being read. */
  readonly flaw?: string | undefined;
  /** Anybody can send it and nobody is told: only so much of what cannot be read is kept. */
  readonly isOpen?: boolean | undefined;
  /** Where it came from, for people: the source and the place in it. */
  readonly origin: string;
}

export interface SourceIntakeOptions {
  readonly ledger: Pick<Ledger, 'hold'>;
  /** Resolves when the log has the reports durably, with those that are not taken: see `Intake.append`. */
  readonly append: (reports: readonly Report[]) => Promise<ReadonlySet<Report>>;
  /** The same of forecasts, where a message has some; gives those that are refused. */
  readonly forecast: (
    forecasts: readonly (Forecast & { readonly index: number })[],
  ) => Promise<{ readonly accepted: number; readonly rejected: readonly Refusal[] }>;
  readonly stationInterval: (station: string) => number | null | undefined;
  /** See `CheckContext`. */
  readonly onFuture?: (station: string, observedAt: number) => void;
  readonly clock: Clock;
  readonly now: () => number;
  readonly onCounted: (what: string, by: number) => void;
  readonly onEvent: (event: SourceIntakeEvent) => void;
}

export type SourceIntakeEvent =
  | { readonly kind: 'quarantined'; readonly origin: string; readonly reason: string }
  /** Readings that are not taken, of reports that are. */
  | { readonly kind: 'refused'; readonly origin: string; readonly reason: string }
  /** Of an open door more came that cannot be read than is kept. */
  | { readonly kind: 'dropped'; readonly origin: string; readonly reason: string }
  /** Nothing can be written: messages wait in hand. */
  | { readonly kind: 'blocked'; readonly failure: string }
  | { readonly kind: 'unblocked' };

/** Unreadable messages of an open door that are kept at once, and those that an hour adds: a flood must not fill the disk. */
const OPEN_KEPT = 100;
const OPEN_KEPT_AN_HOUR = 60;
/** Tries with a message that fails by itself, before it is put aside. */
const TRIES = 3;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;
const MAX_REASON = 1000;

/** From messages of brokers to durable records. Who has no producer to answer keeps what it cannot use. */
export class SourceIntake {
  readonly #options: SourceIntakeOptions;
  readonly #stopping = Promise.withResolvers<void>();
  #isStopping = false;
  #isBlocked = false;
  #kept = { tokens: OPEN_KEPT, at: 0 };

  constructor(options: SourceIntakeOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the log has every report of the message that can be read, and the quarantine has the message when
   * any report, or all of it, cannot. An outage of log or ledger is waited for, so a good message is never put aside for
   * it. Rejects only with ATL_BUSY when stopped: the message is the broker's still. Gives when the newest report that was
   * taken was observed, epoch ms, or null when there was none.
   */
  async take(message: SourceMessage): Promise<number | null> {
    let why = '';
    for (let tries = 0, own = 0; ; tries++) {
      try {
        // What fails for a reason of its own must not hold up what comes behind it.
        const newest = own < TRIES ? await this.#receive(message) : await this.#quarantine(message, why);
        this.#unblocked();
        return newest;
      } catch (error) {
        if (isOutage(error) || own === TRIES) this.#blocked(error);
        else own++;
        why = messageOf(error);
        await this.#pause(tries);
      }
    }
  }

  /** Ends the waiting: what is in hand and not written yet rejects. */
  stop(): void {
    this.#isStopping = true;
    this.#stopping.resolve();
  }

  async #receive(message: SourceMessage): Promise<number | null> {
    const { append, onCounted } = this.#options;
    if (message.flaw !== undefined) return this.#quarantine(message, message.flaw);
    let decoded: Decoded & Partial<CheckedForecasts>;
    try {
      decoded = this.#decode(message);
    } catch (error) {
      if (!(error instanceof AtalaiaError)) throw error;
      return this.#quarantine(message, error.message);
    }
    const notTaken = await append(decoded.reports.map(({ report }) => report));
    const { reports, refusals, duplicates, sent } = withoutRefused(decoded, notTaken);
    const foretold = await this.#forecast(decoded);
    if (refusals.length > 0 || foretold.refusals.length > 0) {
      const reason = [...refusals.map(told('report')), ...foretold.refusals.map(told('forecast'))].join('; ');
      // What is beyond the bound of unknown stations must not fill the quarantine instead.
      // Of a report that is taken with less readings than it had the rest is told and counted, as for any producer.
      const isLost = foretold.isLost || reports.length + duplicates + notTaken.size < sent;
      if (isLost) await this.#quarantine(message, reason);
      else
        this.#options.onEvent({
          kind: 'refused',
          origin: message.origin,
          reason: reason.slice(0, MAX_REASON),
        });
    }
    onCounted('accepted', reports.length);
    onCounted('duplicates', duplicates);
    for (const { code } of [...decoded.refusals, ...(decoded.forecastRefusals ?? [])])
      onCounted(`refused-${code}`, 1);
    return reports.reduce<number | null>(
      (newest, { report }) => Math.max(newest ?? report.observedAt, report.observedAt),
      null,
    );
  }

  /** After the reports: the message may be what makes its station known. */
  async #forecast({ forecasts = [], forecastRefusals = [] }: Partial<CheckedForecasts>): Promise<{
    readonly refusals: readonly Refusal[];
    readonly isLost: boolean;
  }> {
    const found = await this.#options.forecast(forecasts.map((one, index) => ({ ...one, index })));
    // Those of a station that is not known yet are no loss: newer ones come. What cannot be read at all is kept.
    const isLost = forecastRefusals.length > 0 && forecasts.length === 0;
    return { refusals: [...forecastRefusals, ...found.rejected], isLost };
  }

  #decode({
    body,
    contentType,
    encoding,
    written,
    fields,
    topic,
  }: SourceMessage): Decoded & Partial<CheckedForecasts> {
    const { stationInterval, onFuture, now, onCounted } = this.#options;
    const receivedAt = now();
    if (!written) return decodeBody({ body, contentType, encoding, receivedAt, stationInterval, onFuture });
    const message = {
      body: unpack(body, encoding),
      receivedAt,
      ...(fields ? { fields } : {}),
      ...(topic === undefined ? {} : { topic }),
    };
    const decoded = decodeMessage(message, written, { receivedAt, stationInterval, onFuture });
    onCounted('ignored', unread(decoded.ignored).length);
    return decoded;
  }

  async #quarantine({ body, origin, isOpen }: SourceMessage, why: string): Promise<null> {
    const { ledger, now, onCounted, onEvent } = this.#options;
    const reason = `${origin}: ${why}`.slice(0, MAX_REASON);
    if (isOpen && !this.#mayKeep()) {
      onCounted('dropped-unreadable', 1);
      onEvent({ kind: 'dropped', origin, reason });
      return null;
    }
    await ledger.hold({ kind: 'quarantine', payload: body, reason, at: now() });
    onCounted('quarantined', 1);
    onEvent({ kind: 'quarantined', origin, reason });
    return null;
  }

  /** A bucket of tokens, by the machine's own time. */
  #mayKeep(): boolean {
    const at = this.#options.clock.monotonicMs();
    const added = ((at - this.#kept.at) * OPEN_KEPT_AN_HOUR) / HOUR_MS;
    const tokens = Math.min(OPEN_KEPT, this.#kept.tokens + added);
    const may = tokens >= 1;
    this.#kept = { tokens: may ? tokens - 1 : tokens, at };
    return may;
  }

  #blocked(error: unknown): void {
    if (!this.#isBlocked) this.#options.onEvent({ kind: 'blocked', failure: messageOf(error) });
    this.#isBlocked = true;
  }

  #unblocked(): void {
    if (this.#isBlocked) this.#options.onEvent({ kind: 'unblocked' });
    this.#isBlocked = false;
  }

  async #pause(tries: number): Promise<void> {
    let cancel = (): void => undefined;
    const pause = new Promise<void>((done) => {
      cancel = this.#options.clock.after(
        Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(tries, 10)),
        done,
      );
    });
    await Promise.race([pause, this.#stopping.promise]);
    cancel();
    if (this.#isStopping)
      throw new AtalaiaError('ATL_BUSY', 'The sources are stopped; the broker brings the message again.');
  }
}

const told =
  (what: string) =>
  ({ index, quantity, message }: Refusal): string =>
    `${what} ${index}: ${quantity ? `${quantity}: ` : ''}${message}`;

/** Nothing is wrong with the message: log or ledger cannot write just now. */
const isOutage = (error: unknown): boolean =>
  error instanceof AtalaiaError && errorCodes[error.code].http === 503;

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const TELL_EVERY_MS = 1000;

/** Tells an event of each kind at most once a second, and how many of it were left unsaid since: a flood of bad messages must not be one of log lines. */
export function tellSeldom(
  clock: Clock,
  tell: (event: SourceIntakeEvent, unsaid: number) => void,
): (event: SourceIntakeEvent) => void {
  const told = new Map<string, { at: number; unsaid: number }>();
  return (event) => {
    const last = told.get(event.kind);
    const at = clock.monotonicMs();
    if (last && at - last.at < TELL_EVERY_MS) {
      last.unsaid++;
      return;
    }
    told.set(event.kind, { at, unsaid: 0 });
    tell(event, last?.unsaid ?? 0);
  };
}

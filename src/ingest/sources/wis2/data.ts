import { type Clock, sleep } from '../../../lib/clock.ts';
import { AtalaiaError } from '../../../lib/errors.ts';
import { AskedToWait, type Downloader, DownloadRefused } from './download.ts';
import { checkIntegrity, inlineData, type Notification } from './notification.ts';

const TRIES = 5;
const FIRST_PAUSE_MS = 1000;

export interface DataDeps {
  readonly downloader: Downloader;
  readonly clock: Clock;
  /** Chance in [0, 1). */
  readonly random: () => number;
  readonly signal: AbortSignal;
  readonly firstPauseMs?: number;
}

/**
 * The data that a notification announces: those that it carries, else from its links, tried several times with growing
 * pauses and jitter, each time at the next link. What comes is what was announced, by its checksum.
 * Rejects with ATL_UNREADABLE when there are none to be had, ATL_BUSY when that may be otherwise later,
 * ATL_UNSUPPORTED_MEDIA when no format here reads them, each with the reason; with anything else only when aborted.
 */
export async function dataOf(notification: Notification, deps: DataDeps): Promise<Uint8Array> {
  const { dataId, places } = notification;
  const undecodable = formOf(notification.type ?? '', dataId);
  if (undecodable) throw undecodable;
  const data = carried(notification) ?? (await fetched(notification, deps));
  const form = formOf(Buffer.from(data.subarray(0, 4)).toString('latin1'), dataId);
  if (form) throw form;
  if (data.length === 0)
    throw unreadable(`The data of ${dataId} at ${places[0] ?? 'the notification'} are empty.`);
  return data;
}

/** What is damaged in the notification may be whole behind its link. */
function carried(notification: Notification): Uint8Array | undefined {
  try {
    return inlineData(notification);
  } catch (error) {
    if (notification.places.length === 0) throw error;
    return undefined;
  }
}

async function fetched(notification: Notification, deps: DataDeps): Promise<Uint8Array> {
  const { dataId, places } = notification;
  const { downloader, clock, random, signal, firstPauseMs = FIRST_PAUSE_MS } = deps;
  if (places.length === 0)
    throw unreadable(`The notification of ${dataId} has neither content nor a link canonical or update.`);
  const left = [...places];
  let [why, isPassing] = ['', false];
  for (let tries = 0; tries < TRIES && left.length > 0; tries++) {
    const place = left[tries % left.length] as string;
    let waitMs = 0;
    try {
      const data = await downloader.get(place, signal);
      checkIntegrity(notification, data);
      return data;
    } catch (error) {
      signal.throwIfAborted();
      why = error instanceof Error ? error.message : String(error);
      isPassing = !(error instanceof DownloadRefused || error instanceof AtalaiaError);
      if (error instanceof DownloadRefused) left.splice(left.indexOf(place), 1);
      if (error instanceof AskedToWait) waitMs = error.waitMs;
    }
    if (left.length === 0 || tries + 1 === TRIES) break;
    const pauseMs = firstPauseMs * 2 ** tries * (0.5 + random() / 2);
    await abortable(sleep(clock, Math.max(pauseMs, waitMs)), signal);
  }
  throw new AtalaiaError(
    isPassing ? 'ATL_BUSY' : 'ATL_UNREADABLE',
    `The data of ${dataId} cannot be had: ${why}.`,
  );
}

/** What is told by its media type or first bytes to be GRIB, which no format here reads. */
const formOf = (text: string, dataId: string): AtalaiaError | undefined =>
  /grib/i.test(text)
    ? new AtalaiaError(
        'ATL_UNSUPPORTED_MEDIA',
        `The data of ${dataId} are GRIB, which is not read here. Subscribe to a dataset of observations, which are published as BUFR, CSV, JSON or text.`,
      )
    : undefined;

async function abortable(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<never>();
  const stop = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  try {
    signal.throwIfAborted();
    await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

const unreadable = (what: string): AtalaiaError => new AtalaiaError('ATL_UNREADABLE', what);

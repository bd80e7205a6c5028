import { MAX_BODY_BYTES } from '../../ingest/decode/body.ts';
import { isBufr } from '../../ingest/formats/bufr/sections.ts';
import type { Written } from '../../ingest/formats/decode.ts';
import { type MqttSource, openMqttSource } from '../../ingest/sources/mqtt/source.ts';
import { dataOf } from '../../ingest/sources/wis2/data.ts';
import { createDownloader, type Downloader } from '../../ingest/sources/wis2/download.ts';
import { isNotification, readNotification } from '../../ingest/sources/wis2/notification.ts';
import { Wis2Taker } from '../../ingest/sources/wis2/taker.ts';
import { systemClock } from '../../lib/clock.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import { type Wis2SourceConfig, writtenOf } from '../config/source-config.ts';
import type { Hears, Open } from './kind.ts';
import { accessOf } from './mqtt.ts';

const DOWNLOAD_TIMEOUT_MS = 20_000;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;

const downloaderOf = (allowPrivate: boolean): Downloader =>
  createDownloader({ maxBytes: MAX_BODY_BYTES, timeoutMs: DOWNLOAD_TIMEOUT_MS, allowPrivate });

/** BUFR tells itself, so that one source takes centres that publish it and others that do not. */
const writtenAs = (body: Uint8Array, written: Written): Written =>
  isBufr(body) ? { ...written, format: 'bufr' } : written;

/** WIS2 notifications of all brokers that are named, with their data; open as soon as one of the brokers is. */
export async function openWis2(settings: Wis2SourceConfig, hears: Hears): Promise<Open> {
  const written = writtenOf(settings);
  const { downloads, allowPrivate } = settings;
  const taker = new Wis2Taker({
    ...{ downloads, clock: hears.clock, random: hears.random, onCounted: hears.onCounted },
    downloader: downloaderOf(allowPrivate),
    take: async ({ body, topic, dataId, flaw, isPassing }) => {
      const origin = `topic ${topic}${dataId === undefined ? '' : `, ${dataId}`}`;
      await hears.take({
        // What an outage keeps from us is not of anybody's making: all of it is kept.
        ...{ body, written: writtenAs(body, written), topic, flaw, origin, isOpen: !isPassing },
        ...{ contentType: undefined, encoding: undefined },
      });
    },
  });
  const up = new Set<string>();
  const brokers = settings.urls.map(
    (url) =>
      new Broker(settings, url, hears, taker, (isUp) => {
        if (isUp) up.add(url);
        else up.delete(url);
        hears.onState(up.size > 0);
      }),
  );
  const close = async (): Promise<void> => {
    const closed = brokers.map((broker) => broker.close());
    // Their messages in hand end at once now, and are theirs to bring again.
    taker.close();
    await Promise.all(closed);
  };
  const opened = await Promise.allSettled(brokers.map((broker) => broker.open()));
  const failures = opened.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
  const lasting = failures.find((error) => error instanceof AtalaiaError && error.code === 'ATL_CONFIG');
  if (lasting !== undefined || failures.length === brokers.length) {
    await close();
    throw lasting ?? failures[0];
  }
  for (const [i, one] of opened.entries()) if (one.status === 'rejected') brokers[i]?.again(one.reason);
  return { close };
}

/** One of the brokers: when it does not answer at first, it is tried again while the others bring what there is. */
class Broker {
  readonly #settings: Wis2SourceConfig;
  readonly #url: string;
  readonly #hears: Hears;
  readonly #taker: Wis2Taker;
  readonly #onState: (isUp: boolean) => void;
  #opening: Promise<MqttSource> | undefined;
  #source: MqttSource | undefined;
  #cancelPause: () => void = () => undefined;
  #failures = 0;
  #messages = 0;
  #isClosed = false;

  constructor(
    settings: Wis2SourceConfig,
    url: string,
    hears: Hears,
    taker: Wis2Taker,
    onState: (isUp: boolean) => void,
  ) {
    this.#settings = settings;
    this.#url = url;
    this.#hears = hears;
    this.#taker = taker;
    this.#onState = onState;
  }

  async open(): Promise<void> {
    this.#opening = openMqttSource({
      ...accessOf(this.#settings, this.#hears),
      urls: [this.#url],
      takesRetained: false,
      // The order of stations is kept behind this, over all brokers.
      laneOf: () => String(this.#messages++),
      onMessage: (message) => this.#taker.onMessage(message),
      onEvent: (event) => {
        if (event.kind === 'reachable' || event.kind === 'unreachable')
          this.#onState(event.kind === 'reachable');
        this.#hears.onEvent({ ...event, ...{ broker: new URL(this.#url).host } });
      },
    });
    this.#source = await this.#opening;
    this.#failures = 0;
    this.#onState(true);
  }

  again(error: unknown): void {
    if (this.#isClosed) return;
    const failure = error instanceof Error ? error.message : String(error);
    this.#hears.onEvent({ kind: 'unreachable', ...{ failure } });
    const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(this.#failures++, 10));
    this.#cancelPause = this.#hears.clock.after(pauseMs * (0.5 + this.#hears.random() / 2), () => {
      this.open().catch((next) => this.again(next));
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelPause();
    const source = this.#source ?? (await this.#opening?.catch(() => undefined));
    await source?.close();
  }
}

/**
 * The data behind a notification, as the source would have them; undefined where the message is none. Reads, and asks the
 * servers that it names, changing nothing.
 * Rejects with ATL_UNREADABLE when there are none to be had or read.
 */
export async function wis2Data(
  body: Uint8Array,
  allowPrivate: boolean,
): Promise<{ readonly body: Uint8Array; readonly dataId: string; readonly format?: 'bufr' } | undefined> {
  if (!isNotification(body)) return undefined;
  const notification = readNotification(body);
  const downloader = downloaderOf(allowPrivate);
  const { signal } = new AbortController();
  try {
    const data = await dataOf(notification, { downloader, clock: systemClock, random: Math.random, signal });
    return { body: data, dataId: notification.dataId, ...(isBufr(data) ? { format: 'bufr' } : {}) };
  } finally {
    downloader.close();
  }
}

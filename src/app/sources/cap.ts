import { MAX_BYTES } from '../../alerts/cap/read/decode.ts';
import { FeedTaker, mayFollow } from '../../ingest/sources/cap/taker.ts';
import { openPollSource } from '../../ingest/sources/poll/source.ts';
import { createDownloader, DownloadRefused } from '../../ingest/sources/wis2/download.ts';
import { noFeedState } from '../../store/ledger/foreign-feed.ts';
import { openReader } from '../cap/reader.ts';
import { readAside } from '../cap/thread.ts';
import { textOf } from '../config/secrets.ts';
import type { CapFeedConfig } from '../config/source-config.ts';
import type { Hears, Open } from './kind.ts';

const DOWNLOAD_TIMEOUT_MS = 20_000;

/** Asks a feed of another authority now and then, and keeps its warnings in the ledger. */
export async function openCapFeed(settings: CapFeedConfig, hears: Hears): Promise<Open> {
  const { name, url, headers = {}, every, hosts, allowPrivate } = settings;
  const { clock, random, cursor, foreign, onCounted } = hears;
  const stopping = new AbortController();
  const mayAsk = (asked: URL): boolean => mayFollow(asked, url, hosts);
  const limits = { maxBytes: MAX_BYTES, timeoutMs: DOWNLOAD_TIMEOUT_MS, allowPrivate, mayAsk };
  const downloader = createDownloader(limits);
  const reader = openReader();
  const taker = new FeedTaker({
    ...{ source: name, url, hosts, clock, put: foreign.put },
    read: (bytes, base) => readAside(reader, bytes, base, stopping.signal),
    senders: settings.senders,
    maxMessages: settings.maxMessages,
    get: downloader.get,
    isForGood: (error) => error instanceof DownloadRefused,
    loadMark: () => cursor.loadMark(`cap-feed:${name}`),
    saveMark: (mark) => cursor.saveMark(`cap-feed:${name}`, mark),
  });
  // Until a reading left nothing open, the server must not answer that nothing has changed.
  let isWhole = false;
  const state = async (change: Parameters<typeof foreign.saveState>[1]): Promise<void> =>
    foreign.saveState(name, change);
  const source = await openPollSource({
    ...{ url, everyMs: every, firstMs: 0, overlapMs: 0, maxBytes: MAX_BYTES, clock, random },
    headers: Object.fromEntries(Object.entries(headers).map(([key, value]) => [key, textOf(value)])),
    load: async () => null,
    save: async () => {},
    fetch: async (place, init) => {
      const asked = new Headers(init?.headers);
      if (!isWhole) for (const mark of ['if-none-match', 'if-modified-since']) asked.delete(mark);
      const answer = await downloader.fetch(place, { ...init, headers: asked });
      if (answer.status === 304) await state((before) => ({ ...before, readAt: clock.now() }));
      return answer;
    },
    onMessage: async ({ body }) => {
      isWhole = false;
      const report = await taker.take(body, stopping.signal);
      isWhole = report.isWhole;
      onCounted('foreign-taken', report.taken);
      for (const [why, by] of Object.entries(report.refused)) onCounted(`foreign-refused-${why}`, by);
      const { taken, missing, refused, strangers, findings } = report;
      if (Object.keys(refused).length + findings.length > 0)
        hears.onEvent({ kind: 'passed over', ...{ refused, strangers, findings } });
      await state(() => ({ ...noFeedState, readAt: clock.now(), taken, missing, refused, strangers }));
      return null;
    },
    onEvent: (event) => {
      if (event.kind !== 'failed') return hears.onState(event.kind === 'reachable');
      hears.onEvent(event);
      const failed = { failure: event.failure.slice(0, 300), failedAt: clock.now() };
      // The ledger that is away is told of by others.
      state((before) => ({ ...before, ...failed })).catch(() => {});
    },
  });
  return {
    async close() {
      stopping.abort();
      await source.close();
      downloader.close();
    },
  };
}

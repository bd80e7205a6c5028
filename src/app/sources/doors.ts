import { MAX_BODY_BYTES } from '../../ingest/decode/body.ts';
import { formats } from '../../ingest/formats/index.ts';
import { openFolderSource } from '../../ingest/sources/folder/source.ts';
import { openPollSource } from '../../ingest/sources/poll/source.ts';
import { openUdpSource } from '../../ingest/sources/udp/source.ts';
import { textOf } from '../config/secrets.ts';
import {
  type FolderSourceConfig,
  type PollSourceConfig,
  type UdpSourceConfig,
  writtenOf,
  writtenOrOursOf,
} from '../config/source-config.ts';
import type { SourceMessage } from './intake.ts';
import type { Hears, Open } from './kind.ts';

const nothing = { contentType: undefined, encoding: undefined } as const;

/** Asks a web service now and then; its cursor lies in the ledger. */
export function openPoll(settings: PollSourceConfig, hears: Hears): Promise<Open> {
  const { name, url, headers = {}, every, first, overlap } = settings;
  const { clock, random, cursor } = hears;
  const written = writtenOf(settings);
  const format = formats.get(written.format);
  const { next } = format ?? {};
  return openPollSource({
    url,
    timeZone: settings.timeZone ?? format?.timeZone,
    next: next && ((body) => next({ body, receivedAt: clock.now() })),
    headers: Object.fromEntries(Object.entries(headers).map(([key, value]) => [key, textOf(value)])),
    everyMs: every,
    firstMs: first,
    overlapMs: overlap,
    maxBytes: MAX_BODY_BYTES,
    clock,
    random,
    load: () => cursor.load(name),
    save: (at) => cursor.save(name, at),
    onMessage: ({ body }) => hears.take({ ...nothing, body, written, origin: url }),
    onEvent: (event) => {
      if (event.kind === 'failed') hears.onEvent(event);
      else hears.onState(event.kind === 'reachable');
    },
  });
}

/** Hears datagrams: what cannot be taken at once waits within bounds, and what comes beyond is told as dropped. */
export function openUdp(settings: UdpSourceConfig, hears: Hears): Promise<Open> {
  const { host, port } = settings;
  const written = writtenOf(settings);
  return openUdpSource({
    host,
    port,
    onMessage: async ({ body, from }) => {
      await hears.take({ ...nothing, body, written, isOpen: true, origin: from });
    },
    onEvent: hears.onEvent,
  });
}

/** Media type of our own reports by the end of a file's name. */
const reportTypes: Readonly<Record<string, string>> = {
  csv: 'text/csv',
  ndjson: 'application/x-ndjson',
  jsonl: 'application/x-ndjson',
};

/** Takes in files that are dropped into a directory: our own reports, or messages of a producer. */
export function openFolder(settings: FolderSourceConfig, hears: Hears): Promise<Open> {
  const { directory } = settings;
  const written = writtenOrOursOf(settings);
  const formOf = (file: string): Partial<SourceMessage> => {
    const [, end = '', packed] = /\.([a-z]+?)(\.gz)?$/i.exec(file) ?? [];
    if (written) return { written, encoding: packed ? 'gzip' : undefined };
    return {
      contentType: reportTypes[end.toLowerCase()] ?? 'application/json',
      encoding: packed ? 'gzip' : undefined,
    };
  };
  return openFolderSource({
    directory,
    maxBytes: MAX_BODY_BYTES,
    clock: hears.clock,
    onMessage: async ({ body, file }) => {
      await hears.take({ ...nothing, body, topic: file, ...formOf(file), origin: file });
    },
    onEvent: hears.onEvent,
  });
}

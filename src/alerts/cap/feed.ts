import { createHash } from 'node:crypto';
import type { Language } from '../../model/language.ts';
import { formatInstant, parseInstant } from '../../model/time.ts';
import { CAP_NAMESPACE, escapeXml } from './serialize.ts';

/** One message in a feed. `cap` holds the texts of its cap:* children by element name, in the order to write. */
export interface FeedEntry {
  readonly alert: string;
  readonly revision: number;
  readonly identifier: string;
  readonly sentText: string;
  readonly title: string;
  readonly summary: string;
  readonly cap: Readonly<Record<string, string>>;
}

/** `baseUrl` has no slash at its end; `updatedAt` (epoch ms) counts when the feed is empty. */
export interface FeedMeta {
  readonly title: string;
  readonly author: string;
  readonly baseUrl: string;
  readonly updatedAt: number;
  readonly language?: Language;
  /** Query that names this feed, `?hazard=rain`; empty for all. */
  readonly query?: string;
  /** The query of the feed that begins after so many entries, which did not find room (RFC 5005, section 3). */
  readonly next?: (shown: number) => string | undefined;
}

/** Google asks for at most 100 kB; older messages follow by the link `next`. */
const MAX_BYTES = 100_000;
const CAP_CHILDREN = [
  'status',
  'msgType',
  'category',
  'event',
  'urgency',
  'severity',
  'certainty',
  'effective',
  'expires',
  'areaDesc',
] as const;

/** The entry of a message in the ledger. Reads our own serializer's text, which has no attributes or prefixes. */
export function feedEntry(
  row: {
    readonly alert: string;
    readonly revision: number;
    readonly identifier: string;
    readonly sentText: string;
    readonly xml: string;
  },
  lang: Language = 'pt-BR',
): FeedEntry {
  const head = row.xml.split('<info>', 1)[0] as string;
  const info = row.xml.split('<info>').find((part) => part.includes(`<language>${lang}</language>`)) ?? '';
  const read = (name: string): string | undefined => {
    const match = new RegExp(`<${name}>([^<]*)</${name}>`).exec(head + info);
    return match === null ? undefined : unescapeXml(match[1] as string);
  };
  const cap: Record<string, string> = {};
  for (const name of CAP_CHILDREN) {
    const value = read(name);
    if (value !== undefined) cap[name] = value;
  }
  return {
    alert: row.alert,
    revision: row.revision,
    identifier: row.identifier,
    sentText: row.sentText,
    title: read('headline') ?? row.identifier,
    summary: read('description') ?? '',
    cap,
  };
}

const UNESCAPES: Readonly<Record<string, string>> = { '&lt;': '<', '&gt;': '>', '&quot;': '"', '&amp;': '&' };
const unescapeXml = (text: string): string =>
  text.replace(/&(?:lt|gt|quot|amp);/g, (entity) => UNESCAPES[entity] as string);

/** Atom 1.0 (RFC 4287), in the order given, at most 100 kB. */
export function atomFeed(entries: readonly FeedEntry[], meta: FeedMeta): string {
  const self = `${meta.baseUrl}/cap/feed.atom${meta.query ?? ''}`;
  const head =
    `<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom" xmlns:cap="${CAP_NAMESPACE}"` +
    ` xml:lang="${meta.language ?? 'pt-BR'}">\n<id>${escapeXml(self)}</id><title>${escapeXml(meta.title)}</title>` +
    `<updated>${formatInstant(newestAt(entries, meta))}</updated><author><name>${escapeXml(meta.author)}</name></author>` +
    `<link rel="self" type="application/atom+xml" href="${escapeXml(self)}"/>\n`;
  return bounded(
    head,
    '</feed>\n',
    (shown) => nextLink(`${meta.baseUrl}/cap/feed.atom`, 'link', meta.next?.(shown)),
    entries.map(
      (entry) =>
        `<entry><id>${escapeXml(entryId(entry))}</id><title>${escapeXml(entry.title)}</title>` +
        `<updated>${formatInstant(sentAt(entry))}</updated><link rel="alternate" type="application/cap+xml"` +
        ` href="${escapeXml(capUrl(entry, meta))}"/><summary>${escapeXml(entry.summary)}</summary>${children(entry)}</entry>\n`,
    ),
  );
}

/** RSS 2.0 (rssboard.org), in the order given, at most 100 kB. */
export function rssFeed(entries: readonly FeedEntry[], meta: FeedMeta): string {
  const self = `${meta.baseUrl}/cap/feed.rss${meta.query ?? ''}`;
  const head =
    `<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0" xmlns:cap="${CAP_NAMESPACE}" xmlns:atom="http://www.w3.org/2005/Atom">` +
    `<channel>\n<title>${escapeXml(meta.title)}</title><link>${escapeXml(`${meta.baseUrl}/`)}</link>` +
    `<description>${escapeXml(`${meta.title} – ${meta.author}`)}</description><language>${(meta.language ?? 'pt-BR').toLowerCase()}</language>` +
    `<lastBuildDate>${new Date(newestAt(entries, meta)).toUTCString()}</lastBuildDate>` +
    `<atom:link rel="self" type="application/rss+xml" href="${escapeXml(self)}"/>\n`;
  return bounded(
    head,
    '</channel></rss>\n',
    (shown) => nextLink(`${meta.baseUrl}/cap/feed.rss`, 'atom:link', meta.next?.(shown)),
    entries.map(
      (entry) =>
        `<item><title>${escapeXml(entry.title)}</title><link>${escapeXml(capUrl(entry, meta))}</link>` +
        `<description>${escapeXml(entry.summary)}</description><guid isPermaLink="false">${escapeXml(entry.identifier)}</guid>` +
        `<pubDate>${new Date(sentAt(entry)).toUTCString()}</pubDate>` +
        `<atom:link rel="alternate" type="application/cap+xml" href="${escapeXml(capUrl(entry, meta))}"/>${children(entry)}</item>\n`,
    ),
  );
}

/** Strong entity tag of a body, quotes included (RFC 9110, 8.8.3). */
export const etag = (body: string): string =>
  `"${createHash('sha256').update(body).digest('hex').slice(0, 32)}"`;

/** Atom wants an IRI; our identifiers become a tag-like URN by a prefix, other IRIs stay. */
const entryId = (entry: FeedEntry): string =>
  /^[a-z][a-z0-9+.-]*:/i.test(entry.identifier) ? entry.identifier : `urn:x-cap:${entry.identifier}`;

const capUrl = (entry: FeedEntry, meta: FeedMeta): string =>
  `${meta.baseUrl}/api/v1/alerts/${encodeURIComponent(entry.alert)}/cap.xml?revision=${entry.revision}`;

const children = (entry: FeedEntry): string =>
  Object.entries({ identifier: entry.identifier, sent: entry.sentText, ...entry.cap })
    .map(([name, value]) => `<cap:${name}>${escapeXml(value)}</cap:${name}>`)
    .join('');

const sentAt = (entry: FeedEntry): number => parseInstant(entry.sentText) ?? 0;

const newestAt = (entries: readonly FeedEntry[], meta: FeedMeta): number =>
  entries[0] === undefined ? meta.updatedAt : sentAt(entries[0]);

const nextLink = (feed: string, element: string, query: string | undefined): string =>
  query === undefined ? '' : `<${element} rel="next" href="${escapeXml(feed + query)}"/>\n`;

/** Bytes kept free for the link to the next page. */
const LINK_BYTES = 1000;

function bounded(
  head: string,
  tail: string,
  link: (shown: number) => string,
  parts: readonly string[],
): string {
  let size = Buffer.byteLength(head) + Buffer.byteLength(tail) + LINK_BYTES;
  const kept: string[] = [];
  for (const part of parts) {
    size += Buffer.byteLength(part);
    if (size > MAX_BYTES) break;
    kept.push(part);
  }
  return head + link(kept.length) + kept.join('') + tail;
}

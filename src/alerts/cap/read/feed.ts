import type { Finding } from './verdict.ts';
import type { Element } from './xml.ts';

const ATOM = 'http://www.w3.org/2005/Atom';

/** A whole alert inside a feed: as elements, or escaped as text. */
export interface Embedded {
  readonly element?: Element;
  readonly text?: string;
}

/** One entry or item: what names it, where its message stands, and the alerts that it carries whole. */
export interface FeedEntry {
  readonly id: string;
  /** As it stands there; changes when the entry does. */
  readonly updated: string;
  /** The link to the message as it stands there, possibly relative; empty without one. */
  readonly link: string;
  readonly embedded: readonly Embedded[];
}

export interface FeedReading {
  readonly findings: readonly Finding[];
  readonly entries: readonly FeedEntry[];
}

/** Entries of one feed that are read. */
const MAX_ENTRIES = 2000;
const MAX_LINK = 2000;
/** Media types of CAP: the registered one, and the older one that feeds still have. */
const CAP_TYPE = /^application\/(cap|common-alerting-protocol)\+xml\b/i;
const XML_TYPE = /^(application|text)\/([\w.-]+\+)?xml\b/i;

/**
 * Reads an Atom (RFC 4287) or RSS 2.0 feed: what must be there, the links of its entries, and the alerts that they carry
 * whole. Undefined when `root` is no feed. Links are not followed.
 */
export function readFeed(root: Element): FeedReading | undefined {
  if (root.namespace === ATOM && root.name === 'feed') {
    const entries = root.children.filter(({ name, namespace }) => name === 'entry' && namespace === ATOM);
    return bounded(entries, root, atomEntry, [
      ...missing(root, ['id', 'title', 'updated'], 'RFC 4287 4.1.1'),
      ...entries.flatMap((entry) => missing(entry, ['id', 'title', 'updated'], 'RFC 4287 4.1.2')),
    ]);
  }
  if (root.namespace !== '' || root.name !== 'rss') return undefined;
  const channel = root.children.find(({ name }) => name === 'channel');
  if (channel === undefined)
    return { findings: [finding(root, 'RSS 2.0', 'rss without channel')], entries: [] };
  const items = channel.children.filter(({ name }) => name === 'item');
  return bounded(items, channel, rssItem, [
    ...missing(channel, ['title', 'link', 'description'], 'RSS 2.0'),
    ...items
      .filter((item) => !has(item, 'title') && !has(item, 'description'))
      .map((item) => finding(item, 'RSS 2.0', 'item without title and description')),
  ]);
}

/** At most 2,000 entries; that there are more is told. */
function bounded(
  elements: readonly Element[],
  { line }: Element,
  read: (element: Element) => FeedEntry,
  findings: readonly Finding[],
): FeedReading {
  const entries = elements.slice(0, MAX_ENTRIES).map(read);
  if (elements.length <= MAX_ENTRIES) return { findings, entries };
  const reason = `line ${line}: ${elements.length} entries, only the first ${MAX_ENTRIES} are read`;
  return { findings: [...findings, { verdict: 'accept-warn', clause: 'limits', reason }], entries };
}

function atomEntry(entry: Element): FeedEntry {
  const own = entry.children.filter(({ namespace }) => namespace === ATOM);
  const at = (name: string): string => own.find((child) => child.name === name)?.text.trim() ?? '';
  const links = own
    .filter(({ name }) => name === 'link' || name === 'content')
    .map(({ name, attributes }) => ({
      rel: name === 'content' ? 'alternate' : (attributes.get('rel') ?? 'alternate'),
      type: attributes.get('type') ?? '',
      href: attributes.get(name === 'content' ? 'src' : 'href') ?? '',
    }));
  return {
    id: at('id'),
    updated: at('updated'),
    link: bestLink(links),
    embedded: embeddedIn(entry, ['content']),
  };
}

function rssItem(item: Element): FeedEntry {
  const at = (name: string): string =>
    item.children.find((child) => child.name === name && child.namespace === '')?.text.trim() ?? '';
  const links = item.children.flatMap(({ name, namespace, attributes, text }) => {
    const type = attributes.get('type') ?? '';
    if (namespace === ATOM && name === 'link')
      return [{ rel: attributes.get('rel') ?? 'alternate', type, href: attributes.get('href') ?? '' }];
    if (namespace !== '') return [];
    if (name === 'link') return [{ rel: 'alternate', type: '', href: text.trim() }];
    return name === 'enclosure' ? [{ rel: 'enclosure', type, href: attributes.get('url') ?? '' }] : [];
  });
  return {
    id: at('guid'),
    updated: at('pubDate'),
    link: bestLink(links),
    embedded: embeddedIn(item, ['description', 'encoded']),
  };
}

interface Link {
  readonly rel: string;
  readonly type: string;
  readonly href: string;
}

/** The link that says it leads to CAP; else to XML; else the alternate one that names no type (not HTML, not an image). */
function bestLink(links: readonly Link[]): string {
  const usable = links.filter(({ href }) => href !== '' && href.length <= MAX_LINK);
  const alternates = usable.filter(({ rel }) => rel === 'alternate');
  const best =
    usable.find(({ type }) => CAP_TYPE.test(type)) ??
    alternates.find(({ type }) => XML_TYPE.test(type)) ??
    alternates.find(({ type }) => type === '');
  return best?.href ?? '';
}

const has = (parent: Element, name: string): boolean =>
  parent.children.some((child) => child.name === name && child.namespace === parent.namespace);

const finding = ({ line }: Element, clause: string, reason: string): Finding => ({
  verdict: 'reject-schema',
  clause,
  reason: `line ${line}: ${reason}`,
});

const missing = (parent: Element, names: readonly string[], clause: string): readonly Finding[] =>
  names
    .filter((name) => !has(parent, name))
    .map((name) => finding(parent, clause, `${parent.name} without ${name}`));

/** An alert stands as a child of the entry or of what holds its content, or there as text (`<` escaped or in CDATA). */
function embeddedIn(entry: Element, holders: readonly string[]): readonly Embedded[] {
  return entry.children.flatMap((child): Embedded[] => {
    if (child.name === 'alert') return [{ element: child }];
    if (!holders.includes(child.name)) return [];
    const inner = child.children.filter(({ name }) => name === 'alert').map((element) => ({ element }));
    const text = child.text.trim();
    // Any other text is an HTML or plain summary for people.
    return inner.length > 0 || !/^<(\?xml|([\w.-]+:)?alert[\s>])/.test(text) ? inner : [{ text }];
  });
}

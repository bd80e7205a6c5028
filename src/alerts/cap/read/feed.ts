import type { Finding } from './verdict.ts';
import type { Element } from './xml.ts';

const ATOM = 'http://www.w3.org/2005/Atom';

/** A whole alert inside a feed: as elements, or escaped as text. */
export interface Embedded {
  readonly element?: Element;
  readonly text?: string;
}

export interface FeedReading {
  readonly findings: readonly Finding[];
  readonly embedded: readonly Embedded[];
}

/** Alerts of one feed that are read. */
const MAX_EMBEDDED = 1000;

/**
 * Reads the frame of an Atom (RFC 4287) or RSS 2.0 feed: what must be there, and the alerts that its entries carry whole.
 * Undefined when `root` is no feed. Links are not followed.
 */
export function readFeed(root: Element): FeedReading | undefined {
  if (root.namespace === ATOM && root.name === 'feed') {
    const entries = root.children.filter(({ name, namespace }) => name === 'entry' && namespace === ATOM);
    return {
      findings: [
        ...missing(root, ['id', 'title', 'updated'], 'RFC 4287 4.1.1'),
        ...entries.flatMap((entry) => missing(entry, ['id', 'title', 'updated'], 'RFC 4287 4.1.2')),
      ],
      embedded: entries.flatMap((entry) => embeddedIn(entry, ['content'])).slice(0, MAX_EMBEDDED),
    };
  }
  if (root.namespace !== '' || root.name !== 'rss') return undefined;
  const channel = root.children.find(({ name }) => name === 'channel');
  if (channel === undefined)
    return { findings: [finding(root, 'RSS 2.0', 'rss without channel')], embedded: [] };
  const items = channel.children.filter(({ name }) => name === 'item');
  return {
    findings: [
      ...missing(channel, ['title', 'link', 'description'], 'RSS 2.0'),
      ...items
        .filter((item) => !has(item, 'title') && !has(item, 'description'))
        .map((item) => finding(item, 'RSS 2.0', 'item without title and description')),
    ],
    embedded: items.flatMap((item) => embeddedIn(item, ['description', 'encoded'])).slice(0, MAX_EMBEDDED),
  };
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

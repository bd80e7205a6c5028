import { AtalaiaError } from '../../lib/errors.ts';

const MAX_DEPTH = 32;
const MARKUP =
  /<(?:!--[\s\S]*?-->|!\[CDATA\[([\s\S]*?)\]\]>|\?[\s\S]*?\?>|(\/?)([\w:.-]{1,100})([^<>]*?)(\/?)>)/y;
const ENTITY = /&(?:#(\d{1,7})|#x([\da-f]{1,6})|(amp|lt|gt|quot|apos));/gi;
const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

interface Open {
  readonly name: string;
  readonly children: Map<string, string>;
  text: string;
  isLeaf: boolean;
}

/**
 * Records of a data set in XML: elements whose own children are all plain texts and of which `isRecord` holds, in the order
 * of the document. Prefixes are cut. Entities are those of XML itself; a DOCTYPE is refused, so that nothing can be
 * declared or fetched. Time and memory grow with the text alone.
 * @throws AtalaiaError ATL_UNREADABLE for what is no such XML, with the place
 */
export function xmlRecords(
  text: string,
  isRecord: (children: ReadonlyMap<string, string>) => boolean,
): ReadonlyMap<string, string>[] {
  const records: ReadonlyMap<string, string>[] = [];
  const open: Open[] = [];
  const bad = (why: string, at: number): AtalaiaError =>
    new AtalaiaError('ATL_UNREADABLE', `The XML cannot be read at character ${at + 1}: ${why}.`);
  for (let at = 0; at < text.length; ) {
    const start = text.indexOf('<', at);
    const inner = open.at(-1);
    if (inner) inner.text += decoded(text.slice(at, start < 0 ? undefined : start));
    if (start < 0) break;
    MARKUP.lastIndex = start;
    const match = MARKUP.exec(text);
    if (!match)
      throw bad(text.startsWith('<!', start) ? 'declarations are not read' : 'a tag is expected', start);
    at = MARKUP.lastIndex;
    const [, data, slash, tag, , empty] = match;
    if (data !== undefined && inner) inner.text += data;
    if (tag === undefined) continue;
    if (slash !== '/') {
      if (inner) inner.isLeaf = false;
      if (open.length === MAX_DEPTH) throw bad(`elements are deeper than ${MAX_DEPTH}`, start);
      open.push({ name: tag.replace(/^.*:/, ''), children: new Map(), text: '', isLeaf: true });
    }
    if (slash !== '/' && empty !== '/') continue;
    const closed = open.pop();
    if (!closed || (slash === '/' && closed.name !== tag.replace(/^.*:/, '')))
      throw bad(`${tag} is closed and was not open`, start);
    if (closed.isLeaf) open.at(-1)?.children.set(closed.name, closed.text.trim());
    else if (isRecord(closed.children)) records.push(closed.children);
  }
  if (open.length > 0) throw bad(`${open.at(-1)?.name} is not closed`, text.length);
  return records;
}

const decoded = (text: string): string =>
  text.replace(ENTITY, (whole, decimal?: string, hex?: string, name?: string) => {
    if (name) return named[name.toLowerCase()] ?? whole;
    const code = decimal ? Number(decimal) : Number.parseInt(hex ?? '', 16);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });

import type { CapAlert, CapArea, CapInfo, CapPair } from './message.ts';

export const CAP_NAMESPACE = 'urn:oasis:names:tc:emergency:cap:1.2';

// What XML 1.0 (5th ed., 2.2) does not admit, and lone surrogates; the control characters are the point here. With them
// the byte order mark: invisible, without meaning inside a text (Unicode 16, 23.8), and decoders drop a leading one.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to drop
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufeff\ufffe\uffff\ud800-\udfff]/gu;

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Text that any XML document can carry: forbidden characters dropped, one kind of line end, NFC. */
export const cleanText = (text: string): string =>
  text.replace(FORBIDDEN, '').replace(/\r\n?/g, '\n').normalize('NFC');

/** The one escaping function, for text and for double-quoted attributes. */
export const escapeXml = (text: string): string =>
  cleanText(text).replace(/[&<>"]/g, (character) => ESCAPES[character] as string);

const element = (name: string, text: string | undefined): string =>
  text === undefined ? '' : `<${name}>${escapeXml(text)}</${name}>`;

const each = (name: string, texts: readonly string[]): string =>
  texts.map((text) => element(name, text)).join('');

const pairs = (name: string, list: readonly CapPair[]): string =>
  list
    .map(
      (pair) => `<${name}>${element('valueName', pair.valueName)}${element('value', pair.value)}</${name}>`,
    )
    .join('');

const area = (value: CapArea): string =>
  `<area>${element('areaDesc', value.areaDesc)}${each('polygon', value.polygon)}${each('circle', value.circle)}` +
  `${pairs('geocode', value.geocode)}</area>`;

const info = (value: CapInfo): string =>
  [
    '<info>',
    element('language', value.language),
    each('category', value.category),
    element('event', value.event),
    each('responseType', value.responseType),
    element('urgency', value.urgency),
    element('severity', value.severity),
    element('certainty', value.certainty),
    pairs('eventCode', value.eventCode),
    element('effective', value.effective),
    element('onset', value.onset),
    element('expires', value.expires),
    element('senderName', value.senderName),
    element('headline', value.headline),
    element('description', value.description),
    element('instruction', value.instruction),
    element('web', value.web),
    pairs('parameter', value.parameter),
    value.area.map(area).join(''),
    '</info>',
  ].join('');

/** The message as UTF-8 XML text in the XSD's sequence order, without attributes. */
export const serializeCap = (message: CapAlert): string =>
  [
    `<?xml version="1.0" encoding="UTF-8"?>\n<alert xmlns="${CAP_NAMESPACE}">`,
    element('identifier', message.identifier),
    element('sender', message.sender),
    element('sent', message.sent),
    element('status', message.status),
    element('msgType', message.msgType),
    element('scope', message.scope),
    each('code', message.code ?? []),
    element('note', message.note),
    element('references', message.references),
    element('incidents', message.incidents),
    message.info.map(info).join(''),
    '</alert>\n',
  ]
    .join('\n')
    .replace(/\n{2,}(?=<)/g, '\n');

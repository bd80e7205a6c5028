import { readFile } from 'node:fs/promises';
import { XmlDocument, XmlElement, XmlLibError, XsdValidator } from 'libxml2-wasm';
import { AtalaiaError } from '../../lib/errors.ts';
import { parseInstant } from '../../model/time.ts';
import { CAP_NAMESPACE } from './serialize.ts';

/** The gate that every emitted message passes: the OASIS XSD and the rules that an XSD cannot say. */
export interface CapGate {
  /** Problems with their place, one sentence each; none = valid. Bytes are decoded as they declare. */
  check(xml: string | Uint8Array): string[];
}

/** Larger messages are refused unread; the largest real one seen has 1.6 MB. */
const MAX_BYTES = 5_000_000;
const NAMESPACES = { c: CAP_NAMESPACE };
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$/;

/** Opens the gate with our copy of CAP-v1.2.xsd (OASIS Open 2010). Rejects with ATL_CAP_INVALID when it cannot be read. */
export async function openCapGate(): Promise<CapGate> {
  const place = new URL('./CAP-v1.2.xsd', import.meta.url);
  try {
    const schema = XmlDocument.fromBuffer(await readFile(place));
    try {
      const validator = XsdValidator.fromDoc(schema);
      return { check: (xml) => check(validator, xml) };
    } finally {
      schema.dispose();
    }
  } catch (cause) {
    throw new AtalaiaError(
      'ATL_CAP_INVALID',
      `The CAP schema ${place.pathname} cannot be read; install Atalaia again.`,
      { cause },
    );
  }
}

function check(validator: XsdValidator, xml: string | Uint8Array): string[] {
  if (xml.length > MAX_BYTES) return [`message: larger than ${MAX_BYTES} bytes; simplify its polygons`];
  let document: XmlDocument;
  try {
    document = typeof xml === 'string' ? XmlDocument.fromString(xml) : XmlDocument.fromBuffer(xml);
  } catch (error) {
    return [`XML: ${sentence(error)}`];
  }
  try {
    if (document.dtd !== null) return ['XML: a DOCTYPE is refused'];
    try {
      validator.validate(document);
    } catch (error) {
      return [`schema: ${sentence(error)}`];
    }
    return rules(document);
  } finally {
    document.dispose();
  }
}

function sentence(error: unknown): string {
  if (!(error instanceof XmlLibError)) throw error;
  return error.message.trim().replace(/\s*\n\s*/g, '; ');
}

function rules(document: XmlDocument): string[] {
  const texts = (path: string): string[] =>
    document.find(path, NAMESPACES).map((node) => (node instanceof XmlElement ? node.content : ''));
  const text = (path: string): string => texts(path)[0] ?? '';
  const problems: string[] = [];
  for (const name of ['identifier', 'sender']) {
    if (!/^[^\s,<&]+$/.test(text(`/c:alert/c:${name}`)))
      problems.push(`${name} (3.2.1): empty, or has a space, a comma, "<" or "&"`);
  }
  const sent = text('/c:alert/c:sent');
  for (const time of [sent, ...texts('//c:effective | //c:onset | //c:expires')]) {
    if (!TIME.test(time))
      problems.push(`time ${time} (3.3.2): needs whole seconds and a numeric offset, never Z`);
  }
  const msgType = text('/c:alert/c:msgType');
  problems.push(
    ...referenceProblems(msgType, text('/c:alert/c:references'), sent, text('/c:alert/c:identifier')),
  );
  for (const expires of texts('//c:expires')) {
    if ((parseInstant(expires) ?? 0) <= (parseInstant(sent) ?? 0))
      problems.push(`expires ${expires} (3.2.2): not after sent ${sent}`);
  }
  for (const ring of texts('//c:polygon')) problems.push(...ringProblems(ring));
  return problems;
}

function referenceProblems(msgType: string, references: string, sent: string, identifier: string): string[] {
  const list = references
    .trim()
    .split(/\s+/)
    .filter((one) => one !== '');
  if ((msgType === 'Update' || msgType === 'Cancel') && list.length === 0)
    return [`references (3.2.1): ${msgType} without references`];
  return list.flatMap((one) => {
    const [, id, time, ...more] = one.split(',');
    if (!id || !time || more.length > 0)
      return [`references (3.2.1): "${one}" is not sender,identifier,sent`];
    if (id === identifier && time === sent) return [`references (3.2.1): the message refers to itself`];
    if ((parseInstant(time) ?? 0) > (parseInstant(sent) ?? 0))
      return [`references (3.2.1): ${id} was sent later`];
    return [];
  });
}

function ringProblems(ring: string): string[] {
  const points = ring.trim().split(/\s+/);
  const name = `polygon ${points[0]} (3.2.4)`;
  if (points.length < 4) return [`${name}: fewer than 4 points`];
  const numbers = points.map((point) => point.split(',').map(Number));
  if (!numbers.every(([lat, lon, ...more]) => within(lat, 90) && within(lon, 180) && more.length === 0)) {
    return [`${name}: a point is not lat,lon within ±90,±180`];
  }
  const [first, last] = [numbers[0], numbers.at(-1)];
  return first?.[0] === last?.[0] && first?.[1] === last?.[1] ? [] : [`${name}: not closed`];
}

const within = (value: number | undefined, limit: number): boolean =>
  value !== undefined && Math.abs(value) <= limit;

import {
  ParseOption,
  XmlC14NMode,
  XmlDocument,
  XmlElement,
  XmlError,
  XmlLibError,
  XmlText,
  XsdValidator,
} from 'libxml2-wasm';
import { AtalaiaError } from '../../../lib/errors.ts';
import { CAP_NAMESPACE } from '../serialize.ts';
import { checkSignatures, SIGNATURE_NAMESPACE } from './signature.ts';
import { type Finding, oneLine } from './verdict.ts';

/** An element of a document as plain data. `text` is that of its own text nodes. */
export interface Element {
  readonly name: string;
  readonly namespace: string;
  readonly line: number;
  readonly text: string;
  /** Attributes by name; namespace declarations and what XML Schema puts on instances (`xsi:…`) are none. */
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly Element[];
}

export type XmlReading =
  | { readonly root: Element; readonly schema?: Finding; readonly signatures: readonly Finding[] }
  | { readonly finding: Finding };

const MAX_ELEMENTS = 100_000;
const MAX_DEPTH = 64;
const MAX_IN_SIGNATURE = 500;
const INSTANCE = 'http://www.w3.org/2001/XMLSchema-instance';
const OPTIONS =
  ParseOption.XML_PARSE_NO_XXE |
  ParseOption.XML_PARSE_NONET |
  ParseOption.XML_PARSE_NO_SYS_CATALOG |
  ParseOption.XML_PARSE_NOCDATA |
  // The text was decoded before; its declaration says how it was written, not how it comes here.
  ParseOption.XML_PARSE_IGNORE_ENC;

class LimitError extends Error {}

/** Compiles CAP-v1.2.xsd (bytes of the file). Throws ATL_CAP_INVALID when it is no schema. */
export function compileSchema(xsd: Uint8Array): XsdValidator {
  try {
    const document = XmlDocument.fromBuffer(xsd);
    try {
      return XsdValidator.fromDoc(document);
    } finally {
      document.dispose();
    }
  } catch (cause) {
    throw new AtalaiaError('ATL_CAP_INVALID', 'The CAP schema cannot be read; install Atalaia again.', {
      cause,
    });
  }
}

/**
 * Parses text that has no DOCTYPE. Reads nothing but the text: entities, catalogs, XInclude, stylesheets and schema
 * locations are not followed, and the parser has no door to files or the network. With at most 100,000 elements, 64 deep.
 * @param isSound whether schema and signatures are still to be checked: the library takes time by the square of the
 *   number of errors, so what already has some must not come to it.
 */
export function readXml(text: string, schema: XsdValidator, isSound: (root: Element) => boolean): XmlReading {
  if (count(text, '<') > 2 * MAX_ELEMENTS) return { finding: limit(`more than ${MAX_ELEMENTS} elements`) };
  let document: XmlDocument;
  try {
    document = parseXml(text);
  } catch (error) {
    return { finding: malformed(error) };
  }
  try {
    if (document.dtd !== null)
      return {
        finding: { verdict: 'reject-security', clause: 'XML 1.0 2.8', reason: 'a DOCTYPE is refused' },
      };
    const root = copy(document.root, 0, { elements: 0 });
    if (!isSound(root) || root.namespace !== CAP_NAMESPACE || root.name !== 'alert')
      return { root, signatures: [] };
    const broken = validate(schema, document);
    const signed = root.children.some(({ namespace }) => namespace === SIGNATURE_NAMESPACE);
    const signatures = signed && broken === undefined ? checkSignatures(() => parseXml(text)) : [];
    return broken === undefined ? { root, signatures } : { root, schema: broken, signatures };
  } catch (error) {
    if (error instanceof LimitError) return { finding: limit(error.message) };
    if (error instanceof XmlError) return { finding: malformed(error) };
    throw error;
  } finally {
    document.dispose();
  }
}

// As bytes: a text would end at its first NUL.
export const parseXml = (text: string): XmlDocument =>
  XmlDocument.fromBuffer(Buffer.from(text), { option: OPTIONS });

/** Exclusive canonical XML 1.0 of a message that we wrote ourselves: what its signature covers. */
export function canonicalText(text: string): string {
  const document = parseXml(text);
  try {
    return document.canonicalizeToString({ mode: XmlC14NMode.XML_C14N_EXCLUSIVE_1_0 });
  } finally {
    document.dispose();
  }
}

const limit = (reason: string): Finding => ({ verdict: 'reject-security', clause: 'limits', reason });

function malformed(error: unknown): Finding {
  const detail = error instanceof XmlLibError ? error.details[0] : undefined;
  const message = oneLine(detail?.message ?? 'cannot be parsed').slice(0, 200);
  if (/depth|too large|limit/i.test(message)) return limit(message);
  // Also what is no error of the parser's own: a hostile file must not end the command.
  const place = detail === undefined ? '' : `line ${detail.line}: `;
  return { verdict: 'reject-malformed', clause: 'XML 1.0', reason: `${place}${message}` };
}

function validate(schema: XsdValidator, document: XmlDocument): Finding | undefined {
  try {
    schema.validate(document);
    return undefined;
  } catch (error) {
    if (!(error instanceof XmlError)) throw error;
    const detail = error instanceof XmlLibError ? error.details[0] : undefined;
    const message = oneLine(detail?.message ?? error.message).slice(0, 300);
    return {
      verdict: 'reject-schema',
      clause: `XSD ${/'\{[^}]*\}(\w+)'/.exec(message)?.[1] ?? 'alert'}`,
      reason: `line ${detail?.line ?? 0}: ${message}`,
    };
  }
}

function copy(element: XmlElement, depth: number, counted: { elements: number }): Element {
  if (depth > MAX_DEPTH) throw new LimitError(`elements deeper than ${MAX_DEPTH}`);
  if (++counted.elements > MAX_ELEMENTS) throw new LimitError(`more than ${MAX_ELEMENTS} elements`);
  const namespace = element.namespaceUri;
  let text = '';
  const children: Element[] = [];
  // A signature is read where it is verified.
  if (namespace === SIGNATURE_NAMESPACE) {
    if (Number(element.eval('count(descendant::*)')) > MAX_IN_SIGNATURE)
      throw new LimitError(`more than ${MAX_IN_SIGNATURE} elements in a Signature`);
  } else {
    for (let node = element.firstChild; node !== null; node = node.next) {
      if (node instanceof XmlElement) children.push(copy(node, depth + 1, counted));
      else if (node instanceof XmlText) text += node.content;
    }
  }
  const attributes = new Map(
    element.attrs
      .filter((attribute) => attribute.namespaceUri !== INSTANCE)
      .map((attribute) => [attribute.name, attribute.value] as const),
  );
  return { name: element.name, namespace, line: element.line, text, attributes, children };
}

function count(text: string, mark: string): number {
  let n = 0;
  for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + 1)) n++;
  return n;
}

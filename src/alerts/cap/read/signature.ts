import {
  createHash,
  createPublicKey,
  type KeyObject,
  verify as verifyBytes,
  X509Certificate,
} from 'node:crypto';
import { XmlC14NMode, type XmlDocument, XmlElement, XmlError, XmlText } from 'libxml2-wasm';
import type { Finding } from './verdict.ts';

export const SIGNATURE_NAMESPACE = 'http://www.w3.org/2000/09/xmldsig#';

const NAMESPACES = { ds: SIGNATURE_NAMESPACE };
const ENVELOPED = `${SIGNATURE_NAMESPACE}enveloped-signature`;
const MORE = 'http://www.w3.org/2001/04/xmldsig-more#';
/** Real messages have at most two, the sender's and the network's; the first ones are checked. */
const MAX_SIGNATURES = 2;

type Mode = (typeof XmlC14NMode)[keyof typeof XmlC14NMode];
const modes: ReadonlyMap<string, Mode> = new Map<string, Mode>([
  ['http://www.w3.org/TR/2001/REC-xml-c14n-20010315', XmlC14NMode.XML_C14N_1_0],
  ['http://www.w3.org/2001/10/xml-exc-c14n#', XmlC14NMode.XML_C14N_EXCLUSIVE_1_0],
  ['http://www.w3.org/2006/12/xml-c14n11', XmlC14NMode.XML_C14N_1_1],
]);
const digests: ReadonlyMap<string, string> = new Map([
  [`${SIGNATURE_NAMESPACE}sha1`, 'sha1'],
  ['http://www.w3.org/2001/04/xmlenc#sha256', 'sha256'],
  [`${MORE}sha384`, 'sha384'],
  ['http://www.w3.org/2001/04/xmlenc#sha512', 'sha512'],
]);
type Method = readonly [type: 'rsa' | 'ec', hash: string];
const methods: ReadonlyMap<string, Method> = new Map<string, Method>([
  [`${SIGNATURE_NAMESPACE}rsa-sha1`, ['rsa', 'sha1']],
  ...['sha256', 'sha384', 'sha512'].flatMap((hash): [string, Method][] => [
    [`${MORE}rsa-${hash}`, ['rsa', hash]],
    [`${MORE}ecdsa-${hash}`, ['ec', hash]],
  ]),
]);

type Outcome = 'verified' | 'unknown' | { readonly why: string };

/**
 * Checks the enveloped signatures (XML-DSig; CAP 1.2, 3.3.4) of a message against the keys that they carry. One that
 * fails makes `sig-invalid`, unless another covers the message and holds; one that cannot be checked (DSA, no key, an
 * unknown algorithm) makes nothing, as a reader must not reject for that alone. Base64 must be canonical (RFC 4648, 3.5):
 * otherwise bits could be changed unseen. An embedded key proves that nothing was altered, not who signed.
 * @param parse gives a fresh document; it is disposed here.
 */
export function checkSignatures(parse: () => XmlDocument): readonly Finding[] {
  const number = using(parse(), (document) => signaturesOf(document).length);
  const outcomes: Outcome[] = [];
  for (let i = 0; i < Math.min(number, MAX_SIGNATURES); i++) outcomes.push(checkOne(parse, i));
  const bad = outcomes.filter((outcome) => typeof outcome === 'object');
  const forged = bad.find(({ why }) => why.includes('Base64'));
  const failed = forged ?? (outcomes.includes('verified') ? undefined : bad[0]);
  return failed === undefined
    ? []
    : [{ verdict: 'sig-invalid', clause: '3.3.4 Signature', reason: failed.why }];
}

function using<T>(document: XmlDocument, use: (document: XmlDocument) => T): T {
  try {
    return use(document);
  } finally {
    document.dispose();
  }
}

const signaturesOf = (document: XmlDocument): XmlElement[] =>
  document.find('/*/ds:Signature', NAMESPACES).filter((node) => node instanceof XmlElement);

const contents = (node: XmlElement, path: string): string[] =>
  node.find(path, NAMESPACES).map(({ content }) => content);

/**
 * One signature, first over the message as it stands, then with white space between elements dropped: members of WMO
 * sign so and serve with blanks.
 */
function checkOne(parse: () => XmlDocument, index: number): Outcome {
  const served = verify(parse, index);
  if (typeof served === 'string' || served.why.includes('Base64')) return served;
  const stripped = verify(() => withoutBlanks(parse), index);
  // A digest that differs says more than a signature that already fails over other white space.
  return typeof stripped === 'object' && served.why.startsWith('DigestValue') ? served : stripped;
}

function withoutBlanks(parse: () => XmlDocument): XmlDocument {
  const document = parse();
  dropBlanks(document.root);
  return document;
}

/**
 * What each signature is worth, a sentence where it does not hold: over the message as it stands, or with blanks dropped.
 * @param trust the certificate of the signer or of its issuer; without it the key in the message is believed
 */
export function verifyEach(
  parse: () => XmlDocument,
  stripped: boolean,
  trust?: X509Certificate,
): readonly string[] {
  const number = using(parse(), (document) => signaturesOf(document).length);
  return Array.from({ length: Math.min(number, MAX_SIGNATURES) }, (_, index) => {
    const outcome = verify(stripped ? () => withoutBlanks(parse) : parse, index);
    if (typeof outcome === 'object') return outcome.why;
    if (outcome === 'unknown') return 'cannot be checked';
    const isTrusted = trust === undefined || using(parse(), (document) => isSignedBy(document, index, trust));
    return isTrusted ? outcome : 'signed with a certificate that is not trusted';
  });
}

/** Of the certificate whose key the signature was checked with. */
function isSignedBy(document: XmlDocument, index: number, trust: X509Certificate): boolean {
  const signature = signaturesOf(document)[index];
  const [text] = signature ? contents(signature, './/ds:X509Certificate') : [];
  if (text === undefined) return false;
  const certificate = new X509Certificate(Buffer.from(text, 'base64'));
  if (certificate.raw.equals(trust.raw)) return true;
  return trust.ca && certificate.checkIssued(trust) && certificate.verify(trust.publicKey);
}

function verify(parse: () => XmlDocument, index: number): Outcome {
  try {
    return verifyAsIs(parse, index);
  } catch (error) {
    if (!(error instanceof XmlError)) throw error;
    // Canonical XML is not defined over relative namespace names, so nothing like this was ever signed.
    return { why: 'the message has no canonical form: it was altered' };
  }
}

function verifyAsIs(parse: () => XmlDocument, index: number): Outcome {
  const signedInfo = using(parse(), (document) => readSignedInfo(document, index));
  if (typeof signedInfo === 'string' || 'why' in signedInfo) return signedInfo;
  return using(parse(), (document) => isDigest(document, index, signedInfo))
    ? 'verified'
    : { why: 'DigestValue does not fit the message: it was altered' };
}

interface Digest {
  readonly forms: readonly Mode[];
  readonly hash: string;
  readonly expected: string;
}

/** What a signature says of the message, when the signature itself holds. */
function readSignedInfo(document: XmlDocument, index: number): Digest | Outcome {
  const signature = signaturesOf(document)[index];
  const signedInfo = signature?.get('ds:SignedInfo', NAMESPACES);
  if (signature === undefined || !(signedInfo instanceof XmlElement)) return 'unknown';
  const one = (path: string): string => contents(signature, path)[0] ?? '';
  const values = ['ds:SignedInfo/ds:Reference/ds:DigestValue', 'ds:SignatureValue', './/ds:X509Certificate'];
  for (const path of values) {
    if (!contents(signature, path).every(isCanonicalBase64))
      return { why: `${path.split(':').at(-1)} is not canonical Base64` };
  }
  if (signedInfo.find('ds:Reference', NAMESPACES).length !== 1) return { why: 'not one Reference' };
  if (contents(signedInfo, 'ds:Reference/@URI').join('') !== '')
    return { why: 'its Reference is not the whole message' };
  const transforms = contents(signedInfo, 'ds:Reference/ds:Transforms/ds:Transform/@Algorithm');
  const canonical = transforms.filter((name) => name !== ENVELOPED);
  const mode = modes.get(one('ds:SignedInfo/ds:CanonicalizationMethod/@Algorithm'));
  const digestMode = canonical.length === 0 ? XmlC14NMode.XML_C14N_1_0 : modes.get(canonical[0] as string);
  const hash = digests.get(one('ds:SignedInfo/ds:Reference/ds:DigestMethod/@Algorithm'));
  const method = methods.get(one('ds:SignedInfo/ds:SignatureMethod/@Algorithm'));
  const key = keyOf(signature);
  if (transforms.length > 2 || canonical.length > 1 || !transforms.includes(ENVELOPED)) return 'unknown';
  if (mode === undefined || digestMode === undefined || !hash || !method || !key) return 'unknown';
  const expected = one('ds:SignedInfo/ds:Reference/ds:DigestValue').replace(/\s+/g, '');
  const value = one('ds:SignatureValue');
  // Canonicalising a part asks back for every node of the document: the rest of the message goes first.
  for (let node = document.root.firstChild; node !== null; ) {
    const { next } = node;
    if (!node.isSameNode(signature)) node.remove();
    node = next;
  }
  if (!isSigned(signedInfo.canonicalizeToString({ mode }), method, key, value))
    return { why: 'SignatureValue does not fit SignedInfo and the certificate' };
  // Some signers canonicalise the message as SignedInfo without declaring it.
  return { forms: canonical.length === 0 ? [...new Set([digestMode, mode])] : [digestMode], hash, expected };
}

/**
 * Takes the signature out and digests; then without the other signatures, as Canada's NAAD signs beside the sender; then,
 * as some sign, the root element alone, without what stands around it.
 */
function isDigest(document: XmlDocument, index: number, { forms, hash, expected }: Digest): boolean {
  const fits = (): boolean =>
    forms.some(
      (mode) =>
        createHash(hash).update(document.canonicalizeToString({ mode })).digest('base64') === expected,
    );
  const { root } = document;
  const signatures = signaturesOf(document);
  signatures[index]?.remove();
  if (fits()) return true;
  const others = signatures.filter((_, i) => i !== index);
  for (const other of others) other.remove();
  if (others.length > 0 && fits()) return true;
  let isAlone = true;
  for (let node = root.prev ?? root.next; node !== null; node = root.prev ?? root.next) {
    node.remove();
    isAlone = false;
  }
  return !isAlone && fits();
}

function isSigned(text: string, [type, hash]: Method, key: KeyObject, value: string): boolean {
  if (key.asymmetricKeyType !== type) return false;
  const bytes = Buffer.from(value, 'base64');
  try {
    return verifyBytes(
      hash,
      Buffer.from(text),
      type === 'ec' ? { key, dsaEncoding: 'ieee-p1363' } : key,
      bytes,
    );
  } catch {
    return false;
  }
}

/** The key of the first certificate, else of an RSAKeyValue; undefined where there is none that can be read. */
function keyOf(signature: XmlElement): KeyObject | undefined {
  const [certificate] = contents(signature, './/ds:X509Certificate');
  const [n] = contents(signature, './/ds:RSAKeyValue/ds:Modulus').map(base64Url);
  const [e] = contents(signature, './/ds:RSAKeyValue/ds:Exponent').map(base64Url);
  try {
    if (certificate !== undefined) return new X509Certificate(Buffer.from(certificate, 'base64')).publicKey;
    return n && e ? createPublicKey({ format: 'jwk', key: { kty: 'RSA', n, e } }) : undefined;
  } catch {
    return undefined;
  }
}

const base64Url = (text: string): string => Buffer.from(text, 'base64').toString('base64url');

function isCanonicalBase64(text: string): boolean {
  const plain = text.replace(/\s+/g, '');
  return Buffer.from(plain, 'base64').toString('base64') === plain;
}

function dropBlanks(element: XmlElement): void {
  for (let node = element.firstChild; node !== null; ) {
    const { next } = node;
    if (node instanceof XmlText && node.content.trim() === '') node.remove();
    else if (node instanceof XmlElement) dropBlanks(node);
    node = next;
  }
}

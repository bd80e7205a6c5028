import { createHash, type KeyObject, sign as signBytes, type X509Certificate } from 'node:crypto';
import { invariant } from '../../lib/errors.ts';
import { canonicalText } from './read/xml.ts';

/** A private key (RSA of 2048 bits or more, or on P-256) and the certificate that goes with it. */
export interface CapSigner {
  readonly key: KeyObject;
  readonly certificate: X509Certificate;
}

const DSIG = 'http://www.w3.org/2000/09/xmldsig#';
const MORE = 'http://www.w3.org/2001/04/xmldsig-more#';
const EXCLUSIVE = 'http://www.w3.org/2001/10/xml-exc-c14n#';
const SHA256 = 'http://www.w3.org/2001/04/xmlenc#sha256';
const END = '</alert>';

/**
 * The message with an enveloped XML signature as the last child of `alert` (CAP 1.2, 3.3.4.1; XML-DSig 1.1):
 * rsa-sha256 or ecdsa-sha256 over exclusive canonical XML, with the certificate. Nothing else of the text changes, so
 * sign what is kept and never write it anew.
 * @param xml one message without a signature, as `serializeCap` writes it
 */
export function signCap(xml: string, { key, certificate }: CapSigner): string {
  const end = xml.lastIndexOf(END);
  invariant(end > 0, 'a CAP message to sign has no end tag');
  const isEc = key.asymmetricKeyType === 'ec';
  const method = `${MORE}${isEc ? 'ecdsa' : 'rsa'}-sha256`;
  // In canonical form as it stands: no prefix, double quotes, no empty tags.
  const inner =
    named('CanonicalizationMethod', EXCLUSIVE) +
    named('SignatureMethod', method) +
    `<Reference URI=""><Transforms>${named('Transform', `${DSIG}enveloped-signature`)}${named('Transform', EXCLUSIVE)}</Transforms>` +
    `${named('DigestMethod', SHA256)}<DigestValue>${digestOf(xml)}</DigestValue></Reference>`;
  const signedInfo = `<SignedInfo xmlns="${DSIG}">${inner}</SignedInfo>`;
  const value = signBytes('sha256', Buffer.from(signedInfo), isEc ? { key, dsaEncoding: 'ieee-p1363' } : key);
  const signature =
    `<Signature xmlns="${DSIG}"><SignedInfo>${inner}</SignedInfo><SignatureValue>${value.toString('base64')}</SignatureValue>` +
    `<KeyInfo><X509Data><X509Certificate>${certificate.raw.toString('base64')}</X509Certificate></X509Data></KeyInfo></Signature>`;
  return xml.slice(0, end) + signature + xml.slice(end);
}

const named = (name: string, algorithm: string): string => `<${name} Algorithm="${algorithm}"></${name}>`;

const digestOf = (xml: string): string => createHash('sha256').update(canonicalText(xml)).digest('base64');

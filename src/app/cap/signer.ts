import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { CapSigner } from '../../alerts/cap/sign.ts';
import { AtalaiaError } from '../../lib/errors.ts';

const LEAST_BITS = 2048;

/**
 * Key and certificate that sign our CAP messages, from PEM files. Neither may be encrypted.
 * @param now epoch ms
 * @throws AtalaiaError ATL_CONFIG where a file cannot be read, the key is too weak or of another kind, the two do not
 *   belong together, or the certificate is not valid now.
 */
export function openCapSigner(
  files: { readonly key: string; readonly certificate: string },
  now: number,
): CapSigner {
  const key = read(files.key, 'cap.signature.key', 'a private key without a passphrase', createPrivateKey);
  const certificate = read(
    files.certificate,
    'cap.signature.certificate',
    'a certificate X.509',
    (pem) => new X509Certificate(pem),
  );
  const weakness = weaknessOf(key);
  if (weakness !== undefined) throw refusal(files.key, 'cap.signature.key', weakness);
  if (!certificate.checkPrivateKey(key))
    throw refusal(
      files.certificate,
      'cap.signature.certificate',
      `it does not belong to the key ${files.key}. Name the two that were made together.`,
    );
  if (!(Date.parse(certificate.validFrom) <= now && now < Date.parse(certificate.validTo)))
    throw refusal(
      files.certificate,
      'cap.signature.certificate',
      `it is valid from ${certificate.validFrom} to ${certificate.validTo} only. Have it renewed.`,
    );
  return { key, certificate };
}

function weaknessOf({
  asymmetricKeyType: type,
  asymmetricKeyDetails: details,
}: KeyObject): string | undefined {
  const remedy = `Use RSA with ${LEAST_BITS} bits or more, or an EC key on P-256.`;
  if (type === 'rsa')
    return (details?.modulusLength ?? 0) < LEAST_BITS
      ? `RSA with ${details?.modulusLength} bits is too weak. ${remedy}`
      : undefined;
  if (type === 'ec' && details?.namedCurve === 'prime256v1') return undefined;
  return `a key of the kind ${type} ${details?.namedCurve ?? ''} cannot sign CAP. ${remedy}`;
}

function read<T>(file: string, name: string, what: string, parse: (pem: Buffer) => T): T {
  try {
    return parse(readFileSync(file));
  } catch (cause) {
    throw new AtalaiaError(
      'ATL_CONFIG',
      `${name}: ${file} cannot be read as ${what}. Name a PEM file that this user may read.`,
      { cause },
    );
  }
}

const refusal = (file: string, name: string, why: string): AtalaiaError =>
  new AtalaiaError('ATL_CONFIG', `${name}: ${file}: ${why}`);

import type { X509Certificate } from 'node:crypto';
import { decodeXml } from './decode.ts';
import { verifyEach } from './signature.ts';
import { parseXml } from './xml.ts';

/** What is true of the signatures of a message, in the two forms in which senders mean them. */
export interface Verification {
  readonly served: string;
  /** With blanks between elements dropped, as members of the WMO sign. */
  readonly stripped: string;
  /** One of the two holds, by a certificate that is trusted where one was asked for. */
  readonly holds: boolean;
}

/**
 * Verifies the signatures of a message that `CapReader.read` took (anything else could be hostile). Nothing is fetched.
 * @param trust the certificate that signed, or that issued the one that did; without it the key in the message is
 *   believed, which proves only that nothing was altered. Dates of certificates are not looked at.
 */
export function verifyCap(bytes: Uint8Array, trust?: X509Certificate): Verification {
  const decoded = decodeXml(bytes);
  if ('finding' in decoded) return { served: 'unreadable', stripped: 'unreadable', holds: false };
  const form = (stripped: boolean): string => {
    const outcomes = verifyEach(() => parseXml(decoded.text), stripped, trust);
    return outcomes.includes('verified') ? 'verified' : (outcomes[0] ?? 'unsigned');
  };
  const [served, stripped] = [form(false), form(true)];
  return { served, stripped, holds: served === 'verified' || stripped === 'verified' };
}

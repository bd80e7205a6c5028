import type { Finding } from './verdict.ts';

/** Larger messages are refused unread; the largest real one seen has 1.6 MB. */
export const MAX_BYTES = 5_000_000;

/** Names of encodings (IANA, lower case) that are decoded here, and by what. */
const decoders: ReadonlyMap<string, string> = new Map([
  ['utf-8', 'utf-8'],
  ['utf8', 'utf-8'],
  ['us-ascii', 'ascii'],
  ['ascii', 'ascii'],
  ['iso-8859-1', 'latin1'],
  ['latin1', 'latin1'],
  ['iso-8859-15', 'iso-8859-15'],
  ['windows-1252', 'windows-1252'],
  ['cp1252', 'windows-1252'],
]);
const UTF16_NAME = /^(utf-16|utf-16le|utf-16be|iso-10646-ucs-2)$/;
const DECLARATION = /^<\?xml\s[^>]*?\sencoding\s*=\s*(["'])([^"']*)\1/;
/** What a declaration may measure; the rest of a file is not searched for one. */
const HEAD = 200;

type Decoded = { readonly text: string } | { readonly finding: Finding };

/**
 * The bytes of an XML file as text, decoded as its byte order mark and declaration say (XML 1.0, 4.3.3 and appendix F).
 * Refused with a finding: more than 5 MB, bytes that do not fit the encoding, an encoding that is not decoded here, and
 * every DOCTYPE, so that no entity is ever declared.
 */
export function decodeXml(bytes: Uint8Array): Decoded {
  if (bytes.length > MAX_BYTES) return refused('reject-security', 'limits', `larger than ${MAX_BYTES} bytes`);
  const encoding = encodingOf(bytes);
  if (typeof encoding !== 'string') return encoding;
  let text: string;
  try {
    text = decodeAs(bytes, encoding);
  } catch {
    return refused('reject-malformed', 'XML 1.0 4.3.3', `bytes that are not ${encoding}`);
  }
  if (text.includes('\0')) return refused('reject-malformed', 'XML 1.0 2.2', 'a NUL character');
  if (/^\s*[{[]/.test(text.slice(0, HEAD)))
    return refused('reject-malformed', 'XML 1.0 2.1', 'JSON, not XML');
  return doctypeIn(text) ?? { text };
}

const refused = (verdict: Finding['verdict'], clause: string, reason: string): { finding: Finding } => ({
  finding: { verdict, clause, reason },
});

function encodingOf(bytes: Uint8Array): string | { finding: Finding } {
  const [a, b, c, d] = bytes;
  const wide =
    (a === 0xff && b === 0xfe) || (a === 0x3c && b === 0 && c === 0x3f && d === 0)
      ? 'utf-16le'
      : (a === 0xfe && b === 0xff) || (a === 0 && b === 0x3c && c === 0 && d === 0x3f)
        ? 'utf-16be'
        : undefined;
  const head =
    wide === undefined
      ? Buffer.from(bytes.subarray(0, HEAD))
          .toString('latin1')
          .replace(/^\xef\xbb\xbf/, '')
      : new TextDecoder(wide).decode(bytes.subarray(0, 2 * HEAD));
  const declared = DECLARATION.exec(head)?.[2]?.toLowerCase();
  if (wide !== undefined) {
    if (declared === undefined || UTF16_NAME.test(declared)) return wide;
    return refused('reject-malformed', 'XML 1.0 4.3.3', `declares ${clean(declared)} and is ${wide}`);
  }
  const marked = a === 0xef && b === 0xbb && c === 0xbf;
  const decoder = decoders.get(declared ?? 'utf-8');
  if (decoder === undefined || (marked && decoder !== 'utf-8')) {
    const why = UTF16_NAME.test(declared ?? '') || marked ? 'its bytes are another' : 'not supported';
    return refused('reject-malformed', 'XML 1.0 4.3.3', `encoding ${clean(declared ?? '')}: ${why}`);
  }
  return decoder;
}

const clean = (name: string): string => name.replace(/[^a-z0-9._:-]/g, '?').slice(0, 40);

function decodeAs(bytes: Uint8Array, decoder: string): string {
  // WHATWG reads ISO-8859-1 and ASCII as windows-1252; XML means the character sets of those names.
  if (decoder === 'latin1' || decoder === 'ascii') {
    if (decoder === 'ascii' && bytes.some((byte) => byte > 0x7f)) throw new TypeError('not ASCII');
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  }
  return new TextDecoder(decoder, { fatal: true }).decode(bytes);
}

/** Looks through the prolog (blanks, comments, processing instructions): only there a DOCTYPE can stand. */
function doctypeIn(text: string): { finding: Finding } | undefined {
  let at = 0;
  for (;;) {
    while (at < text.length && /\s/.test(text[at] as string)) at++;
    const end = text.startsWith('<!--', at)
      ? after(text, '-->', at + 4)
      : text.startsWith('<?', at)
        ? after(text, '?>', at + 2)
        : undefined;
    if (end === undefined) break;
    at = end;
  }
  if (!/^<!doctype/i.test(text.slice(at, at + 9))) return undefined;
  if (/^<!doctype\s+html\b[^[]*?>/i.test(text.slice(at, at + HEAD)))
    return refused('reject-malformed', 'XML 1.0 2.1', 'an HTML page, not a CAP message');
  return refused('reject-security', 'XML 1.0 2.8', 'a DOCTYPE is refused: it can declare entities');
}

/** Where what `mark` ends is over; the end of the text when it never ends. */
function after(text: string, mark: string, from: number): number {
  const at = text.indexOf(mark, from);
  return at < 0 ? text.length : at + mark.length;
}

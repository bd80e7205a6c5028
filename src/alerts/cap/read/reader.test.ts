import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { xmlCleanupInputProvider, xmlRegisterInputProvider } from 'libxml2-wasm';
import { describe, expect, it } from 'vitest';
import { MAX_BYTES } from './decode.ts';
import { openCapReader } from './reader.ts';
import { verdicts } from './verdict.ts';

const reader = openCapReader(readFileSync(new URL('../CAP-v1.2.xsd', import.meta.url)));

const info = (
  language: string,
  more = '',
  area = '<polygon>-23,-46 -23,-45 -24,-45 -23,-46</polygon>',
): string =>
  `<info><language>${language}</language><category>Met</category><event>Chuvas ${language}</event>` +
  '<urgency>Expected</urgency><severity>Severe</severity><certainty>Likely</certainty>' +
  `<expires>2026-01-16T04:00:00-03:00</expires><headline>Aviso ${language}</headline>` +
  `<description>Água até 30 mm ${language}</description>${more}<area><areaDesc>São Paulo</areaDesc>${area}</area></info>`;
const message = (infos = info('pt-BR'), head = ''): string =>
  '<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>a.1</identifier><sender>x@example.org</sender>' +
  '<sent>2026-01-15T14:03:00-03:00</sent><status>Actual</status><msgType>Alert</msgType><scope>Public</scope>' +
  `${head}${infos}</alert>`;
const read = (text: string | Uint8Array) => reader.read(typeof text === 'string' ? Buffer.from(text) : text);
const said = (text: string | Uint8Array): string => {
  const { verdict, findings } = read(text);
  return `${verdict} ${findings.map(({ clause, reason }) => `${clause}: ${reason}`).join('; ')}`.trim();
};

describe('encodings', () => {
  const declared = (name: string): string => `<?xml version="1.0" encoding="${name}"?>${message()}`;
  const utf16be = (text: string): Buffer => Buffer.from(text, 'utf16le').swap16();
  it.each<[string, Uint8Array]>([
    ['UTF-8', Buffer.from(declared('UTF-8'))],
    ['UTF-8 with a mark', Buffer.from(`\ufeff${declared('utf-8')}`)],
    ['UTF-16LE with a mark', Buffer.from(`\ufeff${declared('UTF-16')}`, 'utf16le')],
    ['UTF-16BE with a mark', utf16be(`\ufeff${declared('UTF-16')}`)],
    ['UTF-16LE without', Buffer.from(declared('UTF-16LE'), 'utf16le')],
    ['ISO-8859-1', Buffer.from(declared('ISO-8859-1'), 'latin1')],
    ['windows-1252', Buffer.from(declared('windows-1252'), 'latin1')],
  ])('reads %s', (_name, bytes) => {
    const { verdict, alerts } = read(bytes);
    expect(verdict).toBe('accept');
    expect(alerts[0]?.info[0]?.area[0]?.areaDesc).toBe('São Paulo');
  });
  it.each<[string, Uint8Array, string]>([
    ['Latin letters said to be UTF-8', Buffer.from(declared('UTF-8'), 'latin1'), 'bytes that are not utf-8'],
    ['letters said to be ASCII', Buffer.from(declared('US-ASCII')), 'bytes that are not ascii'],
    ['an unknown encoding', Buffer.from(declared('EBCDIC-CP-BR')), 'encoding ebcdic-cp-br: not supported'],
    ['UTF-7', Buffer.from(declared('UTF-7')), 'encoding utf-7: not supported'],
    ['UTF-8 said to be UTF-16', Buffer.from(declared('UTF-16')), 'its bytes are another'],
    [
      'UTF-16 said to be UTF-8',
      Buffer.from(`\ufeff${declared('UTF-8')}`, 'utf16le'),
      'declares utf-8 and is utf-16le',
    ],
    ['a NUL after the end', Buffer.from(`${message()}\0<x`), 'a NUL character'],
    ['half of a pair', Buffer.from(`\ufeff${message()}\ud800`, 'utf16le'), 'bytes that are not utf-16le'],
    ['nothing', Buffer.alloc(0), 'XML 1.0'],
  ])('refuses %s', (_name, bytes, why) => {
    expect(said(bytes)).toMatch(/^reject-malformed /);
    expect(said(bytes)).toContain(why);
  });
});

describe('attacks', () => {
  const doctypes = [
    '<!DOCTYPE alert>',
    '<!DOCTYPE alert SYSTEM "http://127.0.0.1:9/x.dtd">',
    '<!DOCTYPE alert [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
    '<!-- a --><?p <!?>\n<!DOCTYPE alert [<!ENTITY % p SYSTEM "http://127.0.0.1:9/"> %p;]>',
    '<!DOCTYPE alert [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
  ];
  it.each(doctypes)('refuses %s', (doctype) => {
    expect(said(`<?xml version="1.0"?>${doctype}${message()}`)).toMatch(/^reject-security XML 1\.0 2\.8/);
  });

  it('asks for no file or address', () => {
    const asked: string[] = [];
    xmlRegisterInputProvider({
      match: (name) => asked.push(name) > 0,
      open: () => undefined,
      read: () => -1,
      close: () => true,
    });
    try {
      const hint = 'xsi:schemaLocation="urn:oasis:names:tc:emergency:cap:1.2 http://127.0.0.1:9/cap.xsd"';
      const text = message()
        .replace('<alert ', `<alert xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ${hint} `)
        .replace(
          '</alert>',
          '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/></alert>',
        );
      const styled = `<?xml version="1.0"?><?xml-stylesheet href="http://127.0.0.1:9/a.xsl" type="text/xsl"?>${text}`;
      expect(said(styled)).toMatch(/^reject-schema .*no element "include"/);
      for (const doctype of doctypes) read(doctype + message());
      expect(asked).toEqual([]);
    } finally {
      xmlCleanupInputProvider();
    }
  });

  it.each<[string, string]>([
    ['too many bytes', ' '.repeat(MAX_BYTES + 1)],
    ['too deep', `${'<a>'.repeat(100)}${'</a>'.repeat(100)}`],
    ['deeper than the parser goes', `${'<a>'.repeat(1000)}${'</a>'.repeat(1000)}`],
    ['far too deep', '<a>'.repeat(500_000)],
    ['too many elements', `<a>${'<b/>'.repeat(150_000)}</a>`],
    ['very many elements', `<a>${'<b/>'.repeat(900_000)}</a>`],
    ['too many info blocks', message(info('pt-BR').repeat(250))],
  ])('refuses %s by a limit', (_name, text) => {
    expect(said(text)).toMatch(/^reject-security limits: /);
  });

  it('does not bring very many errors to the schema, which would take minutes for them', () => {
    expect(said(message('<code a="1"/>'.repeat(90_000)))).toMatch(
      /^reject-schema 3\.2\.1 code: .* an attribute "a"/,
    );
  });

  it('puts no control character or line of the file into a reason', () => {
    const { findings } = read(message().replace('<status>Actual', '<status>a\n\t\u009b31m&#x202e;b'));
    expect(findings[0]?.reason).toMatch(/^line 1: "a 31m b" is not one of/);
  });
});

describe('roots', () => {
  it.each([
    ['<!DOCTYPE html><html><body>503</body></html>', 'reject-malformed XML 1.0 2.1: an HTML page'],
    ['{"type":"FeatureCollection"}', 'reject-malformed XML 1.0 2.1: JSON'],
    ['<alert/>', 'reject-schema 3.2.1 alert: line 1: namespace "" is of no CAP version'],
    [
      '<x xmlns="urn:oasis:names:tc:emergency:cap:1.2"/>',
      'reject-schema 3.2.1 alert: line 1: the root is "x"',
    ],
    ['<rss><channel><item/></channel></rss>', 'reject-schema RSS 2.0: line 1: channel without title'],
  ])('%s', (text, expected) => {
    expect(said(text)).toContain(expected);
  });

  it('reads alerts that a feed carries, as elements or as escaped text, and leaves out broken ones', () => {
    const entry = (content: string): string =>
      `<entry><id>1</id><title>t</title><updated>2026-01-15T14:03:00Z</updated><content>${content}</content></entry>`;
    const feed = (entries: string): string =>
      `<feed xmlns="http://www.w3.org/2005/Atom"><id>f</id><title>t</title><updated>2026-01-15T14:03:00Z</updated>${entries}</feed>`;
    const escaped = message().replaceAll('&', '&amp;').replaceAll('<', '&lt;');
    const both = read(feed(entry(message()) + entry(escaped)));
    expect([both.verdict, both.alerts.length]).toEqual(['accept', 2]);
    const broken = read(feed(entry(message().replace('<event>Chuvas pt-BR</event>', '')) + entry(message())));
    expect([broken.verdict, broken.alerts.length]).toEqual(['accept-warn', 1]);
    const evil = escaped.replace('&lt;alert', '&lt;?xml version="1.0"?>&lt;!DOCTYPE alert>&lt;alert');
    expect(read(feed(entry(evil))).verdict).toBe('reject-security');
  });
});

describe('rules', () => {
  const ring = (text: string): string => message(info('pt-BR', '', `<polygon>${text}</polygon>`));
  it.each<[string, string, string]>([
    ['a whole message', message(), 'accept'],
    ['two languages', message(info('pt-BR') + info('en')), 'accept'],
    ['an open ring', ring('1,1 1,2 2,2 2,1'), 'reject-rule 3.2.4 polygon: not closed'],
    ['a ring beyond the pole', ring('91,1 1,2 2,2 91,1'), 'outside of latitude'],
    ['exponents', ring('1e1,1 1,2 2,2 1e1,1'), 'is no latitude,longitude'],
    ['a bow tie', ring('0,0 1,1 1,0 0,1 0,0'), 'reject-geometry 3.2.4 polygon: polygon crosses itself'],
    ['a ring that touches itself', ring('0,0 0,4 2,4 0,2 2,0 0,0'), 'accept'],
    ['a spike', ring('0,0 0,1 0,3 0,1 1,1 0,0'), 'accept'],
    ['a ring over the antimeridian', ring('-17,179 -17,-179 -18,-179 -18,179 -17,179'), 'accept'],
    [
      'a later reference',
      message('', '<references>x,b,2027-01-15T14:03:00-03:00</references>'),
      'was sent later',
    ],
    [
      'a bare web',
      message(info('pt-BR', '<web>www.example.org</web>')),
      '3.2.2 web: "www.example.org" is no full URI',
    ],
    [
      'a bad IBGE code',
      message(info('en', '', '<geocode><valueName>IBGE</valueName><value>3550309</value></geocode>')),
      'Brazil geocode',
    ],
    [
      'an odd IBGE code',
      message(info('en', '', '<geocode><valueName>IBGE</valueName><value>2201919</value></geocode>')),
      'accept',
    ],
  ])('%s', (_name, text, expected) => {
    if (expected === 'accept') expect(said(text)).toBe('accept');
    else expect(said(text)).toContain(expected);
  });

  it('maps a message with faults all the same', () => {
    const faulty = message()
      .replace('<severity>Severe', '<severity>Grave')
      .replace('<sender>x@example.org</sender>', '');
    const { verdict, alerts } = read(faulty);
    expect([verdict, alerts[0]?.identifier, alerts[0]?.info[0]?.severity]).toEqual([
      'reject-schema',
      'a.1',
      'Grave',
    ]);
  });
});

it('gives a verdict for any bytes: 4,000 changed messages', () => {
  const base = Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>${message(info('pt-BR') + info('en'))}`);
  const pieces = [
    '<',
    '>',
    '&',
    ']]>',
    '<![CDATA[',
    '<!--',
    '&#0;',
    '\0',
    '\ufffe',
    '<!DOCTYPE a [',
    '<?xml?>',
    '"',
  ];
  const edit = fc.tuple(
    fc.nat(base.length),
    fc.nat(8),
    fc.oneof(
      fc.uint8Array({ maxLength: 6 }),
      fc.constantFrom(...pieces).map((one) => Buffer.from(one)),
    ),
  );
  const seen = new Set<string>();
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
      let bytes = base;
      for (const [at, gone, put] of edits)
        bytes = Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + gone)]);
      const { verdict, findings } = read(bytes);
      expect(verdicts).toContain(verdict);
      expect(findings.length === 0).toBe(verdict === 'accept');
      seen.add(verdict);
    }),
    { numRuns: 4000 },
  );
  expect(seen.size).toBeGreaterThan(3);
});

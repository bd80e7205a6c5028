import { existsSync, readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openCapReader } from '../cap/read/reader.ts';
import { readForeign } from './document.ts';
import { foreignFacts } from './facts.ts';
import { ForeignAlerts } from './state.ts';

const reader = openCapReader(readFileSync(new URL('../cap/CAP-v1.2.xsd', import.meta.url)));
const BASE = 'https://feeds.example.org/cap/feed.atom';
const read = (text: string, base: string | undefined = BASE) => readForeign(reader, Buffer.from(text), base);

const cap = (identifier: string, event = 'Chuva'): string =>
  `<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>${identifier}</identifier>` +
  '<sender>x@example.org</sender><sent>2026-01-15T14:03:00-03:00</sent><status>Actual</status>' +
  '<msgType>Alert</msgType><scope>Public</scope><info><language>pt-BR</language><category>Met</category>' +
  `<event>${event}</event><urgency>Expected</urgency><severity>Severe</severity><certainty>Likely</certainty>` +
  '<expires>2026-01-16T04:00:00-03:00</expires><area><areaDesc>SP</areaDesc></area></info></alert>';
const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
const entry = (id: string, inner: string): string =>
  `<entry><id>${id}</id><title>t</title><updated>2026-01-15T14:03:00Z</updated>${inner}</entry>`;
const atom = (entries: string): string =>
  '<feed xmlns="http://www.w3.org/2005/Atom"><id>f</id><title>t</title><updated>2026-01-15T14:03:00Z</updated>' +
  `${entries}</feed>`;
const rss = (items: string): string =>
  '<rss version="2.0"><channel><title>t</title><link>https://example.org</link><description>d</description>' +
  `${items}</channel></rss>`;
const names = (text: string): readonly string[] =>
  read(text).messages.map(({ alert, faulty }) => `${alert.identifier}${faulty ? ' faulty' : ''}`);

describe('messages', () => {
  it.each<[string, string, readonly string[]]>([
    ['a message by itself', cap('a'), ['a']],
    ['elements in Atom', atom(entry('1', `<content type="text/xml">${cap('a')}</content>`)), ['a']],
    ['text in Atom', atom(entry('1', `<content>${escaped(cap('a'))}</content>`)), ['a']],
    [
      'text in RSS',
      rss(`<item><title>t</title><description>${escaped(cap('a'))}</description></item>`),
      ['a'],
    ],
    ['one with a fault', cap('a', ''), ['a faulty']],
    [
      'one with a fault among others',
      atom(entry('1', cap('a').replace('Severe', 'Grave')) + entry('2', cap('b'))),
      ['a faulty', 'b'],
    ],
    ['one that declares entities', `<!DOCTYPE alert [<!ENTITY e "x">]>${cap('a')}`, []],
  ])('%s', (_name, text, expected) => {
    expect(names(text)).toEqual(expected);
  });

  it('says why a document holds none', () => {
    for (const text of ['', '<html/>', '<a><b></a>', '[]', '{"type":"Feature', rss('<item/>')]) {
      const { messages, links, findings } = read(text);
      expect([messages, links]).toEqual([[], []]);
      expect(findings.length, text).toBeGreaterThan(0);
    }
    expect(read(atom(''))).toEqual({ messages: [], links: [], findings: [] });
  });

  it('reads so many entries, and tells that there are more', () => {
    const { links, findings } = read(
      atom(Array.from({ length: 2001 }, (_, i) => entry(`${i}`, `<link href="/${i}"/>`)).join('')),
    );
    expect(links.length).toBe(2000);
    expect(findings.map(({ reason }) => reason)).toEqual([
      expect.stringContaining('2001 entries, only the first 2000'),
    ]);
  });
});

describe('links', () => {
  const CAP = 'type="application/cap+xml"';
  it.each<[string, string, string | undefined]>([
    ['the only one', '<link href="https://example.org/1"/>', 'https://example.org/1'],
    ['a relative one', '<link href="m/1.xml?a=1&amp;b=2"/>', 'https://feeds.example.org/cap/m/1.xml?a=1&b=2'],
    [
      'CAP before HTML',
      `<link type="text/html" href="/h"/><link rel="related" ${CAP} href="/c"/>`,
      'https://feeds.example.org/c',
    ],
    [
      'XML before what names no type',
      '<link href="/h"/><link type="text/xml" href="/c"/>',
      'https://feeds.example.org/c',
    ],
    ['content elsewhere', `<content ${CAP} src="/c"/>`, 'https://feeds.example.org/c'],
    ['HTML alone', '<link type="text/html" href="/h"/>', undefined],
    ['the feed itself', '<link rel="self" href="/h"/>', undefined],
    ['a file', '<link href="file:///etc/passwd"/>', undefined],
    ['a script', '<link href="javascript:alert(1)"/>', undefined],
    ['a password', '<link href="https://u:p@example.org/"/>', undefined],
    ['a name', '<link href="https://u@example.org/"/>', undefined],
    ['no address', '<link href="https://[/"/>', undefined],
    ['one beyond any bound', `<link href="/${'x'.repeat(2000)}"/>`, undefined],
  ])('of Atom: %s', (_name, inner, url) => {
    const { links, findings } = read(atom(entry('urn:1', inner)));
    expect(links).toEqual(url === undefined ? [] : [{ id: 'urn:1', updated: '2026-01-15T14:03:00Z', url }]);
    expect(findings.length).toBe(url === undefined ? 1 : 0);
  });

  it('of RSS', () => {
    const item = (inner: string): string => `<item><title>t</title>${inner}</item>`;
    const { links } = read(
      rss(
        item(
          '<link>https://example.org/1</link><guid isPermaLink="false">g1</guid><pubDate>Thu, 15 Jan 2026 17:03:00 GMT</pubDate>',
        ) +
          item('<link>https://example.org/h</link><enclosure type="application/cap+xml" url="/2.cap"/>') +
          item('<link>https://example.org/3</link>'),
      ),
    );
    expect(links).toEqual([
      { id: 'g1', updated: 'Thu, 15 Jan 2026 17:03:00 GMT', url: 'https://example.org/1' },
      {
        id: 'https://feeds.example.org/2.cap',
        updated: '',
        url: 'https://feeds.example.org/2.cap',
      },
      { id: 'https://example.org/3', updated: '', url: 'https://example.org/3' },
    ]);
  });

  it('are not needed where the message stands, unless that one is faulty', () => {
    const link = '<link href="/1"/>';
    expect(read(atom(entry('1', link + cap('a')))).links).toEqual([]);
    const { messages, links } = read(atom(entry('1', link + cap('a', ''))));
    expect([messages.length, links.length]).toEqual([1, 1]);
  });

  it('that are relative lead nowhere without a base', () => {
    const bare = (text: string) => readForeign(reader, Buffer.from(text));
    expect(bare(atom(entry('1', '<link href="/1"/>'))).links).toEqual([]);
    expect(bare(atom(entry('1', '<link href="https://example.org/1"/>'))).links.length).toBe(1);
  });
});

describe('GeoJSON of the National Weather Service', () => {
  const ring = [
    [-93, 45],
    [-92, 45],
    [-92, 46.00000004],
    [-93, 45],
  ];
  const feature = (more: object = {}, geometry: unknown = null) => ({
    type: 'Feature',
    geometry,
    properties: {
      id: 'urn:oid:1',
      sender: 'w-nws.webmaster@noaa.gov',
      sent: '2026-01-15T14:03:00-06:00',
      expires: '2026-01-15T20:00:00-06:00',
      status: 'Actual',
      messageType: 'Update',
      category: 'Met',
      severity: 'Severe',
      certainty: 'Likely',
      urgency: 'Expected',
      event: 'Ice Storm Warning',
      response: 'Prepare',
      areaDesc: 'Ramsey',
      geocode: { SAME: ['027123'], UGC: ['MNZ062', 'MNZ063'] },
      references: [
        {
          '@id': 'https://example.org',
          identifier: 'urn:oid:0',
          sender: 'w-nws.webmaster@noaa.gov',
          sent: '2026-01-15T13:00:00-06:00',
        },
      ],
      ...more,
    },
  });
  const json = (...features: unknown[]): string => JSON.stringify({ type: 'FeatureCollection', features });

  it('becomes messages of CAP', () => {
    const { messages, findings } = read(json(feature({}, { type: 'Polygon', coordinates: [ring, ring] })));
    expect(findings).toEqual([]);
    const [block] = messages[0]?.alert.info ?? [];
    expect(block?.area).toEqual([
      {
        areaDesc: 'Ramsey',
        polygon: ['45,-93 45,-92 46,-92 45,-93'],
        circle: [],
        geocode: [
          { valueName: 'SAME', value: '027123' },
          { valueName: 'UGC', value: 'MNZ062' },
          { valueName: 'UGC', value: 'MNZ063' },
        ],
      },
    ]);
    expect([block?.category, block?.responseType, block?.language]).toEqual([['Met'], ['Prepare'], 'en-US']);
    const now = Date.UTC(2026, 0, 15, 21);
    const facts = foreignFacts(messages[0]?.alert as never, { source: 'nws', now, faulty: false });
    expect('ends' in facts && facts.ends.map(({ key }) => key)).toEqual([
      '["Actual","w-nws.webmaster@noaa.gov","urn:oid:0"]',
    ]);
  });

  it('takes several shapes, and one alert by itself', () => {
    const shapes = { type: 'MultiPolygon', coordinates: [[ring], [ring], 'x', [[]]] };
    const { messages } = read(JSON.stringify(feature({}, shapes)));
    expect(messages[0]?.alert.info[0]?.area[0]?.polygon.length).toBe(2);
  });

  it('passes over what is none, and tells how many', () => {
    const { messages, findings } = read(json(feature(), feature({ id: 5 }), null, 'x', { properties: [] }));
    expect(messages.length).toBe(1);
    expect(findings.map(({ reason }) => reason)).toEqual(['4 features without id, sender or sent']);
  });
});

it('never throws: 3,000 random documents of JSON and changed feeds', () => {
  const whole = Buffer.from(atom(entry('1', cap('a')) + entry('2', '<link href="/2"/>')));
  const properties = fc.dictionary(
    fc.constantFrom('id', 'sender', 'sent', 'geocode', 'references', 'parameters', 'category', 'response'),
    fc.jsonValue({ maxDepth: 2 }),
  );
  const json = fc
    .record({
      type: fc.constant('Feature'),
      properties: properties.map((more) => ({ id: 'a', sender: 'b', sent: 'c', ...more })),
      geometry: fc.record({
        type: fc.constantFrom('Polygon', 'MultiPolygon', 'Point'),
        coordinates: fc.jsonValue(),
      }),
    })
    .map((feature) => Buffer.from(JSON.stringify({ type: 'FeatureCollection', features: [feature] })));
  const changed = fc
    .array(fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 32, max: 126 })), { maxLength: 3 })
    .map((changes) => {
      const bytes = Buffer.from(whole);
      for (const [place, byte] of changes) bytes[place] = byte;
      return bytes;
    });
  let messages = 0;
  fc.assert(
    fc.property(fc.oneof(json, changed), (bytes) => {
      for (const { alert, faulty } of readForeign(reader, bytes, BASE).messages) {
        foreignFacts(alert, { source: 's', now: Date.UTC(2026, 0, 16), faulty });
        messages++;
      }
    }),
    { numRuns: 3000 },
  );
  expect(messages).toBeGreaterThan(300);
});

const corpus = new URL('../../../../shared/data/cap/', import.meta.url);
const isThere = existsSync(new URL('index.tsv', corpus));
if (!isThere) console.warn(`skipped: no CAP corpus at ${corpus.pathname}`);
it.skipIf(!isThere)('takes in every valid public message of the corpus', () => {
  const state = new ForeignAlerts();
  const missed: string[] = [];
  let shown = 0;
  for (const name of readdirSync(new URL('valid/', corpus))) {
    const { messages } = readForeign(reader, readFileSync(new URL(`valid/${name}`, corpus)));
    if (messages.length === 0) missed.push(name);
    for (const { alert, faulty } of messages) {
      const now = Date.parse(alert.sent) + 1000;
      const facts = foreignFacts(alert, { source: name, now, faulty });
      if ('refused' in facts) {
        if (facts.refused !== 'status' && facts.refused !== 'scope' && facts.refused !== 'type')
          missed.push(`${name}: ${facts.refused}`);
      } else if (state.add(facts)) shown++;
    }
  }
  expect(missed).toEqual([]);
  expect(shown).toBeGreaterThan(50);
  expect(state.view(0).some(({ alert }) => alert.clipped)).toBe(false);
});

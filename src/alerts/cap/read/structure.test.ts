import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, expect, it } from 'vitest';
import { checkStructure } from './structure.ts';
import { compileSchema, readXml } from './xml.ts';

const schema = compileSchema(readFileSync(new URL('../CAP-v1.2.xsd', import.meta.url)));
afterAll(() => schema.dispose());

const leaf = (name: string, text: string): string => `<${name}>${text}</${name}>`;
const time = '2026-01-15T14:03:00-03:00';
const pair = leaf('valueName', 'n') + leaf('value', 'v');
/** Every element of CAP 1.2, one a line, so that lines can be lost, doubled, moved and changed. */
const whole: readonly string[] = [
  ...['identifier', 'sender'].map((name) => leaf(name, 'a')),
  ...[leaf('sent', time), leaf('status', 'Actual'), leaf('msgType', 'Alert'), leaf('source', 's')],
  leaf('scope', 'Public'),
  ...['restriction', 'addresses', 'code', 'note', 'references', 'incidents'].map((name) => leaf(name, 'x')),
  ...['<info>', leaf('language', 'pt-BR'), leaf('category', 'Met'), leaf('event', 'Chuva')],
  ...[leaf('responseType', 'AllClear'), leaf('urgency', 'Past'), leaf('severity', 'Minor')],
  ...[leaf('certainty', 'Likely'), leaf('audience', 'all'), leaf('eventCode', pair)],
  ...['effective', 'onset', 'expires'].map((name) => leaf(name, time)),
  ...['senderName', 'headline', 'description', 'instruction', 'web', 'contact'].map((name) =>
    leaf(name, 't'),
  ),
  ...[leaf('parameter', pair), '<resource>', leaf('resourceDesc', 'r'), leaf('mimeType', 'm')],
  ...[leaf('size', '12'), leaf('uri', 'u'), leaf('derefUri', 'd'), leaf('digest', 'd'), '</resource>'],
  ...['<area>', leaf('areaDesc', 'a'), leaf('polygon', 'p'), leaf('circle', 'c'), leaf('geocode', pair)],
  ...[leaf('altitude', '1.5'), leaf('ceiling', '2'), '</area>', '</info>'],
];

const judge = (lines: readonly string[]): { table: string; xsd: string } | undefined => {
  const text = `<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">\n${lines.join('\n')}\n</alert>`;
  const xml = readXml(text, schema, () => true);
  if ('finding' in xml) return undefined;
  return {
    table: checkStructure(xml.root, '1.2')
      .map(({ clause, reason }) => `${clause}: ${reason}`)
      .join('\n'),
    xsd: xml.schema?.reason ?? '',
  };
};

const values = [
  '',
  ' ',
  'Met',
  'met',
  'Actual',
  time,
  `${time} `,
  '2026-02-30T00:00:00-03:00',
  '2026-01-15T14:03:00Z',
];
const change = fc.record({
  kind: fc.constantFrom('lose', 'double', 'move', 'set', 'wrap', 'attribute', 'rename'),
  at: fc.nat(whole.length - 1),
  to: fc.nat(whole.length - 1),
  value: fc.constantFrom(...values, '1e3', '-4', '+1.', 'pt_BR', 'en-', 'x y', '2026-01-15T24:00:00-03:00'),
});

function apply(
  lines: readonly string[],
  { kind, at, to, value }: typeof change extends fc.Arbitrary<infer T> ? T : never,
) {
  const line = lines[at] ?? '';
  const next = [...lines];
  if (kind === 'lose') next.splice(at, 1);
  else if (kind === 'double') next.splice(at, 0, line);
  else if (kind === 'move') next.splice(to, 0, ...next.splice(at, 1));
  else if (kind === 'set') next[at] = line.replace(/>[^<]*</, `>${value}<`);
  else if (kind === 'wrap') next[at] = line.replace(/>([^<]*)</, '><b>$1</b><');
  else if (kind === 'attribute') next[at] = line.replace(/^<([a-z]+)/i, '<$1 lang="pt"');
  else next[at] = line.replaceAll(/<(\/?)([a-z]+)>/gi, '<$1$2x>');
  return next;
}

it('a message with every element is good', () => {
  expect(judge(whole)).toEqual({ table: '', xsd: '' });
});

it('the table says of 3,000 changed messages what the OASIS XSD says', () => {
  let bad = 0;
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
      const found = judge(changes.reduce<readonly string[]>(apply, whole));
      // What a URI is the parser's library judges alone.
      if (found === undefined || found.xsd.includes('xs:anyURI')) return;
      if (found.xsd !== '') bad++;
      expect(found.table === '', `${found.table}\nXSD: ${found.xsd}`).toBe(found.xsd === '');
    }),
    { numRuns: 3000 },
  );
  expect(bad).toBeGreaterThan(500);
});

it('names the clause and the line', () => {
  const without = whole.filter((line) => !line.startsWith('<sender>'));
  expect(judge(without)?.table).toContain('3.2.1 sender: line 1: sender is missing');
  const translated = whole.map((line) => line.replace('>Minor<', '>Moderado<'));
  expect(judge(translated)?.table).toMatch(
    /^3\.2\.2 severity: line 21: "Moderado" is not one of Extreme, Severe/,
  );
});

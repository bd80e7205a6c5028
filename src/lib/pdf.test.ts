import { inflateSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PAGE, PdfPages, textWidth, wrap } from './pdf.ts';

/** The operators of each page, read by the table of places as a reader does. */
function pagesOf(file: Buffer): string[] {
  const text = file.toString('latin1');
  const start = Number(/startxref\n(\d+)\n%%EOF\n$/.exec(text)?.[1]);
  const [, count = '', rows = ''] = /^xref\n0 (\d+)\n([^t]+)trailer\n/.exec(text.slice(start)) ?? [];
  const places = rows.trimEnd().split(/ \n?/);
  expect(rows.length).toBe(20 * Number(count));
  const pages: string[] = [];
  for (let i = 1; i < Number(count); i++) {
    const at = Number(rows.slice(i * 20, i * 20 + 10));
    expect(text.slice(at)).toMatch(new RegExp(`^${i} 0 obj\n`));
    const stream = /^\d+ 0 obj\n<< \/Length (\d+) \/Filter \/FlateDecode >>\nstream\n/.exec(text.slice(at));
    if (!stream) continue;
    const from = at + stream[0].length;
    const length = Number(stream[1]);
    expect(text.slice(from + length, from + length + 17)).toBe('\nendstream\nendobj');
    pages.push(inflateSync(file.subarray(from, from + length)).toString('latin1'));
  }
  expect(places.length).toBeGreaterThan(0);
  return pages;
}
const textsOf = (operators: string): string[] =>
  [...operators.matchAll(/<([0-9a-f]*)> Tj/g)].map(([, hex = '']) =>
    Buffer.from(hex, 'hex').toString('latin1'),
  );

test('every object lies where the table says, and each page has its texts', () => {
  const pages = new PdfPages('Relatório', 'pt-BR');
  pages.text(48, 60, 'Grande perigo: São José', 12, 'bold');
  pages.addPage();
  pages.text(48, 60, 'segunda', 10);
  pages.text(48, 80, 'primeira', 10, 'plain', 0);
  pages.line(48, 90, 100, 90);
  pages.box(48, 100, 10, 20, 0.5);
  const found = pagesOf(pages.bytes());
  expect(found.map(textsOf)).toEqual([['Grande perigo: São José', 'primeira'], ['segunda']]);
  expect(found[1]).toContain(`48 ${PAGE.height - 120} 10 20 re f`);
  expect(pages.bytes().equals(pages.bytes())).toBe(true);
});

test('what ends a text in PDF stays a text, and a letter that the fonts have not is a question mark', () => {
  const hostile = ') Tj ET (\\ <> /JS endstream %';
  const pages = new PdfPages(hostile, 'en) >> /JS (');
  pages.text(0, 10, hostile, 9);
  pages.text(0, 20, 'Порту 港 – €5 ≥ 3', 9);
  const bytes = pages.bytes();
  const [operators = ''] = pagesOf(bytes);
  expect(textsOf(operators)).toEqual([hostile, '????? ? \u0096 \u00805 >= 3']);
  expect(operators).not.toContain('endstream');
  expect(bytes.toString('latin1')).toContain('/Lang (enJS)');
});

test('widths are those of Helvetica; lines keep to the width and lose no letter', () => {
  // Adobe's metrics: A 667, W 944, i 222; an accent adds nothing.
  expect(textWidth('AWi', 10, 'plain')).toBeCloseTo(18.33, 5);
  expect(textWidth('Á', 10, 'plain')).toBe(textWidth('A', 10, 'plain'));
  expect(textWidth('AWi', 10, 'mono')).toBe(18);
  fc.assert(
    fc.property(fc.string({ maxLength: 60 }), fc.integer({ min: 30, max: 200 }), (text, width) => {
      const lines = wrap(text, 10, 'plain', width);
      for (const line of lines) expect(textWidth(line, 10, 'plain')).toBeLessThanOrEqual(width);
      expect(lines.join('').replace(/\s/g, '')).toBe(text.replace(/\s/g, ''));
    }),
  );
});

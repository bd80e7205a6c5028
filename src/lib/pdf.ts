import { deflateSync } from 'node:zlib';

/** Points of an A4 page (ISO 216), 72 to the inch. */
export const PAGE = { width: 595, height: 842, margin: 48 } as const;
export type Face = 'plain' | 'bold' | 'mono';

/** Widths of ASCII 32..126 in Helvetica, thousandths of the size (Adobe's metrics of the 14 standard fonts). */
const HELVETICA = [
  278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556,
  556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278,
  500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469,
  556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500,
  278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
] as const;
const MONO = 600;
/** Helvetica-Bold is up to a tenth wider: lines are broken as if it always were. */
const BOLD = 1.1;
/** Characters of Windows-1252 outside Latin-1, and what stands for others that texts of ours contain. */
const SPECIAL: Readonly<Record<string, number | string>> = {
  ...{ '€': 0x80, '…': 0x85, '‘': 0x91, '’': 0x92, '“': 0x93, '”': 0x94, '•': 0x95, '–': 0x96, '—': 0x97 },
  ...{ '≥': '>=', '≤': '<=', '≠': '!=', '−': '-', '\u202f': ' ', '\u00a0': ' ', '\t': ' ', '\n': ' ' },
};

/** Bytes of Windows-1252; a character that it has not stands as `?`. */
function encode(text: string): number[] {
  return [...text.normalize('NFC')].flatMap((character) => {
    const special = SPECIAL[character];
    if (typeof special === 'string') return [...special].map((one) => one.charCodeAt(0));
    if (special !== undefined) return [special];
    const code = character.codePointAt(0) as number;
    return [(code >= 32 && code < 127) || (code >= 0xa0 && code <= 0xff) ? code : 0x3f];
  });
}

/** Width of a text, points. */
export function textWidth(text: string, size: number, face: Face): number {
  const bytes = encode(text);
  if (face === 'mono') return (bytes.length * MONO * size) / 1000;
  const sum = bytes.reduce((total, byte) => total + widthOf(byte), 0);
  return (sum * size * (face === 'bold' ? BOLD : 1)) / 1000;
}

/** A letter with a mark is as wide as the letter. */
function widthOf(byte: number): number {
  if (byte < 127) return HELVETICA[byte - 32] as number;
  if (byte === 0x97 || byte === 0x85) return 1000;
  const base = String.fromCharCode(byte).normalize('NFD').charCodeAt(0);
  return base >= 32 && base < 127 ? (HELVETICA[base - 32] as number) : 556;
}

/** Lines no wider than `width` points; a word that alone is wider is cut. */
export function wrap(text: string, size: number, face: Face, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    const joined = line === '' ? word : `${line} ${word}`;
    if (textWidth(joined, size, face) <= width) {
      line = joined;
      continue;
    }
    if (line !== '') lines.push(line);
    line = '';
    for (const character of word) {
      if (line !== '' && textWidth(line + character, size, face) > width) {
        lines.push(line);
        line = '';
      }
      line += character;
    }
  }
  return [...lines, line];
}

const FONTS: Readonly<Record<Face, string>> = { plain: 'Helvetica', bold: 'Helvetica-Bold', mono: 'Courier' };
const names = Object.keys(FONTS) as Face[];
const hex = (bytes: readonly number[]): string =>
  bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
const fixed = (value: number): string => String(Math.round(value * 100) / 100);

/**
 * Pages of text, lines and filled boxes as PDF 1.4 (ISO 32000-1), in the standard fonts that every reader has. Distances
 * in points from the upper left corner. The same calls give the same bytes.
 */
export class PdfPages {
  readonly #pages: string[][] = [[]];
  readonly #title: string;
  readonly #language: string;

  constructor(title: string, language: string) {
    this.#title = title;
    this.#language = language;
  }

  get count(): number {
    return this.#pages.length;
  }

  addPage(): void {
    this.#pages.push([]);
  }

  /** `y` is that of the base line. `page` counts from 0; the last one unless given. */
  text(x: number, y: number, text: string, size: number, face: Face = 'plain', page = this.count - 1): void {
    const at = `${fixed(x)} ${fixed(PAGE.height - y)}`;
    this.#draw(`BT /${face} ${size} Tf ${at} Td <${hex(encode(text))}> Tj ET`, page);
  }

  /** `grey` from 0, black, to 1, white. */
  line(x1: number, y1: number, x2: number, y2: number, grey = 0.6, isDashed = false): void {
    const [from, to] = [`${fixed(x1)} ${fixed(PAGE.height - y1)}`, `${fixed(x2)} ${fixed(PAGE.height - y2)}`];
    this.#draw(`q ${grey} G 0.7 w ${isDashed ? '[4 2] 0 d ' : ''}${from} m ${to} l S Q`);
  }

  box(x: number, y: number, width: number, height: number, grey: number): void {
    const at = `${fixed(x)} ${fixed(PAGE.height - y - height)}`;
    this.#draw(`q ${grey} g ${at} ${fixed(width)} ${fixed(height)} re f Q`);
  }

  #draw(operators: string, page = this.count - 1): void {
    this.#pages[page]?.push(operators);
  }

  /** The whole file. */
  bytes(): Buffer {
    const objects: Buffer[] = [];
    const add = (content: string | Buffer): number => objects.push(Buffer.from(content));
    const kids = this.#pages.map((_, i) => `${5 + names.length + 2 * i} 0 R`);
    const utf16 = Buffer.from(`\ufeff${this.#title}`, 'utf16le').swap16().toString('hex');
    add(`<< /Type /Catalog /Pages 2 0 R /Lang (${this.#language.replace(/[^A-Za-z-]/g, '')}) >>`);
    add(`<< /Type /Pages /Kids [${kids.join(' ')}] /Count ${this.count} >>`);
    add(`<< /Title <${utf16}> /Producer (Atalaia) >>`);
    const fonts = names.map((name, i) => `/${name} ${5 + i} 0 R`).join(' ');
    add(`<< /Font << ${fonts} >> >>`);
    for (const name of names)
      add(`<< /Type /Font /Subtype /Type1 /BaseFont /${FONTS[name]} /Encoding /WinAnsiEncoding >>`);
    for (const operators of this.#pages) {
      const content = deflateSync(Buffer.from(operators.join('\n'), 'latin1'));
      const box = `/MediaBox [0 0 ${PAGE.width} ${PAGE.height}]`;
      add(`<< /Type /Page /Parent 2 0 R ${box} /Resources 4 0 R /Contents ${objects.length + 2} 0 R >>`);
      const head = `<< /Length ${content.length} /Filter /FlateDecode >>\nstream\n`;
      add(Buffer.concat([Buffer.from(head), content, Buffer.from('\nendstream')]));
    }
    return assemble(objects);
  }
}

/** Objects one behind the other, and the table of where each begins. */
function assemble(objects: readonly Buffer[]): Buffer {
  // Four bytes above 127 tell that the file is binary (ISO 32000-1, 7.5.2).
  const parts = [Buffer.from('%PDF-1.4\n%\u00e2\u00e3\u00cf\u00d3\n', 'latin1')];
  let length = (parts[0] as Buffer).length;
  const starts: number[] = [];
  for (const [i, object] of objects.entries()) {
    const part = Buffer.concat([Buffer.from(`${i + 1} 0 obj\n`), object, Buffer.from('\nendobj\n')]);
    starts.push(length);
    length += part.length;
    parts.push(part);
  }
  const rows = starts.map((start) => `${String(start).padStart(10, '0')} 00000 n \n`);
  const table = `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${rows.join('')}`;
  const trailer = `trailer\n<< /Size ${objects.length + 1} /Root 1 0 R /Info 3 0 R >>\nstartxref\n${length}\n%%EOF\n`;
  return Buffer.concat([...parts, Buffer.from(table + trailer)]);
}

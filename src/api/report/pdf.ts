import { type Face, PAGE, PdfPages, wrap } from '../../lib/pdf.ts';
import { barWidth, type Figure, placed, type ReportDocument, type ReportSection } from './document.ts';

const WIDTH = PAGE.width - 2 * PAGE.margin;
const FOOT = PAGE.height - PAGE.margin - 14;
const FIGURE_HEIGHT = 90;

/** Fills pages from top to bottom. */
class Column {
  readonly pages: PdfPages;
  y: number = PAGE.margin;

  constructor(title: string, language: string) {
    this.pages = new PdfPages(title, language);
  }

  /** Goes on to the next page when `height` does not fit. */
  need(height: number): boolean {
    if (this.y + height <= FOOT) return false;
    this.pages.addPage();
    this.y = PAGE.margin;
    return true;
  }

  paragraph(text: string, size: number, face: Face = 'plain'): void {
    for (const line of wrap(text, size, face, WIDTH)) {
      this.need(size * 1.3);
      this.y += size * 1.3;
      this.pages.text(PAGE.margin, this.y - size * 0.3, line, size, face);
    }
  }

  /** One row of cells, each wrapped; it is kept on one page, unless it alone is longer than a page. */
  row(cells: readonly string[], widths: readonly number[], size: number, face: Face = 'plain'): void {
    const whole = widths.reduce((sum, width) => sum + width, 0);
    const spans = widths.map((width) => (width / whole) * WIDTH);
    const lines = cells.map((cell, i) => wrap(cell, size, face, (spans[i] as number) - 6));
    const step = size * 1.25;
    const count = Math.max(...lines.map((own) => own.length));
    this.need(Math.min(count * step + 4, FOOT - PAGE.margin));
    for (let i = 0; i < count; i++) {
      this.need(step);
      this.y += step;
      let x: number = PAGE.margin;
      for (const [column, own] of lines.entries()) {
        this.pages.text(x, this.y - size * 0.3, own[i] ?? '', size, face);
        x += spans[column] as number;
      }
    }
    this.y += 4;
    this.pages.line(PAGE.margin, this.y - 1, PAGE.margin + WIDTH, this.y - 1, 0.8);
  }

  figure(figure: Figure): void {
    this.need(FIGURE_HEIGHT + 40);
    this.pages.text(PAGE.margin, this.y + 10, figure.topText, 8);
    const top = this.y + 14;
    this.pages.line(PAGE.margin, top, PAGE.margin + WIDTH, top, 0.8);
    const places = placed(figure, WIDTH, FIGURE_HEIGHT);
    const bar = barWidth(figure, WIDTH);
    for (const [i, { x, y }] of places.entries()) {
      const next = places[i + 1];
      if (figure.isBars)
        this.pages.box(PAGE.margin + Math.max(0, x - bar), top + y, bar, FIGURE_HEIGHT - y, 0.35);
      else if (next) this.pages.line(PAGE.margin + x, top + y, PAGE.margin + next.x, top + next.y, 0.2);
    }
    const base = top + FIGURE_HEIGHT;
    this.pages.line(PAGE.margin, base, PAGE.margin + WIDTH, base, 0.5);
    this.pages.text(PAGE.margin, base + 10, figure.fromText, 8);
    this.pages.text(PAGE.margin + WIDTH - 90, base + 10, figure.toText, 8);
    this.y = base + 14;
    this.paragraph(figure.says, 8);
  }
}

function drawSection(column: Column, one: ReportSection): void {
  column.need(60);
  column.y += 12;
  column.paragraph(one.title, 12, 'bold');
  if (one.kind === 'figure') column.figure(one);
  else if (one.rows.length === 0) column.paragraph(one.empty, 9);
  else {
    column.row(one.head, one.widths, 8, 'bold');
    for (const row of one.rows) column.row(row, one.widths, 8);
  }
}

/** The report as PDF. Letters that Windows-1252 has not stand as `?`; the HTML has them all. */
export function reportPdf(report: ReportDocument): Buffer {
  const { title, subtitle, mark, language, facts, sections, footer } = report;
  const column = new Column(mark === null ? title : `${mark}: ${title}`, language);
  column.y += 10;
  column.paragraph(title, 18, 'bold');
  column.paragraph(subtitle, 10);
  column.y += 6;
  for (const [label, value] of facts) column.row([label, value], [1, 3], 9);
  for (const one of sections) drawSection(column, one);
  column.y += 10;
  column.paragraph(footer, 8);
  const { pages } = column;
  for (let page = 0; page < pages.count; page++) {
    pages.text(
      PAGE.width - PAGE.margin - 40,
      PAGE.height - 30,
      `${page + 1} / ${pages.count}`,
      8,
      'plain',
      page,
    );
    if (mark !== null) pages.text(PAGE.margin, 34, mark, 11, 'bold', page);
  }
  return pages.bytes();
}

import { escapeXml } from '../../alerts/cap/serialize.ts';
import { barWidth, type Figure, placed, type ReportDocument, type ReportSection } from './document.ts';

const style = `
:root { color-scheme: light; }
body { max-width: 50rem; margin: 2rem auto; padding: 0 1rem; color: #111; background: #fff; font: 11pt/1.45 system-ui, sans-serif; }
h1 { margin: 0; font-size: 20pt; line-height: 1.2; overflow-wrap: anywhere; }
h2 { margin: 1.6em 0 .4em; font-size: 13pt; break-after: avoid; }
p { margin: .3em 0; }
.mark { padding: .3em .6em; border: 2px solid #111; font-weight: 700; letter-spacing: .06em; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2em 1em; }
dt { color: #444; } dd { margin: 0; overflow-wrap: anywhere; }
table { width: 100%; border-collapse: collapse; font-size: 9.5pt; }
th, td { padding: .25em .5em .25em 0; border-bottom: 1px solid #ccc; text-align: left; vertical-align: top; overflow-wrap: anywhere; }
th { overflow-wrap: normal; }
tr, figure { break-inside: avoid; } thead { display: table-header-group; }
figure { margin: 0; } svg { width: 100%; height: auto; }
footer { margin-top: 2em; color: #444; font-size: 9pt; overflow-wrap: anywhere; }
@page { size: A4; margin: 18mm 16mm; }
@media print { body { max-width: none; margin: 0; padding: 0; } .mark { position: fixed; top: -12mm; right: 0; } }
`;

const cells = (row: readonly string[], name: 'td' | 'th'): string =>
  row.map((text) => `<${name}${name === 'th' ? ' scope="col"' : ''}>${escapeXml(text)}</${name}>`).join('');

const WIDTH = 640;
const HEIGHT = 150;

function drawing(figure: Figure): string {
  const places = placed(figure, WIDTH, HEIGHT);
  const bar = barWidth(figure, WIDTH);
  const n = (value: number): string => value.toFixed(1);
  const marks = figure.isBars
    ? places.map(
        ({ x, y }) =>
          `<rect x="${n(Math.max(0, x - bar))}" y="${n(y)}" width="${n(bar)}" height="${n(HEIGHT - y)}" fill="#2563a8"/>`,
      )
    : [
        `<polyline fill="none" stroke="#2563a8" stroke-width="1.6" points="${places.map(({ x, y }) => `${n(x)},${n(y)}`).join(' ')}"/>`,
      ];
  const text = (x: number, y: number, anchor: string, content: string): string =>
    `<text x="${x}" y="${y}" text-anchor="${anchor}" font-size="11" fill="#333">${escapeXml(content)}</text>`;
  return (
    `<figure><svg viewBox="0 -16 ${WIDTH} ${HEIGHT + 36}" role="img" aria-label="${escapeXml(figure.says)}">` +
    `<path d="M0 ${HEIGHT}H${WIDTH}M0 0H${WIDTH}" stroke="#bbb"/>${marks.join('')}` +
    `${text(0, -4, 'start', figure.topText)}${text(0, HEIGHT + 14, 'start', figure.fromText)}` +
    `${text(WIDTH, HEIGHT + 14, 'end', figure.toText)}</svg><figcaption>${escapeXml(figure.says)}</figcaption></figure>`
  );
}

function section(one: ReportSection): string {
  const title = `<h2>${escapeXml(one.title)}</h2>`;
  if (one.kind === 'figure') return title + drawing(one);
  if (one.rows.length === 0) return `${title}<p>${escapeXml(one.empty)}</p>`;
  const rows = one.rows.map((row) => `<tr>${cells(row, 'td')}</tr>`).join('\n');
  return `${title}<table><thead><tr>${cells(one.head, 'th')}</tr></thead><tbody>\n${rows}</tbody></table>`;
}

/** What the page may load: nothing but its own style. */
export const reportPolicy =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The report as one file of HTML that needs nothing else, with no script in it. */
export function reportHtml(report: ReportDocument): string {
  const { language, title, subtitle, mark, facts, sections, footer } = report;
  const list = facts
    .map(([label, value]) => `<dt>${escapeXml(label)}</dt><dd>${escapeXml(value)}</dd>`)
    .join('\n');
  return `<!doctype html>
<html lang="${escapeXml(language)}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeXml(mark === null ? title : `${mark}: ${title}`)}</title><style>${style}</style></head>
<body><main>${mark === null ? '' : `<p class="mark">${escapeXml(mark)}</p>`}
<h1>${escapeXml(title)}</h1><p>${escapeXml(subtitle)}</p>
<dl>${list}</dl>
${sections.map(section).join('\n')}
</main><footer>${escapeXml(footer)}</footer></body></html>
`;
}

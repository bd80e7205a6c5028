/**
 * Writes the BUFR tables that surface observations need: the sequences of ROOTS, all that they contain, and the elements
 * of classes 4 and 31. Input: a checkout of github.com/wmo-im/BUFR4 (the working documents of WMO-No. 306, Volume I.2, Part B:
 * BUFRCREX_TableB_en_*.csv and BUFR_TableD_en_*.csv), and its version.
 *
 *   node scripts/make-bufr-tables.ts <checkout> v45
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { csvRows } from '../src/ingest/decode/csv.ts';

/** Whole categories of sequences: surface reports (land), and places and times, which lists of elements are built of. */
const ROOTS = /^(?:307|301)\d{3}$/;
const OUTPUT = join(import.meta.dirname, '../src/ingest/formats/bufr/wmo-tables.ts');
const WIDTH = 104;

const [folder, version] = process.argv.slice(2);
if (folder === undefined || version === undefined)
  throw new Error(
    'Say where the checkout of wmo-im/BUFR4 is, and which version: make-bufr-tables.ts ../BUFR4 v45',
  );

function rowsOf(pattern: RegExp): Map<string, string>[] {
  const names = readdirSync(folder as string).filter((name) => pattern.test(name));
  return names.sort().flatMap((name) => {
    const [head, ...rows] = [...csvRows(readFileSync(join(folder as string, name), 'utf8'), ',')];
    const columns = (head?.fields ?? []).map((column) => column.replace(/^\uFEFF/, ''));
    return rows.map(({ fields }) => new Map(columns.map((column, place) => [column, fields[place] ?? ''])));
  });
}

const sequences = new Map<string, string[]>();
for (const row of rowsOf(/^BUFR_TableD_en_\d+\.csv$/)) {
  const [id = '', child = ''] = [row.get('FXY1'), row.get('FXY2')];
  sequences.set(id, [...(sequences.get(id) ?? []), child]);
}
const elements = new Map(rowsOf(/^BUFRCREX_TableB_en_\d+\.csv$/).map((row) => [row.get('FXY') ?? '', row]));

const kept = new Set<string>();
const keep = (id: string): void => {
  if (kept.has(id)) return;
  kept.add(id);
  if (id.startsWith('3') && !sequences.has(id)) throw new Error(`Table D misses ${id}.`);
  for (const child of sequences.get(id) ?? []) keep(child);
};
for (const id of sequences.keys()) if (ROOTS.test(id)) keep(id);
for (const id of elements.keys()) if (/^0(?:04|31)\d/.test(id)) keep(id);

const kindOf = (unit: string): string =>
  /^CCITT/.test(unit) ? 't' : /^(Code|Flag) table/i.test(unit) ? 'c' : 'n';

const plain = (text: string): string =>
  text
    .replace(/[;|`\\\s]+/g, ' ')
    .trim()
    .slice(0, 60);
const b = [...kept].filter((id) => id.startsWith('0')).sort();
const d = [...kept].filter((id) => id.startsWith('3')).sort();
const ofB = b.map((id) => {
  const row = elements.get(id);
  if (!row) throw new Error(`Table B misses ${id}.`);
  const at = (column: string): string => row.get(column) ?? '';
  const kind = kindOf(at('BUFR_Unit'));
  const figures = [at('BUFR_Scale'), at('BUFR_ReferenceValue'), at('BUFR_DataWidth_Bits')];
  return [id, kind, ...figures.map((figure) => figure.replace(/\s/g, '')), plain(at('ElementName_en'))].join(
    '|',
  );
});
const ofD = d.map((id) => `${id}=${(sequences.get(id) ?? []).join(' ')}`);

/** Entries one after the other, as many as fit on a line. */
function packed(entries: readonly string[]): string {
  const lines = [''];
  for (const entry of entries) {
    const last = lines.at(-1) ?? '';
    if (last !== '' && last.length + entry.length > WIDTH) lines.push(`${entry};`);
    else lines[lines.length - 1] = `${last}${entry};`;
  }
  return lines.join('\n');
}

writeFileSync(
  OUTPUT,
  `/**
 * BUFR tables B and D of the WMO (Manual on Codes, WMO-No. 306, Volume I.2, Part B), version ${version}, from
 * github.com/wmo-im/BUFR4, as far as surface observations use them. Written by scripts/make-bufr-tables.ts.
 */
export const TABLE_VERSION = '${version}';

/** Element | kind (n number, c code or flags, t text) | scale | reference value | width in bits | name. */
export const TABLE_B = \`
${packed(ofB)}
\`;

/** Sequence = what it stands for. */
export const TABLE_D = \`
${packed(ofD)}
\`;
`,
);

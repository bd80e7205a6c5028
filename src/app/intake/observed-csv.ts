import { observedBody, observedOf } from '../../api/verification/events.ts';
import { csvRows } from '../../ingest/decode/csv.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import type { ObservedEvent } from '../../model/observed-event.ts';

const columns = ['hazard', 'area', 'latitude', 'longitude', 'km', 'level', 'from', 'to', 'note', 'source'];
const numbers: ReadonlySet<string> = new Set(['latitude', 'longitude', 'km']);
const MAX_ROWS = 100_000;
const MAX_TOLD = 20;

/**
 * Reads events that happened: CSV whose header names the columns that it has, in any order; empty fields are left out.
 * One bad row ends it, for half of what happened would make alerts look worse than they were.
 * @throws AtalaiaError `ATL_INPUT` with file and line of the first twenty bad rows
 */
export function parseObserved(csv: string, file: string, createdAt: number): ObservedEvent[] {
  const events: ObservedEvent[] = [];
  const flaws: string[] = [];
  let header: readonly string[] | undefined;
  for (const { line, fields } of csvRows(csv)) {
    if (header === undefined) {
      header = readHeader(fields, file);
      continue;
    }
    if (events.length >= MAX_ROWS)
      throw new AtalaiaError(
        'ATL_INPUT',
        `${file}, line ${line}: more than ${MAX_ROWS} events; split the file.`,
      );
    const found = readRow(header, fields);
    if (typeof found === 'string') flaws.push(`${file}, line ${line}: ${found}`);
    else events.push(observedOf(found, createdAt));
    if (flaws.length === MAX_TOLD) break;
  }
  if (header === undefined) throw new AtalaiaError('ATL_INPUT', `${file} is empty. ${remedy}`);
  if (flaws.length > 0) throw new AtalaiaError('ATL_INPUT', flaws.join('\n'));
  return events;
}

const remedy = `Give a header of ${columns.join()}.`;

function readHeader(fields: readonly string[], file: string): readonly string[] {
  const header = fields.map((field) => field.trim());
  const unknown = header.find((name, i) => !columns.includes(name) || header.indexOf(name) !== i);
  if (unknown === undefined) return header;
  throw new AtalaiaError(
    'ATL_INPUT',
    `${file}, line 1: ${JSON.stringify(unknown)} is no column, or stands twice. ${remedy}`,
  );
}

function readRow(header: readonly string[], fields: readonly string[]) {
  if (fields.length !== header.length) return `${fields.length} fields; the header has ${header.length}.`;
  const given = header.flatMap((name, i) => {
    const text = (fields[i] as string).trim();
    return text === '' ? [] : [[name, numbers.has(name) ? Number(text) : text] as const];
  });
  const result = observedBody.safeParse(Object.fromEntries(given));
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0] ?? { path: [], message: 'not valid' };
  return `${path.length > 0 ? `${path.join('.')} ` : ''}${message}.`;
}

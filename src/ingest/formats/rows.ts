import { isUtf8 } from 'node:buffer';
import { AtalaiaError } from '../../lib/errors.ts';
import { MAX_REPORTS } from '../decode/body.ts';
import { csvRows } from '../decode/csv.ts';
import type { RawReport } from '../decode/report.ts';
import { type FieldTable, mapFields } from './fields.ts';
import type { Decoding, Ignored, Message, Profile, StationHint } from './format.ts';

const MAX_COLUMNS = 1000;

/** A row of a table under the names of its columns. Where a name comes twice, the first counts. */
export interface Row {
  readonly line: number;
  cell(column: string): string;
  readonly cells: readonly (readonly [column: string, text: string])[];
}

export interface Table {
  readonly columns: readonly string[];
  /** Rows above and below the header, as they stand. */
  readonly above: readonly (readonly string[])[];
  readonly rows: readonly Row[];
}

export interface TableForm {
  /** Which row is the header, from 0; default 0. */
  readonly header?: number | undefined;
  /** Default the one of `;`, tab and `,` that the header has most of. */
  readonly separator?: string | undefined;
}

/** The text of a file: UTF-8, and what is not is Latin-1, as many programs still write it. */
export function textOfFile({ body }: Message): string {
  const [first, second] = body;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff))
    throw new AtalaiaError('ATL_UNREADABLE', 'The file is UTF-16; save it as UTF-8.');
  return isUtf8(body)
    ? new TextDecoder().decode(body)
    : Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('latin1');
}

/**
 * Reads a table of text. A row with another count of cells than the header has is read as far as it goes.
 * @throws AtalaiaError ATL_UNREADABLE for an open quote or more than 1,000 columns, ATL_TOO_LARGE beyond 10,000 rows
 */
export function readTable(message: Message, { header = 0, separator }: TableForm = {}): Table {
  const text = textOfFile(message);
  const above: (readonly string[])[] = [];
  const rows: Row[] = [];
  let columns: readonly string[] | undefined;
  let places = new Map<string, number>();
  for (const { line, fields } of csvRows(text, separator ?? separatorOf(text, header))) {
    if (columns === undefined) {
      if (above.length < header) above.push(fields);
      else {
        if (fields.length > MAX_COLUMNS)
          throw new AtalaiaError(
            'ATL_UNREADABLE',
            `The table has ${fields.length} columns; ${MAX_COLUMNS} are read at most.`,
          );
        columns = fields.map((name) => name.trim());
        places = new Map([...columns.entries()].reverse().map(([place, name]) => [name, place]));
      }
      continue;
    }
    if (rows.length === MAX_REPORTS)
      throw new AtalaiaError(
        'ATL_TOO_LARGE',
        `The table has more than ${MAX_REPORTS} rows; send it in smaller parts.`,
      );
    rows.push(rowOf(line, columns, places, fields));
  }
  return { columns: columns ?? [], above, rows };
}

function rowOf(
  line: number,
  columns: readonly string[],
  places: ReadonlyMap<string, number>,
  fields: readonly string[],
): Row {
  const text = (place: number): string => (fields[place] ?? '').trim();
  return {
    line,
    cell: (column) => text(places.get(column) ?? -1),
    get cells() {
      return columns.flatMap((name, place) =>
        name === '' || places.get(name) !== place ? [] : [[name, text(place)] as const],
      );
    },
  };
}

function separatorOf(text: string, header: number): string {
  const line = text.split('\n', header + 1)[header] ?? '';
  const [best = ','] = [';', '\t', ','].sort((a, b) => line.split(b).length - line.split(a).length);
  return best;
}

/** The text with a point where it is a number with a decimal comma: `-3,1`, `,8`. */
export const withPoint = (text: string): string =>
  /^[+-]?\d*,\d+$/.test(text) ? text.replace(',', '.') : text;

/** What a row says beside its values. */
export interface RowPlace {
  readonly station: string;
  readonly observedAt: string | undefined;
  readonly interval?: string | undefined;
  readonly hint?: StationHint;
  /** Cells that are read as values; default all of the row. */
  readonly values?: readonly (readonly [column: string, text: unknown])[];
}

/**
 * Reports of rows, each by one table of fields. Cells without a value are left out without a word, for tables are full of
 * them; what else is ignored is told once for each column and reason.
 */
export function reportsOfRows(
  rows: readonly Row[],
  table: FieldTable,
  profile: Profile,
  place: (row: Row) => RowPlace,
): Decoding {
  const reports: RawReport[] = [];
  const ignored = new Map<string, Ignored>();
  const stations = new Map<string, StationHint>();
  for (const row of rows) {
    const { station, observedAt, interval, hint, values = row.cells } = place(row);
    const mapped = mapFields(
      values.filter(([, text]) => text !== ''),
      table,
      profile,
    );
    for (const item of mapped.ignored) ignored.set(`${item.path} ${item.why}`, item);
    reports.push({ station, observedAt, interval, readings: mapped.readings });
    if (hint) stations.set(hint.station, hint);
  }
  return { reports, ignored: [...ignored.values()], stations: [...stations.values()] };
}

/** Several reports of one station, instant and interval as one: a column or a row each held one quantity. */
export function joined(decoding: Decoding): Decoding {
  const byKey = new Map<string, RawReport & { readings: RawReport['readings'][number][] }>();
  for (const report of decoding.reports) {
    const key = JSON.stringify([report.station, report.observedAt, report.interval]);
    const known = byKey.get(key);
    const repeats = known?.readings.some((one) =>
      report.readings.some(({ quantity }) => quantity === one.quantity),
    );
    if (known && !repeats) known.readings.push(...report.readings);
    else byKey.set(known ? `${key}${byKey.size}` : key, { ...report, readings: [...report.readings] });
  }
  return { ...decoding, reports: [...byKey.values()] };
}

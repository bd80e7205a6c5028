import { AtalaiaError } from '../../lib/errors.ts';
import type { FieldTable } from './fields.ts';
import { type Format, type Message, type Profile, stationOf } from './format.ts';
import { joined, type Row, readTable, reportsOfRows, type Table, withPoint } from './rows.ts';
import { instantText } from './times.ts';

/**
 * A table of the operator's own: `table` of the source says in which columns station and time stand, and `quantities` what
 * the others mean. One row is one instant of a station (a column each quantity), or one value (`quantity` and `value`
 * name columns). `;`, tab or `,` by the header; a decimal comma is understood where it does not separate.
 */
export const csv: Format = {
  name: 'csv',
  summary: 'A table of your own; columns are said by `table` and `quantities`.',
  decode(message, profile) {
    const form = profile.table;
    if (!form || !profile.quantities)
      throw new AtalaiaError(
        'ATL_UNREADABLE',
        'A CSV of your own needs table (time: its column) and quantities (column: quantity) of the source.',
      );
    const table = readTable(message, { separator: form.separator, header: form.header });
    const named = [form.station, ...form.time, form.interval, form.quantity, form.value];
    const missed = named.filter((name) => name !== undefined && !table.columns.includes(name));
    if (missed.length > 0)
      throw new AtalaiaError(
        'ATL_UNREADABLE',
        `The table has no column ${missed.join(', ')}; it has ${table.columns.join(', ').slice(0, 400)}.`,
      );
    return readRows(table, message, profile, form);
  },
};

function readRows(table: Table, message: Message, profile: Profile, form: NonNullable<Profile['table']>) {
  const meant = fieldsOf(profile, form, table.columns);
  const decoding = reportsOfRows(table.rows, meant, profile, (row) => {
    const name = form.station === undefined ? nameOf(message) : row.cell(form.station);
    const given = form.time.map((column) => row.cell(column)).join(' ');
    const observedAt = instantText(given, profile.timeZone, form.dates) ?? given;
    const span = form.interval === undefined ? '' : row.cell(form.interval);
    return {
      station: stationOf('csv', name, profile),
      observedAt,
      interval: span === '' ? profile.interval : span,
      values: valuesOf(row, form),
    };
  });
  return form.quantity === undefined ? decoding : joined(decoding);
}

function valuesOf(row: Row, form: NonNullable<Profile['table']>) {
  const number = (text: string): string => (form.separator === ',' ? text : withPoint(text));
  if (form.quantity !== undefined && form.value !== undefined)
    return [[row.cell(form.quantity), number(row.cell(form.value))] as const];
  return row.cells.map(([name, text]) => [name, number(text)] as const);
}

/** Without a column of stations a file is of one: its name, without what follows the first dot, is the station's. */
const nameOf = ({ topic }: Message): string => (topic ?? '').replace(/^.*\//, '').replace(/\..*$/, '');

function fieldsOf(
  profile: Profile,
  form: NonNullable<Profile['table']>,
  columns: readonly string[],
): FieldTable {
  const named = new Set([form.station, ...form.time, form.interval]);
  return Object.fromEntries([
    ...columns.filter((name) => named.has(name)).map((name) => [name, 'says of which report it is'] as const),
    ...[...(profile.quantities ?? [])].map(
      ([name, quantity]) => [name, { quantity, missing: form.missing }] as const,
    ),
  ]);
}

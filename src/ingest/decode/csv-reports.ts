import { nearestName } from '../nearest.ts';
import { csvRows } from './csv.ts';
import { unreadable } from './json.ts';
import type { RawOrFlaw, RawReading } from './report.ts';

const columns = ['station', 'observedAt', 'quantity', 'value', 'unit', 'interval'] as const;
type Column = (typeof columns)[number];
const optional: ReadonlySet<Column> = new Set(['unit', 'interval']);
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

interface OpenReport {
  readonly station: string;
  readonly observedAt: string;
  readonly interval: string | undefined;
  readonly readings: RawReading[];
}

/**
 * Reports of CSV text with the header `station,observedAt,quantity,value,unit,interval` (any order; unit and interval may
 * be left out). Rows of the same station, observedAt and interval join; a quantity that comes again begins a new report.
 * @throws AtalaiaError ATL_UNREADABLE with line and column
 */
export function csvReports(text: string): RawOrFlaw[] {
  const raws: RawOrFlaw[] = [];
  const open = new Map<string, OpenReport>();
  let places: Map<Column, number> | undefined;
  let width = 0;
  for (const { line, fields } of csvRows(text)) {
    if (places === undefined) {
      places = header(fields);
      width = fields.length;
      continue;
    }
    if (fields.length !== width) {
      raws.push(`Line ${line} has ${fields.length} fields; the header has ${width}.`);
      continue;
    }
    addRow(raws, open, places, fields);
  }
  return raws;
}

function addRow(
  raws: RawOrFlaw[],
  open: Map<string, OpenReport>,
  places: Map<Column, number>,
  fields: readonly string[],
): void {
  const field = (column: Column): string => (fields[places.get(column) ?? -1] ?? '').trim();
  const [station, observedAt, interval, quantity, value] = [
    field('station'),
    field('observedAt'),
    field('interval'),
    field('quantity'),
    field('value'),
  ];
  const key = JSON.stringify([station, observedAt, interval]);
  let report = open.get(key);
  if (report === undefined || report.readings.some((reading) => reading.quantity === quantity)) {
    report = { station, observedAt, interval: interval === '' ? undefined : interval, readings: [] };
    open.set(key, report);
    raws.push(report);
  }
  const unit = field('unit');
  report.readings.push({
    quantity,
    value: NUMBER.test(value) ? Number(value) : value,
    unit: unit === '' ? undefined : unit,
  });
}

function header(fields: readonly string[]): Map<Column, number> {
  const places = new Map<Column, number>();
  let offset = 0;
  for (const [index, name] of fields.entries()) {
    const column = columns.find((known) => known === name.trim());
    if (column === undefined || places.has(column)) {
      const near = nearestName(name.trim(), columns);
      const why = column
        ? `the column ${column} stands twice`
        : `no known column${near ? `; did you mean ${near}?` : ''} The header is ${columns.join(',')}`;
      throw unreadable(fields.join(','), offset, 1, why);
    }
    places.set(column, index);
    offset += name.length + 1;
  }
  const missing = columns.filter((column) => !places.has(column) && !optional.has(column));
  if (missing.length > 0) throw unreadable('', 0, 1, `the header misses ${missing.join(', ')}`);
  return places;
}

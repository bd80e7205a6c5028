import { AtalaiaError } from '../lib/errors.ts';
import type { Station } from '../model/station.ts';
import { formatSpan, HOUR_MS, MINUTE_MS, parseSpan } from '../model/time.ts';
import { csvField, csvRows } from './decode/csv.ts';
import { nearestName } from './nearest.ts';

export const stationColumns = [
  'id',
  'name',
  'latitude',
  'longitude',
  'altitude',
  'region',
  'timeZone',
  'interval',
] as const;
type Column = (typeof stationColumns)[number];
const required: readonly Column[] = ['id', 'name', 'latitude', 'longitude', 'region'];
const MAX_STATIONS = 1_000_000;

export interface StationList {
  readonly stations: readonly Station[];
  /** Sentences with file, line and column name; empty when all is well. */
  readonly problems: readonly string[];
}

/**
 * Reads a registry: CSV with the header `id,name,latitude,longitude,altitude,region,timeZone,interval` (any order;
 * altitude, timeZone and interval may be left out; degrees WGS 84, metres, ISO 8601 or `1h`). Bad rows are left out and named.
 * @param file the name for messages
 */
export function parseStations(csvText: string, file: string): StationList {
  const stations: Station[] = [];
  const problems: string[] = [];
  const ids = new Map<string, number>();
  let places: Map<Column, number> | undefined;
  try {
    for (const { line, fields } of csvRows(csvText)) {
      if (places === undefined) {
        places = header(fields, file, problems);
        if (problems.length > 0) break;
        continue;
      }
      if (stations.length >= MAX_STATIONS) {
        problems.push(`${file}, line ${line}: more than ${MAX_STATIONS} stations; split the registry.`);
        break;
      }
      const station = readRow(places, fields, (column, why) =>
        problems.push(`${file}, line ${line}, column ${column}: ${why}`),
      );
      if (station === undefined) continue;
      const earlier = ids.get(station.id);
      if (earlier !== undefined)
        problems.push(
          `${file}, line ${line}, column id: ${station.id} stands already in line ${earlier}; keep one.`,
        );
      else stations.push(station);
      ids.set(station.id, earlier ?? line);
    }
  } catch (error) {
    if (!(error instanceof AtalaiaError)) throw error;
    problems.push(`${file}: ${error.message}`);
  }
  if (places === undefined && problems.length === 0)
    problems.push(`${file}, line 1: the header ${stationColumns.join(',')} is missing.`);
  return { stations, problems };
}

function header(fields: readonly string[], file: string, problems: string[]): Map<Column, number> {
  const places = new Map<Column, number>();
  for (const [index, raw] of fields.entries()) {
    const name = raw.trim();
    const column = stationColumns.find((known) => known === name);
    if (column !== undefined && !places.has(column)) {
      places.set(column, index);
      continue;
    }
    const near = nearestName(name, stationColumns);
    const why =
      column !== undefined
        ? 'stands twice'
        : `is no known column${near === undefined ? '' : `; did you mean ${near}?`}`;
    problems.push(`${file}, line 1, field ${index + 1}: ${JSON.stringify(name)} ${why}`);
  }
  const missing = required.filter((column) => !places.has(column));
  if (missing.length > 0)
    problems.push(
      `${file}, line 1: the header misses ${missing.join(', ')}; it is ${stationColumns.join(',')}.`,
    );
  return places;
}

type Complain = (column: Column, why: string) => void;

function readRow(
  places: Map<Column, number>,
  fields: readonly string[],
  complain: Complain,
): Station | undefined {
  let good = true;
  const bad: Complain = (column, why) => {
    good = false;
    complain(column, why);
  };
  if (fields.length !== places.size)
    bad('id', `the row has ${fields.length} fields, the header ${places.size}; quote names with commas.`);
  if (!good) return undefined;
  const text = (column: Column): string => (fields[places.get(column) ?? -1] ?? '').trim();
  const number = (column: Column, limit: number): number => {
    const value = /^[+-]?\d+(\.\d+)?$/.test(text(column)) ? Number(text(column)) : Number.NaN;
    if (!(Math.abs(value) <= limit))
      bad(
        column,
        `${JSON.stringify(text(column))} must be a number from -${limit} to ${limit} with a decimal point.`,
      );
    return value;
  };
  const id = text('id');
  if (!/^[A-Za-z0-9._:-]{1,64}$/.test(id))
    bad('id', `${JSON.stringify(id)} must be 1 to 64 letters, digits or . _ : -`);
  const region = text('region');
  if (region === '' || region.length > 64)
    bad('region', 'give the code of the region, at most 64 characters.');
  const timeZone = text('timeZone') || 'UTC';
  if (!isZone(timeZone))
    bad('timeZone', `${JSON.stringify(timeZone)} is no IANA zone like America/Sao_Paulo.`);
  const span = text('interval');
  const intervalMs = span === '' ? null : (parseSpan(span) ?? Number.NaN);
  if (Number.isNaN(intervalMs))
    bad('interval', `${JSON.stringify(span)} must be a duration like PT1H or 10m.`);
  const [latitude, longitude] = [number('latitude', 90), number('longitude', 180)];
  const altitude = text('altitude') === '' ? null : number('altitude', 10_000);
  return good
    ? { id, name: text('name') || id, latitude, longitude, altitude, region, timeZone, intervalMs }
    : undefined;
}

const zones = new Map<string, boolean>();
function isZone(name: string): boolean {
  let known = zones.get(name);
  if (known === undefined) {
    try {
      new Intl.DateTimeFormat('en', { timeZone: name });
      known = !/^[+-]/.test(name);
    } catch {
      known = false;
    }
    if (zones.size < 1000) zones.set(name, known);
  }
  return known;
}

/** The registry as CSV, the form that {@link parseStations} reads; LF, in the order given. */
export function formatStations(stations: Iterable<Station>): string {
  const lines = [stationColumns.join(',')];
  for (const s of stations) {
    const fields = [
      s.id,
      s.name,
      String(s.latitude),
      String(s.longitude),
      s.altitude === null ? '' : String(s.altitude),
      s.region,
      s.timeZone,
      formatInterval(s.intervalMs),
    ];
    lines.push(fields.map(csvField).join(','));
  }
  return `${lines.join('\n')}\n`;
}

function formatInterval(ms: number | null): string {
  if (ms === null) return '';
  if (ms % HOUR_MS === 0) return `PT${ms / HOUR_MS}H`;
  return ms % MINUTE_MS === 0 ? `PT${ms / MINUTE_MS}M` : formatSpan(ms);
}

import { basename } from 'node:path';
import { AtalaiaError } from '../../lib/errors.ts';
import type { Report } from '../../model/report.ts';
import type { Station } from '../../model/station.ts';
import { formatInstant, HOUR_MS } from '../../model/time.ts';
import { checkReading } from '../gate.ts';
import { layoutOf } from '../layout.ts';
import { lineBlocks } from '../lines.ts';
import type { RefusalCount } from '../refusal-count.ts';

/** One yearly file of an automatic station of INMET (Brazil). */
export interface InmetFile {
  readonly station: Station;
  /** Time of the first row, epoch ms; Infinity for a file without rows. */
  readonly firstAt: number;
  /** In the order of the file, in blocks; `observedAt` is the end of the hour in UTC, as written. */
  reports(): AsyncGenerator<Report[]>;
}

const METADATA_LINES = 8;
const FIRST_ROW = METADATA_LINES + 1;
const HEAD_LINES = FIRST_ROW + 20;

/** Columns by place, which is the same in all years while names and encodings differ. */
const columns: readonly (readonly [place: number, quantity: string])[] = [
  [2, 'rainfall'],
  [7, 'airTemperature'],
  [9, 'airTemperatureMax'],
  [10, 'airTemperatureMin'],
  [8, 'dewPoint'],
  [15, 'relativeHumidity'],
  [3, 'stationPressure'],
  [18, 'windSpeed'],
  [17, 'windGust'],
  [16, 'windDirection'],
  [6, 'globalRadiation'],
];
const COLUMN_COUNT = 19;
const NUMBER = /^-?(?:\d+(?:,\d*)?|,\d+)$/;
const ROW_TIME = /^(\d{4})[/-](\d\d)[/-](\d\d);(\d\d):?(\d\d)(?: UTC)?;/;

/**
 * Opens a raw yearly file (Latin-1, 8 metadata lines, `;`, decimal comma, gzip too) and reads its station.
 * Values out of range or unreadable are refused by name into `refusals`; missing ones (empty, -9999) are none; rows
 * without any value give no report.
 * @throws AtalaiaError ATL_INPUT when the file is none of INMET's
 */
export async function openInmet(
  path: string,
  options: { readonly refusals: RefusalCount; readonly delayMs?: number },
): Promise<InmetFile> {
  const head: string[] = [];
  for await (const block of lineBlocks(path, 'latin1')) {
    head.push(...block.slice(0, HEAD_LINES));
    if (head.length >= HEAD_LINES) break;
  }
  const station = readStation(path, head);
  const firstAt =
    head
      .slice(FIRST_ROW)
      .map(rowTime)
      .find((at) => at !== undefined) ?? Number.POSITIVE_INFINITY;
  return {
    station,
    firstAt,
    reports: () => readRows(path, station.id, options.refusals, options.delayMs ?? 0),
  };
}

/** Rows of a file of INMET as its lines hold them; undefined for none of INMET's. Missing values (empty, -9999) are none. */
export function openInmetText(
  lines: readonly string[],
): { readonly station: Station; readonly rows: readonly InmetRow[] } | undefined {
  let station: Station;
  try {
    station = readStation('the file', lines.slice(0, HEAD_LINES));
  } catch {
    return undefined;
  }
  const rows = lines.slice(FIRST_ROW).flatMap((text): InmetRow[] => {
    if (text.trim() === '') return [];
    const at = rowTime(text);
    const fields = text.split(';');
    return [
      {
        // What is no time is refused where every report's time is looked at.
        observedAt: at === undefined ? fields.slice(0, 2).join(' ') : formatInstant(at),
        readings: columns
          .map(([place, quantity]) => ({ quantity, unit: undefined, text: fields[place] ?? '' }))
          .filter(({ text: cell }) => !isMissing(cell))
          .map(({ text: cell, ...rest }) => ({
            ...rest,
            value: NUMBER.test(cell) ? Number(cell.replace(',', '.')) : cell.trim(),
          })),
      },
    ];
  });
  return { station, rows };
}

export interface InmetRow {
  readonly observedAt: string;
  readonly readings: readonly { quantity: string; value: number | string; unit: undefined }[];
}

async function* readRows(
  path: string,
  station: string,
  refusals: RefusalCount,
  delayMs: number,
): AsyncGenerator<Report[]> {
  const read = rowReader(basename(path), station, refusals, delayMs);
  let line = 0;
  for await (const block of lineBlocks(path, 'latin1')) {
    const reports: Report[] = [];
    for (const text of block) {
      line++;
      if (line <= FIRST_ROW || text === '') continue;
      const report = read(text, line);
      if (report !== undefined) reports.push(report);
    }
    if (reports.length > 0) yield reports;
  }
}

function rowReader(
  file: string,
  station: string,
  refusals: RefusalCount,
  delayMs: number,
): (text: string, line: number) => Report | undefined {
  const byMask = new Map<number, { quantities: readonly string[]; order: readonly number[] }>();
  const values = new Array<number>(columns.length).fill(0);
  return (text, line) => {
    const observedAt = rowTime(text);
    const fields = text.split(';');
    if (observedAt === undefined || fields.length < COLUMN_COUNT) {
      const code = observedAt === undefined ? 'time' : 'form';
      const message =
        observedAt === undefined
          ? 'The row does not begin with date and hour.'
          : `The row has ${fields.length} fields, not ${COLUMN_COUNT}.`;
      refusals.add(file, { index: line, code, message });
      return undefined;
    }
    let mask = 0;
    for (let i = 0; i < columns.length; i++) {
      const [place, quantity] = columns[i] as readonly [number, string];
      const field = fields[place] as string;
      if (field === '' || field === '-9999') continue;
      const result = checkReading(
        quantity,
        NUMBER.test(field) ? Number(field.replace(',', '.')) : missing(field),
        undefined,
        HOUR_MS,
      );
      if ('value' in result) {
        mask |= 1 << i;
        values[i] = result.value;
      } else if (!isMissing(field))
        refusals.add(file, { index: line, quantity, code: result.code, message: result.message });
    }
    if (mask === 0) return undefined;
    const layout = byMask.get(mask) ?? layoutOfMask(mask);
    byMask.set(mask, layout);
    return {
      station,
      observedAt,
      intervalMs: HOUR_MS,
      receivedAt: observedAt + delayMs,
      quantities: layout.quantities,
      values: layout.order.map((i) => values[i] as number),
    };
  };
}

const isMissing = (field: string): boolean => /^\s*(?:-9999(?:[,.]0*)?)?\s*$/.test(field);
const missing = (field: string): string => field.trim();

function layoutOfMask(mask: number): { quantities: readonly string[]; order: readonly number[] } {
  const names = columns.map(([, quantity]) => quantity);
  const quantities = layoutOf(names.filter((_, i) => (mask & (1 << i)) !== 0));
  return { quantities, order: quantities.map((name) => names.indexOf(name)) };
}

function rowTime(text: string): number | undefined {
  const m = ROW_TIME.exec(text);
  if (m === null) return undefined;
  const [year, month, day, hour, minute] = m.slice(1).map(Number) as [number, number, number, number, number];
  const at = Date.UTC(year, month - 1, day, hour, minute);
  const real = hour < 24 && minute < 60 && new Date(at).getUTCDate() === day && month >= 1 && month <= 12;
  return real ? at : undefined;
}

function readStation(path: string, head: readonly string[]): Station {
  const field = (line: number): string => (head[line] ?? '').split(';')[1]?.trim() ?? '';
  const number = (line: number): number =>
    NUMBER.test(field(line)) ? Number(field(line).replace(',', '.')) : Number.NaN;
  const id = field(3);
  const [latitude, longitude, altitude] = [number(4), number(5), number(6)];
  if (
    head.length < FIRST_ROW ||
    !/^[A-Z]\d{3}$/.test(id) ||
    !(Math.abs(latitude) <= 90) ||
    !(Math.abs(longitude) <= 180)
  ) {
    throw new AtalaiaError(
      'ATL_INPUT',
      `${path} is no yearly file of INMET: its first 8 lines must name UF, ESTACAO, CODIGO (WMO), LATITUDE and LONGITUDE.`,
    );
  }
  const name = decodeTwice(field(2));
  return {
    id,
    name,
    latitude,
    longitude,
    altitude: Number.isFinite(altitude) ? altitude : null,
    region: `${field(1)}/${slug(name)}`,
    timeZone: stateZones[field(1)] ?? 'America/Sao_Paulo',
    intervalMs: HOUR_MS,
  };
}

/** Some headers are UTF-8 that was read as Latin-1. */
function decodeTwice(text: string): string {
  const once = Buffer.from(text, 'latin1').toString('utf8');
  return once.includes('\ufffd') ? text : once;
}

const slug = (name: string): string =>
  name
    .normalize('NFD')
    .replace(/[\u0300-\u036f]/g, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');

/** Zones of the states that do not keep the time of Brasília (IANA tz database, 2024a); the west of AM and PA differ. */
const stateZones: Record<string, string> = {
  AC: 'America/Rio_Branco',
  AM: 'America/Manaus',
  RO: 'America/Porto_Velho',
  RR: 'America/Boa_Vista',
  MT: 'America/Cuiaba',
  MS: 'America/Campo_Grande',
  PA: 'America/Belem',
  AP: 'America/Belem',
  TO: 'America/Araguaina',
  MA: 'America/Fortaleza',
  PI: 'America/Fortaleza',
  CE: 'America/Fortaleza',
  RN: 'America/Fortaleza',
  PB: 'America/Fortaleza',
  PE: 'America/Recife',
  AL: 'America/Maceio',
  SE: 'America/Maceio',
  BA: 'America/Bahia',
};

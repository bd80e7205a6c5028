import { isUtf8 } from 'node:buffer';
import { gunzipSync } from 'node:zlib';
import { AtalaiaError } from '../../lib/errors.ts';
import type { Refusal, Report } from '../../model/report.ts';
import { LineScanner } from '../ndjson-scan.ts';
import { TemplateSet } from '../template-set.ts';
import { csvReports } from './csv-reports.ts';
import { type Json, type JsonObject, parseJson, repeatedKey, unreadable } from './json.ts';
import { type CheckContext, checkReport, type RawOrFlaw, type RawReading } from './report.ts';

export const MAX_BODY_BYTES = 8 * 1024 * 1024;
export const MAX_REPORTS = 10_000;
const LF = 10;

export interface DecodeInput {
  /** The Content-Type header, parameters allowed. */
  readonly contentType: string | undefined;
  /** The Content-Encoding header. */
  readonly encoding: string | undefined;
  readonly body: Uint8Array;
  /** Epoch ms, UTC. */
  readonly receivedAt: number;
  /** The registry's interval of a station in ms; a report without `interval` falls back to PT1H. */
  readonly stationInterval?: (station: string) => number | null | undefined;
  /** Whether the sender may report for a station; for all unless given. */
  readonly isAllowed?: (station: string) => boolean;
  /** See `CheckContext`. */
  readonly onFuture?: CheckContext['onFuture'];
}

export interface Decoded {
  /** Accepted reports, with their place (from 0) in the request. */
  readonly reports: readonly { readonly report: Report; readonly index: number }[];
  readonly refusals: readonly Refusal[];
  /** Reports in the request; sent = accepted + duplicates + wholly rejected. */
  readonly sent: number;
  readonly duplicates: number;
}

/**
 * Decodes the body of `POST /observations`: one report, an array, NDJSON or CSV, plain or gzip.
 * @throws AtalaiaError ATL_UNREADABLE (line and column), ATL_TOO_LARGE (over 8 MiB, also unpacked, or over 10,000
 * reports), ATL_UNSUPPORTED_MEDIA
 */
export function decodeBody(input: DecodeInput): Decoded {
  const kind = mediaKind(input.contentType);
  const body = unpack(input.body, input.encoding);
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  checkText(bytes, kind);
  const { receivedAt, stationInterval, onFuture } = input;
  const context = { receivedAt, stationInterval, onFuture };
  const raws =
    kind === 'csv'
      ? csvReports(new TextDecoder().decode(bytes))
      : kind === 'ndjson'
        ? ndjsonReports(bytes, context)
        : jsonReports(bytes.toString('utf8'));
  if (raws.length > MAX_REPORTS) throw tooLarge(`more than ${MAX_REPORTS} reports`);
  return checkAll(raws, context, input.isAllowed);
}

/** Reports that the scanner read are checked already. */
function checkAll(
  raws: readonly (RawOrFlaw | Report)[],
  context: CheckContext,
  isAllowed?: (station: string) => boolean,
): Decoded {
  const reports: { report: Report; index: number }[] = [];
  const refusals: Refusal[] = [];
  const repeats = createRepeatFilter();
  let duplicates = 0;
  for (const [index, raw] of raws.entries()) {
    if (typeof raw === 'string') {
      refusals.push({ index, code: 'form', message: raw });
      continue;
    }
    const report = 'quantities' in raw ? raw : checkReport(raw, index, context, refusals);
    if (report === undefined) continue;
    if (isAllowed?.(report.station) === false) {
      refusals.push({ index, code: 'scope', message: outOfScope(report.station) });
      continue;
    }
    if (repeats(report)) duplicates++;
    else reports.push({ report, index });
  }
  return { reports, refusals, sent: raws.length, duplicates };
}

export const outOfScope = (station: string): string =>
  `The station key is not for ${station}. Use the key of that station, or ask an admin for one.`;

/** Says of each report whether all its readings repeat what came last under the same key, so that corrections pass. */
function createRepeatFilter(): (report: Report) => boolean {
  const seen = new Map<string, Map<string, number>>();
  return (report) => {
    const key = `${report.station} ${report.observedAt} ${report.intervalMs}`;
    const last = seen.get(key) ?? new Map<string, number>();
    seen.set(key, last);
    let repeated = true;
    for (const [i, quantity] of report.quantities.entries()) {
      const value = report.values[i] as number;
      if (last.get(quantity) === value) continue;
      repeated = false;
      last.set(quantity, value);
    }
    return repeated;
  };
}

type MediaKind = 'json' | 'ndjson' | 'csv';
const kinds: Record<string, MediaKind> = {
  'application/json': 'json',
  'application/x-ndjson': 'ndjson',
  'application/ndjson': 'ndjson',
  'text/csv': 'csv',
};

function mediaKind(contentType: string | undefined): MediaKind {
  const [type = '', ...parameters] = (contentType ?? '').split(';').map((part) => part.trim().toLowerCase());
  const kind = Object.hasOwn(kinds, type) ? kinds[type] : undefined;
  const charset = parameters
    .find((part) => part.startsWith('charset='))
    ?.slice(8)
    .replaceAll('"', '');
  if (kind === undefined || (charset !== undefined && charset !== 'utf-8' && charset !== 'utf8')) {
    throw new AtalaiaError(
      'ATL_UNSUPPORTED_MEDIA',
      `Content-Type ${JSON.stringify((contentType ?? '').slice(0, 80))} is not read; send application/json, application/x-ndjson or text/csv in UTF-8.`,
    );
  }
  return kind;
}

/**
 * The bytes as they were before Content-Encoding.
 * @throws AtalaiaError ATL_TOO_LARGE beyond 8 MiB, ATL_UNSUPPORTED_MEDIA, ATL_UNREADABLE when damaged
 */
export function unpack(body: Uint8Array, encoding: string | undefined): Uint8Array {
  if (body.byteLength > MAX_BODY_BYTES) throw tooLarge('more than 8 MiB');
  const name = (encoding ?? '').trim().toLowerCase();
  if (name === '' || name === 'identity') return body;
  if (name !== 'gzip' && name !== 'x-gzip') {
    throw new AtalaiaError(
      'ATL_UNSUPPORTED_MEDIA',
      `Content-Encoding ${JSON.stringify(name.slice(0, 40))} is not read; send gzip or none.`,
    );
  }
  try {
    return gunzipSync(body, { maxOutputLength: MAX_BODY_BYTES });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
      throw tooLarge('more than 8 MiB when unpacked');
    throw unreadable('', 0, 1, 'the gzip data is damaged or cut short');
  }
}

const tooLarge = (what: string): AtalaiaError =>
  new AtalaiaError('ATL_TOO_LARGE', `The body has ${what}; send it in smaller parts.`);

function checkText(bytes: Buffer, kind: MediaKind): void {
  const [a, b, c] = bytes;
  if ((a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff) || a === 0 || b === 0)
    throw unreadable('', 0, 1, 'the text is UTF-16; send UTF-8');
  if (a === 0xef && b === 0xbb && c === 0xbf && kind !== 'csv')
    throw unreadable('', 0, 1, 'JSON must not begin with a byte order mark');
  if (isUtf8(bytes)) return;
  const text = new TextDecoder().decode(bytes);
  throw unreadable(text, Math.max(0, text.indexOf('\ufffd')), 1, 'these bytes are not UTF-8');
}

function jsonReports(text: string): RawOrFlaw[] {
  const value = parseJson(text);
  return Array.isArray(value) ? value.map(rawReport) : [rawReport(value)];
}

/** Layouts and names seen before, of whichever request: they make reading faster and change no result. */
const scanner = new LineScanner();
const templates = new TemplateSet(scanner);

function ndjsonReports(bytes: Buffer, context: CheckContext): (RawOrFlaw | Report)[] {
  const whole = bytes.lastIndexOf(LF) + 1;
  scanner.open(bytes.subarray(0, whole), context);
  try {
    return readLines(bytes, whole, context);
  } finally {
    // So that the body can be freed.
    scanner.open(Buffer.alloc(0), context);
  }
}

/** Lines up to `whole` that are laid out like earlier ones are read and checked at once, all others as any JSON. */
function readLines(bytes: Buffer, whole: number, context: CheckContext): (RawOrFlaw | Report)[] {
  const raws: (RawOrFlaw | Report)[] = [];
  for (let start = 0, line = 1; start < bytes.length; line++) {
    const report = start < whole ? templates.read(start) : undefined;
    if (report !== undefined) {
      raws.push(report);
      start = scanner.end;
    } else {
      const stop = start < whole ? bytes.indexOf(LF, start) : bytes.length;
      const text = bytes.toString('utf8', start, stop);
      if (text.trim() !== '') {
        const raw = rawReport(parseJson(text, line));
        const refusals: Refusal[] = [];
        const checked = typeof raw === 'string' ? undefined : checkReport(raw, 0, context, refusals);
        const isClean = checked !== undefined && refusals.length === 0;
        raws.push(isClean ? checked : raw);
        if (isClean && start < whole) templates.learn(bytes.subarray(start, stop), start);
      }
      start = stop + 1;
    }
    if (raws.length > MAX_REPORTS) throw tooLarge(`more than ${MAX_REPORTS} reports`);
  }
  return raws;
}

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The raw report of one JSON value, or why it is none. */
export function rawReport(value: Json): RawOrFlaw {
  if (!isObject(value)) return 'A report is an object with station, observedAt and values.';
  const { values } = value;
  const repeated = nameTwice(value) ?? (isObject(values) ? nameTwice(values) : undefined);
  if (repeated !== undefined)
    return `The key ${JSON.stringify(repeated.slice(0, 64))} stands twice in the report; which one counts is not known.`;
  if (!isObject(values)) return 'A report needs values: an object of quantity names and numbers.';
  const readings: RawReading[] = [];
  for (const quantity in values) readings.push(rawReading(quantity, values[quantity] as Json));
  return { station: value.station, observedAt: value.observedAt, interval: value.interval, readings };
}

const nameTwice = (object: JsonObject): string | undefined =>
  (object as { [repeatedKey]?: string })[repeatedKey];

function rawReading(quantity: string, given: Json): RawReading {
  if (!isObject(given)) return { quantity, value: given, unit: undefined };
  if (nameTwice(given) !== undefined) return { quantity, value: undefined, unit: undefined };
  const { value, unit } = given;
  return {
    quantity,
    value,
    unit: unit === undefined ? undefined : typeof unit === 'string' ? unit : String(unit),
  };
}

import { AtalaiaError } from '../lib/errors.ts';
import { type ActCommand, actNames, type RaiseCommand } from '../model/act.ts';
import type { CommandRecord, ForecastRecord, LogRecord, ReportRecord } from '../model/record.ts';
import { plainReportText, ReportBytes, type ReportFields } from './report-bytes.ts';

/** First byte of every record; another one is of a version this one cannot read. */
const VERSION = 1;
const PREFIX = String.fromCharCode(VERSION);
const MAX_LAYOUTS = 4096;

const decoder = new TextDecoder('utf-8', { fatal: true });
const layouts = new Map<string, readonly string[]>();
/** Reads the reports that stand as they are usually written; all else is left to JSON.parse, with the same result. */
const reports = new ReportBytes();

/** Reports of one layout share one frozen array. The table is bounded: when it is full it starts anew. */
function intern(quantities: readonly string[]): readonly string[] {
  const key = quantities.join('\n');
  const known = layouts.get(key);
  if (known) {
    // Names with a line feed in them can give the key of another layout.
    return isSameList(known, quantities) ? known : quantities;
  }
  if (layouts.size >= MAX_LAYOUTS) layouts.clear();
  const layout = Object.freeze([...quantities]);
  layouts.set(key, layout);
  reports.learn(layout);
  return layout;
}

function isSameList(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function toArray(record: LogRecord): readonly unknown[] {
  if (record.kind === 'tick') return record.gap ? ['t', record.at, 1] : ['t', record.at];
  if (record.kind === 'forecast') {
    const { station, issuer, issuedAt, receivedAt, quantity, intervalMs, validAt, values } = record.forecast;
    return ['f', station, issuer, issuedAt, receivedAt, quantity, intervalMs, validAt, values];
  }
  if (record.kind === 'command') {
    const { id, command } = record;
    if (command.type === 'act' || command.type === 'raise') {
      const { type, ...act } = command;
      return ['c', id, type, act];
    }
    return command.type === 'recording'
      ? ['c', id, command.type, command.delayMs, command.startAt]
      : ['c', id, command.type, command.hash];
  }
  const { station, observedAt, intervalMs, receivedAt, quantities, values } = record.report;
  const fields = [station, observedAt, intervalMs, receivedAt, quantities, values];
  return record.neighbour ? ['r', ...fields, 1] : ['r', ...fields];
}

/** A record as bytes: the version, then a compact JSON array. Values are scaled integers (model/quantity.ts). */
export const encodeRecord = (record: LogRecord): Uint8Array => encodeRecords([record])[0] as Uint8Array;

/** Records as bytes, each a part of one block: a block of its own for every record costs more than writing it. */
export function encodeRecords(records: readonly LogRecord[]): Uint8Array[] {
  const texts = records.map((record) => PREFIX + textOf(record));
  const whole = texts.join('');
  const block = Buffer.allocUnsafeSlow(Buffer.byteLength(whole));
  block.write(whole, 'utf8');
  const isAscii = block.length === whole.length;
  let at = 0;
  return texts.map((text) => {
    const length = isAscii ? text.length : Buffer.byteLength(text);
    at += length;
    return new Uint8Array(block.buffer, at - length, length);
  });
}

const textOf = (record: LogRecord): string =>
  (record.kind === 'report' ? plainReportText(record.report, record.neighbour === true) : undefined) ??
  JSON.stringify(toArray(record));

/** The inverse of {@link encodeRecord}. Bytes that are no record throw ATL_LOG_DAMAGED. */
export function decodeRecord(bytes: Uint8Array): LogRecord {
  if (bytes[0] !== VERSION) {
    throw damaged(
      bytes.length === 0 ? 'it is empty' : `its version is ${bytes[0]}, this program reads ${VERSION}`,
    );
  }
  const plain = reports.read(bytes, 1);
  if (plain !== undefined) return reportRecord(plain);
  let fields: unknown;
  try {
    fields = JSON.parse(decoder.decode(bytes.subarray(1)));
  } catch (error) {
    throw damaged('it is no JSON text in UTF-8', error);
  }
  const record = Array.isArray(fields) ? fromArray(fields) : undefined;
  if (!record) throw damaged('its fields are not those of a record');
  return record;
}

function fromArray(fields: readonly unknown[]): LogRecord | undefined {
  if (fields[0] === 'r') return reportOf(fields);
  if (fields[0] === 'c') return commandOf(fields);
  if (fields[0] === 'f') return forecastOf(fields);
  const [kind, at, gap] = fields;
  if (kind !== 't' || !isNumber(at) || !isFlagged(fields, 2)) return undefined;
  return gap === 1 ? { kind: 'tick', at, gap: true } : { kind: 'tick', at };
}

function reportOf(fields: readonly unknown[]): ReportRecord | undefined {
  const [, station, observedAt, intervalMs, receivedAt, quantities, values, neighbour] = fields;
  if (!isFlagged(fields, 7) || typeof station !== 'string' || !isNumber(observedAt) || !isNumber(intervalMs))
    return undefined;
  if (!isNumber(receivedAt) || !isListOf(quantities, isText) || !isListOf(values, isNumber)) return undefined;
  if (quantities.length !== values.length) return undefined;
  const layout = intern(quantities);
  const report = { station, observedAt, intervalMs, receivedAt, quantities: layout, values };
  return reportRecord({ report, isNeighbour: neighbour === 1 });
}

const reportRecord = ({ report, isNeighbour }: ReportFields): ReportRecord =>
  isNeighbour ? { kind: 'report', report, neighbour: true } : { kind: 'report', report };

function forecastOf(fields: readonly unknown[]): ForecastRecord | undefined {
  const [, station, issuer, issuedAt, receivedAt, quantity, intervalMs, validAt, values] = fields;
  const isRead =
    fields.length === 9 &&
    isText(station) &&
    isText(issuer) &&
    isText(quantity) &&
    isNumber(issuedAt) &&
    isNumber(receivedAt) &&
    isNumber(intervalMs) &&
    isListOf(validAt, isNumber) &&
    isListOf(values, isNumber) &&
    validAt.length === values.length;
  if (!isRead) return undefined;
  return {
    kind: 'forecast',
    forecast: { station, issuer, issuedAt, receivedAt, quantity, intervalMs, validAt, values },
  };
}

function commandOf(fields: readonly unknown[]): CommandRecord | undefined {
  const [, id, type, first, second] = fields;
  if (typeof id !== 'string') return undefined;
  if (isDocument(type) && typeof first === 'string' && fields.length === 4)
    return { kind: 'command', id, command: { type, hash: first } };
  if (type === 'act' && fields.length === 4 && isAct(first))
    return { kind: 'command', id, command: { ...first, type } };
  if (type === 'raise' && fields.length === 4 && isRaise(first))
    return { kind: 'command', id, command: { ...first, type } };
  if (type !== 'recording' || !isNumber(first) || !isNumber(second) || fields.length !== 5) return undefined;
  return { kind: 'command', id, command: { type, delayMs: first, startAt: second } };
}

/** What the fold cannot do without is there; texts that it only hands on are the interface's to check. */
function isAct(value: unknown): value is Omit<ActCommand, 'type'> {
  if (typeof value !== 'object' || value === null) return false;
  const { act, alert, revision, rule, subject, by } = value as Partial<Record<string, unknown>>;
  const { kind, id } = (subject ?? {}) as Partial<Record<string, unknown>>;
  return (
    actNames.some((name) => name === act) &&
    isNumber(revision) &&
    [alert, rule, by, id].every(isText) &&
    (kind === 'station' || kind === 'area')
  );
}

/** The same of an alert raised by hand. */
function isRaise(value: unknown): value is Omit<RaiseCommand, 'type'> {
  if (typeof value !== 'object' || value === null) return false;
  const { rule, subject, level, at, by } = value as Partial<Record<string, unknown>>;
  const { kind, id } = (subject ?? {}) as Partial<Record<string, unknown>>;
  const { name, levels } = (rule ?? {}) as Partial<Record<string, unknown>>;
  return (
    [name, level, by, id].every(isText) &&
    isNumber(at) &&
    Array.isArray(levels) &&
    (kind === 'station' || kind === 'area')
  );
}

/** Commands that put a document in force. */
const documents = ['rules', 'stations', 'areas', 'climatology'] as const;
const isDocument = (type: unknown): type is (typeof documents)[number] =>
  documents.includes(type as (typeof documents)[number]);
const isText = (value: unknown): value is string => typeof value === 'string';
const isNumber = (value: unknown): value is number => typeof value === 'number';
const isListOf = <T>(value: unknown, is: (item: unknown) => item is T): value is T[] =>
  Array.isArray(value) && value.every(is);
const isFlagged = (fields: readonly unknown[], length: number): boolean =>
  fields.length === length || (fields.length === length + 1 && fields[length] === 1);

const damaged = (why: string, cause?: unknown): AtalaiaError =>
  new AtalaiaError(
    'ATL_LOG_DAMAGED',
    `A record of the log cannot be read: ${why}. Restore the log from a backup, or use the version that wrote it.`,
    { cause },
  );
